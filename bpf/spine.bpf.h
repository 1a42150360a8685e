/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way, a stage a header:
 *
 *   parse (packet) -> track (flow) -> scan (request) -> identify (identity)
 *         -> count (count) -> verdict (verdict)
 *
 * Each stage returns a reason from reasons.def, or TG_CONTINUE.
 */
#ifndef TOLLGATE_SPINE_BPF_H
#define TOLLGATE_SPINE_BPF_H

#include "packet.bpf.h"
#include "request.bpf.h"
#include "verdict.bpf.h"

tg_inline int tg_spine(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 reason;

	if (!scratch)
		return XDP_PASS; /* cannot be: an array of one */
	scratch->requests = 0;
	scratch->broken = 0;
	reason = tg_parse(xdp, &scratch->segment);
	tg_count_packet(TG_PACKET_SEEN, scratch->segment.frame_bytes, 0);
	if (reason == TG_CONTINUE)
		reason = tg_segment(xdp, scratch);
	return tg_verdict(reason, scratch);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way, a stage a header:
 *
 *   parse (packet) -> drop (drop) -> track (segment, proof, flow, hold)
 *         -> scan (request, drain) -> identify (identity)
 *         -> decide (policy, budget) -> count (count)
 *         -> refuse (refuse) -> verdict (verdict, answer)
 *
 * Each stage returns a reason from reasons.def, or TG_CONTINUE.
 */
#ifndef TOLLGATE_SPINE_BPF_H
#define TOLLGATE_SPINE_BPF_H

#include "packet.bpf.h"
#include "segment.bpf.h"
#include "verdict.bpf.h"

/*
 * A segment for a metered port, or a fragment, which could be one: is its source
 * blocked? An open connection's first packet tells the server that it is over.
 * Returns the packet's reason.
 */
tg_inline __u32 tg_drop(__u32 reason, struct tg_scratch *scratch)
{
	struct tg_control *control = tg_control();
	__u32 found;

	if (!control || !control->drops_sources)
		return reason;
	found = tg_drop_source(scratch, control);
	if (found < TG_DROP_HIT)
		return reason;
	scratch->answer.kind = TG_ANSWER_DROP;
	if (found == TG_DROP_HIT_OPEN && reason == TG_CONTINUE && !scratch->segment.syn)
		tg_block_flow(scratch);
	return TG_PACKET_BLOCKED;
}

tg_inline int tg_spine(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 reason;

	if (!scratch)
		return XDP_PASS; /* cannot be: an array of one */
	scratch->requests = 0;
	scratch->broken = 0;
	scratch->allowed = 0;
	scratch->missed = 0;
	scratch->over = 0;
	scratch->from_page = 0;
	scratch->looked = 0;
	scratch->answer.kind = TG_ANSWER_PASS;
	scratch->answer.whole = 0;
	reason = tg_parse(xdp, &scratch->segment);
	tg_count_packet(TG_PACKET_SEEN, scratch->segment.frame_bytes, 0);
	if (tg_tcp_checksum && reason == TG_CONTINUE && !tg_checksum_is_right(xdp))
		reason = TG_PACKET_BAD_CHECKSUM;
	if (reason == TG_CONTINUE || reason == TG_PACKET_FRAGMENT)
		reason = tg_drop(reason, scratch);
	if (reason == TG_CONTINUE)
		reason = tg_segment(xdp, scratch);
	return tg_verdict(xdp, reason, scratch);
}

#endif

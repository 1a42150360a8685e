/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that turns what was decided into an XDP action. The meter lets
 * every packet pass that no policy and no block speaks against: what it does not
 * understand, too.
 */
#ifndef TOLLGATE_VERDICT_BPF_H
#define TOLLGATE_VERDICT_BPF_H

#include "answer.bpf.h"
#include "count.bpf.h"

/* A packet that cannot be made is dropped: what it would have said is said when TCP asks again. */
tg_inline int tg_verdict_made(struct xdp_md *xdp, __u32 kind)
{
	switch (kind) {
	case TG_ANSWER_DROP:
		return XDP_DROP;
	case TG_ANSWER_CUT:
		return tg_answer_cut(xdp) ? XDP_DROP : XDP_PASS;
	case TG_ANSWER_ABORT:
		return tg_answer_make(xdp) ? XDP_DROP : XDP_PASS;
	}
	return tg_answer_make(xdp) ? XDP_DROP : XDP_TX;
}

tg_inline int tg_verdict(struct xdp_md *xdp, __u32 reason, const struct tg_scratch *scratch)
{
	tg_count_packet(reason, scratch->segment.frame_bytes, scratch->requests + scratch->broken);
	if (scratch->answer.kind == TG_ANSWER_PASS)
		return XDP_PASS;
	return tg_verdict_made(xdp, scratch->answer.kind);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes that came too early and waited (hold.bpf.h), through the scanner now that what
 * was missing before them is there, or is given up.
 */
#ifndef TOLLGATE_DRAIN_BPF_H
#define TOLLGATE_DRAIN_BPF_H

#include "request.bpf.h"

/* A round consumes a byte at least, and there is a turn more for each page and run. */
#define TG_DRAIN_ROUNDS_MAX (TG_PAGES_MAX * (TG_PAGE_BYTES + 1) + 3 * TG_RUNS_MAX)

/*
 * What is missing before held bytes that stand before the segment is given up. 1: there
 * are none such (left).
 */
tg_global int tg_drain_skip(struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_hold *hold;
	__u32 begin;

	if (!scratch || !flow || !scratch->gives_up)
		return 1;
	hold = bpf_map_lookup_elem(&holds, &scratch->segment.key);
	if (!hold || !hold->runs)
		return 1;
	begin = hold->begin[0]; /* tg_hold_next left out those before */
	if (tg_seq_from(begin, scratch->segment.seq) >= 0)
		return 1;
	if (tg_flow_skip(flow, begin - flow->next_seq) == TG_PACKET_GAP)
		scratch->missed = TG_PACKET_GAP;
	return 0;
}

/* bpf_loop callback: a round over held bytes, after fetching some if there are none left. */
static long tg_drain_round(__u32 index, struct tg_run *run)
{
	struct tg_scratch *scratch = run->scratch;
	struct tg_flow *flow = run->flow;

	(void)index;
	if (scratch->at >= scratch->limit) {
		if (tg_hold_next(flow)) {
			scratch->at = 0;
			scratch->limit = 0;
			return tg_drain_skip(flow) ? 1 : 0;
		}
		scratch->page_bytes = scratch->limit - scratch->at;
		if (!scratch->page_bytes)
			return 0;
		tg_scan_seek(&flow->scan);
	}
	if (!tg_page_round(run->xdp, flow, scratch))
		return 0;
	flow->offset += scratch->page_bytes;
	flow->next_seq += scratch->page_bytes;
	scratch->at = scratch->limit;
	return (flow->flags & TG_FLOW_REFUSED) || flow->scan.phase == TG_PHASE_DEAD;
}

/* The packet's bytes are scanned: go on with those that waited for them. */
tg_inline void tg_drain(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch)
{
	struct tg_run run = {xdp, flow, scratch};

	scratch->from_page = 1;
	scratch->at = 0;
	scratch->limit = 0;
	bpf_loop(TG_DRAIN_ROUNDS_MAX, tg_drain_round, &run, 0);
	scratch->from_page = 0;
	if (flow->scan.phase == TG_PHASE_DEAD) { /* of a refused request, too: nor what follows */
		flow->offset += scratch->run_end - flow->next_seq;
		flow->next_seq = scratch->run_end;
	}
	scratch->over = tg_hold_settle(flow);
}

/* Nothing more is read of the connection: nor what waited. */
tg_inline void tg_drain_away(const struct tg_flow_key *key, struct tg_flow *flow)
{
	if (flow->flags & TG_FLOW_HOLDS)
		tg_hold_end(key);
	flow->flags &= ~TG_FLOW_HOLDS;
}

#endif

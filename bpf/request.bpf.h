/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage scan: bytes through the HTTP scanner, up to a request's end and what becomes of
 * it. The loop is in two layers: bpf_loop() over rounds, so that the verifier looks at
 * one round only, and TG_ROUND_STEPS steps a round, so that a usual request takes one or
 * two calls and not one a word.
 */
#ifndef TOLLGATE_REQUEST_BPF_H
#define TOLLGATE_REQUEST_BPF_H

#include "flow.bpf.h"
#include "identity.bpf.h"
#include "read.bpf.h"
#include "refuse.bpf.h"
#include "../include/tollgate/http_fast.h"

/* With query tokens the verifier spends 20,000 to 35,000 of its 1,000,000 on each. */
#define TG_ROUND_STEPS 16
#define TG_ROUNDS_MAX  (2 * 65536) /* a round consumes a byte at least */

struct tg_run {
	struct xdp_md *xdp;
	struct tg_flow *flow;
	struct tg_scratch *scratch;
};

/*
 * One step of the scanner at a frame offset: what it came to is in
 * scratch->step, the bytes consumed are returned. A function of its own: the
 * verifier checks it once, not once a round and step.
 */
tg_global __u32 tg_step(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch,
			__u64 at)
{
	struct tg_input in = {};
	__u32 step;
	__u8 phase;

	if (!flow || !scratch)
		return 0;
	phase = flow->scan.phase;
	if (at >= scratch->limit || tg_read_input(xdp, scratch, at, scratch->limit - at, &in)) {
		flow->scan.phase = TG_PHASE_SYNC;
		scratch->step = TG_ERROR(TG_PACKET_UNREADABLE);
		return 0;
	}
	in.at = scratch->base + at;
	step = tg_scan_step(&flow->scan, &scratch->head, tg_http_config(), &in);
	if (tg_phase_in_body(phase))
		flow->unbilled_bytes += TG_STEP_BYTES(step);
	scratch->step = step & (TG_STEP_REQUEST | TG_STEP_ERROR | 0xff0000);
	return TG_STEP_BYTES(step);
}

/* Where in the sequence the request's bytes begin that have not passed before this packet. */
tg_inline __u32 tg_request_seq(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	__u64 begin = flow->scan.begin;

	/* Before the first request there are but empty lines. */
	if (begin < scratch->first_offset || (scratch->between && !scratch->allowed))
		begin = scratch->first_offset;
	return scratch->first_seq + (__u32)(begin - scratch->first_offset);
}

/* A header is complete: identify, decide, count. */
tg_global int tg_request(struct xdp_md *xdp, struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_delta *delta;
	struct tg_usage *row;

	if (!scratch || !flow)
		return 0;
	tg_flow_flush(flow);
	tg_identify(&scratch->bill, &scratch->segment.key.client, &scratch->head);
	row = tg_usage_row(&scratch->bill);
	tg_decide(scratch, row);
	tg_start_forget(&scratch->head);
	flow->bill = scratch->bill;
	flow->bill_origin_id = scratch->head.origin_id;
	flow->bill_policy = scratch->decision.policy;
	if (scratch->head.origin_id)
		tg_origin_row_add();
	delta = &scratch->delta;
	delta->requests = 1;
	delta->bytes = scratch->head.header_bytes;
	delta->origin_id = scratch->head.origin_id;
	delta->denied = TG_IS_REFUSED(scratch->decision.action);
	delta->observed = scratch->decision.action == TG_ACTION_OBSERVE;
	delta->policy = scratch->decision.policy;
	if (tg_count_usage(row, &scratch->bill, delta) && delta->origin_id)
		tg_count_origin(&scratch->bill.token, delta);
	tg_count_policy(delta);
	if (TG_IS_REFUSED(scratch->decision.action))
		return tg_refuse(xdp, flow, tg_request_seq(flow, scratch));
	scratch->allowed++;
	flow->flags |= TG_FLOW_ALLOWED;
	flow->allowed_ack = scratch->segment.ack;
	return 0;
}

/* The connection breaks off, perhaps in what was to be a request. */
tg_inline void tg_request_broken(struct tg_scratch *scratch, __u32 error, __u64 bytes)
{
	__u32 why;

	scratch->reason = TG_CODE_REASON(error);
	tg_token_forget(&scratch->head);
	tg_start_forget(&scratch->head);
	switch (error) {
	case TG_PACKET_BAD_HEADER:
		why = TG_UNATTRIBUTED_BAD_HEADER;
		break;
	case TG_PACKET_BAD_FRAMING:
		why = TG_UNATTRIBUTED_BAD_FRAMING;
		break;
	case TG_PACKET_HEADER_TOO_LONG:
		why = TG_UNATTRIBUTED_HEADER_TOO_LONG;
		break;
	case TG_AMBIGUOUS_REQUEST:
		why = TG_UNATTRIBUTED_AMBIGUOUS;
		break;
	default:
		return;
	}
	scratch->broken = 1;
	tg_count_unattributed(why, 1, bytes);
}

tg_inline void tg_view_start(struct tg_view *view, struct xdp_md *xdp, __u32 limit)
{
	view->data = (void *)(long)xdp->data;
	view->end = (void *)(long)xdp->data_end;
	view->limit = limit;
}

/* At a frame offset: the short cuts for values that are read. Returns the offset reached. */
tg_global __u64 tg_row(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch,
		       __u64 at)
{
	struct tg_view view;

	if (!flow || !scratch || at > TG_FAST_OFFSET_MAX)
		return at;
	tg_view_start(&view, xdp, scratch->limit);
	return tg_scan_fast_row(&flow->scan, &scratch->head, tg_http_config(), &view, at);
}

/* In a body: over it. Returns the offset reached. */
tg_global __u64 tg_skip(struct tg_flow *flow, __u64 at, __u64 limit)
{
	__u64 bytes;

	if (!flow || at > limit)
		return limit;
	bytes = tg_body_skip(&flow->scan, limit - at);
	flow->unbilled_bytes += bytes;
	return at + bytes;
}

/* After a round, as scratch->step has it. 1: all is scanned, or not to be scanned. */
tg_inline int tg_round_end(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch)
{
	if (scratch->step & TG_STEP_ERROR) {
		tg_request_broken(scratch, TG_STEP_CODE(scratch->step),
				  scratch->base + scratch->at - flow->scan.begin);
		return 1;
	}
	if (scratch->step & TG_STEP_REQUEST) {
		scratch->requests++;
		tg_request(xdp, flow);
		if (flow->flags & TG_FLOW_REFUSED)
			return 1;
	}
	return scratch->at >= scratch->limit;
}

/* A round: TG_ROUND_STEPS steps or short cuts, or up to a request's end. 1: all is scanned. */
tg_global int tg_round(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch)
{
	struct tg_fast fast;
	struct tg_scan *scan;
	struct tg_view view;
	__u64 base, was;
	__u32 i;

	if (!flow || !scratch)
		return 1;
	scan = &flow->scan;
	fast.at = scratch->at;
	fast.phase = scan->phase;
	base = scratch->base;
	scratch->step = 0;
	for (i = 0; i < TG_ROUND_STEPS; i++) {
		/* Anew each time: the verifier learns how far they reach, and must not. */
		tg_view_start(&view, xdp, scratch->limit);
		TG_FORGET(fast.phase);
		TG_FORGET(fast.at);
		fast.at &= 0x1ffff;
		if (fast.at >= view.limit)
			break;
		was = fast.at;
		if (was <= TG_FAST_OFFSET_MAX)
			tg_scan_fast(scan, &scratch->head, tg_http_config(), &view, &fast, base);
		if (fast.at != was)
			continue;
		scan->phase = fast.phase;
		if (fast.phase == TG_PHASE_LINE && was <= TG_FAST_OFFSET_MAX)
			scratch->step = tg_fast_header_end(scan, &scratch->head, tg_http_config(),
							   &view, &fast, base);
		if (scratch->step)
			break;
		if (tg_phase_in_row(fast.phase))
			fast.at = tg_row(xdp, flow, scratch, was);
		else if (tg_phase_skips(fast.phase))
			fast.at = tg_skip(flow, was, view.limit);
		if (fast.at == was)
			fast.at += tg_step(xdp, flow, scratch, was);
		fast.phase = scan->phase;
		if (scratch->step)
			break;
	}
	scan->phase = fast.phase;
	scratch->at = fast.at;
	return tg_round_end(xdp, flow, scratch);
}

/* The same over scratch->page, by steps alone. */
tg_global int tg_page_round(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch)
{
	__u64 at;
	__u32 i;

	if (!flow || !scratch)
		return 1;
	at = scratch->at;
	scratch->step = 0;
	for (i = 0; i < TG_ROUND_STEPS; i++) {
		if (at >= scratch->limit || scratch->step)
			break;
		if (tg_phase_skips(flow->scan.phase))
			at = tg_skip(flow, at, scratch->limit);
		else
			at += tg_step(xdp, flow, scratch, at);
	}
	scratch->at = at;
	return tg_round_end(xdp, flow, scratch);
}

/* bpf_loop callback: 1 ends the loop. */
static long tg_further_round(__u32 index, struct tg_run *run)
{
	(void)index;
	return tg_round(run->xdp, run->flow, run->scratch) ? 1 : 0;
}

/* The scanner lost its place, or never had it: a request may begin with the bytes that come. */
tg_inline void tg_scan_seek(struct tg_scan *scan)
{
	if (scan->phase != TG_PHASE_SYNC)
		return;
	scan->phase = TG_PHASE_START;
	scan->flags |= TG_SCAN_TENTATIVE;
}

/* What the packet was, by what the scan found in it. */
tg_inline __u32 tg_run_reason(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	if (flow->flags & TG_FLOW_REFUSED)
		return TG_PACKET_DENIED;
	if (scratch->requests)
		return TG_PACKET_REQUEST;
	if (scratch->reason != TG_CONTINUE)
		return scratch->reason;
	return tg_phase_in_head(flow->scan.phase) ? TG_PACKET_HEADER : TG_PACKET_BODY;
}

#endif

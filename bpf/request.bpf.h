/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage scan: the new bytes of a segment through the HTTP scanner. The loop is
 * in two layers: bpf_loop() over rounds, so that the verifier looks at one
 * round only, and TG_ROUND_STEPS steps a round, so that a usual request takes
 * one or two calls and not one a word.
 */
#ifndef TOLLGATE_REQUEST_BPF_H
#define TOLLGATE_REQUEST_BPF_H

#include "flow.bpf.h"
#include "identity.bpf.h"
#include "proof.bpf.h"
#include "refuse.bpf.h"
#include "../include/tollgate/http_fast.h"

/* With query tokens the verifier spends 20,000 to 35,000 of its 1,000,000 on each. */
#define TG_ROUND_STEPS 16
#define TG_ROUNDS_MAX  (2 * 65536) /* a round consumes a byte at least */
/* The same for what is held, and a turn more for each page and run. */
#define TG_DRAIN_ROUNDS_MAX (TG_PAGES_MAX * (TG_PAGE_BYTES + 1) + 3 * TG_RUNS_MAX)
/* Highest packet offset that the verifier lets a pointer have, less a word. */
#define TG_DIRECT_OFFSET_MAX 0xff00

struct tg_run {
	struct xdp_md *xdp;
	struct tg_flow *flow;
	struct tg_scratch *scratch;
};

/*
 * What is scanned lies in the packet, or in scratch->page when it came too early and
 * waited (hold.bpf.h). Offsets are those in the frame, or in the page.
 */

/* 8 bytes at a frame offset. Directly, or by helper from a further fragment. */
tg_inline int tg_read_word(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 offset,
			   __u64 *word)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;

	if (offset <= TG_DIRECT_OFFSET_MAX) {
		__u64 *at = data + offset;

		/* clang 14 adds data and offset once more for the load, as a pointer
		 * that the verifier has not seen compared with the end.
		 */
		asm volatile("" : "+r"(at));
		if ((void *)(at + 1) <= end) {
			*word = *at;
			return 0;
		}
	}
	if (offset <= 0xffff)
		return bpf_xdp_load_bytes(xdp, offset, word, sizeof(*word));
	/* The helper takes no higher offset (kernel: -EFAULT), but a longer read. */
	offset -= 0xfff8;
	TG_FORGET(offset);
	if (offset > sizeof(scratch->tail) - 8 ||
	    bpf_xdp_load_bytes(xdp, 0xfff8, scratch->tail, offset + 8))
		return -1;
	__builtin_memcpy(word, scratch->tail + offset, sizeof(*word));
	__builtin_memset(scratch->tail, 0, sizeof(scratch->tail)); /* it may hold a token */
	return 0;
}

tg_inline int tg_read_page(const struct tg_scratch *scratch, __u64 offset, __u64 *word)
{
	offset = tg_mask(offset, 0x7ff);
	__builtin_memcpy(word, (void *)scratch->page + offset, sizeof(*word));
	return 0;
}

tg_inline int tg_read(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 offset, __u64 *word)
{
	return scratch->from_page ? tg_read_page(scratch, offset, word)
				  : tg_read_word(xdp, scratch, offset, word);
}

/*
 * The next 1..8 of left bytes at a frame offset, the rest 0xff. The last word
 * is read from 8 bytes before the end, which still lie in the frame.
 */
tg_inline int tg_read_input(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 at, __u64 left,
			    struct tg_input *in)
{
	__u32 short_bits;

	if (left >= 8) {
		in->bytes = 8;
		return tg_read(xdp, scratch, at, &in->word);
	}
	in->bytes = left;
	if (tg_read(xdp, scratch, at + left - 8, &in->word))
		return -1;
	short_bits = (8 - left) * 8 & 63;
	in->word = in->word >> short_bits | ~(~0ULL >> short_bits);
	return 0;
}

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

/*
 * An unfinished header may hold bytes of a token: its beginning, and up to 7
 * that wait to be hashed. A dump of the map must not show them, so they are
 * kept under a mask that depends on the secret, the connection and the place in
 * its stream. Twice is not at all.
 */
tg_global int tg_head_mask(struct tg_head *head, __u64 tag, __u64 offset)
{
	const struct tg_http_config *config = tg_http_config();
	struct tg_sip sip;
	__u32 i;

	if (!head)
		return 0;
	tg_sip_start(&sip, config->key);
	tg_sip_word(&sip, tag);
	/* A state that no text went into yet is the secret itself. */
#pragma unroll
	for (i = 0; i < 4; i++) {
		tg_sip_word(&sip, offset);
		head->sip.v[i] ^= sip.v[0] ^ sip.v[1];
		head->sip_text.v[i] ^= sip.v[2] ^ sip.v[3];
	}
	tg_sip_word(&sip, offset);
	head->base64 ^= sip.v[0] ^ sip.v[1];
	head->escape_digit ^= sip.v[2] ^ sip.v[3];
	/* As a loop, clang 14 lays it out so that its end falls through to its middle: a
	 * jump back that Linux 6.1 takes for a fault.
	 */
#pragma unroll
	for (i = 0; i < 2; i++) {
		tg_sip_word(&sip, offset);
		head->name[i] ^= sip.v[0] ^ sip.v[1];
		head->prefix[i] ^= sip.v[2] ^ sip.v[3];
		tg_sip_word(&sip, offset);
		head->start[i] ^= sip.v[0] ^ sip.v[1];
		tg_sip_word(&sip, offset);
		if (i)
			head->sip.tail ^= sip.v[0] ^ sip.v[1];
		else
			head->sip_text.tail ^= sip.v[0] ^ sip.v[1];
	}
	return 0;
}

/* Fetch the unfinished header, if the connection has one. */
tg_inline void tg_partial_load(const struct tg_flow_key *key, struct tg_flow *flow,
			       struct tg_scratch *scratch)
{
	struct tg_head *head;

	if (!tg_phase_in_head(flow->scan.phase))
		return;
	head = bpf_map_lookup_elem(&partials, key);
	if (!head) {
		flow->scan.phase = TG_PHASE_SYNC;
		return;
	}
	scratch->head = *head;
	tg_head_mask(&scratch->head, tg_flow_tag(key), flow->offset);
}

/* Keep the unfinished header for the next segment, or forget the one that was kept. */
tg_inline __u32 tg_partial_save(const struct tg_flow_key *key, struct tg_flow *flow,
				struct tg_scratch *scratch)
{
	if (!tg_phase_in_head(flow->scan.phase)) {
		if (flow->flags & TG_FLOW_PARTIAL)
			bpf_map_delete_elem(&partials, key);
		flow->flags &= ~TG_FLOW_PARTIAL;
		return TG_CONTINUE;
	}
	tg_head_mask(&scratch->head, tg_flow_tag(key), flow->offset);
	if (bpf_map_update_elem(&partials, key, &scratch->head, BPF_ANY)) {
		flow->scan.phase = TG_PHASE_SYNC;
		return TG_PACKET_PARTIAL_TABLE_FULL;
	}
	flow->flags |= TG_FLOW_PARTIAL;
	return TG_CONTINUE;
}

/* The scanner lost its place, or never had it: a request may begin with the bytes that come. */
tg_inline void tg_scan_seek(struct tg_scan *scan)
{
	if (scan->phase != TG_PHASE_SYNC)
		return;
	scan->phase = TG_PHASE_START;
	scan->flags |= TG_SCAN_TENTATIVE;
}

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

/* Where the packet's new bytes begin, and what stood before them. */
tg_inline void tg_scan_place(const struct tg_flow *flow, struct tg_scratch *scratch)
{
	__u8 phase = flow->scan.phase;

	scratch->first_offset = flow->offset;
	scratch->first_seq = flow->next_seq;
	scratch->reason = TG_CONTINUE;
	scratch->between =
		phase == TG_PHASE_START || phase == TG_PHASE_SYNC || phase == TG_PHASE_EMPTY_LF;
}

/*
 * What is missing before the segment is given up: what was held counts first, as far as
 * the scan finds its place in it; then the segment comes next. Returns what
 * tg_flow_order() does.
 */
tg_inline __u32 tg_flow_give_up(struct xdp_md *xdp, struct tg_flow *flow,
				struct tg_scratch *scratch, __u32 *skip)
{
	const struct tg_segment *segment = &scratch->segment;
	__s32 ahead;

	if (flow->flags & TG_FLOW_HOLDS) {
		tg_partial_load(&segment->key, flow, scratch);
		tg_scan_place(flow, scratch);
		scratch->gives_up = 1;
		tg_drain(xdp, flow, scratch);
		scratch->gives_up = 0;
		tg_partial_save(&segment->key, flow, scratch);
	}
	ahead = tg_seq_from(segment->seq, flow->next_seq);
	if (flow->flags & TG_FLOW_REFUSED) {
		tg_drain_away(&segment->key, flow);
		if (ahead + (__s32)segment->bytes > 0) {
			flow->offset += ahead + segment->bytes;
			flow->next_seq += ahead + segment->bytes;
		}
		return TG_PACKET_DENIED;
	}
	if (ahead > 0)
		return tg_flow_skip(flow, ahead);
	*skip = -ahead;
	if (*skip < segment->bytes)
		return TG_CONTINUE;
	return scratch->missed	   ? scratch->missed
	       : scratch->requests ? TG_PACKET_REQUEST
				   : TG_PACKET_RETRANSMIT;
}

/* New payload bytes from skip on, in order. Returns the packet's reason. */
tg_inline __u32 tg_scan_payload(struct xdp_md *xdp, struct tg_flow *flow,
				struct tg_scratch *scratch, __u32 skip)
{
	const struct tg_segment *segment = &scratch->segment;
	struct tg_scan *scan = &flow->scan;
	__u32 step, reason;

	scratch->at = segment->offset + skip;
	scratch->limit = segment->offset + segment->bytes;
	scratch->base = flow->offset - scratch->at;
	tg_partial_load(&segment->key, flow, scratch);
	tg_scan_place(flow, scratch);
	tg_scan_seek(scan);
	if (!tg_round(xdp, flow, scratch)) {
		struct tg_run run = {xdp, flow, scratch};

		bpf_loop(TG_ROUNDS_MAX, tg_further_round, &run, 0);
	}
	flow->offset += segment->bytes - skip;
	flow->next_seq += segment->bytes - skip;
	if ((flow->flags & (TG_FLOW_HOLDS | TG_FLOW_REFUSED)) == TG_FLOW_HOLDS &&
	    scan->phase != TG_PHASE_DEAD)
		tg_drain(xdp, flow, scratch);
	if (scan->phase == TG_PHASE_DEAD) /* refused connections are, too */
		tg_drain_away(&segment->key, flow);
	if (scan->phase == TG_PHASE_START && !(flow->flags & TG_FLOW_PARTIAL)) {
		tg_flow_flush(flow);
		return tg_run_reason(flow, scratch);
	}
	if (scratch->reason == TG_CONTINUE) {
		step = tg_scan_pause(scan, tg_http_config(), flow->offset);
		if (step & TG_STEP_ERROR)
			tg_request_broken(scratch, TG_STEP_CODE(step), flow->offset - scan->begin);
	}
	reason = tg_partial_save(&segment->key, flow, scratch);
	if (scan->phase == TG_PHASE_START || flow->unbilled_bytes > TG_UNBILLED_MAX)
		tg_flow_flush(flow);
	return reason != TG_CONTINUE ? reason : tg_run_reason(flow, scratch);
}

/* Nothing of the connection is read: new bytes are stepped over. */
tg_inline __u32 tg_flow_opaque(const struct tg_segment *segment, struct tg_flow *flow, __u32 fresh)
{
	tg_drain_away(&segment->key, flow);
	flow->offset += fresh;
	flow->next_seq += fresh;
	return TG_PACKET_OPAQUE;
}

/* A segment with payload. The flow is ours. Returns the packet's reason. */
tg_inline __u32 tg_flow_payload(struct xdp_md *xdp, const struct tg_segment *segment,
				struct tg_flow *flow, struct tg_scratch *scratch)
{
	struct tg_scan *scan = &flow->scan;
	__u32 skip, fresh, order, reason;

	order = tg_flow_order(xdp, flow, segment, &skip);
	if (order == TG_PACKET_HOLD_FULL && tg_server_place == TG_SERVER_UNSEEN)
		order = tg_flow_give_up(xdp, flow, scratch, &skip);
	if (order == TG_PACKET_AMBIGUOUS)
		tg_drain_away(&segment->key, flow);
	if (order != TG_CONTINUE && order != TG_PACKET_GAP)
		return order;
	fresh = segment->bytes - skip;
	if (segment->stamped && (!flow->stamp || tg_seq_from(segment->stamp, flow->stamp) > 0))
		flow->stamp = segment->stamp;
	if (scan->phase == TG_PHASE_DEAD) {
		reason = tg_flow_opaque(segment, flow, fresh);
	} else if (tg_phase_skips(scan->phase) && scan->skip > fresh &&
		   !(flow->flags & TG_FLOW_HOLDS)) {
		flow->unbilled_bytes += tg_body_skip(scan, fresh);
		flow->offset += fresh;
		flow->next_seq += fresh;
		if (flow->unbilled_bytes > TG_UNBILLED_MAX)
			tg_flow_flush(flow);
		reason = TG_PACKET_BODY;
	} else {
		reason = tg_scan_payload(xdp, flow, scratch, skip);
	}
	if (scratch->missed)
		order = scratch->missed;
	return order == TG_PACKET_GAP && reason != TG_PACKET_DENIED ? order : reason;
}

/*
 * In a refused connection. The flow is ours. Returns the packet's reason; TG_CONTINUE: the
 * flow is another connection's now, and still ours.
 */
tg_global __u32 tg_flow_refused(struct xdp_md *xdp, struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	__u64 tag;

	if (!scratch || !flow)
		return TG_PACKET_REFUSED;
	scratch->server.state = TG_SERVER_NONE;
	if (tg_server_place == TG_SERVER_LOCAL)
		tg_server_look_at(xdp, flow, scratch);
	if (tg_flow_is_stale(flow, &scratch->server)) {
		tg_flow_reset(flow, scratch->server.start_seq);
		return TG_CONTINUE;
	}
	tag = tg_flow_tag(&scratch->segment.key);
	if (!tg_refused_takes(flow, scratch)) {
		scratch->answer.kind = TG_ANSWER_DROP;
		tg_flow_release(flow, tag);
		return TG_PACKET_UNACCEPTABLE;
	}
	if (tg_refused_segment(flow))
		tg_flow_done(&scratch->segment.key, flow);
	else
		tg_flow_release(flow, tag);
	return TG_PACKET_REFUSED;
}

/* A segment without payload: is it one of a refused connection? Its reason, or TG_CONTINUE. */
tg_inline __u32 tg_segment_refused(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	struct tg_control *control = tg_control();
	struct tg_flow *flow;
	__u32 reason;
	__u64 tag;

	if (!control || !control->refused)
		return TG_CONTINUE;
	flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);
	if (!flow || !(flow->flags & TG_FLOW_REFUSED))
		return TG_CONTINUE;
	tag = tg_flow_tag(&scratch->segment.key);
	if (tg_flow_take(flow, tag))
		return TG_CONTINUE;
	if (flow->flags & TG_FLOW_REFUSED) {
		reason = tg_flow_refused(xdp, flow);
		if (reason != TG_CONTINUE)
			return reason;
	}
	tg_flow_release(flow, tag);
	return TG_CONTINUE;
}

/*
 * A SYN, while the server's socket of a refused connection is still there: it goes
 * first, so that nothing reaches it any more; the client's next SYN begins anew. Only
 * where nothing tells that the SYN is forged, and the server's answer to it is not seen.
 */
tg_inline __u32 tg_syn_refused(struct tg_scratch *scratch)
{
	struct tg_control *control = tg_control();
	struct tg_flow *flow;

	if (tg_server_place != TG_SERVER_UNSEEN || !control || !control->refused)
		return TG_CONTINUE;
	flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);
	if (!flow || !(flow->flags & TG_FLOW_REFUSED) || flow->refusal.stage == TG_STAGE_CLIENT ||
	    tg_flow_take(flow, tg_flow_tag(&scratch->segment.key)))
		return TG_CONTINUE;
	scratch->server.state = TG_SERVER_NONE;
	tg_abort_server(flow, scratch);
	tg_flow_end(&scratch->segment.key, flow);
	return TG_PACKET_REFUSED;
}

/*
 * The flow of a segment with payload, taken, if the server would take the segment; else
 * NULL and the packet's reason.
 */
tg_inline struct tg_flow *tg_flow_get(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 tag,
				      __u32 *reason)
{
	const struct tg_segment *segment = &scratch->segment;
	struct tg_flow *flow;
	int taken;

	scratch->looked = 0;
	*reason = TG_PACKET_NO_CONNECTION;
	if (scratch->strayed && tg_is_stray(xdp))
		return 0;
	scratch->strayed = 0;
	flow = bpf_map_lookup_elem(&flows, &segment->key);
	taken = flow ? tg_flow_take(flow, tag) : -2;
	if (taken == -2) {
		*reason = tg_server_place == TG_SERVER_UNSEEN ? TG_CONTINUE : tg_prove_new(xdp);
		scratch->strayed =
			tg_server_place == TG_SERVER_LOCAL && *reason == TG_PACKET_NO_CONNECTION;
		if (*reason != TG_CONTINUE)
			return 0;
		*reason = tg_flow_add();
		if (*reason)
			return 0;
		flow = bpf_map_lookup_elem(&flows, &segment->key);
		taken = flow ? tg_flow_take(flow, tag) : -2;
	} else if (!taken && (flow->flags & TG_FLOW_REFUSED)) {
		*reason = tg_flow_refused(xdp, flow);
		if (*reason != TG_CONTINUE)
			return 0;
	}
	*reason = TG_PACKET_FLOW_BUSY;
	if (taken)
		return 0;
	if (tg_server_place != TG_SERVER_UNSEEN && !tg_flow_trusts(flow, segment)) {
		*reason = tg_prove(xdp, flow);
		if (*reason != TG_CONTINUE) {
			tg_flow_release(flow, tag);
			return 0;
		}
	}
	return flow;
}

tg_inline __u32 tg_segment_data(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u64 tag = tg_flow_tag(&segment->key);
	struct tg_flow *flow;
	__u32 reason;

	flow = tg_flow_get(xdp, scratch, tag, &reason);
	if (!flow)
		return reason;
	if (tg_seq_from(segment->ack, flow->ack) > 0)
		flow->ack = segment->ack;
	flow->last_jiffies = bpf_jiffies64();
	reason = tg_flow_payload(xdp, segment, flow, scratch);
	if (!(flow->flags & TG_FLOW_REFUSED) &&
	    (scratch->over || (segment->fin && segment->seq + segment->bytes == flow->next_seq)))
		tg_flow_done(&segment->key, flow);
	else
		tg_flow_release(flow, tag);
	return reason;
}

/* A segment for a metered port: follow its connection. Returns the packet's reason. */
tg_inline __u32 tg_segment(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u32 reason;

	/*
	 * The urgent byte may be left out of what the server reads (RFC 6093): the bit goes,
	 * and all agree.
	 */
	if (segment->urgent) {
		scratch->answer.kind = TG_ANSWER_CUT;
		scratch->answer.keep = segment->bytes;
		scratch->answer.whole = 1;
	}
	if (segment->syn) {
		reason = tg_syn_refused(scratch);
		if (reason != TG_CONTINUE)
			return reason;
		tg_flow_syn(segment);
		if (!segment->bytes)
			return TG_PACKET_SYN;
		if (tg_server_place != TG_SERVER_UNSEEN) {
			/*
			 * RFC 7413: whether the server reads data in the SYN is not known
			 * before it does. Without them the client sends them once more.
			 */
			scratch->answer.kind = TG_ANSWER_CUT;
			scratch->answer.keep = 0;
			scratch->answer.whole = 0;
			return TG_PACKET_SYN;
		}
	}
	/* A reset's payload is not read (RFC 9293 section 3.10.7.4). */
	if (segment->bytes && !segment->rst)
		return tg_segment_data(xdp, scratch);
	reason = tg_segment_refused(xdp, scratch);
	if (reason != TG_CONTINUE)
		return reason;
	if (!segment->fin && !segment->rst)
		return TG_PACKET_ACK;
	tg_flow_close(xdp);
	return segment->rst ? TG_PACKET_RST : TG_PACKET_FIN;
}

#endif

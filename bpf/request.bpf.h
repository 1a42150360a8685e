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
#include "refuse.bpf.h"
#include "../include/tollgate/http_fast.h"

/* With query tokens the verifier spends 20,000 to 35,000 of its 1,000,000 on each. */
#define TG_ROUND_STEPS 16
#define TG_ROUNDS_MAX  (2 * 65536) /* a round consumes a byte at least */
/* Highest packet offset that the verifier lets a pointer have, less a word. */
#define TG_DIRECT_OFFSET_MAX 0xff00

struct tg_run {
	struct xdp_md *xdp;
	struct tg_flow *flow;
	struct tg_scratch *scratch;
};

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
		return tg_read_word(xdp, scratch, at, &in->word);
	}
	in->bytes = left;
	if (tg_read_word(xdp, scratch, at + left - 8, &in->word))
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

/* Where in the sequence the request's bytes in this packet begin. */
tg_inline __u32 tg_request_seq(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	__u64 begin = flow->scan.begin;

	/* Earlier bytes have passed. Before the first request there are but empty lines. */
	if (begin < flow->offset || (scratch->between && !scratch->allowed))
		begin = flow->offset;
	return scratch->segment.seq + (__u32)(begin - scratch->base) - scratch->segment.offset;
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
	tg_count_usage(row, &scratch->bill, delta);
	tg_count_policy(delta);
	if (delta->origin_id)
		tg_count_origin(&scratch->bill.token, delta);
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
	if (scratch->step & TG_STEP_ERROR) {
		tg_request_broken(scratch, TG_STEP_CODE(scratch->step),
				  base + fast.at - scan->begin);
		return 1;
	}
	if (scratch->step & TG_STEP_REQUEST) {
		scratch->requests++;
		tg_request(xdp, flow);
		if (flow->flags & TG_FLOW_REFUSED)
			return 1;
	}
	return fast.at >= view.limit;
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
	scratch->reason = TG_CONTINUE;
	tg_partial_load(&segment->key, flow, scratch);
	scratch->between = scan->phase == TG_PHASE_START || scan->phase == TG_PHASE_SYNC ||
			   scan->phase == TG_PHASE_EMPTY_LF;
	if (scan->phase == TG_PHASE_SYNC) {
		scan->phase = TG_PHASE_START;
		scan->flags |= TG_SCAN_TENTATIVE;
	}
	if (!tg_round(xdp, flow, scratch)) {
		struct tg_run run = {xdp, flow, scratch};

		bpf_loop(TG_ROUNDS_MAX, tg_further_round, &run, 0);
	}
	flow->offset += segment->bytes - skip;
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

/* A segment with payload. The flow is ours. Returns the packet's reason. */
tg_inline __u32 tg_flow_payload(struct xdp_md *xdp, const struct tg_segment *segment,
				struct tg_flow *flow, struct tg_scratch *scratch)
{
	struct tg_scan *scan = &flow->scan;
	__u32 skip, fresh, order, reason;

	order = tg_flow_order(flow, segment, &skip);
	if (order == TG_PACKET_RETRANSMIT)
		return order;
	fresh = segment->bytes - skip;
	flow->last_jiffies = bpf_jiffies64();
	if (scan->phase == TG_PHASE_DEAD) {
		flow->offset += fresh;
		reason = TG_PACKET_OPAQUE;
	} else if (tg_phase_skips(scan->phase) && scan->skip > fresh) {
		flow->unbilled_bytes += tg_body_skip(scan, fresh);
		flow->offset += fresh;
		if (flow->unbilled_bytes > TG_UNBILLED_MAX)
			tg_flow_flush(flow);
		reason = TG_PACKET_BODY;
	} else {
		reason = tg_scan_payload(xdp, flow, scratch, skip);
	}
	flow->next_seq += fresh;
	return order == TG_PACKET_GAP && reason != TG_PACKET_DENIED ? order : reason;
}

/* In a refused connection. The flow is ours. Returns the packet's reason. */
tg_inline __u32 tg_flow_refused(struct xdp_md *xdp, struct tg_scratch *scratch,
				struct tg_flow *flow, __u64 tag)
{
	if (tg_refused_segment(xdp, flow))
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
	__u64 tag;

	if (!control || !control->refused)
		return TG_CONTINUE;
	flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);
	if (!flow || !(flow->flags & TG_FLOW_REFUSED))
		return TG_CONTINUE;
	tag = tg_flow_tag(&scratch->segment.key);
	if (tg_flow_take(flow, tag))
		return TG_CONTINUE;
	if (flow->flags & TG_FLOW_REFUSED)
		return tg_flow_refused(xdp, scratch, flow, tag);
	tg_flow_release(flow, tag);
	return TG_CONTINUE;
}

/*
 * A SYN, while the server's socket of a refused connection is still there: it goes
 * first, so that nothing reaches it any more; the client's next SYN begins anew.
 */
tg_inline __u32 tg_syn_refused(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	struct tg_control *control = tg_control();
	struct tg_flow *flow;

	if (!control || !control->refused)
		return TG_CONTINUE;
	flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);
	if (!flow || !(flow->flags & TG_FLOW_REFUSED) || flow->refusal.stage == TG_STAGE_CLIENT ||
	    tg_flow_take(flow, tg_flow_tag(&scratch->segment.key)))
		return TG_CONTINUE;
	tg_server_look(xdp);
	tg_abort_server(flow, scratch);
	tg_flow_end(&scratch->segment.key, flow);
	return TG_PACKET_REFUSED;
}

tg_inline __u32 tg_segment_data(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u64 tag = tg_flow_tag(&segment->key);
	struct tg_flow *flow;
	__u32 reason;

	flow = tg_flow_get(segment, tag, &reason);
	if (!flow)
		return reason;
	if (flow->flags & TG_FLOW_REFUSED)
		return tg_flow_refused(xdp, scratch, flow, tag);
	reason = tg_flow_payload(xdp, segment, flow, scratch);
	if (flow->flags & TG_FLOW_REFUSED)
		tg_flow_release(flow, tag);
	else if ((segment->fin || segment->rst) && segment->seq + segment->bytes == flow->next_seq)
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

	if (segment->syn) {
		reason = tg_syn_refused(xdp, scratch);
		if (reason != TG_CONTINUE)
			return reason;
		tg_flow_syn(segment);
	}
	if (segment->bytes)
		return tg_segment_data(xdp, scratch);
	if (segment->syn)
		return TG_PACKET_SYN;
	reason = tg_segment_refused(xdp, scratch);
	if (reason != TG_CONTINUE)
		return reason;
	if (!segment->fin && !segment->rst)
		return TG_PACKET_ACK;
	tg_flow_close(segment);
	return segment->rst ? TG_PACKET_RST : TG_PACKET_FIN;
}

#endif

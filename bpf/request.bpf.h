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

#define TG_ROUND_STEPS 32 /* about 15,000 instructions each for the verifier, of 1,000,000 */
#define TG_ROUNDS_MAX  (2 * 65536) /* a round consumes a byte at least */
/* Highest packet offset that the verifier lets a pointer have, less a word. */
#define TG_DIRECT_OFFSET_MAX 0xff00

struct tg_run {
	struct xdp_md *xdp;
	struct tg_flow *flow;
	struct tg_scratch *scratch;
};

/* 8 bytes at a frame offset. Directly, or by helper from a further fragment. */
tg_inline int tg_read_word(struct xdp_md *xdp, __u64 offset, __u64 *word)
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
	return bpf_xdp_load_bytes(xdp, offset, word, sizeof(*word));
}

/*
 * The next 1..8 payload bytes, the rest 0xff. The last word of a payload is
 * read from 8 bytes before its end, which still lie in the frame.
 */
tg_inline int tg_run_input(const struct tg_run *run, __u32 payload, __u64 at, __u32 left,
			   struct tg_input *in)
{
	__u32 short_bits;

	if (left >= 8) {
		in->bytes = 8;
		return tg_read_word(run->xdp, payload + at, &in->word);
	}
	in->bytes = left;
	if (tg_read_word(run->xdp, payload + at + left - 8, &in->word))
		return -1;
	short_bits = (8 - left) * 8 & 63;
	in->word = in->word >> short_bits | ~(~0ULL >> short_bits);
	return 0;
}

/* A header is complete: identify, (later: decide,) count. */
tg_global int tg_request(struct tg_flow *flow, struct tg_scratch *scratch)
{
	struct tg_delta delta = {.requests = 1};
	struct tg_head *head;

	if (!flow || !scratch)
		return 0;
	head = &scratch->head;
	delta.bytes = head->header_bytes;
	delta.origin_id = head->origin_id;
	tg_flow_flush(flow);
	tg_identify(&flow->bill, &scratch->segment.key.client, head);
	flow->bill_origin_id = head->origin_id;
	if (head->origin_id)
		tg_origin_row_add(scratch);
	tg_count_delta(&flow->bill, &delta);
	return 0;
}

/* The connection breaks off in what was to be a request. */
tg_inline void tg_request_broken(__u32 error, __u64 bytes)
{
	switch (error) {
	case TG_PACKET_BAD_HEADER:
		tg_count_unattributed(TG_UNATTRIBUTED_BAD_HEADER, 1, bytes);
		break;
	case TG_PACKET_BAD_FRAMING:
		tg_count_unattributed(TG_UNATTRIBUTED_BAD_FRAMING, 1, bytes);
		break;
	case TG_PACKET_HEADER_TOO_LONG:
		tg_count_unattributed(TG_UNATTRIBUTED_HEADER_TOO_LONG, 1, bytes);
		break;
	}
}

/* bpf_loop callback: 1 ends the loop. */
static long tg_round(__u32 round, struct tg_run *run)
{
	struct tg_scratch *scratch = run->scratch;
	struct tg_flow *flow = run->flow;
	struct tg_scan *scan = &flow->scan;
	const struct tg_http_config *config = tg_http_config();
	__u64 at = scratch->at, end = scratch->end;
	__u32 payload = scratch->segment.offset, step = 0, i;

	(void)round;
	for (i = 0; i < TG_ROUND_STEPS; i++) {
		struct tg_input in;

		TG_FORGET(at);
		at &= 0xffff;
		if (at >= end)
			break;
		if (tg_phase_skips(scan->phase)) {
			__u64 bytes = tg_body_skip(scan, end - at);

			flow->unbilled_bytes += bytes;
			at += bytes;
			continue;
		}
		if (tg_run_input(run, payload, at, end - at, &in)) {
			scan->phase = TG_PHASE_SYNC;
			step = TG_ERROR(TG_PACKET_UNREADABLE);
			break;
		}
		TG_FORGET(in.bytes);
		in.at = flow->offset + at;
		if (tg_phase_in_body(scan->phase)) {
			step = tg_scan_step(scan, &scratch->head, config, &in);
			flow->unbilled_bytes += TG_STEP_BYTES(step);
		} else {
			step = tg_scan_step(scan, &scratch->head, config, &in);
		}
		at += TG_STEP_BYTES(step);
		if (step & (TG_STEP_REQUEST | TG_STEP_ERROR))
			break;
	}
	scratch->at = at;
	if (step & TG_STEP_ERROR) {
		scratch->reason = TG_STEP_CODE(step);
		tg_request_broken(scratch->reason, flow->offset + at - scan->begin);
		return 1;
	}
	if (step & TG_STEP_REQUEST) {
		scratch->requests++;
		tg_request(flow, scratch);
	}
	return at >= end;
}

/* What the packet was, by what the scan found in it. */
tg_inline __u32 tg_run_reason(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	if (scratch->requests)
		return TG_PACKET_REQUEST;
	if (scratch->reason != TG_CONTINUE)
		return scratch->reason;
	return tg_phase_in_head(flow->scan.phase) ? TG_PACKET_HEADER : TG_PACKET_BODY;
}

/* Fetch the unfinished header, if the connection has one. 0, or the packet's reason. */
tg_inline __u32 tg_partial_load(const struct tg_flow_key *key, struct tg_flow *flow,
				struct tg_scratch *scratch)
{
	struct tg_head *head;

	if (!tg_phase_in_head(flow->scan.phase))
		return TG_CONTINUE;
	head = bpf_map_lookup_elem(&partials, key);
	if (!head) {
		flow->scan.phase = TG_PHASE_SYNC;
		return TG_CONTINUE;
	}
	scratch->head = *head;
	return TG_CONTINUE;
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
	if (bpf_map_update_elem(&partials, key, &scratch->head, BPF_ANY)) {
		flow->scan.phase = TG_PHASE_SYNC;
		return TG_PACKET_PARTIAL_TABLE_FULL;
	}
	flow->flags |= TG_FLOW_PARTIAL;
	return TG_CONTINUE;
}

/* New payload bytes from skip on, in order. Returns the packet's reason. */
tg_global int tg_scan_payload(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch,
			      __u32 skip)
{
	struct tg_run run = {xdp, flow, scratch};
	const struct tg_segment *segment;
	struct tg_scan *scan;
	__u32 step, reason;

	if (!flow || !scratch)
		return TG_PACKET_UNREADABLE;
	scan = &flow->scan;
	segment = &scratch->segment;
	scratch->at = skip;
	scratch->end = segment->bytes;
	scratch->requests = 0;
	scratch->reason = TG_CONTINUE;
	if (scan->phase == TG_PHASE_SYNC) {
		scan->phase = TG_PHASE_START;
		scan->flags |= TG_SCAN_TENTATIVE;
	}
	flow->offset -= skip; /* so that it is the offset of payload byte 0 */
	tg_partial_load(&segment->key, flow, scratch);
	bpf_loop(TG_ROUNDS_MAX, tg_round, &run, 0);
	flow->offset += segment->bytes;
	if (scratch->reason == TG_CONTINUE) {
		step = tg_scan_pause(scan, tg_http_config(), flow->offset);
		if (step & TG_STEP_ERROR) {
			scratch->reason = TG_STEP_CODE(step);
			tg_request_broken(scratch->reason, flow->offset - scan->begin);
		}
	}
	reason = tg_partial_save(&segment->key, flow, scratch);
	if (flow->unbilled_bytes &&
	    (scan->phase == TG_PHASE_START || flow->unbilled_bytes > TG_UNBILLED_MAX))
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
		reason = TG_PACKET_BODY;
	} else {
		reason = tg_scan_payload(xdp, flow, scratch, skip);
	}
	flow->next_seq += fresh;
	return order == TG_PACKET_GAP ? order : reason;
}

tg_inline __u32 tg_segment_data(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u64 tag = tg_flow_tag(&segment->key);
	struct tg_flow *flow;
	__u32 reason;

	flow = tg_flow_get(segment, scratch, tag, &reason);
	if (!flow)
		return reason;
	reason = tg_flow_payload(xdp, segment, flow, scratch);
	if (segment->fin || segment->rst)
		tg_flow_end(&segment->key, flow);
	else
		tg_flow_release(flow, tag);
	return reason;
}

/* A segment for a metered port: follow its connection. Returns the packet's reason. */
tg_inline __u32 tg_segment(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;

	if (segment->syn)
		tg_flow_syn(segment);
	if (segment->bytes)
		return tg_segment_data(xdp, scratch);
	if (segment->syn)
		return TG_PACKET_SYN;
	if (!segment->fin && !segment->rst)
		return TG_PACKET_ACK;
	tg_flow_close(segment);
	return segment->rst ? TG_PACKET_RST : TG_PACKET_FIN;
}

#endif

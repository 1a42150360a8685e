/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A segment for a metered port: its connection, which of its bytes are new there, and
 * these through the scanner.
 */
#ifndef TOLLGATE_SEGMENT_BPF_H
#define TOLLGATE_SEGMENT_BPF_H

#include "drain.bpf.h"
#include "partial.bpf.h"
#include "proof.bpf.h"

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
	}
	if (flow && !taken && (flow->flags & TG_FLOW_REFUSED)) {
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

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connection whose request was refused. Both ends must learn of it, with a
 * packet each, and the program can only change packets that come from the client:
 *
 *   reject  the request's packet becomes the 429 with FIN. The client's next one
 *           (its acknowledgement, body bytes) becomes a reset of the server's
 *           socket. What still comes is acknowledged and goes nowhere, until the
 *           client is done too. The request sent again gets its 429 again.
 *   reset   the request's packet becomes the reset of the server's socket; the
 *           next one, mostly the request sent again, is answered with a reset.
 *           So it is where a 429 does not fit.
 *   drop    the same without the answer.
 *
 * Where the server still owes answers to earlier requests (pipelining), what
 * follows them is cut off first, and the connection reset when they are through.
 */
#ifndef TOLLGATE_REFUSE_BPF_H
#define TOLLGATE_REFUSE_BPF_H

#include "answer.bpf.h"
#include "flow.bpf.h"
#include "policy.bpf.h"
#include "proof.bpf.h"

enum tg_refusal_stage {
	TG_STAGE_DRAIN,	 /* answers to earlier requests are due */
	TG_STAGE_SERVER, /* the client has its 429, the server's socket is still there */
	TG_STAGE_CLIENT, /* the server's socket is gone */
};

#define TG_NS_PER_S 1000000000ULL

tg_inline void tg_answer_with(struct tg_scratch *scratch, __u32 kind, __u32 seq, __u32 ack)
{
	scratch->answer.kind = kind;
	scratch->answer.seq = seq;
	scratch->answer.ack = ack;
}

/* --- the request's packet ------------------------------------------------------------- */

/* The server's socket is here and says where it stands. */
tg_inline int tg_server_found(const struct tg_scratch *scratch)
{
	return scratch->server.state == TG_SERVER_OPEN && scratch->server.socket;
}

/*
 * Has the server answered all that was let through? By the client's word, which
 * has acknowledged something since; where the socket is known also by its own:
 * nothing is on the way, nothing waits to be sent.
 */
tg_inline int tg_is_drained(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	__u32 ack = scratch->segment.ack;

	if (scratch->allowed)
		return 0;
	if ((flow->flags & TG_FLOW_ALLOWED) && flow->allowed_ack == ack)
		return 0;
	return !tg_server_found(scratch) ||
	       (scratch->server.snd_nxt == ack && scratch->server.write_seq == ack);
}

/* The reset of the server's socket goes out in this packet. */
tg_inline void tg_abort_server(struct tg_flow *flow, struct tg_scratch *scratch)
{
	__u32 seq = flow->refusal.server_seq;

	/* What the socket says is newer, but not if packets before this one are still queued. */
	if (tg_server_found(scratch) && tg_seq_from(scratch->server.rcv_nxt, seq) > 0)
		seq = scratch->server.rcv_nxt;
	tg_answer_with(scratch, TG_ANSWER_ABORT, seq, scratch->segment.ack);
	flow->refusal.stage = TG_STAGE_CLIENT;
}

/* Pass what comes before the refused bytes. */
tg_inline void tg_cut_refused(const struct tg_flow *flow, struct tg_scratch *scratch)
{
	__s32 keep = tg_seq_from(flow->refusal.server_seq, scratch->segment.seq);

	scratch->answer.keep = keep > 0 ? keep : 0;
	scratch->answer.kind = TG_ANSWER_CUT;
	scratch->answer.whole = 0;
}

/*
 * The request whose header ends in scratch->segment was refused, as scratch->decision
 * says. request_seq: where its bytes begin that the server has not seen, and must not
 * see; scratch->first_seq: where the packet's new bytes begin.
 */
tg_global int tg_refuse(struct xdp_md *xdp, struct tg_flow *flow, __u32 request_seq)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_refusal *refusal;
	__u64 wait_s;

	if (!scratch || !flow)
		return 0;
	refusal = &flow->refusal;
	wait_s = (scratch->decision.wait_ns + TG_NS_PER_S - 1) / TG_NS_PER_S;
	refusal->server_seq = request_seq;
	refusal->finished = scratch->segment.fin;
	refusal->end_seq = scratch->segment.seq + scratch->segment.bytes + refusal->finished;
	if (scratch->from_page) {
		refusal->finished = 0;
		refusal->end_seq = scratch->run_end;
	}
	refusal->reply_seq = scratch->segment.ack;
	refusal->drained_ack = scratch->segment.ack - 1;
	refusal->retry_s = wait_s > TG_RETRY_MAX ? TG_RETRY_MAX : wait_s ? wait_s : 1;
	refusal->action = scratch->decision.action;
	flow->flags |= TG_FLOW_REFUSED;
	flow->scan.phase = TG_PHASE_DEAD;
	tg_refused_add(1);
	scratch->server.state = TG_SERVER_NONE;
	if (tg_server_place == TG_SERVER_LOCAL)
		tg_server_look_at(xdp, flow, scratch);
	/*
	 * The request came too early, and went to the server as it did: there it waits behind
	 * what is missing, which is in this packet. So the packet must not get there.
	 */
	if (tg_seq_from(request_seq, scratch->segment.seq + scratch->segment.bytes) >= 0) {
		refusal->server_seq = scratch->first_seq;
		refusal->action = TG_ACTION_RESET;
		tg_abort_server(flow, scratch);
		return 0;
	}
	/* What comes before the request in its packet has to reach the server, too. */
	if (request_seq != scratch->first_seq || !tg_is_drained(flow, scratch)) {
		refusal->stage = TG_STAGE_DRAIN;
		tg_cut_refused(flow, scratch);
		return 0;
	}
	if (refusal->action == TG_ACTION_REJECT && tg_reply_fits(&scratch->segment)) {
		refusal->stage = TG_STAGE_SERVER;
		tg_answer_with(scratch, TG_ANSWER_429, refusal->reply_seq, refusal->end_seq);
		scratch->answer.retry_s = refusal->retry_s;
		return 0;
	}
	if (refusal->action == TG_ACTION_REJECT)
		refusal->action = TG_ACTION_RESET;
	scratch->server.state = TG_SERVER_NONE; /* the packets before this one may be queued */
	tg_abort_server(flow, scratch);
	return 0;
}

/* --- what comes after -------------------------------------------------------------------- */

tg_inline void tg_advance(struct tg_flow *flow, const struct tg_segment *segment)
{
	__s32 fresh = tg_seq_from(segment->seq + segment->bytes, flow->next_seq);

	if (tg_seq_from(segment->seq, flow->next_seq) <= 0 && fresh > 0)
		flow->next_seq += fresh;
}

/* Is it the refused request, sent again by a client that has not seen the 429? */
tg_inline int tg_is_again(const struct tg_flow *flow, const struct tg_segment *segment)
{
	return segment->bytes && segment->ack == flow->refusal.reply_seq &&
	       tg_seq_from(segment->seq, flow->refusal.end_seq) < 0;
}

/* Returns whether the connection is over. */
tg_inline int tg_drain_segment(struct tg_flow *flow, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	struct tg_refusal *refusal = &flow->refusal;

	scratch->answer.kind = TG_ANSWER_PASS;
	if (segment->rst) {
		/* The server, which has not had the refused bytes, would not believe it. */
		if (segment->seq != refusal->server_seq && segment->seq != flow->next_seq) {
			scratch->answer.kind = TG_ANSWER_DROP;
			return 0;
		}
		tg_abort_server(flow, scratch);
		return 1;
	}
	if ((!segment->bytes && !segment->fin) ||
	    tg_seq_from(segment->seq + segment->bytes + segment->fin, refusal->server_seq) <= 0)
		return 0; /* an acknowledgement, or what was let through once more */
	if (!tg_is_drained(flow, scratch)) {
		refusal->drained_ack = segment->ack - 1;
	} else if (refusal->drained_ack != segment->ack) {
		refusal->drained_ack = segment->ack; /* quiet once: more may come yet */
	} else {
		if (refusal->action == TG_ACTION_REJECT)
			refusal->action = TG_ACTION_RESET;
		tg_abort_server(flow, scratch);
		return 0;
	}
	tg_cut_refused(flow, scratch);
	return 0;
}

/* Action reject, both stages after the 429. Returns whether the connection is over. */
tg_inline int tg_rejected_segment(struct tg_flow *flow, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u32 ack = flow->next_seq;
	int over = segment->rst;

	if (tg_is_again(flow, segment) && tg_reply_fits(segment)) {
		if (tg_seq_from(flow->refusal.end_seq, ack) > 0)
			ack = flow->refusal.end_seq; /* FIN came with the request */
		tg_answer_with(scratch, TG_ANSWER_429, flow->refusal.reply_seq, ack);
		scratch->answer.retry_s = flow->refusal.retry_s;
		return 0;
	}
	if (flow->refusal.stage == TG_STAGE_SERVER) {
		if (tg_is_again(flow, segment)) /* cut up smaller: see tg_refuse */
			flow->refusal.action = TG_ACTION_RESET;
		tg_advance(flow, segment);
		tg_abort_server(flow, scratch);
		return over || flow->refusal.finished;
	}
	scratch->answer.kind = TG_ANSWER_DROP;
	/* Until it has the 429, an acknowledgement would keep it from asking again. */
	if (over || (!segment->bytes && !segment->fin) || segment->ack == flow->refusal.reply_seq)
		return over;
	tg_advance(flow, segment);
	/* A FIN counts when nothing is missing before it. */
	over = segment->fin && segment->seq + segment->bytes == flow->next_seq;
	tg_answer_with(scratch, TG_ANSWER_ACK, segment->ack, flow->next_seq + over);
	return over;
}

/*
 * Are its numbers those of the connection? Else it is forged, and draws no answer. What
 * the server does not have any more is known by the flow alone.
 */
tg_inline int tg_refused_takes(const struct tg_flow *flow, const struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u32 sent = tg_server_found(scratch) ? scratch->server.sent : flow->peer.snd_nxt;
	__u32 ack = segment->ack - flow->refusal.reply_seq + TG_ACK_STEP;

	if (tg_server_place == TG_SERVER_UNSEEN)
		return 1;
	if (segment->seq - flow->next_seq + TG_ACK_STEP > 2 * TG_ACK_STEP)
		return 0;
	return segment->rst || ack <= 2 * TG_ACK_STEP ||
	       (tg_seq_from(segment->ack, flow->refusal.reply_seq) > 0 &&
		tg_seq_from(sent, segment->ack) >= 0);
}

/*
 * A segment of a refused connection, that does not begin another one. scratch->server is
 * what its socket says. Returns whether the connection is over.
 */
tg_global int tg_refused_segment(struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	int over;

	if (!scratch || !flow)
		return 0;
	flow->last_jiffies = bpf_jiffies64();
	if (flow->refusal.stage == TG_STAGE_DRAIN)
		return tg_drain_segment(flow, scratch);
	if (flow->refusal.action == TG_ACTION_REJECT)
		return tg_rejected_segment(flow, scratch);
	over = scratch->segment.rst;
	scratch->answer.kind = TG_ANSWER_DROP;
	if (flow->refusal.action == TG_ACTION_RESET && !over) {
		tg_answer_with(scratch, TG_ANSWER_RST, scratch->segment.ack,
			       scratch->segment.seq + scratch->segment.bytes +
				       scratch->segment.fin);
		over = 1;
	}
	return over;
}

/* The source was blocked: its connection ends for the server, if it is one that is followed. */
tg_inline void tg_block_flow(struct tg_scratch *scratch)
{
	struct tg_flow *flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);

	if (!flow || tg_flow_take(flow, tg_flow_tag(&scratch->segment.key)))
		return;
	tg_answer_with(scratch, TG_ANSWER_ABORT,
		       flow->flags & TG_FLOW_REFUSED ? flow->refusal.server_seq : flow->next_seq,
		       scratch->segment.ack);
	tg_flow_end(&scratch->segment.key, flow);
}

#endif

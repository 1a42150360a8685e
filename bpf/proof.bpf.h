/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Would the server's TCP take the segment? What it would not is counted by its reason,
 * makes no state, spends no budget and is not answered: anyone can send it under any
 * address. Kernels differ in details; here is the narrowest of their rules, and what does
 * not pass it does not get to a server on this host. Who is not on the path has to guess
 * the ports, the sequence number and the acknowledgement.
 *
 * Nor can a client hide a request behind a segment of its own that the server throws
 * away: bytes that are to be read are asked about each time. Only bytes that are body
 * and nothing else are believed where they come next, as nobody reads them.
 */
#ifndef TOLLGATE_PROOF_BPF_H
#define TOLLGATE_PROOF_BPF_H

#include "flow.bpf.h"
#include "server.bpf.h"

/* Further acknowledgements than this beyond the last are looked into. */
#define TG_ACK_STEP (1 << 20)
/* Idle for longer, the server may have closed meanwhile. A second or so, by the kernel's HZ. */
#define TG_TRUST_JIFFIES 250
/* Where it is not known what the server has sent: so far back acknowledgements may be. */
#define TG_ACK_SLACK (1 << 17)
/* Further off than this, a number was not read while it was written. */
#define TG_TORN_MAX (1 << 17)

/* Bytes that nobody reads, which come next in a connection that goes on. */
tg_inline int tg_flow_trusts(const struct tg_flow *flow, const struct tg_segment *segment)
{
	const struct tg_scan *scan = &flow->scan;

	if (segment->seq != flow->next_seq || segment->ack - flow->ack > TG_ACK_STEP ||
	    !segment->acks || segment->fin)
		return 0;
	if (!tg_phase_skips(scan->phase) || scan->skip <= segment->bytes)
		return 0;
	/* It will say how old acknowledgements may be. */
	if (tg_server_place == TG_SERVER_FORWARDED &&
	    tg_seq_from(flow->peer.snd_nxt, segment->ack) < 0)
		return 0;
	return bpf_jiffies64() - flow->last_jiffies < TG_TRUST_JIFFIES;
}

/* scratch->server, by what was seen of the server's packets. flow: NULL if there is none. */
tg_inline void tg_server_recall(struct tg_scratch *scratch, const struct tg_flow *flow)
{
	struct tg_server *server = &scratch->server;
	const struct tg_peer *peer;

	server->state = TG_SERVER_NONE;
	server->socket = 0;
	if (flow) {
		peer = &flow->peer;
		server->began = 0;
		server->snd_low = flow->ack - TG_ACK_SLACK;
	} else {
		const struct tg_embryo *embryo =
			bpf_map_lookup_elem(&embryos, &scratch->segment.key);

		if (!embryo || embryo->closed)
			return;
		peer = &embryo->peer;
		server->began = embryo->began;
		server->start_seq = embryo->start_seq;
		server->snd_low = peer->snd_nxt - TG_ACK_SLACK;
	}
	if (peer->closed)
		return;
	server->state = TG_SERVER_OPEN;
	server->rcv_nxt = peer->rcv_nxt;
	server->rcv_end = peer->rcv_end;
	server->sent = peer->snd_nxt;
	server->stamp = peer->stamp;
}

/*
 * The segment's time stamps, however its options are laid out; of several the last
 * ones, as Linux has it.
 */
tg_global int tg_stamps_find(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 at = sizeof(struct tcphdr), bytes, i;
	struct tg_segment *segment;

	if (!scratch)
		return 0;
	segment = &scratch->segment;
	segment->odd = 0;
	bytes = tg_load_tcp(xdp, scratch);
	for (i = 0; i < 40; i++) {
		__u32 kind, length;

		TG_FORGET(at);
		if (at + 1 >= bytes || at > 58)
			return 0;
		kind = scratch->tcp[at & 63];
		length = scratch->tcp[(at + 1) & 63];
		if (!kind)
			return 0;
		if (kind == 1) {
			at++;
			continue;
		}
		if (length < 2 || at + length > bytes)
			return 0;
		if (kind == 8 && length == 10 && at <= 50) {
			__be32 words[2];

			__builtin_memcpy(words, scratch->tcp + (at & 63) + 2, sizeof(words));
			segment->stamped = 1;
			segment->stamp = bpf_ntohl(words[0]);
			segment->echo = bpf_ntohl(words[1]);
		}
		at += length;
	}
	return 0;
}

/* RFC 7323 section 5.3, TCP_PAWS_WINDOW in Linux; in the answer to a SYN, the echo, too. */
tg_inline int tg_stamps_pass(const struct tg_server *server, const struct tg_segment *segment,
			     __u32 newest)
{
	if (!segment->stamped || !server->stamp)
		return 1;
	if (tg_seq_from(segment->stamp, server->stamp) < -(server->state == TG_SERVER_OPEN) ||
	    (newest && tg_seq_from(segment->stamp, newest) < -1))
		return 0;
	if (!server->echo_low && !server->echo_high)
		return 1;
	return !segment->echo || (tg_seq_from(segment->echo, server->echo_low) >= 0 &&
				  tg_seq_from(server->echo_high, segment->echo) >= 0);
}

/*
 * RFC 9293 section 3.10.7.4, as Linux has it. newest: time stamp of the flow; 0: none.
 * Returns the packet's reason, or TG_CONTINUE.
 */
tg_inline __u32 tg_server_takes(const struct tg_server *server, const struct tg_segment *segment,
				__u32 newest)
{
	__u32 end = segment->seq + segment->bytes + segment->fin;

	if (server->state == TG_SERVER_NONE)
		return TG_PACKET_NO_CONNECTION;
	if (!segment->acks || segment->rst || tg_seq_from(segment->ack, server->snd_low) < 0 ||
	    tg_seq_from(server->sent, segment->ack) < 0 || !tg_stamps_pass(server, segment, newest))
		return TG_PACKET_UNACCEPTABLE;
	if (tg_seq_from(end, server->rcv_nxt) <= 0)
		return TG_PACKET_RETRANSMIT;
	/* Nor a FIN at a closed window: some kernels wait for it to open (6.1 does). */
	if (tg_seq_from(segment->seq, server->rcv_end) >= 0 ||
	    tg_seq_from(end - segment->fin, server->rcv_end) > 0)
		return TG_PACKET_UNACCEPTABLE;
	return TG_CONTINUE;
}

/*
 * The server has bytes that were never seen here (fragments, another way in): go on
 * behind them. Held ones before that are of no use any more.
 */
tg_inline void tg_flow_catch_up(struct tg_flow *flow, struct tg_scratch *scratch)
{
	__s32 missed = tg_seq_from(scratch->server.rcv_nxt, flow->next_seq);

	if (missed > 0 && scratch->server.state == TG_SERVER_OPEN)
		scratch->missed = tg_flow_skip(flow, missed);
}

/* The flow is that of an earlier connection with the same addresses and ports. */
tg_inline int tg_flow_is_stale(const struct tg_flow *flow, const struct tg_server *server)
{
	__u32 start = flow->next_seq - (__u32)flow->offset;

	if (server->state == TG_SERVER_NONE || !server->began)
		return 0;
	return start != server->start_seq;
}

tg_inline int tg_seq_is_near(__u32 seq, __u32 other)
{
	return seq - other + TG_TORN_MAX <= 2 * TG_TORN_MAX;
}

/*
 * scratch->server by the socket of a flow's connection. Where its stream began is the
 * difference of two numbers that another CPU may be writing at this instant: they are right
 * when we look again.
 */
tg_inline void tg_server_look_at(struct xdp_md *xdp, const struct tg_flow *flow,
				 struct tg_scratch *scratch)
{
	const struct tg_server *server = &scratch->server;
	__u32 start = flow->next_seq - (__u32)flow->offset;

	scratch->begin_seq = start;
	if (!scratch->looked || server->state != TG_SERVER_OPEN)
		tg_server_look(xdp);
	if (server->state == TG_SERVER_OPEN && server->start_seq != start &&
	    tg_seq_is_near(server->start_seq, start))
		tg_server_look(xdp);
}

/* The same of a connection that has no flow: there nothing else tells where it began. */
tg_inline void tg_server_look_new(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	const struct tg_server *server = &scratch->server;
	__u32 start;

	scratch->begin_seq = scratch->segment.seq;
	if (!scratch->looked)
		tg_server_look(xdp);
	start = server->start_seq;
	if (server->state != TG_SERVER_OPEN || server->rcv_nxt == start)
		return;
	tg_server_look(xdp);
	if (server->start_seq != start)
		tg_server_look(xdp);
}

/*
 * Would the server take the segment? Its reason, or TG_CONTINUE. scratch->server: why.
 * flow: NULL if there is none.
 */
tg_global __u32 tg_server_ask(struct xdp_md *xdp, const struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	const struct tg_segment *segment;
	const struct tg_server *server;
	__u32 newest = flow ? flow->stamp : 0, reason;

	if (!scratch)
		return TG_PACKET_NO_CONNECTION;
	segment = &scratch->segment;
	server = &scratch->server;
	if (segment->odd)
		tg_stamps_find(xdp);
	if (tg_server_place != TG_SERVER_LOCAL) {
		tg_server_recall(scratch, flow);
		return tg_server_takes(server, segment, newest);
	}
	if (flow) {
		tg_server_look_at(xdp, flow, scratch);
		if (tg_flow_is_stale(flow, server))
			newest = 0;
	} else {
		tg_server_look_new(xdp, scratch);
	}
	reason = tg_server_takes(server, segment, newest);
	/* So is the window's edge, a sum. */
	if (reason == TG_PACKET_UNACCEPTABLE &&
	    tg_seq_is_near(segment->seq + segment->bytes, server->rcv_end)) {
		tg_server_look(xdp);
		reason = tg_server_takes(server, segment, newest);
	}
	return reason;
}

/*
 * In a flood of segments that belong to no connection the table of flows is in no cache,
 * and need not be: once one was astray, the socket is asked before the flow is sought.
 * 1: the segment is of no connection. A flow may have no socket yet where a cookie opened
 * it a moment ago, needs none any more where a request was refused, and its body bytes
 * count while the socket closes.
 */
tg_global int tg_is_stray(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_control *control = tg_control();

	if (!scratch || !control || control->refused)
		return 0;
	scratch->begin_seq = scratch->segment.seq;
	tg_server_look(xdp);
	scratch->looked = 1;
	if (scratch->server.state != TG_SERVER_NONE)
		return 0;
	return !scratch->server.found || (scratch->server.found == TG_TCP_LISTEN &&
					  bpf_jiffies64() - tg_cookie_jiffies >= TG_TRUST_JIFFIES);
}

/* What a server on this host would not take does not get there. */
tg_inline void tg_keep_away(struct tg_scratch *scratch, __u32 reason)
{
	if (reason != TG_PACKET_UNACCEPTABLE || tg_server_place != TG_SERVER_LOCAL)
		return;
	/* A byte at a closed window is a probe, to be answered (RFC 9293 section 3.8.6.1). */
	if (scratch->segment.bytes != 1 || scratch->segment.seq != scratch->server.rcv_end)
		scratch->answer.kind = TG_ANSWER_DROP;
}

/*
 * A segment with payload that its flow (which is ours) does not trust. Returns the
 * packet's reason, or TG_CONTINUE: the flow is that of the segment's connection, and
 * stands where the server does at least.
 */
tg_global __u32 tg_prove(struct xdp_md *xdp, struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 reason;

	if (!scratch || !flow)
		return TG_PACKET_NO_CONNECTION;
	reason = tg_server_ask(xdp, flow);
	tg_keep_away(scratch, reason);
	if (reason != TG_CONTINUE && reason != TG_PACKET_RETRANSMIT)
		return reason;
	if (tg_flow_is_stale(flow, &scratch->server)) {
		if (reason != TG_CONTINUE)
			return reason;
		tg_flow_reset(flow, scratch->server.start_seq);
		flow->ack = scratch->segment.ack;
	}
	tg_flow_catch_up(flow, scratch);
	return reason == TG_PACKET_RETRANSMIT && scratch->missed ? scratch->missed : reason;
}

/* A segment with payload without a flow: scratch->server says where a flow of it begins. */
tg_global __u32 tg_prove_new(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 reason;

	if (!scratch)
		return TG_PACKET_NO_CONNECTION;
	reason = tg_server_ask(xdp, 0);
	tg_keep_away(scratch, reason);
	return reason;
}

/*
 * FIN or RST without payload: does the server believe it? The flow is ours. With a FIN
 * it ends only between messages: if the server did not believe it after all, what follows
 * within one would be taken for another one's begin.
 */
tg_inline int tg_flow_closes(struct xdp_md *xdp, struct tg_flow *flow, struct tg_scratch *scratch)
{
	const struct tg_segment *segment = &scratch->segment;
	__u8 phase = flow->scan.phase;
	__u32 reason;

	if (segment->seq != flow->next_seq)
		return 0;
	if (tg_server_place == TG_SERVER_UNSEEN)
		return 1;
	if (!segment->rst) { /* NO_CONNECTION: the server has closed before */
		if (phase != TG_PHASE_START && phase != TG_PHASE_DEAD && phase != TG_PHASE_SYNC)
			return 0;
		reason = tg_server_ask(xdp, flow);
		return reason == TG_CONTINUE || reason == TG_PACKET_NO_CONNECTION;
	}
	if (tg_server_place == TG_SERVER_LOCAL)
		tg_server_look_at(xdp, flow, scratch);
	else
		tg_server_recall(scratch, flow);
	return scratch->server.state == TG_SERVER_NONE || segment->seq == scratch->server.rcv_nxt;
}

/* A bare FIN or RST. */
tg_global int tg_flow_close(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_flow *flow;
	__u64 tag;

	if (!scratch)
		return 0;
	flow = bpf_map_lookup_elem(&flows, &scratch->segment.key);
	if (!flow)
		return 0; /* an embryo goes by itself when its room is needed */
	tag = tg_flow_tag(&scratch->segment.key);
	if (tg_flow_take(flow, tag))
		return 0;
	if (tg_flow_closes(xdp, flow, scratch))
		tg_flow_done(&scratch->segment.key, flow);
	else
		tg_flow_release(flow, tag);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Would the server's TCP take the segment? What it would not is counted by its reason,
 * makes no state, spends no budget and is not answered: anyone can send it under any
 * address. Who is not on the path has to guess the ports, the sequence number and the
 * acknowledgement.
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
/*
 * The socket's two numbers that make up where its stream began are not read at one
 * instant: they may be apart by what it took in between.
 */
#define TG_START_SLACK (1 << 17)

/* Bytes that nobody reads, which come next in a connection that goes on. */
tg_inline int tg_flow_trusts(const struct tg_flow *flow, const struct tg_segment *segment)
{
	const struct tg_scan *scan = &flow->scan;

	if (segment->seq != flow->next_seq || segment->ack - flow->ack > TG_ACK_STEP ||
	    !segment->acks || segment->urgent)
		return 0;
	if (!tg_phase_skips(scan->phase) || scan->skip <= segment->bytes)
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
		server->snd_low = flow->ack - TG_START_SLACK;
	} else {
		const struct tg_embryo *embryo =
			bpf_map_lookup_elem(&embryos, &scratch->segment.key);

		if (!embryo || embryo->closed)
			return;
		peer = &embryo->peer;
		server->began = embryo->began;
		server->start_seq = embryo->start_seq;
		server->snd_low = peer->snd_nxt - TG_START_SLACK;
	}
	if (peer->closed)
		return;
	server->state = TG_SERVER_OPEN;
	server->rcv_nxt = peer->rcv_nxt;
	server->rcv_end = peer->rcv_end;
	server->snd_nxt = peer->snd_nxt;
	server->write_seq = peer->snd_nxt;
	server->stamp = peer->stamp;
}

/* RFC 9293 section 3.10.7.4, as Linux has it. Returns the packet's reason, or TG_CONTINUE. */
tg_inline __u32 tg_server_takes(const struct tg_server *server, const struct tg_segment *segment)
{
	__u32 end = segment->seq + segment->bytes;

	if (server->state == TG_SERVER_NONE)
		return TG_PACKET_NO_CONNECTION;
	if (!segment->acks || segment->rst || tg_seq_from(segment->ack, server->snd_low) < 0 ||
	    tg_seq_from(server->write_seq, segment->ack) < 0 ||
	    tg_seq_from(segment->seq, server->rcv_end) > 0)
		return TG_PACKET_UNACCEPTABLE;
	if (server->stamp && segment->stamp && tg_seq_from(segment->stamp, server->stamp) < 0)
		return TG_PACKET_UNACCEPTABLE; /* RFC 7323 section 5.3 */
	return tg_seq_from(end, server->rcv_nxt) <= 0 ? TG_PACKET_RETRANSMIT : TG_CONTINUE;
}

/* The flow is that of an earlier connection with the same addresses and ports. */
tg_inline int tg_flow_is_stale(const struct tg_flow *flow, const struct tg_server *server)
{
	__u32 start = flow->next_seq - (__u32)flow->offset;

	if (server->state == TG_SERVER_NONE || !server->began)
		return 0;
	if (server->state == TG_SERVER_OPENING)
		return start != server->start_seq;
	return start - server->start_seq + TG_START_SLACK > 2 * TG_START_SLACK;
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

/* Would the server take the segment? Its reason, or TG_CONTINUE. scratch->server: why. */
tg_inline __u32 tg_server_ask(struct xdp_md *xdp, struct tg_scratch *scratch,
			      const struct tg_flow *flow)
{
	const struct tg_segment *segment = &scratch->segment;
	const struct tg_server *server = &scratch->server;
	__u32 reason;

	if (tg_server_place != TG_SERVER_LOCAL) {
		tg_server_recall(scratch, flow);
		return tg_server_takes(server, segment);
	}
	tg_server_look(xdp);
	reason = tg_server_takes(server, segment);
	/*
	 * The two numbers of the window's edge are written one after the other, perhaps
	 * on another CPU at this instant: it is where it was when we look again.
	 */
	if (reason == TG_PACKET_UNACCEPTABLE && tg_seq_from(segment->seq, server->rcv_end) > 0 &&
	    tg_seq_from(segment->seq, server->rcv_end) < TG_START_SLACK) {
		tg_server_look(xdp);
		reason = tg_server_takes(server, segment);
	}
	return reason;
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
	reason = tg_server_ask(xdp, scratch, flow);
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

	if (!scratch)
		return TG_PACKET_NO_CONNECTION;
	return tg_server_ask(xdp, scratch, 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage track: which bytes of a segment are new to its connection. Knows
 * sequence numbers, nothing of HTTP but that a body may be stepped over.
 *
 * A flow belongs to one CPU at a time. `owner` holds a tag of the key, plus 1
 * while taken. The tag also tells a stale pointer: elements of a preallocated
 * hash are reused at once after a delete, perhaps for another connection.
 */
#ifndef TOLLGATE_FLOW_BPF_H
#define TOLLGATE_FLOW_BPF_H

#include "count.bpf.h"
#include "hold.bpf.h"
#include "packet.bpf.h"

#define TG_OWNER_TAKEN 1
#define TG_OWNER_TRIES 512
/* A server that is not seen: further ahead than this is another stream, ... */
#define TG_UNSEEN_AHEAD (1 << 20)
/* ... and what has not come by then does not come. A second or so, by the kernel's HZ. */
#define TG_UNSEEN_JIFFIES 500
/* Body bytes wait for the message's end or this many, to save look-ups. */
#define TG_UNBILLED_MAX (1 << 20)

/* Even, and not 0. Not secret: it only tells neighbours in memory apart. */
tg_inline __u64 tg_flow_tag(const struct tg_flow_key *key)
{
	const __u32 *words = (const __u32 *)key;
	__u64 tag = words[8] * 0x9e3779b97f4a7c15ULL;

	tag ^= (words[0] | (__u64)words[1] << 32) * 0xbf58476d1ce4e5b9ULL;
	tag ^= (words[2] | (__u64)words[3] << 32) * 0x94d049bb133111ebULL;
	tag ^= (words[4] | (__u64)words[5] << 32) * 0xd6e8feb86659fd93ULL;
	tag ^= (words[6] | (__u64)words[7] << 32) * 0xff51afd7ed558ccdULL;
	return (tag ^ tag >> 32) << 2 | 2;
}

/* tg_flow_take, if it takes more than one try. */
tg_global int tg_flow_wait(struct tg_flow *flow, __u64 tag)
{
	int i;

	if (!flow)
		return -2;
	for (i = 0; i < TG_OWNER_TRIES; i++) {
		__u64 was = __sync_val_compare_and_swap(&flow->owner, tag, tag | TG_OWNER_TAKEN);

		if (was == tag)
			return 0;
		if (was != (tag | TG_OWNER_TAKEN))
			return -2;
	}
	return -1;
}

/* 0: ours now. -1: another CPU keeps it. -2: not this connection any more. */
tg_inline int tg_flow_take(struct tg_flow *flow, __u64 tag)
{
	if (__sync_val_compare_and_swap(&flow->owner, tag, tag | TG_OWNER_TAKEN) == tag)
		return 0;
	return tg_flow_wait(flow, tag);
}

/* owner: the tag to let go, 0 if the flow is about to be deleted. */
tg_inline void tg_flow_release(struct tg_flow *flow, __u64 owner)
{
#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in order; the compiler must keep it, too. */
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&flow->owner = owner;
#else
	__sync_lock_test_and_set(&flow->owner, owner);
#endif
}

tg_inline void tg_flow_begin(struct tg_flow *flow, __u32 next_seq)
{
	tg_scan_start(&flow->scan);
	flow->offset = 0;
	flow->unbilled_bytes = 0;
	flow->next_seq = next_seq;
	flow->allowed_ack = 0;
	flow->flags &= TG_FLOW_PARTIAL; /* the stale header goes when the next state is kept */
}

/*
 * Where a connection's first data stands: scratch->fresh_flow. 0, or the packet's reason.
 * embryo: NULL if there is none.
 */
tg_inline __u32 tg_flow_place(struct tg_scratch *scratch, const struct tg_embryo *embryo)
{
	const struct tg_segment *segment = &scratch->segment;
	const struct tg_server *server = &scratch->server;
	struct tg_flow *fresh = &scratch->fresh_flow;
	__u32 begin, closed = 0;
	int resumed;

	if (tg_server_place == TG_SERVER_UNSEEN) {
		tg_flow_begin(fresh, embryo ? embryo->next_seq : segment->seq);
		if (!embryo || embryo->closed)
			fresh->scan.phase = TG_PHASE_SYNC; /* open since before we looked */
		return 0;
	}
	if (embryo && embryo->closed && embryo->start_seq == server->start_seq)
		closed = embryo->closed;
	/* The client is done, and this comes late: the server may not have read the rest yet. */
	if (closed && tg_seq_from(segment->seq + segment->bytes, embryo->next_seq) <= 0)
		return TG_PACKET_RETRANSMIT;
	begin = server->rcv_nxt;
	if (closed && tg_seq_from(embryo->next_seq, begin) > 0)
		begin = embryo->next_seq;
	tg_flow_begin(fresh, begin);
	/* The server did not believe its end: it goes on where a message may begin. */
	resumed = closed == TG_CLOSED_BETWEEN && begin == embryo->next_seq;
	if (!resumed && (!server->began || begin != server->start_seq))
		fresh->scan.phase = TG_PHASE_SYNC;
	if (server->began)
		fresh->offset = begin - server->start_seq;
	if (embryo)
		fresh->peer = embryo->peer;
	return 0;
}

/* Insert a connection whose first data this is. 0, or the packet's reason. */
tg_global int tg_flow_add(void)
{
	struct tg_scratch *scratch = tg_scratch();
	const struct tg_flow_key *key;
	struct tg_embryo *embryo;
	struct tg_flow *fresh;
	__u32 reason;

	if (!scratch)
		return TG_PACKET_FLOW_TABLE_FULL;
	key = &scratch->segment.key;
	embryo = bpf_map_lookup_elem(&embryos, key);
	fresh = &scratch->fresh_flow;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->owner = tg_flow_tag(key);
	fresh->ack = scratch->segment.ack;
	reason = tg_flow_place(scratch, embryo);
	if (reason)
		return reason;
	if (bpf_map_update_elem(&flows, key, fresh, BPF_NOEXIST)) {
		if (bpf_map_lookup_elem(&flows, key))
			return 0;
		/* These bytes will not come again: once there is room, pick it up where it is. */
		if (tg_server_place == TG_SERVER_UNSEEN && embryo && !embryo->closed)
			bpf_map_delete_elem(&embryos, key);
		return TG_PACKET_FLOW_TABLE_FULL;
	}
	if (embryo)
		bpf_map_delete_elem(&embryos, key);
	return 0;
}

/* Count the body bytes that wait in the flow. */
tg_global int tg_flow_flush_body(struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_delta *delta;

	if (!scratch || !flow)
		return 0;
	delta = &scratch->body_delta;
	__builtin_memset(delta, 0, sizeof(*delta));
	delta->bytes = flow->unbilled_bytes;
	delta->origin_id = flow->bill_origin_id;
	delta->policy = flow->bill_policy;
	flow->unbilled_bytes = 0;
	scratch->body_bill = flow->bill;
	tg_count_delta(&scratch->body_bill, delta);
	return 0;
}

tg_inline void tg_flow_flush(struct tg_flow *flow)
{
	if (flow->unbilled_bytes)
		tg_flow_flush_body(flow);
}

/* Connections that were refused: while there are none, acknowledgements need no look-up. */
tg_inline void tg_refused_add(__s64 count)
{
	struct tg_control *control = tg_control();

	if (control)
		__sync_fetch_and_add(&control->refused, count);
}

/* All that is kept of it elsewhere goes. */
tg_inline void tg_flow_empty(const struct tg_flow_key *key, struct tg_flow *flow)
{
	if (flow->flags & TG_FLOW_PARTIAL)
		bpf_map_delete_elem(&partials, key);
	if (flow->flags & TG_FLOW_HOLDS)
		tg_hold_end(key);
	if (flow->flags & TG_FLOW_REFUSED)
		tg_refused_add(-1);
}

/* The same addresses and ports, another connection. */
tg_global int tg_flow_reset(struct tg_flow *flow, __u32 start_seq)
{
	struct tg_scratch *scratch = tg_scratch();

	if (!scratch || !flow)
		return 0;
	tg_flow_flush(flow);
	tg_flow_empty(&scratch->segment.key, flow);
	flow->flags = 0;
	flow->stamp = 0;
	tg_flow_begin(flow, start_seq);
	return 0;
}

/* The connection is over. The flow is ours; afterwards it is nobody's. */
tg_inline void tg_flow_end(const struct tg_flow_key *key, struct tg_flow *flow)
{
	tg_flow_flush(flow);
	tg_flow_empty(key, flow);
	tg_flow_release(flow, 0);
	bpf_map_delete_elem(&flows, key);
}

/*
 * The client says that it is done. Until a SYN begins another connection with
 * these addresses, bytes before next_seq are bytes sent again: FIN does not
 * wait for their acknowledgement.
 */
tg_inline void tg_flow_done(const struct tg_flow_key *key, struct tg_flow *flow)
{
	struct tg_embryo embryo = {
		.next_seq = flow->next_seq,
		.closed = flow->scan.phase == TG_PHASE_START ? TG_CLOSED_BETWEEN : TG_CLOSED,
		.start_seq = flow->next_seq - (__u32)flow->offset,
	};

	bpf_map_update_elem(&embryos, key, &embryo, BPF_ANY);
	tg_flow_end(key, flow);
}

/* Idle: it goes, but not what its server said, if it was not a socket that says it again. */
tg_inline void tg_flow_forget(const struct tg_flow_key *key, struct tg_flow *flow)
{
	struct tg_embryo embryo = {.next_seq = flow->next_seq, .peer = flow->peer};

	if (flow->peer.snd_nxt || flow->peer.rcv_nxt)
		bpf_map_update_elem(&embryos, key, &embryo, BPF_ANY);
	tg_flow_end(key, flow);
}

/*
 * A SYN proves nothing about an existing connection with the same addresses:
 * only data that follows it does. The connection's own SYN once more, late or
 * sent again, not even that: its first data, sent again, would count again.
 */
tg_inline void tg_flow_syn(const struct tg_segment *segment)
{
	struct tg_embryo embryo = {.next_seq = segment->seq};
	struct tg_flow *flow;
	__u64 tag;

	if (tg_server_place != TG_SERVER_UNSEEN)
		return; /* the server's answer to it tells */
	flow = bpf_map_lookup_elem(&flows, &segment->key);
	if (!flow) {
		bpf_map_update_elem(&embryos, &segment->key, &embryo, BPF_ANY);
		return;
	}
	tag = tg_flow_tag(&segment->key);
	if (tg_flow_take(flow, tag))
		return;
	if (flow->flags & TG_FLOW_REFUSED) {
		/* The server's socket is gone: see tg_syn_refused. */
		bpf_map_update_elem(&embryos, &segment->key, &embryo, BPF_ANY);
		tg_flow_end(&segment->key, flow);
		return;
	}
	if (segment->seq != flow->next_seq - (__u32)flow->offset) {
		flow->reborn_seq = segment->seq;
		flow->flags |= TG_FLOW_REBORN;
	}
	tg_flow_release(flow, tag);
}

/*
 * Bytes were missed for good. Within a body that is no loss: nobody needs to read them.
 * Elsewhere the scan must find its place again. Returns the packet's reason, or
 * TG_CONTINUE.
 */
tg_global __u32 tg_flow_skip(struct tg_flow *flow, __u32 missing)
{
	struct tg_scan *scan;

	if (!flow)
		return TG_PACKET_GAP;
	scan = &flow->scan;
	flow->offset += missing;
	flow->next_seq += missing;
	if (tg_phase_skips(scan->phase) && missing <= scan->skip) {
		flow->unbilled_bytes += tg_body_skip(scan, missing);
		return TG_CONTINUE;
	}
	if (scan->phase != TG_PHASE_DEAD)
		scan->phase = TG_PHASE_SYNC;
	return TG_PACKET_GAP;
}

/* A segment ahead of the flow, that cannot wait: of a server that is not seen. */
tg_inline int tg_flow_is_lost(struct tg_flow *flow, const struct tg_segment *segment, __s32 ahead)
{
	struct tg_hold *hold;

	if (tg_server_place != TG_SERVER_UNSEEN)
		return 0;
	if (ahead > TG_UNSEEN_AHEAD)
		return 1;
	hold = flow->flags & TG_FLOW_HOLDS ? bpf_map_lookup_elem(&holds, &segment->key) : 0;
	return hold && bpf_jiffies64() - hold->since_jiffies > TG_UNSEEN_JIFFIES;
}

/*
 * Which payload bytes are new: those from *skip on. TG_CONTINUE: they come next; GAP:
 * the same, but bytes before them were missed; RETRANSMIT: none is new; HELD and others:
 * they wait, or cannot.
 */
tg_inline __u32 tg_flow_order(struct xdp_md *xdp, struct tg_flow *flow,
			      const struct tg_segment *segment, __u32 *skip)
{
	__s32 ahead = segment->seq - flow->next_seq;
	__u32 reason;

	*skip = 0;
	if (!ahead)
		return TG_CONTINUE;
	if ((flow->flags & TG_FLOW_REBORN) && segment->seq == flow->reborn_seq) {
		tg_flow_reset(flow, segment->seq);
		return TG_CONTINUE;
	}
	if (ahead <= 0) {
		*skip = -ahead;
		return *skip >= segment->bytes ? TG_PACKET_RETRANSMIT : TG_CONTINUE;
	}
	if (flow->scan.phase == TG_PHASE_DEAD)
		return tg_flow_skip(flow, ahead);
	if (tg_flow_is_lost(flow, segment, ahead))
		return TG_PACKET_HOLD_FULL;
	reason = tg_hold_segment(xdp, flow);
	if (reason == TG_PACKET_AMBIGUOUS)
		flow->scan.phase = TG_PHASE_DEAD;
	return reason;
}

#endif

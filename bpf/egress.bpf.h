/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What servers behind this host send, at tc egress of the interface where requests come
 * in: that a connection is there, what its server has acknowledged, takes and has sent.
 * Only the server's own words are noted, so nobody makes state by forging. Nothing is
 * changed or decided here.
 */
#ifndef TOLLGATE_EGRESS_BPF_H
#define TOLLGATE_EGRESS_BPF_H

#include <linux/pkt_cls.h>

#include "flow.bpf.h"

#define TG_SCALE_MAX	 14 /* RFC 7323 section 2.3 */
#define TG_SCALE_UNKNOWN 14 /* of a connection whose beginning was not seen: at most that */
#define TG_OPTION_END	 0
#define TG_OPTION_NOP	 1
#define TG_OPTION_SCALE	 3

struct tg_sent { /* a segment from a server */
	struct tcphdr tcp;
	__u32 end; /* the sequence number after it; host byte order */
	__u32 ack;
	__u32 stamp;	  /* that it echoes; 0: none */
	__u32 options_at; /* in the frame */
	__u32 options;	  /* bytes of them */
};

/*
 * Behind an IPv6 header: the offset of TCP, 0: none. Before what is to be cut into more
 * than 64 KiB the kernel puts the length, in a hop-by-hop header of 8 bytes (RFC 2675).
 */
tg_inline __u32 tg_egress_jumbo(struct __sk_buff *skb, __u32 at, __u8 next)
{
	__u8 hop[2];

	if (next == IPPROTO_HOPOPTS) {
		if (bpf_skb_load_bytes(skb, at, hop, sizeof(hop)) || hop[1])
			return 0;
		next = hop[0];
		at += 8;
	}
	return next == IPPROTO_TCP ? at : 0;
}

/* The addresses, seen from the client: scratch->segment.key. Returns the offset of TCP, 0: none. */
tg_inline __u32 tg_egress_addresses(struct __sk_buff *skb, struct tg_scratch *scratch)
{
	struct tg_cursor cursor = {(void *)(long)skb->data, (void *)(long)skb->data_end};
	struct tg_flow_key *key = &scratch->segment.key;
	__u32 at;
	__be16 type;

	if (tg_parse_ethernet(&cursor, &type) != TG_CONTINUE)
		return 0;
	at = cursor.at - (void *)(long)skb->data;
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (struct iphdr *)scratch->reply;

		if (bpf_skb_load_bytes(skb, at, ip, sizeof(*ip)) || ip->protocol != IPPROTO_TCP ||
		    (ip->frag_off & bpf_htons(TG_IP4_FRAGMENT)))
			return 0;
		tg_addr_map_v4(&key->client, ip->daddr);
		tg_addr_map_v4(&key->server, ip->saddr);
		return at + ip->ihl * 4;
	}
	if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (struct ipv6hdr *)scratch->reply;

		if (bpf_skb_load_bytes(skb, at, ip, sizeof(*ip)))
			return 0;
		__builtin_memcpy(&key->client, &ip->daddr, sizeof(struct tg_addr));
		__builtin_memcpy(&key->server, &ip->saddr, sizeof(struct tg_addr));
		return tg_egress_jumbo(skb, at + sizeof(*ip), ip->nexthdr);
	}
	return 0;
}

/* The time stamp that is echoed, where it stands as RFC 7323 appendix A has it; 0: nowhere. */
tg_inline __u32 tg_egress_stamp(struct __sk_buff *skb, const struct tg_sent *sent)
{
	__be32 words[3];

	if (sent->options < sizeof(words) ||
	    bpf_skb_load_bytes(skb, sent->options_at, words, sizeof(words)) ||
	    words[0] != TG_STAMPS_HEAD)
		return 0;
	return bpf_ntohl(words[2]);
}

/* 0: *sent is a segment of a metered port's server, scratch->segment.key its connection. */
tg_inline int tg_egress_parse(struct __sk_buff *skb, struct tg_scratch *scratch,
			      struct tg_sent *sent)
{
	__u32 at = tg_egress_addresses(skb, scratch), header;

	if (!at || bpf_skb_load_bytes(skb, at, &sent->tcp, sizeof(sent->tcp)) ||
	    !tg_port_is_metered(sent->tcp.source))
		return -1;
	header = sent->tcp.doff * 4;
	if (header < sizeof(sent->tcp) || at + header > skb->len)
		return -1;
	scratch->segment.key.client_port = sent->tcp.dest;
	scratch->segment.key.server_port = sent->tcp.source;
	sent->end =
		bpf_ntohl(sent->tcp.seq) + (skb->len - at - header) + sent->tcp.syn + sent->tcp.fin;
	sent->ack = bpf_ntohl(sent->tcp.ack_seq);
	sent->options_at = at + sizeof(sent->tcp);
	sent->options = header - sizeof(sent->tcp);
	sent->stamp = tg_egress_stamp(skb, sent);
	return 0;
}

/* The shift of its window that a SYN announces; 0: it announces none. */
tg_global __u32 tg_egress_scale(struct __sk_buff *skb, __u32 at, __u32 bytes)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 i, next = 0;

	if (!scratch)
		return 0;
	__builtin_memset(scratch->tcp, 0, sizeof(scratch->tcp));
	if (!bytes)
		return 0;
	bytes = tg_mask(bytes - 1, 0x3f) + 1;
	if (bpf_skb_load_bytes(skb, at, scratch->tcp, bytes))
		return 0;
	for (i = 0; i < 40; i++) {
		__u32 kind, length;

		if (next + 2 >= bytes || next > 40)
			return 0;
		kind = scratch->tcp[next & 63];
		length = scratch->tcp[(next + 1) & 63];
		if (kind == TG_OPTION_END)
			return 0;
		if (kind == TG_OPTION_SCALE) {
			kind = scratch->tcp[(next + 2) & 63];
			return kind < TG_SCALE_MAX ? kind : TG_SCALE_MAX;
		}
		next += kind == TG_OPTION_NOP || length < 2 ? 1 : length;
		TG_FORGET(next);
	}
	return 0;
}

/* Of a connection whose beginning was not seen. */
tg_inline void tg_peer_begin(struct tg_peer *peer, const struct tg_sent *sent)
{
	peer->rcv_nxt = sent->ack;
	peer->rcv_end = sent->ack;
	peer->snd_nxt = sent->end;
	peer->scale = TG_SCALE_UNKNOWN;
}

/*
 * A reset is the connection's end where it stands at what the server sent last. One that
 * answers a wrong acknowledgement stands there, and ends nothing while the connection
 * opens (RFC 9293 section 3.10.7.4, SYN-RECEIVED): who sent that would else have made a
 * connection that is not counted, of his own or of another's.
 */
tg_inline void tg_peer_reset(struct tg_peer *peer, const struct tg_sent *sent)
{
	if (bpf_ntohl(sent->tcp.seq) == peer->snd_nxt)
		peer->closed = 1;
}

tg_inline void tg_peer_note(struct tg_peer *peer, const struct tg_sent *sent)
{
	__u32 edge = sent->ack + ((__u32)bpf_ntohs(sent->tcp.window) << (peer->scale & 15));

	if (sent->tcp.rst) {
		tg_peer_reset(peer, sent);
		return;
	}
	if (!sent->tcp.ack)
		return;
	if (tg_seq_from(sent->end, peer->snd_nxt) > 0)
		peer->snd_nxt = sent->end;
	if (tg_seq_from(sent->ack, peer->rcv_nxt) > 0)
		peer->rcv_nxt = sent->ack;
	if (tg_seq_from(edge, peer->rcv_end) > 0)
		peer->rcv_end = edge;
	if (sent->stamp && (!peer->stamp || tg_seq_from(sent->stamp, peer->stamp) > 0))
		peer->stamp = sent->stamp;
	if (sent->tcp.fin)
		peer->closed = 1;
}

/* SYN, ACK: the server has a connection, not before its client has proved to be there. */
tg_global int tg_egress_opens(struct __sk_buff *skb, struct tg_sent *sent)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_embryo embryo = {};
	struct tg_flow_key *key;
	struct tg_flow *flow;

	if (!scratch || !sent)
		return 0;
	key = &scratch->segment.key;
	flow = bpf_map_lookup_elem(&flows, key);
	if (flow) {
		__u64 tag = tg_flow_tag(key);

		if (tg_flow_take(flow, tag))
			return 0;
		if (flow->next_seq - (__u32)flow->offset == sent->ack && !flow->peer.closed) {
			tg_flow_release(flow, tag); /* sent again */
			return 0;
		}
		tg_flow_end(key, flow); /* of an earlier connection */
	}
	embryo.next_seq = sent->ack;
	embryo.start_seq = sent->ack;
	embryo.began = 1;
	embryo.peer.rcv_nxt = sent->ack;
	embryo.peer.rcv_end = sent->ack + bpf_ntohs(sent->tcp.window); /* never scaled */
	embryo.peer.snd_nxt = sent->end;
	embryo.peer.scale = tg_egress_scale(skb, sent->options_at, sent->options);
	bpf_map_update_elem(&embryos, key, &embryo, BPF_ANY);
	return 0;
}

/* Any other segment. A connection that is not known was there before we looked. */
tg_inline void tg_egress_goes_on(struct tg_scratch *scratch, const struct tg_sent *sent)
{
	const struct tg_flow_key *key = &scratch->segment.key;
	struct tg_flow *flow = bpf_map_lookup_elem(&flows, key);
	struct tg_embryo *known, embryo = {};

	/* Another connection's by now: see tg_flow_take. */
	if (flow && (flow->owner | TG_OWNER_TAKEN) == (tg_flow_tag(key) | TG_OWNER_TAKEN)) {
		/* It is from before the server was watched. */
		if (!flow->peer.snd_nxt && !flow->peer.rcv_nxt && !sent->tcp.rst && sent->tcp.ack)
			tg_peer_begin(&flow->peer, sent);
		tg_peer_note(&flow->peer, sent);
		return;
	}
	known = bpf_map_lookup_elem(&embryos, key);
	if (known) {
		embryo = *known; /* and as a whole, as its memory may become another's at once */
		tg_peer_note(&embryo.peer, sent);
		bpf_map_update_elem(&embryos, key, &embryo, BPF_EXIST);
		return;
	}
	if (sent->tcp.fin || sent->tcp.rst || !sent->tcp.ack)
		return;
	embryo.next_seq = sent->ack;
	tg_peer_begin(&embryo.peer, sent);
	tg_peer_note(&embryo.peer, sent);
	bpf_map_update_elem(&embryos, key, &embryo, BPF_ANY);
}

/* The filters behind this one are asked, as if there were none. */
tg_inline int tg_egress_watch(struct __sk_buff *skb)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_sent sent;

	if (!scratch || tg_egress_parse(skb, scratch, &sent))
		return TC_ACT_UNSPEC;
	if (sent.tcp.syn && sent.tcp.ack)
		tg_egress_opens(skb, &sent);
	else if (!sent.tcp.syn)
		tg_egress_goes_on(scratch, &sent);
	return TC_ACT_UNSPEC;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage parse: Ethernet, VLAN tags, IPv4 or IPv6, TCP, up to the payload.
 * Lengths are those that the IP header states: what the frame holds beyond is
 * padding. What is not a segment for a metered port ends here, with a reason.
 */
#ifndef TOLLGATE_PACKET_BPF_H
#define TOLLGATE_PACKET_BPF_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>

#include "maps.bpf.h"
#include "settings.bpf.h"

#define TG_CONTINUE TG_PACKET_SEEN /* no reason yet: the next stage goes on */

#define TG_IP4_FRAGMENT	   0x3fff /* more fragments, or an offset */
#define TG_IP6_FRAG_OFFSET 0xfff8
#define TG_IP6_FRAG_MORE   0x0001

struct tg_vlan { /* 802.1Q section 9.6 */
	__be16 tag;
	__be16 type;
};

struct tg_cursor {
	void *at;
	void *end;
};

tg_inline __u32 tg_parse_ethernet(struct tg_cursor *cursor, __be16 *type)
{
	struct ethhdr *ethernet = cursor->at;
	int tags;

	if ((void *)(ethernet + 1) > cursor->end)
		return TG_PACKET_TRUNCATED;
	cursor->at = ethernet + 1;
	*type = ethernet->h_proto;
	for (tags = 0; tags <= TG_VLAN_TAGS_MAX; tags++) {
		struct tg_vlan *vlan = cursor->at;

		if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD))
			return TG_CONTINUE;
		if (tags == TG_VLAN_TAGS_MAX)
			break;
		if ((void *)(vlan + 1) > cursor->end)
			return TG_PACKET_TRUNCATED;
		*type = vlan->type;
		cursor->at = vlan + 1;
	}
	return TG_PACKET_VLAN_DEEP;
}

tg_inline __u32 tg_protocol_reason(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TG_CONTINUE;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
	case IPPROTO_GRE:
	case IPPROTO_ESP:
	case IPPROTO_AH:
		return TG_PACKET_TUNNEL;
	}
	return TG_PACKET_NOT_TCP;
}

tg_inline void tg_addr_map_v4(struct tg_addr *out, __be32 address)
{
	__u32 *words = (__u32 *)out->bytes;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* RFC 1071: what a checksum field must hold; over a header that has it, 0 if it is right. */
tg_inline __u16 tg_sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * Options that a host takes: NOP, record route, time stamp, router alert. It throws
 * source routes and what is malformed away. bytes: 24 to 60 of header at header[0].
 */
tg_inline int tg_ipv4_options_pass(const __u8 *header, __u32 bytes)
{
	__u32 at = sizeof(struct iphdr), i, length;
	__u8 kind;

	for (i = 0; i < 40; i++) {
		TG_FORGET(at);
		if (at >= bytes || at > 59)
			return 1;
		kind = header[at & 63];
		if (!kind) /* end of options */
			return 1;
		if (kind == 1) {
			at++;
			continue;
		}
		length = header[(at + 1) & 63];
		if ((kind != 7 && kind != 68 && kind != 148) || length < 4 || at + length > bytes)
			return 0;
		at += length;
	}
	return 1;
}

/*
 * RFC 791 section 3.1: is the header's checksum right? One with options: rare, so apart.
 * at: offset in the frame; bytes: 24 to 60. Returns the packet's reason, or TG_CONTINUE.
 */
tg_global __u32 tg_ipv4_check_options(struct xdp_md *xdp, __u32 at, __u32 bytes)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 *words;
	__u64 sum = 0;
	__u32 i;

	if (!scratch)
		return TG_CONTINUE;
	words = (__u32 *)scratch->chunk;
	__builtin_memset(words, 0, 64);
	bytes = tg_mask(bytes - 1, 0x3f) + 1;
	if (bpf_xdp_load_bytes(xdp, at, words, bytes))
		return TG_PACKET_TRUNCATED;
	for (i = 0; i < 15; i++)
		sum += words[i];
	if (tg_sum_fold(sum))
		return TG_PACKET_BAD_CHECKSUM;
	return tg_ipv4_options_pass(scratch->chunk, bytes) ? TG_CONTINUE : TG_PACKET_BAD_IP;
}

tg_inline __u32 tg_ipv4_check(struct xdp_md *xdp, const struct iphdr *ip)
{
	const __u32 *words = (const __u32 *)ip;

	if (ip->ihl > 5)
		return tg_ipv4_check_options(xdp, (void *)ip - (void *)(long)xdp->data,
					     ip->ihl * 4);
	return tg_sum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4])
		       ? TG_PACKET_BAD_CHECKSUM
		       : TG_CONTINUE;
}

/* bytes: of the TCP segment, by the IP header. */
tg_inline __u32 tg_parse_ipv4(struct xdp_md *xdp, struct tg_cursor *cursor,
			      struct tg_segment *segment, __u32 *bytes)
{
	struct iphdr *ip = cursor->at;
	__u32 header, total, reason;

	if ((void *)(ip + 1) > cursor->end)
		return TG_PACKET_TRUNCATED;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || total < header)
		return TG_PACKET_BAD_IP;
	reason = tg_ipv4_check(xdp, ip);
	if (reason != TG_CONTINUE)
		return reason;
	segment->ipv6 = 0;
	tg_addr_map_v4(&segment->key.client, ip->saddr); /* of fragments, too: drop.bpf.h */
	tg_addr_map_v4(&segment->key.server, ip->daddr);
	if (ip->frag_off & bpf_htons(TG_IP4_FRAGMENT))
		return TG_PACKET_FRAGMENT;
	reason = tg_protocol_reason(ip->protocol);
	if (reason != TG_CONTINUE)
		return reason;
	*bytes = total - header;
	cursor->at += header;
	return TG_CONTINUE;
}

/* RFC 8200 section 4. *bytes loses what the extension headers take. */
tg_inline __u32 tg_skip_ipv6_extensions(struct tg_cursor *cursor, __u8 *next, __u32 *bytes)
{
	int i;

	for (i = 0; i <= TG_IPV6_EXT_MAX; i++) {
		struct ipv6_opt_hdr *option = cursor->at;
		__u32 length;

		switch (*next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
			break;
		default:
			return TG_CONTINUE;
		}
		if ((void *)(option + 4) > cursor->end)
			return TG_PACKET_TRUNCATED;
		length = (option->hdrlen + 1) * 8;
		if (*next == IPPROTO_FRAGMENT) {
			/* An atomic fragment (RFC 6946) is whole. */
			if (((__be16 *)option)[1] &
			    bpf_htons(TG_IP6_FRAG_OFFSET | TG_IP6_FRAG_MORE))
				return TG_PACKET_FRAGMENT;
			length = 8;
		}
		if (length > *bytes)
			return TG_PACKET_BAD_IP;
		*bytes -= length;
		*next = option->nexthdr;
		cursor->at += length;
	}
	return TG_PACKET_IPV6_EXT;
}

tg_inline __u32 tg_parse_ipv6(struct tg_cursor *cursor, struct tg_segment *segment, __u32 *bytes)
{
	struct ipv6hdr *ip = cursor->at;
	__u32 reason;
	__u8 next;

	if ((void *)(ip + 1) > cursor->end)
		return TG_PACKET_TRUNCATED;
	if (ip->version != 6)
		return TG_PACKET_BAD_IP;
	segment->ipv6 = 1;
	__builtin_memcpy(&segment->key.client, &ip->saddr, sizeof(struct tg_addr));
	__builtin_memcpy(&segment->key.server, &ip->daddr, sizeof(struct tg_addr));
	*bytes = bpf_ntohs(ip->payload_len);
	next = ip->nexthdr;
	cursor->at = ip + 1;
	reason = tg_skip_ipv6_extensions(cursor, &next, bytes);
	return reason != TG_CONTINUE ? reason : tg_protocol_reason(next);
}

tg_inline int tg_port_is_metered(__be16 port)
{
	__u32 number = bpf_ntohs(port);

	return tg_ports[number >> 3] >> (number & 7) & 1;
}

/* NOP, NOP, time stamps of 10 bytes: as nearly all stacks lay them out. */
#define TG_STAMPS_HEAD bpf_htonl(0x0101080a)

/* Where they are all the options there are; others are looked into if it matters. */
tg_inline void tg_parse_stamps(const struct tg_cursor *cursor, const struct tcphdr *tcp,
			       __u32 header, struct tg_segment *segment)
{
	__be32 *option = (__be32 *)(tcp + 1);

	segment->stamped = 0;
	segment->odd = header != sizeof(*tcp);
	if (header != sizeof(*tcp) + 12 || (void *)(option + 3) > cursor->end ||
	    *option != TG_STAMPS_HEAD)
		return;
	segment->odd = 0;
	segment->stamped = 1;
	segment->stamp = bpf_ntohl(option[1]);
	segment->echo = bpf_ntohl(option[2]);
}

/* bytes: of the segment with its header. */
tg_inline __u32 tg_parse_tcp(struct tg_cursor *cursor, struct tg_segment *segment, __u32 bytes)
{
	struct tcphdr *tcp = cursor->at;
	__u32 header;

	if (bytes < sizeof(*tcp))
		return TG_PACKET_BAD_TCP;
	if ((void *)(tcp + 1) > cursor->end)
		return TG_PACKET_TRUNCATED;
	if (!tg_port_is_metered(tcp->dest))
		return TG_PACKET_OTHER_PORT;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > bytes)
		return TG_PACKET_BAD_TCP;
	segment->key.client_port = tcp->source;
	segment->key.server_port = tcp->dest;
	segment->syn = tcp->syn;
	segment->fin = tcp->fin;
	segment->rst = tcp->rst;
	segment->acks = tcp->ack;
	segment->urgent = tcp->urg;
	tg_parse_stamps(cursor, tcp, header, segment);
	segment->seq = bpf_ntohl(tcp->seq) + segment->syn;
	segment->ack = bpf_ntohl(tcp->ack_seq);
	segment->bytes = bytes - header;
	cursor->at += header;
	return TG_CONTINUE;
}

/*
 * The segment may lie beyond the frame's first, directly readable part (XDP
 * fragments); only then is the helper asked how long the frame is.
 */
tg_inline __u32 tg_check_length(struct xdp_md *xdp, struct tg_segment *segment)
{
	__u32 end = segment->offset + segment->bytes;

	if (end > segment->frame_bytes) {
		segment->frame_bytes = bpf_xdp_get_buff_len(xdp);
		if (end > segment->frame_bytes)
			return TG_PACKET_TRUNCATED;
	}
	return TG_CONTINUE;
}

/* TG_CONTINUE: *segment is one for a metered port. frame_bytes is set in any case. */
tg_inline __u32 tg_parse(struct xdp_md *xdp, struct tg_segment *segment)
{
	void *data = (void *)(long)xdp->data;
	struct tg_cursor cursor = {data, (void *)(long)xdp->data_end};
	__u32 reason, bytes;
	__be16 type;

	segment->frame_bytes = cursor.end - data;
	reason = tg_parse_ethernet(&cursor, &type);
	if (reason != TG_CONTINUE)
		return reason;
	segment->ip_offset = cursor.at - data;
	if (type == bpf_htons(ETH_P_IP))
		reason = tg_parse_ipv4(xdp, &cursor, segment, &bytes);
	else if (type == bpf_htons(ETH_P_IPV6))
		reason = tg_parse_ipv6(&cursor, segment, &bytes);
	else
		reason = TG_PACKET_NOT_IP;
	if (reason != TG_CONTINUE)
		return reason;
	segment->tcp_offset = cursor.at - data;
	reason = tg_parse_tcp(&cursor, segment, bytes);
	if (reason != TG_CONTINUE)
		return reason;
	segment->offset = cursor.at - data;
	return tg_check_length(xdp, segment);
}

/* The TCP header that came, into scratch->tcp. Returns its length, 0: it cannot be read. */
tg_inline __u32 tg_load_tcp(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	__u32 bytes = scratch->segment.offset - scratch->segment.tcp_offset;

	bytes = tg_mask(bytes, 0x3f);
	if (bytes < sizeof(struct tcphdr))
		return 0;
	return bpf_xdp_load_bytes(xdp, scratch->segment.tcp_offset, scratch->tcp, bytes) ? 0
											 : bytes;
}

#endif

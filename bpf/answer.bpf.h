/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets that are made, in the place of the one that came and never longer: an
 * answer to the client, a reset for the server, or the same packet with less
 * payload. The frame keeps its length; what a shorter IP packet leaves of it is
 * padding, zeroed. Checksums are made in full (the incoming one may have been
 * left to offload), the IP header anew, without options.
 */
#ifndef TOLLGATE_ANSWER_BPF_H
#define TOLLGATE_ANSWER_BPF_H

#include "count.bpf.h"
#include "packet.bpf.h"

#define TG_TCP_STAMP_BYTES 12 /* NOP NOP and the option (RFC 7323 appendix A) */
#define TG_HOPS		   64
#define TG_CHUNKS_MAX	   300

/*
 * RFC 6585 section 4, RFC 9110 section 10.2.3. As much of it as the request leaves
 * room for.
 */
#define TG_TEXT_FULL	    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: "
#define TG_TEXT_SHORT	    "HTTP/1.1 429 \r\nRetry-After: "
#define TG_TEXT_CLOSE	    "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define TG_TEXT_LENGTH	    "\r\nContent-Length: 0\r\n\r\n"
#define TG_TEXT_END	    "\r\n\r\n"
#define TG_TEXT_BYTES(text) (sizeof(text) - 1)
#define TG_RETRY_DIGITS	    7
#define TG_RETRY_MAX	    9999999

/* 1..256: a length that is not 0. */
tg_inline __u32 tg_chunk_bytes(__u32 bytes)
{
	if (bytes > TG_CHUNK_BYTES)
		bytes = TG_CHUNK_BYTES;
	return tg_mask(bytes - 1, 0xff) + 1;
}

/* --- checksums (RFC 1071) --------------------------------------------------------- */

/* What TCP's checksum covers beside the segment (RFC 9293 section 3.1, RFC 8200 section 8.1). */
tg_inline __u64 tg_sum_pseudo(const struct tg_segment *segment, __u32 tcp_bytes)
{
	const __u32 *client = (const __u32 *)segment->key.client.bytes;
	const __u32 *server = (const __u32 *)segment->key.server.bytes;
	__u64 sum = bpf_htonl(IPPROTO_TCP) + (__u64)bpf_htonl(tcp_bytes);

	sum += (__u64)client[3] + server[3];
	if (segment->ipv6)
		sum += (__u64)client[0] + client[1] + client[2] + server[0] + server[1] + server[2];
	return sum;
}

/* --- parts -------------------------------------------------------------------------- */

/* The IP header at the head of scratch->reply. Returns its length. */
tg_inline __u32 tg_reply_ip(struct tg_scratch *scratch, __u32 to_client, __u32 tcp_bytes)
{
	const struct tg_segment *segment = &scratch->segment;
	const struct tg_addr *from = to_client ? &segment->key.server : &segment->key.client;
	const struct tg_addr *to = to_client ? &segment->key.client : &segment->key.server;

	if (segment->ipv6) {
		struct ipv6hdr *ip = (void *)scratch->reply;

		ip->version = 6;
		ip->payload_len = bpf_htons(tcp_bytes);
		ip->nexthdr = IPPROTO_TCP;
		ip->hop_limit = TG_HOPS;
		__builtin_memcpy(&ip->saddr, from, 16);
		__builtin_memcpy(&ip->daddr, to, 16);
		return sizeof(*ip);
	} else {
		struct iphdr *ip = (void *)scratch->reply;

		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tot_len = bpf_htons(sizeof(*ip) + tcp_bytes);
		ip->frag_off = bpf_htons(0x4000); /* do not fragment */
		ip->ttl = TG_HOPS;
		ip->protocol = IPPROTO_TCP;
		__builtin_memcpy(&ip->saddr, from->bytes + 12, 4);
		__builtin_memcpy(&ip->daddr, to->bytes + 12, 4);
		ip->check = tg_sum_fold(bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0));
		return sizeof(*ip);
	}
}

/* Where in the TCP header in scratch->tcp the time stamps stand; 0: nowhere. */
tg_inline __u32 tg_find_stamps(const struct tg_scratch *scratch, __u32 header_bytes)
{
	__u32 at = sizeof(struct tcphdr), i;

	for (i = 0; i < 40; i++) {
		__u8 kind, bytes;

		if (at + 10 > header_bytes || at > 50)
			return 0;
		kind = scratch->tcp[at & 63];
		bytes = scratch->tcp[(at + 1) & 63];
		if (kind == 8 && bytes == 10)
			return at;
		if (!kind)
			return 0;
		at += kind == 1 || bytes < 2 ? 1 : bytes;
	}
	return 0;
}

/* The decimal digits of number (to TG_RETRY_MAX) at text. Returns how many. */
tg_inline __u32 tg_put_digits(char *text, __u32 number)
{
	__u32 power = 1, count = 1, i;

	for (i = 1; i < TG_RETRY_DIGITS; i++) {
		if (number / power < 10)
			break;
		power *= 10;
		count++;
	}
	for (i = 0; i < TG_RETRY_DIGITS; i++) {
		if (!power)
			break;
		text[i] = '0' + number / power % 10;
		power /= 10;
	}
	TG_FORGET(count);
	return tg_mask(count, 7);
}

/* A text: its head, the digits, its tail. Returns its length. */
#define TG_PUT_TEXT(text, head, number, tail)                                                      \
	({                                                                                         \
		__u32 digits;                                                                      \
		__builtin_memcpy(text, head, TG_TEXT_BYTES(head));                                 \
		digits = tg_put_digits((text) + TG_TEXT_BYTES(head), number);                      \
		__builtin_memcpy((text) + TG_TEXT_BYTES(head) + digits, tail,                      \
				 TG_TEXT_BYTES(tail));                                             \
		TG_TEXT_BYTES(head) + digits + TG_TEXT_BYTES(tail);                                \
	})
#define TG_TEXT_ROOM(head, tail) (TG_TEXT_BYTES(head) + TG_RETRY_DIGITS + TG_TEXT_BYTES(tail))

/* The text of a 429 of at most room bytes. Returns its length, 0: there is no room. */
tg_inline __u32 tg_reply_text(char *text, __u32 room, __u32 retry_s)
{
	if (retry_s > TG_RETRY_MAX)
		retry_s = TG_RETRY_MAX;
	if (room >= TG_TEXT_ROOM(TG_TEXT_FULL, TG_TEXT_CLOSE))
		return TG_PUT_TEXT(text, TG_TEXT_FULL, retry_s, TG_TEXT_CLOSE);
	if (room >= TG_TEXT_ROOM(TG_TEXT_SHORT, TG_TEXT_CLOSE))
		return TG_PUT_TEXT(text, TG_TEXT_SHORT, retry_s, TG_TEXT_CLOSE);
	if (room >= TG_TEXT_ROOM(TG_TEXT_SHORT, TG_TEXT_LENGTH))
		return TG_PUT_TEXT(text, TG_TEXT_SHORT, retry_s, TG_TEXT_LENGTH);
	if (room < TG_TEXT_ROOM(TG_TEXT_SHORT, TG_TEXT_END))
		return 0;
	return TG_PUT_TEXT(text, TG_TEXT_SHORT, retry_s, TG_TEXT_END);
}

/* What a text may take: the frame's bytes behind the longest headers that it can get. */
tg_inline __u32 tg_reply_room(const struct tg_segment *segment)
{
	__u32 headers = segment->ip_offset + sizeof(struct tcphdr) + TG_TCP_STAMP_BYTES +
			(segment->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	return segment->frame_bytes > headers ? segment->frame_bytes - headers : 0;
}

/* Would a 429 fit? */
tg_inline int tg_reply_fits(const struct tg_segment *segment)
{
	return tg_reply_room(segment) >= TG_TEXT_ROOM(TG_TEXT_SHORT, TG_TEXT_END);
}

/* bpf_loop callback: zeros behind what was written, a chunk at a time. */
struct tg_pad {
	struct xdp_md *xdp;
	struct tg_scratch *scratch;
	__u32 at;
	__u32 end;
};

static long tg_pad_chunk(__u32 index, struct tg_pad *pad)
{
	__u32 at = pad->at, bytes;

	(void)index;
	if (at >= pad->end || at > 0xffff)
		return 1;
	bytes = tg_chunk_bytes(pad->end - at);
	if (bpf_xdp_store_bytes(pad->xdp, at, pad->scratch->zeros, bytes))
		return 1;
	pad->at = at + bytes;
	return 0;
}

tg_inline int tg_swap_ethernet(struct xdp_md *xdp, struct tg_scratch *scratch)
{
	__u8 *mac = scratch->chunk;

	if (bpf_xdp_load_bytes(xdp, 0, mac, 12))
		return -1;
	__builtin_memcpy(mac + 12, mac, 6);
	return bpf_xdp_store_bytes(xdp, 0, mac + 6, 12) ? -1 : 0;
}

/* --- whole packets --------------------------------------------------------------------- */

/* 429, ACK or RST to the client, RST to the server. 0, or -1: it cannot be made. */
tg_global int tg_answer_make(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 header, stamps, text = 0, ip_bytes, tcp_bytes, to_client, padded, options = 0, kind;
	struct tg_pad pad;
	struct tcphdr *tcp;
	__u64 sum;

	if (!scratch)
		return -1;
	kind = scratch->answer.kind;
	to_client = kind != TG_ANSWER_ABORT;
	header = tg_load_tcp(xdp, scratch);
	if (!header)
		return -1;
	__builtin_memset(scratch->reply, 0, sizeof(scratch->reply));
	stamps = kind == TG_ANSWER_429 || kind == TG_ANSWER_ACK ? tg_find_stamps(scratch, header)
								: 0;
	ip_bytes = scratch->segment.ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	tcp = (void *)scratch->reply + ip_bytes;
	if (stamps && stamps <= 50) {
		__u8 *option = (void *)(tcp + 1);

		option[0] = 1;
		option[1] = 1;
		option[2] = 8;
		option[3] = 10;
		__builtin_memcpy(option + 4, scratch->tcp + stamps + 6, 4); /* what it echoed */
		__builtin_memcpy(option + 8, scratch->tcp + stamps + 2, 4);
		options = TG_TCP_STAMP_BYTES;
	}
	if (kind == TG_ANSWER_429) {
		char *to = (char *)(tcp + 1);

		to += options ? TG_TCP_STAMP_BYTES : 0;
		text = tg_reply_text(to, tg_reply_room(&scratch->segment), scratch->answer.retry_s);
		if (!text)
			return -1;
		TG_FORGET(text);
		text = tg_mask(text, 0x7f);
	}
	tcp->source =
		to_client ? scratch->segment.key.server_port : scratch->segment.key.client_port;
	tcp->dest = to_client ? scratch->segment.key.client_port : scratch->segment.key.server_port;
	tcp->seq = bpf_htonl(scratch->answer.seq);
	tcp->ack_seq = bpf_htonl(scratch->answer.ack);
	tcp->doff = (sizeof(*tcp) + options) / 4;
	tcp->ack = 1;
	tcp->rst = kind == TG_ANSWER_RST || kind == TG_ANSWER_ABORT;
	tcp->psh = kind == TG_ANSWER_429;
	tcp->fin = kind == TG_ANSWER_429;
	tcp->window = tcp->rst ? 0 : 0xffff; /* never less than what was announced */
	tcp_bytes = sizeof(*tcp) + options + text;
	padded = tg_mask(tcp_bytes + 3, 0xfc);
	sum = tg_sum_pseudo(&scratch->segment, tcp_bytes);
	sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)tcp, padded, 0);
	tcp->check = tg_sum_fold(sum);
	tg_reply_ip(scratch, to_client, tcp_bytes);
	tcp_bytes = tg_chunk_bytes(tcp_bytes + ip_bytes);
	if (bpf_xdp_store_bytes(xdp, scratch->segment.ip_offset, scratch->reply, tcp_bytes))
		return -1;
	pad.xdp = xdp;
	pad.scratch = scratch;
	pad.at = scratch->segment.ip_offset + tcp_bytes;
	pad.end = scratch->segment.frame_bytes;
	bpf_loop(TG_CHUNKS_MAX, tg_pad_chunk, &pad, 0);
	return to_client ? tg_swap_ethernet(xdp, scratch) : 0;
}

/* bpf_loop callback: sum up payload, a chunk at a time. */
struct tg_sum_run {
	struct xdp_md *xdp;
	struct tg_scratch *scratch;
	__u32 at;
	__u32 left;
	__u64 sum;
};

static long tg_sum_chunk(__u32 index, struct tg_sum_run *run)
{
	__u32 bytes = run->left;

	(void)index;
	if (!bytes || run->at > 0xffff)
		return 1;
	bytes = tg_chunk_bytes(bytes);
	__builtin_memset(run->scratch->chunk, 0, TG_CHUNK_BYTES);
	if (bpf_xdp_load_bytes(run->xdp, run->at, run->scratch->chunk, bytes))
		return 1;
	run->sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)run->scratch->chunk, TG_CHUNK_BYTES, 0);
	__builtin_memset(run->scratch->chunk, 0, TG_CHUNK_BYTES); /* it may have held a token */
	run->at += bytes;
	run->left -= bytes;
	return 0;
}

/* RFC 9293 section 3.1. 1, too, where it cannot be told: a segment too long for the helper. */
tg_global int tg_checksum_is_right(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_sum_run run;
	__u32 header, padded;

	if (!scratch)
		return 1;
	header = tg_load_tcp(xdp, scratch);
	if (!header)
		return 1;
	run.xdp = xdp;
	run.scratch = scratch;
	run.at = scratch->segment.offset;
	run.left = scratch->segment.bytes;
	run.sum = tg_sum_pseudo(&scratch->segment, header + run.left);
	padded = tg_mask(header, 0x3c);
	run.sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)scratch->tcp, padded, 0);
	bpf_loop(TG_CHUNKS_MAX, tg_sum_chunk, &run, 0);
	return run.left || !tg_sum_fold(run.sum);
}

/* The IP header's length field, for a segment of so many bytes. 0 or -1. */
tg_inline int tg_cut_ip(struct xdp_md *xdp, struct tg_scratch *scratch, __u32 tcp_bytes)
{
	__u32 at = scratch->segment.ip_offset;
	__u32 headers = scratch->segment.tcp_offset - at;
	__be16 *words = (__be16 *)scratch->chunk;
	__u64 sum;

	if (scratch->segment.ipv6) {
		words[0] = bpf_htons(headers - sizeof(struct ipv6hdr) + tcp_bytes);
		return bpf_xdp_store_bytes(xdp, at + 4, words, 2) ? -1 : 0;
	}
	if (bpf_xdp_load_bytes(xdp, at, words, sizeof(struct iphdr)))
		return -1;
	/* RFC 1624 equation 3 */
	sum = (__u16)~words[5];
	sum += (__u16)~words[1];
	words[1] = bpf_htons(headers + tcp_bytes);
	sum += words[1];
	words[5] = tg_sum_fold(sum);
	return bpf_xdp_store_bytes(xdp, at, words, sizeof(struct iphdr)) ? -1 : 0;
}

/* Leave scratch->answer.keep bytes of payload, no FIN unless whole, no URG. 0, or -1: it cannot
 * be. */
tg_global int tg_answer_cut(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 header, keep, padded;
	struct tg_sum_run run;
	struct tcphdr *tcp;

	if (!scratch)
		return -1;
	keep = scratch->answer.keep;
	header = tg_load_tcp(xdp, scratch);
	if (!header || keep > scratch->segment.bytes)
		return -1;
	tcp = (void *)scratch->tcp;
	if (!scratch->answer.whole)
		tcp->fin = 0;
	tcp->urg = 0;
	tcp->urg_ptr = 0;
	tcp->check = 0;
	run.xdp = xdp;
	run.scratch = scratch;
	run.at = scratch->segment.offset;
	run.left = keep;
	run.sum = tg_sum_pseudo(&scratch->segment, header + keep);
	padded = tg_mask(header, 0x3c);
	run.sum += (__u32)bpf_csum_diff(0, 0, (__be32 *)tcp, padded, 0);
	bpf_loop(TG_CHUNKS_MAX, tg_sum_chunk, &run, 0);
	if (run.left)
		return -1;
	tcp->check = tg_sum_fold(run.sum);
	header = tg_mask(header, 0x3f);
	if (header < sizeof(*tcp))
		return -1;
	if (bpf_xdp_store_bytes(xdp, scratch->segment.tcp_offset, tcp, header))
		return -1;
	return tg_cut_ip(xdp, scratch, header + keep);
}

#endif

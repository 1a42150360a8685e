/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's end of a connection: what it has, expects next, and takes. Where the
 * server is on this host and in this network namespace its socket is asked; its fields
 * are found by the kernel's BTF (CO-RE). Where it is behind this host, what its packets
 * said (egress.bpf.h).
 */
#ifndef TOLLGATE_SERVER_BPF_H
#define TOLLGATE_SERVER_BPF_H

#include <bpf/bpf_core_read.h>

#include "packet.bpf.h"

/* The kernel's, as far as they are read (include/linux/tcp.h). */
struct tcp_options_received {
	__u32 ts_recent;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 rcv_nxt;
	__u32 rcv_wup;
	__u32 rcv_wnd;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 max_window;
	struct tcp_options_received rx_opt;
} __attribute__((preserve_access_index));

struct sock_common {
	__u32 skc_rcv_wnd;
} __attribute__((preserve_access_index));

struct request_sock {
	struct sock_common __req_common;
	__u32 ts_recent;
} __attribute__((preserve_access_index));

struct inet_request_sock {
	struct request_sock req;
} __attribute__((preserve_access_index));

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_isn;
	__u32 snt_isn;
	__u32 ts_off;
	__u32 snt_tsval_first; /* not before Linux 6.15 */
	__u32 snt_tsval_last;
} __attribute__((preserve_access_index));

/* include/net/tcp_states.h */
#define TG_TCP_ESTABLISHED  1
#define TG_TCP_SYN_RECV	    3
#define TG_TCP_CLOSE_WAIT   8
#define TG_TCP_LISTEN	    10
#define TG_TCP_NEW_SYN_RECV 12

/* A cookie keeps no window; it is that of a SYN at most, which is not scaled. */
#define TG_COOKIE_WINDOW 0xffff

tg_inline __s32 tg_seq_from(__u32 seq, __u32 base)
{
	return (__s32)(seq - base);
}

tg_inline void tg_server_tuple(const struct tg_segment *segment, struct bpf_sock_tuple *tuple)
{
	const __u32 *client = (const __u32 *)segment->key.client.bytes;
	const __u32 *server = (const __u32 *)segment->key.server.bytes;

	if (segment->ipv6) {
		__builtin_memcpy(tuple->ipv6.saddr, client, 16);
		__builtin_memcpy(tuple->ipv6.daddr, server, 16);
		tuple->ipv6.sport = segment->key.client_port;
		tuple->ipv6.dport = segment->key.server_port;
	} else {
		tuple->ipv4.saddr = client[3];
		tuple->ipv4.daddr = server[3];
		tuple->ipv4.sport = segment->key.client_port;
		tuple->ipv4.dport = segment->key.server_port;
	}
}

tg_inline void tg_server_open(struct tg_server *server, struct tcp_sock *tcp)
{
	__u64 acked;

	server->state = TG_SERVER_OPEN;
	server->socket = 1;
	server->rcv_nxt = tcp->rcv_nxt;
	server->rcv_end = tcp->rcv_wup + tcp->rcv_wnd;
	if (tg_seq_from(server->rcv_end, server->rcv_nxt) < 0)
		server->rcv_end = server->rcv_nxt;
	server->start_seq = server->rcv_nxt - (__u32)tcp->bytes_received;
	server->began = 1;
	/* RFC 5961 section 5.2, and not before its own first byte. */
	acked = tcp->bytes_acked;
	server->snd_low = tcp->snd_una - (acked < tcp->max_window ? acked : tcp->max_window);
	server->snd_nxt = tcp->snd_nxt;
	server->write_seq = tcp->write_seq;
	/*
	 * snd_nxt moves when the packet is out, and its acknowledgement can be here before,
	 * on a veth pair for one. bytes_sent is moved before.
	 */
	server->sent =
		tcp->snd_una - (__u32)acked + (__u32)tcp->bytes_sent - (__u32)tcp->bytes_retrans;
	if (tg_seq_from(server->snd_nxt, server->sent) > 0)
		server->sent = server->snd_nxt;
	server->stamp = tcp->rx_opt.ts_recent;
	server->echo_low = 0;
	server->echo_high = 0;
}

tg_inline void tg_server_opening(struct tg_server *server, __u32 start_seq, __u32 ack, __u32 window)
{
	server->state = TG_SERVER_OPENING;
	server->socket = 1;
	server->began = 1;
	server->start_seq = start_seq;
	server->rcv_nxt = start_seq;
	server->rcv_end = start_seq + window;
	server->snd_low = ack;
	server->sent = ack;
	server->snd_nxt = ack;
	server->write_seq = ack;
	server->stamp = 0;
	server->echo_low = 0;
	server->echo_high = 0;
}

/* The SYN is answered, and what the client says to that is awaited. */
tg_inline void tg_server_requested(struct tg_server *server, struct tcp_request_sock *request)
{
	__u32 window = request->req.req.__req_common.skc_rcv_wnd;

	tg_server_opening(server, request->rcv_isn + 1, request->snt_isn + 1,
			  window < TG_COOKIE_WINDOW ? window : TG_COOKIE_WINDOW);
	server->stamp = request->req.req.ts_recent;
	if (bpf_core_field_exists(request->snt_tsval_first)) {
		server->echo_low = request->snt_tsval_first + request->ts_off;
		server->echo_high = request->snt_tsval_last + request->ts_off;
	}
}

/*
 * A listener alone: it may have answered the SYN with a cookie and kept nothing. Does
 * the segment bring it back? The helper reads the addresses and ports of headers that
 * are made here: those in the packet may lie beyond its first part.
 */
tg_inline int tg_server_has_cookie(struct tg_scratch *scratch, struct bpf_sock *listener)
{
	const struct tg_segment *segment = &scratch->segment;
	const __u32 *client = (const __u32 *)segment->key.client.bytes;
	const __u32 *server = (const __u32 *)segment->key.server.bytes;
	struct tcphdr *tcp = (struct tcphdr *)scratch->tcp;
	__u32 ip_bytes;

	__builtin_memset(scratch->reply, 0, sizeof(struct ipv6hdr));
	__builtin_memset(tcp, 0, sizeof(*tcp));
	if (segment->ipv6) {
		struct ipv6hdr *ip = (struct ipv6hdr *)scratch->reply;

		ip->version = 6;
		__builtin_memcpy(&ip->saddr, client, 16);
		__builtin_memcpy(&ip->daddr, server, 16);
		ip_bytes = sizeof(*ip);
	} else {
		struct iphdr *ip = (struct iphdr *)scratch->reply;

		ip->version = 4;
		ip->saddr = client[3];
		ip->daddr = server[3];
		ip_bytes = sizeof(*ip);
	}
	tcp->source = segment->key.client_port;
	tcp->dest = segment->key.server_port;
	tcp->seq = bpf_htonl(scratch->begin_seq);
	tcp->ack_seq = bpf_htonl(segment->ack);
	tcp->ack = 1;
	return !bpf_tcp_check_syncookie(listener, scratch->reply, ip_bytes, tcp, sizeof(*tcp));
}

/*
 * scratch->server, by the socket of scratch->segment's connection. scratch->begin_seq:
 * where that begins, as far as we know.
 */
tg_global int tg_server_look(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct bpf_sock_tuple tuple = {};
	struct tcp_request_sock *request;
	struct tg_server *server;
	struct tcp_sock *tcp;
	struct bpf_sock *sock;
	__u32 state;

	if (!scratch)
		return 0;
	server = &scratch->server;
	server->state = TG_SERVER_NONE;
	server->socket = 0;
	server->found = 0;
	tg_server_tuple(&scratch->segment, &tuple);
	sock = bpf_skc_lookup_tcp(xdp, &tuple,
				  scratch->segment.ipv6 ? sizeof(tuple.ipv6) : sizeof(tuple.ipv4),
				  BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return 0;
	state = sock->state;
	server->found = state;
	if (state == TG_TCP_ESTABLISHED || state == TG_TCP_CLOSE_WAIT || state == TG_TCP_SYN_RECV) {
		tcp = bpf_skc_to_tcp_sock(sock);
		if (tcp)
			tg_server_open(server, tcp);
		if (state == TG_TCP_CLOSE_WAIT) /* the client's FIN: nothing comes after it */
			server->rcv_end = server->rcv_nxt - 1;
	} else if (state == TG_TCP_NEW_SYN_RECV) {
		request = bpf_skc_to_tcp_request_sock(sock);
		if (request)
			tg_server_requested(server, request);
	} else if (state == TG_TCP_LISTEN && scratch->segment.acks && !scratch->segment.syn &&
		   !scratch->segment.rst && tg_server_has_cookie(scratch, sock)) {
		tg_cookie_jiffies = bpf_jiffies64();
		tg_server_opening(server, scratch->begin_seq, scratch->segment.ack,
				  TG_COOKIE_WINDOW);
	}
	bpf_sk_release(sock);
	return 0;
}

#endif

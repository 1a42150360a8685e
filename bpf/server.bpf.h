/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server's end of a connection, where it is a socket of this host and network
 * namespace: what it expects next, and what it has yet to send. Asked only when a
 * request is refused. Fields are found by the kernel's BTF (CO-RE).
 */
#ifndef TOLLGATE_SERVER_BPF_H
#define TOLLGATE_SERVER_BPF_H

#include <bpf/bpf_core_read.h>

#include "maps.bpf.h"

/* The kernel's, as far as it is read (include/linux/tcp.h). */
struct tcp_sock {
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 write_seq;
} __attribute__((preserve_access_index));

#define TG_TCP_ESTABLISHED 1
#define TG_TCP_CLOSE_WAIT  8

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

/* scratch->server, for the connection of scratch->segment. */
tg_global int tg_server_look(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct bpf_sock_tuple tuple = {};
	struct tcp_sock *tcp;
	struct bpf_sock *sock;

	if (!scratch)
		return 0;
	scratch->server.found = 0;
	tg_server_tuple(&scratch->segment, &tuple);
	sock = bpf_skc_lookup_tcp(xdp, &tuple,
				  scratch->segment.ipv6 ? sizeof(tuple.ipv6) : sizeof(tuple.ipv4),
				  BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return 0;
	if (sock->state == TG_TCP_ESTABLISHED || sock->state == TG_TCP_CLOSE_WAIT) {
		tcp = bpf_skc_to_tcp_sock(sock);
		if (tcp) {
			scratch->server.rcv_nxt = tcp->rcv_nxt;
			scratch->server.snd_nxt = tcp->snd_nxt;
			scratch->server.write_seq = tcp->write_seq;
			scratch->server.found = 1;
		}
	}
	bpf_sk_release(sock);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage identify: whose request it is. */
#ifndef TOLLGATE_IDENTITY_BPF_H
#define TOLLGATE_IDENTITY_BPF_H

#include <bpf/bpf_endian.h>

#include "settings.bpf.h"
#include "../include/tollgate/http_state.h"

/* bits: 0..64 leading ones, in network byte order. */
tg_inline __u64 tg_mask64(__u32 bits)
{
	return bits ? bpf_cpu_to_be64(~0ULL << (64 - bits)) : 0;
}

tg_inline int tg_addr_is_v4(const struct tg_addr *address)
{
	const __u32 *words = (const __u32 *)address->bytes;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* A client has one IPv4 address, but a whole IPv6 prefix to choose from. */
tg_inline void tg_identify_source(struct tg_addr *source, const struct tg_addr *client)
{
	__u64 *to = (__u64 *)source->bytes;
	const __u32 *from = (const __u32 *)client->bytes;
	__u32 bits = tg_ipv6_prefix;

	to[0] = from[0] | (__u64)from[1] << 32;
	to[1] = from[2] | (__u64)from[3] << 32;
	if (tg_addr_is_v4(client))
		return;
	to[0] &= tg_mask64(bits < 64 ? bits : 64);
	to[1] &= tg_mask64(bits < 64 ? 0 : bits <= 128 ? bits - 64 : 64);
}

tg_inline void tg_identify(struct tg_usage_key *out, const struct tg_addr *client,
			   const struct tg_head *head)
{
	tg_identify_source(&out->source, client);
	out->token = head->token;
	out->iface = tg_iface;
	out->pad = 0;
}

#endif

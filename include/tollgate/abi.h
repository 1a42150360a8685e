/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys and values of the pinned maps: what the XDP program, the agent and
 * `bpftool map dump` agree on. Includes nothing but fixed-size types, so it
 * compiles for BPF and for userspace alike.
 *
 * Counters only grow. A reader takes differences; nobody clears.
 * Layout change: raise TG_ABI_VERSION. The agent refuses pins of another.
 */
#ifndef TOLLGATE_ABI_H
#define TOLLGATE_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#include "limits.h"

#define TG_ABI_VERSION 1

#define TG_ASSERT_SIZE(type, bytes)                                                                \
	_Static_assert(sizeof(type) == (bytes), #type " changed its layout")

enum tg_packet_reason {
	TG_PACKET_SEEN, /* counted on entry: equals the sum of all the others */
#define TG_PACKET_REASON(name, label, meaning) TG_PACKET_##name,
#include "reasons.def"
	TG_PACKET_REASONS
};

enum tg_unattributed_reason {
#define TG_UNATTRIBUTED_REASON(name, label, meaning) TG_UNATTRIBUTED_##name,
#include "reasons.def"
	TG_UNATTRIBUTED_REASONS
};

/* A client address: IPv6 masked to identity.ipv6_prefix; IPv4 as ::ffff:a.b.c.d. */
struct tg_addr {
	__u8 bytes[16]; /* network byte order */
};

/*
 * A token as far as it may be known outside its packet. All zero: no token.
 * prefix: the first bytes, zero-padded; id: SipHash-2-4 of the whole token
 * under the host's secret (host byte order, never 0 for a token).
 */
struct tg_token {
	char prefix[TG_PREFIX_BYTES_MAX]; /* char, so that bpftool shows text */
	__u64 id;
};
TG_ASSERT_SIZE(struct tg_token, 24);

/* map usage (HASH): one row per source, token and interface. */
struct tg_usage_key {
	struct tg_addr source;
	struct tg_token token;
	__u32 iface; /* slot in map interfaces */
	__u32 pad;   /* 0 */
};
TG_ASSERT_SIZE(struct tg_usage_key, 48);

/*
 * What is counted of requests, wherever it is counted. requests includes
 * denied and observed; a copy reads the parts before the sum, and they are
 * written after it, so that in a copy the parts never exceed the sum.
 */
struct tg_counts {
	__u64 denied;
	__u64 observed;
	__u64 origin_requests; /* of requests: those that named an origin */
	__u64 origin_bytes;
	__u64 requests;
	__u64 bytes; /* header and body, as they arrived */
};
TG_ASSERT_SIZE(struct tg_counts, 48);

#define TG_ROW_RETIRING 1 /* counts go to the spill maps from now on */

struct tg_usage {
	struct tg_counts counts;
	__u64 tag; /* of the key: a row's memory may become another row's at any time */
	__u64 first_jiffies;
	__u64 last_jiffies;
	__u32 flags; /* TG_ROW_* */
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_usage, 80);

/*
 * map token_spill (HASH): counts of a token that stand in no usage row, as the
 * row was retired or there was no room for it. Token total = its usage rows
 * plus its spill row.
 */
struct tg_token_key {
	struct tg_token token;
	__u32 iface;
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_token_key, 32);

/* map source_spill (HASH): the same counts once more, by source. */
struct tg_source_key {
	struct tg_addr source;
	__u32 iface;
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_source_key, 24);

/* map origins (HASH): token x origin; the host's text stands in the value. */
struct tg_origin_key {
	struct tg_token token;
	__u64 origin_id; /* SipHash-2-4 of the lower-case host, same secret */
};
TG_ASSERT_SIZE(struct tg_origin_key, 32);

struct tg_origin {
	__u64 tag; /* as in struct tg_usage */
	__u64 requests;
	__u64 bytes;
	__u64 last_jiffies;
	__u32 flags;		      /* TG_ROW_* */
	__u32 host_bytes;	      /* of the host's text; more than fits: it is cut */
	char host[TG_HOST_BYTES_MAX]; /* zero-padded */
};
TG_ASSERT_SIZE(struct tg_origin, 104);

/*
 * map packets (PERCPU_ARRAY): index iface * TG_PACKET_REASONS + reason.
 * bytes: frame bytes as XDP saw them. requests: those that were completed, or
 * broke off, in these packets; counted apart from usage, token_spill and
 * unattributed, so that the sums check each other.
 */
struct tg_packets {
	__u64 packets;
	__u64 bytes;
	__u64 requests;
};

/* map unattributed (PERCPU_ARRAY): index enum tg_unattributed_reason. */
struct tg_unattributed {
	__u64 requests;
	__u64 bytes;
};

/* map interfaces (ARRAY of TG_IFACES_MAX): slot -> name. Written by the agent. */
struct tg_interface {
	char name[TG_IFACE_NAME_BYTES]; /* empty: a free slot. Never reused for another name */
	__u32 ifindex;			/* 0: not there now */
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_interface, 24);

/* map meta (ARRAY of 1): what the pinned maps were made for. */
struct tg_meta {
	__u32 abi_version;
	__u8 ipv6_prefix;	 /* identity.ipv6_prefix: keys of usage and source_spill */
	__u8 token_prefix_bytes; /* identity.token_prefix_bytes: struct tg_token in keys */
	__u16 pad;
	__u64 created_unix_ns;
	__u64 secret_check; /* SipHash-2-4 of "tollgate" under the secret in use */
	__u64 generation;   /* raised by each agent that took the pins over */
};
TG_ASSERT_SIZE(struct tg_meta, 32);

/*
 * A connection: maps flows, embryos, partials. Addresses in network byte
 * order, IPv4 as ::ffff:a.b.c.d; ports in network byte order.
 */
struct tg_flow_key {
	struct tg_addr client;
	struct tg_addr server;
	__be16 client_port;
	__be16 server_port;
};
TG_ASSERT_SIZE(struct tg_flow_key, 36);

/*
 * Context of the maintenance programs (SEC("syscall")), run by the agent with
 * BPF_PROG_TEST_RUN. In: idle_jiffies. Out: the rest.
 */
struct tg_sweep {
	__u64 idle_jiffies; /* older than this: goes */
	__u64 now_jiffies;
	__u64 now_ns; /* bpf_ktime_get_boot_ns, with now_jiffies: HZ from two runs */
	__u64 examined;
	__u64 removed; /* flows removed / rows marked / rows retired */
	__u64 kept;    /* rows that could not be retired: a spill map was full */
};
TG_ASSERT_SIZE(struct tg_sweep, 48);

#endif

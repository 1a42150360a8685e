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

#define TG_ABI_VERSION 3

#define TG_ASSERT_SIZE(type, bytes)                                                                \
	_Static_assert(sizeof(type) == (bytes), #type " changed its layout")

enum tg_packet_reason {
	TG_PACKET_SEEN, /* counted on entry: equals the sum of all the others */
#define TG_PACKET_REASON(name, label, meaning) TG_PACKET_##name,
#include "reasons.def"
	TG_PACKET_REASONS
};

/* Where the servers are, of whose connections alone requests count. */
enum tg_server_place {
	TG_SERVER_LOCAL,     /* sockets of this network namespace */
	TG_SERVER_FORWARDED, /* behind this host: what they send passes tg_egress */
	TG_SERVER_UNSEEN,    /* neither: every segment is believed */
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

/*
 * What a policy speaks of. Of each kind, the most specific policy that matches
 * a request is enforced.
 */
enum tg_kind {
	TG_KIND_TOKEN_ID,
	TG_KIND_TOKEN,	/* by the first bytes of its text */
	TG_KIND_SOURCE, /* by prefix */
	TG_KIND_ANY,
	TG_KINDS
};

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
	__u64 match[TG_KINDS]; /* TG_MATCH_*: policies and budgets, as they were found last */
};
TG_ASSERT_SIZE(struct tg_usage, 112);

/*
 * A cached match: which policy of a kind the row is under (0: none) and which
 * budget it spends. Whole in one word, so that no reader sees half of one; of
 * no use under another epoch than that of struct tg_control.
 */
#define TG_MATCH(epoch, policy, slot)                                                              \
	((__u64)((epoch)&0xffffff) << 40 | (__u64)(policy) << 24 | (slot))
#define TG_MATCH_EPOCH(match)  ((match) >> 40)
#define TG_MATCH_POLICY(match) ((match) >> 24 & 0xffff)
#define TG_MATCH_SLOT(match)   ((match)&0xffffff)

/*
 * map token_spill (HASH): counts of a token that stand in no usage row, as the
 * row was retired or there was no room for it. Token total = its usage rows
 * plus its spill rows. Made in advance by the agent, so that they are there when the
 * map is full:
 *   of a token that a policy names by id: under its id alone, prefix zero
 *   of tokens that found no row, from sources that have one: id 0, prefix all
 *   TG_PREFIX_UNPLACED
 * Rows of interfaces from TG_IFACES_MAX on count nothing: they keep room for policies to
 * come. So in source_spill.
 */
#define TG_PREFIX_UNPLACED 0xff

struct tg_token_key {
	struct tg_token token;
	__u32 iface;
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_token_key, 32);

static inline int tg_token_is_unplaced(const struct tg_token *token)
{
	return !token->id && (__u8)token->prefix[0] == TG_PREFIX_UNPLACED;
}

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

/* --- quotas ------------------------------------------------------------------- */

/* What becomes of a request without budget. The larger one wins. */
enum tg_action {
	TG_ACTION_NONE,	   /* it is allowed */
	TG_ACTION_OBSERVE, /* it passes, and is counted as observed */
	TG_ACTION_REJECT,  /* HTTP 429 with Retry-After */
	TG_ACTION_RESET,   /* TCP RST */
	TG_ACTION_DROP,	   /* silence */
	TG_ACTIONS
};

enum tg_per { TG_PER_EACH, TG_PER_SHARED };

/* Units of limits. The first TG_RATES are rates, the others calendar periods. */
enum tg_unit {
	TG_UNIT_S,
	TG_UNIT_M,
	TG_UNIT_H,
	TG_RATES,
	TG_UNIT_MINUTE = TG_RATES,
	TG_UNIT_HOUR,
	TG_UNIT_DAY,
	TG_UNIT_MONTH,
	TG_UNITS
};
#define TG_CALENDARS (TG_UNITS - TG_RATES)

struct tg_limit {
	__u64 amount;	   /* requests a unit */
	__u64 interval_ns; /* rate: from one request to the next, rounded up; calendar: 0 */
	__u64 depth_ns;	   /* rate: burst * interval_ns; calendar: 0 */
	__u32 unit;	   /* enum tg_unit; at most one limit of a unit in a policy */
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_limit, 32);

/*
 * map policies (ARRAY of TG_POLICY_SLOTS): index 0 is none. An element does not
 * change while it is in use: a policy that changes gets another one. What lasts
 * is the owner, under which its budgets stand.
 */
struct tg_policy {
	__u32 owner;	    /* 1..TG_POLICIES_MAX-1, also the slot of its own budget; 0: free */
	__u32 subject_bits; /* of subject that count (the mask's length) */
	__u8 subject[16];   /* SOURCE: address as in struct tg_addr; TOKEN: text; TOKEN_ID: id */
	__u8 kind;	    /* enum tg_kind */
	__u8 per;	    /* enum tg_per */
	__u8 action;	    /* enum tg_action */
	__u8 limits;	    /* in use of limit[] */
	__u32 pad;
	struct tg_limit limit[TG_LIMITS_MAX];
};
TG_ASSERT_SIZE(struct tg_policy, 160);

/*
 * map policy_counts (ARRAY of struct tg_counts): by owner, what its policy decided.
 * Each request is decided by one policy at most.
 */

/*
 * map policy_match (LPM_TRIE): which policy of a kind. Policy sets stand side by
 * side under their numbers; struct tg_control says which is in force.
 */
struct tg_match_key {
	__u32 bits; /* of what follows: 64 + the subject's */
	__u32 set;
	__u32 kind;
	__u8 subject[16];
};
TG_ASSERT_SIZE(struct tg_match_key, 28);
#define TG_MATCH_BITS(subject_bits) (64 + (subject_bits))

/* Value of policy_match: index in policies; 0: none, whatever a shorter prefix says. */

/*
 * map budgets (ARRAY): slot below TG_POLICIES_MAX: of the policy with that
 * owner, shared by all that match (per: shared), or by those that found no
 * slot of their own (per: each); other slots: of one subject each, made by the
 * program on first sight. Only ever written by compare-and-swap.
 */
struct tg_budget {
	__u32 owner;
	__u32 state;	  /* enum tg_budget_state */
	__u8 subject[16]; /* source, or token id (host byte order, then zeros), or zeros */
	char prefix[TG_PREFIX_BYTES_MAX]; /* of a token, for people */
	__u64 last_jiffies;
	__u64 denied; /* requests that found it empty */
	__u64 observed;
	__u64 rate[TG_RATES];		 /* bucket.h; boot clock; 0: full */
	__u64 calendar[TG_CALENDARS][2]; /* bucket.h; the last two periods; right behind rate */
};
TG_ASSERT_SIZE(struct tg_budget, 152);
#define TG_BUDGET_WORDS (TG_RATES + 2 * TG_CALENDARS)
_Static_assert(__builtin_offsetof(struct tg_budget, calendar) ==
		       __builtin_offsetof(struct tg_budget, rate) + TG_RATES * 8,
	       "the words of a budget are one array");

enum tg_budget_state {
	TG_BUDGET_FREE,
	TG_BUDGET_LIVE,
	TG_BUDGET_RETIRING, /* as if new, and idle: goes unless someone takes from it */
	TG_BUDGET_DEAD,	    /* nobody's; free when no program can still see it */
};

/* map budget_index (HASH): subject -> slot in budgets, for per: each. */
struct tg_budget_key {
	__u32 owner;
	__u32 kind; /* enum tg_kind, of the policy */
	__u8 subject[16];
};
TG_ASSERT_SIZE(struct tg_budget_key, 24);

/* map budget_free (QUEUE of __u32): slots that nobody has. */

/*
 * map calendars (ARRAY of 2 * TG_CALENDARS): when periods begin, as far as the
 * agent has looked ahead, beyond that every nominal_ns. Two tables, so that one
 * can be written while the other is in use: index half * TG_CALENDARS + unit.
 */
struct tg_calendar {
	__u64 nominal_ns;
	__u32 periods; /* in use */
	__u32 hint;    /* a period not long past; written by the program */
	__u32 step;    /* of id, from a period to the next, beyond the last one */
	__u32 pad;
	__u64 start_ns[TG_PERIODS_MAX]; /* boot clock (may be before boot: two's complement) */
	__u32 id[TG_PERIODS_MAX];	/* grows with time, the same from agent to agent; not 0 */
};

/* map control (ARRAY of 1): each word is replaced as one. */
struct tg_control {
	__u64 set_epoch; /* number of the policy set << 32 | epoch of cached matches (24 bits) */
	__u32 calendar_half;
	__u32 has_policies;  /* any in the set */
	__u32 drops_sources; /* entries of drops by source; 0: need not be looked at */
	__u32 drops_tokens;
	__s64 refused;	 /* connections whose request was refused, as long as they are followed */
	__u64 drop_half; /* which of drop_lengths is in force */
	/* Prefix lengths of the sources in drops, each + 1, longest first; 0 ends them. */
	__u8 drop_lengths[2][TG_DROP_LENGTHS_MAX];
};
TG_ASSERT_SIZE(struct tg_control, 72);
/*
 * map drops (HASH): what is dropped now. By source (CIDR; never_block stands here
 * too, with its reason) or by token id. Expired entries count as not there. A source
 * is sought under each prefix length that there is: mostly one, a single address.
 */
struct tg_drop_key {
	__u32 bits; /* of subject that count; the others are 0 */
	__u32 kind; /* TG_KIND_SOURCE or TG_KIND_TOKEN_ID */
	__u8 subject[16];
};
TG_ASSERT_SIZE(struct tg_drop_key, 24);

struct tg_drop {
	__u64 expires_jiffies; /* the kernel's clock; 0: never */
	__u64 open_jiffies;    /* until then connections from before may be open; 0: for good */
	__u64 expires_unix_ns; /* the same for people; 0: never */
	__u64 created_unix_ns;
	__u64 packets; /* dropped by this entry */
	__u64 bytes;
	__u32 reason; /* enum tg_drop_reason */
	__u32 pad;
	char text[TG_DROP_TEXT_BYTES]; /* why, for people; zero-padded */
};
TG_ASSERT_SIZE(struct tg_drop, 120);

enum tg_drop_reason {
	TG_DROP_MANUAL, /* tollgate block */
	TG_DROP_RULE,	/* a policy's block rule */
	TG_DROP_NEVER,	/* never_block: passes */
	TG_DROP_REASONS
};

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

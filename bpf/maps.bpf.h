/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps. Keys and values stand in include/tollgate/abi.h but for those of
 * the connection tracker, which are this build's own business (and part of the
 * ABI version all the same, as they are pinned). Sizes are set by the loader.
 */
#ifndef TOLLGATE_MAPS_BPF_H
#define TOLLGATE_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "settings.bpf.h"
#include "../include/tollgate/http_state.h"

/*
 * A function that the verifier checks once, for any arguments, and not again
 * for each state that each caller calls it in. Pointers may be NULL for it.
 */
#define tg_global __attribute__((noinline))

/* A connection whose client has sent data. */
struct tg_flow {
	__u64 owner; /* tag of its key, + 1 while a CPU works on it; 0: gone */
	struct tg_scan scan;
	__u64 offset; /* bytes of the stream before next_seq */
	__u64 last_jiffies;
	__u64 unbilled_bytes;	  /* of the body in progress */
	struct tg_usage_key bill; /* whose body it is */
	__u64 bill_origin_id;
	__u32 next_seq;	  /* the first byte not yet seen */
	__u32 reborn_seq; /* TG_FLOW_REBORN: where the new stream begins */
	__u32 flags;
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_flow, 128);

#define TG_FLOW_PARTIAL 1 /* its unfinished header is kept in partials */
#define TG_FLOW_REBORN	2 /* a SYN came: the client may have begun anew */

/*
 * A connection without data: its client has sent its SYN only, or is done
 * (closed), and what it sends again must not pass for new. LRU, as anyone can
 * send SYNs.
 */
struct tg_embryo {
	__u32 next_seq;
	__u32 closed;
};

/* A TCP segment for a metered port. */
struct tg_segment {
	struct tg_flow_key key;
	__u32 seq;	   /* of the first payload byte; host byte order */
	__u32 offset;	   /* of the payload in the frame */
	__u32 bytes;	   /* of payload */
	__u32 frame_bytes; /* of the whole frame, fragments included */
	__u8 syn, fin, rst;
};

/*
 * What does not fit on the stack, and what the verifier shall not follow: a
 * number that is read from a map is any number to it.
 */
struct tg_scratch {
	struct tg_head head;
	struct tg_flow fresh_flow;
	struct tg_origin fresh_origin;
	struct tg_segment segment;
	__u64 base;	/* stream offset of a byte less its frame offset */
	__u32 at;	/* frame offset of the next byte to scan */
	__u32 limit;	/* frame offset of the payload's end */
	__u32 requests; /* completed in this packet */
	__u32 broken;	/* requests that broke off in it */
	__u32 reason;	/* of an error; TG_CONTINUE: none */
	__u8 tail[80];	/* what lies beyond frame offset 0xfff8 */
	__u32 step;	/* what the last step came to */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_usage_key);
	__type(value, struct tg_usage);
	__uint(max_entries, 262144);
} usage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_token_key);
	__type(value, struct tg_counts);
	__uint(max_entries, 65536);
} token_spill SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_source_key);
	__type(value, struct tg_counts);
	__uint(max_entries, 65536);
} source_spill SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_origin_key);
	__type(value, struct tg_origin);
	__uint(max_entries, 65536);
} origins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_packets);
	__uint(max_entries, TG_IFACES_MAX *TG_PACKET_REASONS);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_unattributed);
	__uint(max_entries, TG_UNATTRIBUTED_REASONS);
} unattributed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_interface);
	__uint(max_entries, TG_IFACES_MAX);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_meta);
	__uint(max_entries, 1);
} meta SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_flow_key);
	__type(value, struct tg_flow);
	__uint(max_entries, 262144);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tg_flow_key);
	__type(value, struct tg_embryo);
	__uint(max_entries, 65536);
} embryos SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_flow_key);
	__type(value, struct tg_head);
	__uint(max_entries, 16384);
} partials SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_scratch);
	__uint(max_entries, 1);
} scratch_map SEC(".maps");

/*
 * This CPU's scratch. Also for a global function that hands a part of it to a
 * map helper as key or value: Linux 6.1 takes no argument of the function there
 * (6.2 does).
 */
static inline __attribute__((always_inline)) struct tg_scratch *tg_scratch(void)
{
	__u32 index = 0;

	return bpf_map_lookup_elem(&scratch_map, &index);
}

#endif

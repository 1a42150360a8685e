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

#define TG_REPLY_BYTES                                                                             \
	296 /* of the largest packet that is made, and what the masks below allow                  \
	     */
#define TG_CHUNK_BYTES 256

enum tg_workplace_index { TG_WORKPLACE_METER, TG_WORKPLACE_MAINTENANCE, TG_WORKPLACES };

/*
 * A function that the verifier checks once, for any arguments, and not again
 * for each state that each caller calls it in. Pointers may be NULL for it.
 */
#define tg_global __attribute__((noinline))

/* What is kept of a connection whose request was refused: see refuse.bpf.h. */
struct tg_refusal {
	__u32 server_seq;  /* what the server expects next: nothing from here on reaches it */
	__u32 end_seq;	   /* where the refused packet ended: what comes before it was refused */
	__u32 reply_seq;   /* of the answer's first byte; what the client acknowledged */
	__u32 drained_ack; /* what the client had acknowledged when the server was quiet */
	__u32 retry_s;
	__u8 action;   /* enum tg_action */
	__u8 stage;    /* enum tg_refusal_stage */
	__u8 finished; /* the client's FIN came with the request */
	__u8 pad;
};

/*
 * What the packets of a server that is not on this host say of it: egress.bpf.h. Host
 * byte order. Written beside the flow's owner, word by word.
 */
struct tg_peer {
	__u32 rcv_nxt; /* it has acknowledged up to here */
	__u32 rcv_end; /* and takes bytes before here */
	__u32 snd_nxt; /* it has sent up to here */
	__u32 stamp;   /* the client's time stamp that it has echoed last; 0: none */
	__u8 scale;    /* of its window (RFC 7323 section 2) */
	__u8 closed;   /* it has sent FIN or RST: it reads no more */
	__u8 pad[2];
};

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
	__u32 bill_policy; /* under which the request was decided */
	__u32 allowed_ack; /* TG_FLOW_ALLOWED: what the client had acknowledged then */
	struct tg_refusal refusal;
	__u32 ack;   /* the client's last acknowledgement that was seen with data */
	__u32 stamp; /* of its newest bytes in order; 0: none */
	struct tg_peer peer;
};
TG_ASSERT_SIZE(struct tg_flow, 184);

#define TG_FLOW_PARTIAL 1  /* its unfinished header is kept in partials */
#define TG_FLOW_REBORN	2  /* a SYN came: the client may have begun anew */
#define TG_FLOW_ALLOWED 4  /* a request was let through: an answer is due, or was */
#define TG_FLOW_REFUSED 8  /* refusal holds: nothing more of it is scanned */
#define TG_FLOW_HOLDS	16 /* bytes that came too early are kept in holds and held */

/*
 * A connection that has no flow: not yet, or not any more (closed: what its client
 * sends again must not pass for new). By server place:
 *   local      closed ones only: of others the server's socket tells
 *   forwarded  those that the server has answered, too
 *   unseen     those whose client has sent its SYN, too: anyone can, so it is an LRU map
 */
enum tg_closed {
	TG_CLOSED = 1,
	TG_CLOSED_BETWEEN, /* messages: next_seq is where another one would begin */
};
struct tg_embryo {
	__u32 next_seq;
	__u32 closed;	 /* enum tg_closed; 0: it is not */
	__u32 start_seq; /* of the stream */
	__u32 began;	 /* its SYN was seen: start_seq is known */
	struct tg_peer peer;
};

/*
 * What of a connection came too early, as runs of the sequence; the bytes that must be
 * read stand in pages of map held. A page's number is a part of its sequence numbers.
 */
#define TG_RUNS_MAX   32
#define TG_PAGE_BYTES 1024
#define TG_PAGES_MAX  1024 /* a connection's; also how far ahead a byte can be held, in pages */
#define TG_PAGE_WORDS (TG_PAGE_BYTES / 8)
/* A page at work: 8 bytes before it, for words that end in it; a page's length behind it. */
#define TG_PAGE_AT   8
#define TG_PAGE_ROOM (TG_PAGE_AT + 2 * TG_PAGE_BYTES + 8)

struct tg_hold {
	__u32 begin[TG_RUNS_MAX]; /* ascending, apart; host byte order */
	__u32 end[TG_RUNS_MAX];
	__u32 runs;
	__u32 fin_seq; /* has_fin: the client's FIN stands here */
	__u32 has_fin;
	__u32 first_page; /* numbers of the first page that may be there, ... */
	__u32 last_page;  /* ... and of the last one, not cut to TG_PAGES_MAX */
	__u32 pad;
	__u64 since_jiffies;
	__u64 pages[TG_PAGES_MAX / 64]; /* bit p: there is page p */
};

struct tg_held_key {
	struct tg_flow_key flow;
	__u32 page;
};
TG_ASSERT_SIZE(struct tg_held_key, 40);

/* Masked, as unfinished headers are. Bytes that are not in a run are 0 under the mask. */
struct tg_words {
	__u64 word[TG_PAGE_WORDS];
};

struct tg_held {
	__u64 nonce;
	struct tg_words words;
};

/* A TCP segment for a metered port. */
struct tg_segment {
	struct tg_flow_key key;
	__u32 seq;	   /* of the first payload byte; host byte order */
	__u32 ack;	   /* what the client has; host byte order */
	__u32 offset;	   /* of the payload in the frame */
	__u32 bytes;	   /* of payload */
	__u32 frame_bytes; /* of the whole frame, fragments included */
	__u16 ip_offset;   /* of the IP header in the frame */
	__u16 tcp_offset;
	__u8 syn, fin, rst, ipv6;
	__u8 acks; /* the ACK bit */
	__u8 urgent;
	__u8 stamped; /* it bears time stamps (RFC 7323); ... */
	__u8 odd;     /* ... or may: its options are not laid out as usual */
	__u32 stamp;  /* value */
	__u32 echo;   /* echo reply */
};

/* What is added at once; the same for every row that it is added to. */
struct tg_delta {
	__u64 requests;
	__u64 bytes;
	__u64 origin_id; /* 0: none named */
	__u64 denied;
	__u64 observed;
	__u32 policy; /* that decided; 0: none */
};

/* What is decided about a request: policy.bpf.h. */
struct tg_decision {
	__u32 action;  /* enum tg_action; OBSERVE: it passes */
	__u32 policy;  /* that decided; 0: none */
	__u64 wait_ns; /* until there is budget again */
};

/* A word of a budget: what it is, and what it becomes when a request is taken from it. */
struct tg_plan {
	__u64 was;
	__u64 next;
	__u64 word; /* 0..TG_BUDGET_WORDS-1 */
};

/* What becomes of a packet, unless it passes as it is: answer.bpf.h makes it so. */
enum tg_answer_kind {
	TG_ANSWER_PASS,
	TG_ANSWER_DROP,
	TG_ANSWER_429,	 /* to the client, with what acknowledges its request, and FIN */
	TG_ANSWER_ACK,	 /* to the client */
	TG_ANSWER_RST,	 /* to the client */
	TG_ANSWER_ABORT, /* RST to the server, in the client's name */
	TG_ANSWER_CUT,	 /* passes with less payload, and without FIN */
};

struct tg_answer {
	__u32 kind; /* enum tg_answer_kind */
	__u32 seq;  /* of the packet that is made; host byte order */
	__u32 ack;
	__u32 retry_s; /* 429 */
	__u32 keep;    /* CUT: payload bytes that stay */
	__u32 whole;   /* CUT: FIN stays, too: only URG goes */
};

enum tg_server_state {
	TG_SERVER_NONE,	   /* it has no such connection, or reads no more of it */
	TG_SERVER_OPENING, /* its SYN is not acknowledged as yet */
	TG_SERVER_OPEN,
};

/* What the server says of a connection: its socket, or the packets that it sent. */
struct tg_server {
	__u32 state;	 /* enum tg_server_state */
	__u32 socket;	 /* it is a socket of this host */
	__u32 found;	 /* state of the socket that was found, whatever it is; 0: none */
	__u32 began;	 /* start_seq is known */
	__u32 start_seq; /* of the client's stream; host byte order, as all of them */
	__u32 rcv_nxt;	 /* expected next */
	__u32 rcv_end;	 /* the right edge of what it takes */
	__u32 snd_low;	 /* acknowledgements from here on are taken ... */
	__u32 sent;	 /* ... up to here */
	__u32 snd_nxt;	 /* of the socket: it has sent up to here, and the packet is out */
	__u32 write_seq; /* of the socket: it has or will send up to here */
	__u32 stamp;	 /* older time stamps are not taken; 0: there are none */
	__u32 echo_low;	 /* echoes of another time are not taken ... */
	__u32 echo_high; /* ... 0, both: of any */
};

/*
 * What does not fit on the stack, and what the verifier shall not follow: a
 * number that is read from a map is any number to it.
 */
struct tg_scratch {
	struct tg_head head;
	struct tg_flow fresh_flow;
	struct tg_origin fresh_origin;
	struct tg_usage fresh_usage;
	struct tg_usage_key fresh_key;
	struct tg_segment segment;
	__u64 base;	/* stream offset of a byte less its frame offset */
	__u32 at;	/* frame offset of the next byte to scan */
	__u32 limit;	/* frame offset of the payload's end */
	__u32 requests; /* completed in this packet */
	__u32 broken;	/* requests that broke off in it */
	__u32 reason;	/* of an error; TG_CONTINUE: none */
	__u8 tail[80];	/* what lies beyond frame offset 0xfff8 */
	__u32 step;	/* what the last step came to */
	__u32 allowed;	/* requests let through in this packet */
	__u32 between;	/* the packet began between messages */
	/* Where the packet's new bytes begin. */
	__u64 first_offset; /* in the stream */
	__u32 first_seq;
	/* Bytes that came too early: hold.bpf.h. */
	__u32 begin_seq;  /* where the segment's connection begins, as far as we know */
	__u32 missed;	  /* GAP: bytes that the server has were never seen here */
	__u32 from_page;  /* the scanner reads page, not the packet */
	__u32 page_bytes; /* of it, that are scanned now */
	__u32 over;	  /* the client's FIN came before, and nothing is missing any more */
	__u32 run_end;	  /* up to where what is held is complete */
	__u32 hold_at;	  /* sequence numbers: how far the segment is stored */
	__u32 hold_end;
	__u32 hold_skip;   /* bytes before it need not be read: a body's */
	__u32 hold_result; /* the packet's reason, if it cannot be held */
	__u32 hold_fresh;  /* some of it was not there */
	__u32 gives_up;	   /* what is missing before the segment does not come any more */
	__u32 strayed;	   /* the last segment with payload was of no connection */
	__u32 looked;	   /* the socket was asked before the flow was sought */
	__u32 run_begin[2 * TG_RUNS_MAX];
	__u32 run_stop[2 * TG_RUNS_MAX];
	struct tg_hold fresh_hold;
	struct tg_held_key held_key;
	struct tg_held fresh_page;
	__u64 page[TG_PAGE_ROOM / 8];
	__u64 other[TG_PAGE_ROOM / 8];
	/* Quotas. */
	struct tg_plan plan[TG_KINDS][TG_LIMITS_MAX]; /* take.bpf.h */
	__u32 never;				      /* the source stands in never_block */
	__u64 now_ns;				      /* boot clock; 0: not read yet */
	__u64 set_epoch;
	__u64 match[TG_KINDS];
	struct tg_usage_key bill;
	struct tg_decision decision;
	struct tg_match_key match_key;
	struct tg_budget_key budget_key;
	struct tg_drop_key drop_key;
	__u32 slot;
	struct tg_delta delta;	    /* of the request */
	struct tg_delta body_delta; /* of the body before it */
	struct tg_usage_key body_bill;
	/* Packets that are made. */
	struct tg_answer answer;
	struct tg_server server;
	__u8 reply[TG_REPLY_BYTES]; /* IP header, TCP header, text */
	__u8 tcp[64];		    /* the TCP header that came */
	__u8 chunk[TG_CHUNK_BYTES];
	__u8 zeros[TG_CHUNK_BYTES]; /* never written */
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
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_flow_key);
	__type(value, struct tg_hold);
	__uint(max_entries, TG_HELD_DEFAULT / 4);
} holds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_held_key);
	__type(value, struct tg_held);
	__uint(max_entries, TG_HELD_DEFAULT);
} held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_policy);
	__uint(max_entries, TG_POLICY_SLOTS);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_counts);
	__uint(max_entries, TG_POLICIES_MAX);
} policy_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tg_match_key);
	__type(value, __u32);
	__uint(max_entries, 4 * TG_POLICIES_MAX); /* two sets, each with never_block */
} policy_match SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_budget);
	__uint(max_entries, TG_POLICIES_MAX + 65536);
	__uint(map_flags, BPF_F_MMAPABLE); /* the agent reads tens of thousands at a time */
} budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_budget_key);
	__type(value, __u32);
	__uint(max_entries, 65536);
} budget_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u32);
	__uint(max_entries, 65536);
} budget_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_calendar);
	__uint(max_entries, 2 * TG_CALENDARS);
} calendars SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_control);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE); /* the agent writes single words, beside the program */
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tg_drop_key);
	__type(value, struct tg_drop);
	__uint(max_entries, 65536);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct tg_scratch);
	__uint(max_entries, TG_WORKPLACES);
} scratch_map SEC(".maps");

/*
 * This CPU's scratch. Maintenance programs run where a packet may interrupt them,
 * so theirs is another one. Also for a global function that hands a part of it to a
 * map helper as key or value: Linux 6.1 takes no argument of the function there
 * (6.2 does).
 */
static inline __attribute__((always_inline)) struct tg_scratch *tg_scratch(void)
{
	__u32 index = tg_workplace;

	return bpf_map_lookup_elem(&scratch_map, &index);
}

/*
 * Bounds for the verifier, as a mask on the very register that is handed on: clang
 * compares a copy that it has subtracted from, which teaches the verifier nothing.
 */
static inline __attribute__((always_inline)) __u32 tg_mask(__u32 number, __u32 mask)
{
	number &= mask;
	asm volatile("" : "+r"(number));
	return number;
}

static inline __attribute__((always_inline)) struct tg_control *tg_control(void)
{
	__u32 index = 0;

	return bpf_map_lookup_elem(&control, &index);
}

#endif

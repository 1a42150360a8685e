// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter's own code, and what it is measured against. BPF_PROG_TEST_RUN
 * repeats one packet, which would be a retransmission from the second run on:
 * each program here first moves the sequence number on, so that every run is
 * the next segment of its connection. bench_noop does only that; others have one of
 * their own that does only what they do before the meter.
 */
#include "../../bpf/spine.bpf.h"
#include "knobs.h"

#define BENCH_SOURCE_OFFSET (14 + 12) /* Ethernet, IPv4 without options */

volatile struct bench_knobs bench_knobs;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tg_addr);
	__type(value, __u64);
	__uint(max_entries, 65536);
} bench_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct bench_template);
	__uint(max_entries, BENCH_STEPS_MAX);
} bench_templates SEC(".maps");

struct bench_head { /* what is written over, from the source address on */
	__be32 source;
	__be32 server;
	__be16 client_port;
	__be16 server_port;
	__be32 seq;
};

tg_inline struct bench_head *bench_head(struct xdp_md *xdp)
{
	struct bench_head *head = (void *)(long)xdp->data + BENCH_SOURCE_OFFSET;

	return (void *)(head + 1) > (void *)(long)xdp->data_end ? 0 : head;
}

/* The IPv4 header's checksum, after its addresses were written over. */
tg_inline void bench_sum(struct bench_head *head)
{
	__u16 *half = (__u16 *)((void *)head - 12);
	__u32 sum = 0;
	int i;

	half[5] = 0;
	for (i = 0; i < 10; i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	half[5] = ~((sum & 0xffff) + (sum >> 16));
}

tg_inline void bench_next(struct xdp_md *xdp)
{
	struct bench_head *head = bench_head(xdp);
	__u32 clients = bench_knobs.clients, source;

	if (!head)
		return;
	source = bpf_ntohl(head->source);
	source = (source & ~clients) | ((source + 1) & clients);
	head->source = bpf_htonl(source);
	if (!(source & clients))
		head->seq = bpf_htonl(bpf_ntohl(head->seq) + bench_knobs.advance);
	bench_sum(head);
}

SEC("xdp.frags")
int bench_noop(struct xdp_md *xdp)
{
	bench_next(xdp);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_meter(struct xdp_md *xdp)
{
	bench_next(xdp);
	return tg_spine(xdp);
}

/* The least that any meter by address does: parse, then count the source in an LRU map. */
SEC("xdp.frags")
int bench_count_source(struct xdp_md *xdp)
{
	struct tg_segment segment;
	__u64 one = 1, *count;

	bench_next(xdp);
	if (tg_parse(xdp, &segment) != TG_CONTINUE)
		return XDP_PASS;
	count = bpf_map_lookup_elem(&bench_sources, &segment.key.client);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&bench_sources, &segment.key.client, &one, BPF_ANY);
	return XDP_PASS;
}

/* --- floods ------------------------------------------------------------------------ */

/* Of 198.18.0.0/15 and any port: none that was there before. */
tg_inline void bench_stray(struct xdp_md *xdp, __u32 cycle)
{
	struct bench_head *head = bench_head(xdp);
	__u64 turn = bench_knobs.visits[cycle] + 1;

	if (!head)
		return;
	bench_knobs.visits[cycle] = turn;
	turn *= 0x9e3779b97f4a7c15ULL;
	head->source = bpf_htonl(0xc6120000 | (turn >> 32 & 0x1ffff));
	head->client_port = turn >> 16;
	bench_sum(head);
}

SEC("xdp.frags")
int bench_stray_noop(struct xdp_md *xdp)
{
	bench_stray(xdp, BENCH_CYCLE_NOOP);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_stray_meter(struct xdp_md *xdp)
{
	bench_stray(xdp, BENCH_CYCLE_METER);
	return tg_spine(xdp);
}

/* --- crowds ------------------------------------------------------------------------ */

/* Each connection once a round, in an order that jumps about; its next segment. */
tg_inline void bench_visit(struct xdp_md *xdp, __u32 cycle)
{
	struct bench_head *head = bench_head(xdp);
	__u64 turn = bench_knobs.visits[cycle];
	__u32 crowd = bench_knobs.crowd, which;

	if (!head || !crowd)
		return;
	bench_knobs.visits[cycle] = turn + 1;
	which = turn * 618033 % crowd; /* has no factor with a power of 10 */
	head->source = bpf_htonl(0x0a000000 + which / BENCH_CROWD_PORTS);
	head->client_port = bpf_htons(1024 + which % BENCH_CROWD_PORTS);
	head->seq = bpf_htonl(BENCH_SEQ + (__u32)(turn / crowd) * bench_knobs.advance);
	bench_sum(head);
}

SEC("xdp.frags")
int bench_crowd_noop(struct xdp_md *xdp)
{
	bench_visit(xdp, BENCH_CYCLE_NOOP);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_crowd_meter(struct xdp_md *xdp)
{
	bench_visit(xdp, BENCH_CYCLE_METER);
	return tg_spine(xdp);
}

/* --- what a server behind this host said ------------------------------------------- */

/* before.sh builds this file over older meters, too, which knew nothing of servers. */
#ifdef TOLLGATE_PROOF_BPF_H
/* The server has accepted the segment's connection, and takes 256 MiB from it on. */
tg_inline void bench_accept(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_embryo embryo = {.began = 1};

	if (!scratch || tg_parse(xdp, &scratch->segment) != TG_CONTINUE)
		return;
	embryo.next_seq = scratch->segment.seq;
	embryo.start_seq = embryo.next_seq;
	embryo.peer.rcv_nxt = embryo.next_seq;
	embryo.peer.rcv_end = embryo.next_seq + (1 << 28);
	embryo.peer.snd_nxt = scratch->segment.ack;
	bpf_map_update_elem(&embryos, &scratch->segment.key, &embryo, BPF_ANY);
}

/* The connection is forgotten here, and new to the server. */
tg_inline void bench_begin(struct xdp_md *xdp)
{
	struct tg_scratch *scratch = tg_scratch();

	if (!scratch || tg_parse(xdp, &scratch->segment) != TG_CONTINUE)
		return;
	bpf_map_delete_elem(&flows, &scratch->segment.key);
	bpf_map_delete_elem(&embryos, &scratch->segment.key);
	if (tg_server_place == TG_SERVER_FORWARDED)
		bench_accept(xdp);
}
#else
tg_inline void bench_accept(struct xdp_md *xdp)
{
	(void)xdp;
}

tg_inline void bench_begin(struct xdp_md *xdp)
{
	(void)xdp;
}
#endif

SEC("xdp.frags")
int bench_open(struct xdp_md *xdp)
{
	bench_accept(xdp);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_crowd_open(struct xdp_md *xdp)
{
	bench_visit(xdp, BENCH_CYCLE_METER);
	bench_accept(xdp);
	return tg_spine(xdp);
}

/* --- whole connections ----------------------------------------------------------- */

/* The frame becomes this turn's segment. Returns which kind; -1: it cannot be made. */
tg_inline int bench_segment(struct xdp_md *xdp, __u32 cycle)
{
	__u64 turn = bench_knobs.turn[cycle], connection;
	__u32 steps = bench_knobs.steps, length, kind;
	struct bench_template *template;
	struct bench_head *head;

	if (!steps)
		return -1;
	bench_knobs.turn[cycle] = turn + 1;
	connection = turn / steps;
	kind = turn % steps;
	template = bpf_map_lookup_elem(&bench_templates, &kind);
	if (!template || kind >= BENCH_STEPS_MAX)
		return -1;
	length = template->length;
	if (bpf_xdp_adjust_tail(xdp, (int)length - (int)bpf_xdp_get_buff_len(xdp)))
		return -1;
	length = ((length - 1) & (BENCH_FRAME_MAX - 1)) + 1;
	asm volatile("" : "+r"(length));
	if (bpf_xdp_store_bytes(xdp, 0, template->bytes, length))
		return -1;
	head = bench_head(xdp);
	if (!head)
		return -1;
	if (bench_knobs.ends == BENCH_NEW_SOURCE)
		head->source = bpf_htonl(0x0a000000 + (__u32)connection);
	else if (bench_knobs.ends == BENCH_NEW_PORT)
		head->client_port = bpf_htons(1024 + connection % BENCH_CYCLE_PORTS);
	bench_sum(head);
	return kind;
}

tg_inline int bench_cycle(struct xdp_md *xdp, __u32 cycle)
{
	int kind = bench_segment(xdp, cycle);
	__u64 began;

	if (kind < 0)
		return XDP_ABORTED;
	if (!kind && bench_knobs.ends == BENCH_SAME)
		bench_begin(xdp);
	began = bpf_ktime_get_ns();
	if (cycle == BENCH_CYCLE_METER)
		tg_spine(xdp);
	bench_knobs.ns[cycle][kind & (BENCH_STEPS_MAX - 1)] += bpf_ktime_get_ns() - began;
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_cycle_noop(struct xdp_md *xdp)
{
	return bench_cycle(xdp, BENCH_CYCLE_NOOP);
}

SEC("xdp.frags")
int bench_cycle_meter(struct xdp_md *xdp)
{
	return bench_cycle(xdp, BENCH_CYCLE_METER);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

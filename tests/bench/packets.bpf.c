// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter's own code, and what it is measured against. BPF_PROG_TEST_RUN
 * repeats one packet, which would be a retransmission from the second run on:
 * each program here first moves the sequence number on, so that every run is
 * the next segment of its connection. bench_noop does only that.
 */
#include "../../bpf/spine.bpf.h"
#include "knobs.h"

#define BENCH_SOURCE_OFFSET (14 + 12)	  /* Ethernet, IPv4 without options */
#define BENCH_SEQ_OFFSET    (14 + 20 + 4) /* and TCP */

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

tg_inline void bench_next(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data;
	struct bench_head *head = data + BENCH_SOURCE_OFFSET;
	__u32 clients = bench_knobs.clients, source;

	if ((void *)(head + 1) > (void *)(long)xdp->data_end)
		return;
	source = bpf_ntohl(head->source);
	source = (source & ~clients) | ((source + 1) & clients);
	head->source = bpf_htonl(source);
	if (!(source & clients))
		head->seq = bpf_htonl(bpf_ntohl(head->seq) + bench_knobs.advance);
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
	head = (void *)(long)xdp->data + BENCH_SOURCE_OFFSET;
	if ((void *)(head + 1) > (void *)(long)xdp->data_end)
		return -1;
	if (bench_knobs.sources)
		head->source = bpf_htonl(0x0a000000 + (__u32)connection);
	else
		head->client_port = bpf_htons(1024 + connection % BENCH_CYCLE_PORTS);
	return kind;
}

tg_inline int bench_cycle(struct xdp_md *xdp, __u32 cycle)
{
	int kind = bench_segment(xdp, cycle);
	__u64 began;

	if (kind < 0)
		return XDP_ABORTED;
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

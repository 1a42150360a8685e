// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The meter's own code, and what it is measured against. BPF_PROG_TEST_RUN
 * repeats one packet, which would be a retransmission from the second run on:
 * each program here first moves the sequence number on, so that every run is
 * the next segment of its connection. bench_noop does only that.
 */
#include "../../bpf/spine.bpf.h"

#define BENCH_SEQ_OFFSET (14 + 20 + 4) /* Ethernet, IPv4 without options, TCP */

volatile __u32 bench_advance; /* bytes from one run to the next */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tg_addr);
	__type(value, __u64);
	__uint(max_entries, 65536);
} bench_sources SEC(".maps");

tg_inline void bench_next(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data;
	__be32 *seq = data + BENCH_SEQ_OFFSET;

	if ((void *)(seq + 1) <= (void *)(long)xdp->data_end)
		*seq = bpf_htonl(bpf_ntohl(*seq) + bench_advance);
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

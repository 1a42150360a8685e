// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tollgate's programs. A packet's way, a stage a header:
 *
 *   parse (packet) -> track (flow) -> scan (request) -> identify (identity)
 *         -> count (count) -> verdict (verdict)
 *
 * Each stage returns a reason from reasons.def, or TG_CONTINUE.
 */
#include "packet.bpf.h"
#include "request.bpf.h"
#include "sweep.bpf.h"
#include "verdict.bpf.h"

SEC("xdp.frags")
int tollgate(struct xdp_md *xdp)
{
	struct tg_scratch *scratch;
	__u32 reason, index = 0;

	scratch = bpf_map_lookup_elem(&scratch_map, &index);
	if (!scratch)
		return XDP_PASS; /* cannot be: an array of one */
	reason = tg_parse(xdp, &scratch->segment);
	tg_count_packet(TG_PACKET_SEEN, 1, scratch->segment.frame_bytes);
	if (reason == TG_CONTINUE)
		reason = tg_segment(xdp, scratch);
	return tg_verdict(reason, scratch->segment.frame_bytes);
}

SEC("syscall")
int tg_sweep_flows(struct tg_sweep *sweep)
{
	struct tg_sweep work = {.idle_jiffies = sweep->idle_jiffies};

	tg_sweep_start(&work);
	bpf_for_each_map_elem(&flows, tg_sweep_flow, &work, 0);
	*sweep = work;
	return 0;
}

SEC("syscall")
int tg_mark_idle(struct tg_sweep *sweep)
{
	struct tg_sweep work = {.idle_jiffies = sweep->idle_jiffies};

	tg_sweep_start(&work);
	bpf_for_each_map_elem(&usage, tg_mark_usage_row, &work, 0);
	bpf_for_each_map_elem(&origins, tg_mark_origin_row, &work, 0);
	*sweep = work;
	return 0;
}

SEC("syscall")
int tg_retire_marked(struct tg_sweep *sweep)
{
	struct tg_sweep work = {.idle_jiffies = sweep->idle_jiffies};

	tg_sweep_start(&work);
	bpf_for_each_map_elem(&usage, tg_retire_usage_row, &work, 0);
	bpf_for_each_map_elem(&origins, tg_retire_origin_row, &work, 0);
	*sweep = work;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tollgate's programs: the meter itself, and its maintenance. */
#include "spine.bpf.h"
#include "egress.bpf.h"
#include "retire.bpf.h"
#include "sweep.bpf.h"

SEC("xdp.frags")
int tollgate(struct xdp_md *xdp)
{
	return tg_spine(xdp);
}

SEC("tc")
int tg_egress(struct __sk_buff *skb)
{
	return tg_egress_watch(skb);
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

/* Only what time it is: now_jiffies, now_ns. */
SEC("syscall")
int tg_clocks(struct tg_sweep *sweep)
{
	struct tg_sweep work = {.idle_jiffies = sweep->idle_jiffies};

	tg_sweep_start(&work);
	*sweep = work;
	return 0;
}

SEC("syscall")
int tg_mark_budgets(struct tg_sweep *sweep)
{
	struct tg_retire work = {.sweep.idle_jiffies = sweep->idle_jiffies};

	tg_retire_start(&work);
	bpf_for_each_map_elem(&budgets, tg_mark_budget, &work, 0);
	*sweep = work.sweep;
	return 0;
}

SEC("syscall")
int tg_retire_budgets(struct tg_sweep *sweep)
{
	struct tg_retire work = {.sweep.idle_jiffies = sweep->idle_jiffies};

	tg_retire_start(&work);
	bpf_for_each_map_elem(&budgets, tg_retire_budget, &work, 0);
	*sweep = work.sweep;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

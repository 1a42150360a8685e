/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maintenance, run by the agent: connections that fell silent are forgotten,
 * idle usage rows are folded into the spill maps. In the kernel, so that an
 * agent that dies in the middle leaves no count half moved.
 *
 * Retiring takes two programs with an RCU grace period between them: the first
 * marks rows, the XDP program counts elsewhere from then on, and when every
 * run that may not have seen the mark is over, the second moves the counts.
 */
#ifndef TOLLGATE_SWEEP_BPF_H
#define TOLLGATE_SWEEP_BPF_H

#include "flow.bpf.h"

struct bpf_map; /* opaque: what bpf_for_each_map_elem hands to a callback */

tg_inline void tg_sweep_start(struct tg_sweep *sweep)
{
	sweep->now_jiffies = bpf_jiffies64();
	sweep->now_ns = bpf_ktime_get_boot_ns();
	sweep->examined = 0;
	sweep->removed = 0;
	sweep->kept = 0;
}

/* A stamp may be newer than now: it was taken after the sweep began. */
tg_inline int tg_sweep_is_idle(const struct tg_sweep *sweep, __u64 last_jiffies)
{
	return (__s64)(sweep->now_jiffies - last_jiffies) > (__s64)sweep->idle_jiffies;
}

static long tg_sweep_flow(struct bpf_map *map, struct tg_flow_key *key, struct tg_flow *flow,
			  struct tg_sweep *sweep)
{
	struct tg_flow_key copy = *key;
	__u64 tag;

	(void)map;
	sweep->examined++;
	if (!tg_sweep_is_idle(sweep, flow->last_jiffies))
		return 0;
	tag = tg_flow_tag(&copy);
	if (tg_flow_take(flow, tag))
		return 0;
	if (tg_sweep_is_idle(sweep, flow->last_jiffies)) {
		tg_flow_forget(&copy, flow);
		sweep->removed++;
	} else {
		tg_flow_release(flow, tag);
	}
	return 0;
}

static long tg_mark_usage_row(struct bpf_map *map, struct tg_usage_key *key, struct tg_usage *row,
			      struct tg_sweep *sweep)
{
	(void)map;
	(void)key;
	sweep->examined++;
	if (!tg_sweep_is_idle(sweep, row->last_jiffies))
		return 0;
	__sync_fetch_and_or(&row->flags, TG_ROW_RETIRING);
	sweep->removed++;
	return 0;
}

static long tg_mark_origin_row(struct bpf_map *map, struct tg_origin_key *key,
			       struct tg_origin *row, struct tg_sweep *sweep)
{
	(void)map;
	(void)key;
	if (tg_sweep_is_idle(sweep, row->last_jiffies))
		__sync_fetch_and_or(&row->flags, TG_ROW_RETIRING);
	return 0;
}

tg_inline void tg_counts_move(struct tg_counts *to, const struct tg_counts *from)
{
	__sync_fetch_and_add(&to->requests, from->requests);
	__sync_fetch_and_add(&to->bytes, from->bytes);
	__sync_fetch_and_add(&to->denied, from->denied);
	__sync_fetch_and_add(&to->observed, from->observed);
	__sync_fetch_and_add(&to->origin_requests, from->origin_requests);
	__sync_fetch_and_add(&to->origin_bytes, from->origin_bytes);
}

static long tg_retire_usage_row(struct bpf_map *map, struct tg_usage_key *key, struct tg_usage *row,
				struct tg_sweep *sweep)
{
	struct tg_counts *token, *source;
	struct tg_usage_key copy;

	(void)map;
	if (!(row->flags & TG_ROW_RETIRING))
		return 0;
	copy = *key;
	sweep->examined++;
	token = tg_token_spill_row(&copy);
	source = token ? tg_source_spill_row(&copy) : 0;
	if (!source) {
		__sync_fetch_and_and(&row->flags, ~TG_ROW_RETIRING);
		sweep->kept++;
		return 0;
	}
	tg_counts_move(token, &row->counts);
	tg_counts_move(source, &row->counts);
	bpf_map_delete_elem(&usage, &copy);
	sweep->removed++;
	return 0;
}

static long tg_retire_origin_row(struct bpf_map *map, struct tg_origin_key *key,
				 struct tg_origin *row, struct tg_sweep *sweep)
{
	struct tg_origin_key copy = *key;

	(void)map;
	(void)sweep;
	if (row->flags & TG_ROW_RETIRING)
		bpf_map_delete_elem(&origins, &copy);
	return 0;
}

#endif

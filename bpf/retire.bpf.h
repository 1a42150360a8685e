/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maintenance of budgets: those that are as if new and idle make room, and those
 * whose policy is gone. Nobody may lose by it what was taken, so:
 *
 *   tg_mark_budgets    LIVE -> RETIRING; who takes from one makes it LIVE again
 *   (grace period: who took without having seen the mark is through)
 *   tg_retire_budgets  RETIRING and still as if new -> DEAD, out of the index
 *   (new epoch, grace period: nobody has the slot in a cached match any more)
 *   the agent          DEAD -> FREE, to be handed out again (user/maintain.c: on
 *                      Linux 6.1 these programs may not touch a queue)
 */
#ifndef TOLLGATE_RETIRE_BPF_H
#define TOLLGATE_RETIRE_BPF_H

#include "budget.bpf.h"
#include "sweep.bpf.h"

struct tg_retire {
	struct tg_sweep sweep;
	__u64 now_ns;
	__u32 period[TG_CALENDARS]; /* that is now; 0: not known */
};

tg_inline void tg_retire_start(struct tg_retire *work)
{
	struct tg_control *control = tg_control();
	__u64 left_ns;
	__u32 i;

	tg_sweep_start(&work->sweep);
	work->now_ns = bpf_ktime_get_boot_ns();
	for (i = 0; i < TG_CALENDARS; i++)
		work->period[i] =
			control ? tg_budget_period(TG_RATES + i, control->calendar_half & 1,
						   work->now_ns, &left_ns)
				: 0;
}

/* Would a budget that is made now allow no more? */
tg_inline int tg_budget_is_new(const struct tg_budget *budget, const struct tg_retire *work)
{
	__u32 i;

	for (i = 0; i < TG_RATES; i++)
		if (budget->rate[i] > work->now_ns)
			return 0;
	for (i = 0; i < TG_CALENDARS; i++)
		if (budget->calendar[i][0] >> 32 >= work->period[i] + !work->period[i] ||
		    budget->calendar[i][1] >> 32 >= work->period[i] + !work->period[i])
			return 0;
	return 1;
}

/* Is it of no use any more? Its policy's own slot says whether there still is one. */
tg_inline int tg_budget_may_go(const struct tg_budget *budget, const struct tg_retire *work)
{
	__u32 owner = budget->owner;
	struct tg_budget *own = bpf_map_lookup_elem(&budgets, &owner);

	if (!own || own->state != TG_BUDGET_LIVE)
		return 1;
	return tg_sweep_is_idle(&work->sweep, budget->last_jiffies) &&
	       tg_budget_is_new(budget, work);
}

static long tg_mark_budget(struct bpf_map *map, __u32 *index, struct tg_budget *budget,
			   struct tg_retire *work)
{
	__u32 slot = *index;

	(void)map;
	if (slot < TG_POLICIES_MAX)
		return 0;
	work->sweep.examined++;
	if (budget->state == TG_BUDGET_LIVE && tg_budget_may_go(budget, work)) {
		__sync_val_compare_and_swap(&budget->state, TG_BUDGET_LIVE, TG_BUDGET_RETIRING);
		work->sweep.removed++;
	}
	return 0;
}

static long tg_retire_budget(struct bpf_map *map, __u32 *index, struct tg_budget *budget,
			     struct tg_retire *work)
{
	struct tg_budget_key key = {};
	__u32 kind, slot = *index, *found;

	(void)map;
	if (slot < TG_POLICIES_MAX || budget->state != TG_BUDGET_RETIRING)
		return 0;
	work->sweep.examined++;
	if (!tg_budget_may_go(budget, work)) {
		__sync_val_compare_and_swap(&budget->state, TG_BUDGET_RETIRING, TG_BUDGET_LIVE);
		work->sweep.kept++;
		return 0;
	}
	key.owner = budget->owner;
	__builtin_memcpy(key.subject, budget->subject, sizeof(key.subject));
	/* The kind is that of the owner's policy, which may be gone: whichever it is. */
	for (kind = 0; kind < TG_KINDS; kind++) {
		key.kind = kind;
		found = bpf_map_lookup_elem(&budget_index, &key);
		if (found && *found == slot)
			break;
	}
	/* Out of the index first: who finds it dead must be able to make another at once. */
	if (kind < TG_KINDS)
		bpf_map_delete_elem(&budget_index, &key);
	if (__sync_val_compare_and_swap(&budget->state, TG_BUDGET_RETIRING, TG_BUDGET_DEAD) ==
	    TG_BUDGET_RETIRING) {
		work->sweep.removed++;
		return 0;
	}
	/* Someone was faster: it stays, unless the subject has another one already. */
	if (kind < TG_KINDS && bpf_map_update_elem(&budget_index, &key, &slot, BPF_NOEXIST)) {
		budget->state = TG_BUDGET_DEAD;
		work->sweep.removed++;
		return 0;
	}
	work->sweep.kept++;
	return 0;
}

#endif

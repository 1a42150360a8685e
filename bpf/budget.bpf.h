/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage decide, its lower half: the budget of a policy for a subject. Found by
 * slot; of `per: each` policies made on first sight. When there is no slot left,
 * those who have none share the policy's own: they may find it empty early, but
 * those who have one are not touched.
 */
#ifndef TOLLGATE_BUDGET_BPF_H
#define TOLLGATE_BUDGET_BPF_H

#include "maps.bpf.h"
#include "../include/tollgate/bucket.h"
#include "../include/tollgate/calendar.h"

#define TG_BUDGET_TRIES 8

/* --- slots ------------------------------------------------------------------------ */

/* What scratch->slot holds becomes the subject's, as if new. */
tg_inline void tg_budget_start(struct tg_scratch *scratch, struct tg_budget *budget)
{
	const struct tg_budget_key *key = &scratch->budget_key;

	budget->owner = key->owner;
	__builtin_memcpy(budget->subject, key->subject, sizeof(budget->subject));
	__builtin_memset(budget->prefix, 0, sizeof(budget->prefix));
	if (key->kind == TG_KIND_TOKEN)
		__builtin_memcpy(budget->prefix, scratch->bill.token.prefix,
				 sizeof(budget->prefix));
	budget->denied = 0;
	budget->observed = 0;
	__builtin_memset(budget->rate, 0, sizeof(budget->rate));
	__builtin_memset(budget->calendar, 0, sizeof(budget->calendar));
	budget->last_jiffies = bpf_jiffies64();
	*(volatile __u32 *)&budget->state = TG_BUDGET_LIVE;
}

/* Make a budget for scratch->budget_key. Its slot, or 0: there is no room. */
tg_inline __u32 tg_budget_add(struct tg_scratch *scratch)
{
	struct tg_budget *budget;

	if (bpf_map_pop_elem(&budget_free, &scratch->slot))
		return 0;
	budget = bpf_map_lookup_elem(&budgets, &scratch->slot);
	if (!budget)
		return 0; /* cannot be: the agent filled the queue with slots that there are */
	tg_budget_start(scratch, budget);
	if (!bpf_map_update_elem(&budget_index, &scratch->budget_key, &scratch->slot, BPF_NOEXIST))
		return scratch->slot;
	budget->state = TG_BUDGET_FREE; /* another CPU was faster, or the index is full */
	bpf_map_push_elem(&budget_free, &scratch->slot, 0);
	return 0;
}

/* Elements of a hash are used again at once: what was found may be another subject's by now. */
tg_inline int tg_budget_is_for(const struct tg_scratch *scratch, const struct tg_budget *budget)
{
	const __u64 *wanted = (const __u64 *)scratch->budget_key.subject;
	const __u64 *found = (const __u64 *)budget->subject;

	return budget->owner == scratch->budget_key.owner && wanted[0] == found[0] &&
	       wanted[1] == found[1];
}

/* The slot of scratch->budget_key, made if it is not there; the policy's own if it cannot be. */
tg_global __u32 tg_budget_slot(void)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_budget *budget;
	__u32 *found, slot, i;

	if (!scratch)
		return 0;
	for (i = 0; i < TG_BUDGET_TRIES; i++) {
		found = bpf_map_lookup_elem(&budget_index, &scratch->budget_key);
		slot = found ? *found : tg_budget_add(scratch);
		if (!slot)
			continue;
		scratch->slot = slot;
		budget = bpf_map_lookup_elem(&budgets, &scratch->slot);
		/* One about to go stays: it is looked for. A dead one has left the index. */
		if (budget && budget->state == TG_BUDGET_RETIRING)
			__sync_val_compare_and_swap(&budget->state, TG_BUDGET_RETIRING,
						    TG_BUDGET_LIVE);
		if (budget && budget->state == TG_BUDGET_LIVE && tg_budget_is_for(scratch, budget))
			return slot;
	}
	return scratch->budget_key.owner;
}

/*
 * Is the slot the policy's, and in use? One that was about to go stays: someone takes
 * from it.
 */
tg_inline int tg_budget_is_of(struct tg_budget *budget, const struct tg_policy *policy)
{
	if (budget->owner != policy->owner)
		return 0;
	if (budget->state == TG_BUDGET_RETIRING)
		__sync_val_compare_and_swap(&budget->state, TG_BUDGET_RETIRING, TG_BUDGET_LIVE);
	return budget->state == TG_BUDGET_LIVE;
}

/* --- limits ------------------------------------------------------------------------- */

/* The period that a calendar limit is in now: its id, and what is left of it. 0: not known. */
tg_inline __u32 tg_budget_period(__u32 unit, __u32 half, __u64 now_ns, __u64 *left_ns)
{
	__u32 index = half * TG_CALENDARS + unit - TG_RATES, id = 0;
	struct tg_calendar *calendar = bpf_map_lookup_elem(&calendars, &index);
	__u64 end_ns = now_ns;

	if (!calendar || !calendar->periods)
		return 0;
	tg_calendar_period(calendar, now_ns, &id, &end_ns);
	*left_ns = end_ns - now_ns;
	return id;
}

enum tg_budget_step { TG_BUDGET_LOOK, TG_BUDGET_TAKE, TG_BUDGET_GIVE_BACK };

/*
 * One limit. Returns for how long there is nothing to take, 0: there is, and with
 * TG_BUDGET_TAKE it was taken. Without a calendar (no agent ever wrote one) a
 * calendar limit lets pass.
 */
tg_global __u64 tg_budget_limit(struct tg_budget *budget, const struct tg_limit *limit,
				__u64 now_ns, __u32 step)
{
	__u64 left_ns = 0;
	struct tg_control *control;
	__u32 unit, id, at;

	if (!budget || !limit)
		return 0;
	unit = limit->unit;
	if (unit < TG_RATES) {
		__u64 *word = &budget->rate[unit];

		if (step == TG_BUDGET_GIVE_BACK)
			tg_rate_give_back(word, limit);
		else if (step == TG_BUDGET_LOOK) {
			tg_rate_settle(word, limit, now_ns);
			return tg_rate_wait_ns(limit, *word, now_ns);
		} else if (tg_rate_take(word, limit, now_ns) != TG_TAKEN)
			return tg_rate_wait_ns(limit, *word, now_ns) ?: 1;
		return 0;
	}
	control = tg_control();
	at = unit - TG_RATES;
	if (!control || at >= TG_CALENDARS)
		return 0;
	id = tg_budget_period(unit, control->calendar_half & 1, now_ns, &left_ns);
	if (!id)
		return 0;
	if (step == TG_BUDGET_GIVE_BACK)
		tg_period_give_back(budget->calendar[at], id);
	else if (step == TG_BUDGET_LOOK)
		return tg_period_remaining(limit, budget->calendar[at][0], budget->calendar[at][1],
					   id)
			       ? 0
			       : left_ns ?: 1;
	else if (tg_period_take(budget->calendar[at], limit, id) != TG_TAKEN)
		return left_ns ?: 1;
	return 0;
}

#endif

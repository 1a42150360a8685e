/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The usual case of a decision: every budget has room, and nobody else takes from it
 * in this moment. In one function, as a call costs about 9 ns: first the words are
 * read and planned, then each is swapped for its next. Whatever is not so (an empty
 * budget, a slot that went, a lost race) is left to policy.bpf.h, which says who refuses.
 */
#ifndef TOLLGATE_TAKE_BPF_H
#define TOLLGATE_TAKE_BPF_H

#include "budget.bpf.h"

/* Plan a request under one limit. 0, or -1: there is none to take. */
tg_inline int tg_plan_limit(struct tg_budget *budget, const struct tg_limit *limit, __u64 now_ns,
			    struct tg_plan *plan)
{
	__u64 left_ns, first, second;
	struct tg_control *control;
	__u32 unit = limit->unit, id, slot;

	if (unit < TG_RATES) {
		plan->word = unit;
		plan->was = *(volatile __u64 *)&budget->rate[unit];
		plan->next = tg_rate_next(limit, plan->was, now_ns);
		return plan->next ? 0 : -1;
	}
	control = tg_control();
	unit -= TG_RATES;
	if (!control || unit >= TG_CALENDARS)
		return -1;
	id = tg_budget_period(unit + TG_RATES, control->calendar_half & 1, now_ns, &left_ns);
	if (!id)
		return -1;
	first = *(volatile __u64 *)&budget->calendar[unit][0];
	second = *(volatile __u64 *)&budget->calendar[unit][1];
	slot = tg_period_slot(first, second, id);
	plan->was = slot ? second : first;
	if (tg_period_used(plan->was, id) >= limit->amount)
		return -1;
	plan->next = TG_PERIOD_WORD(id, tg_period_used(plan->was, id) + 1);
	plan->word = TG_RATES + 2 * unit + slot;
	return 0;
}

/* The policy and the budget of a match; 0: there are none, or the budget is gone. */
tg_inline struct tg_policy *tg_match_both(__u64 match, struct tg_budget **budget)
{
	__u32 index = TG_MATCH_POLICY(match), slot = TG_MATCH_SLOT(match);
	struct tg_policy *policy = bpf_map_lookup_elem(&policies, &index);

	*budget = bpf_map_lookup_elem(&budgets, &slot);
	if (!policy || !*budget || (*budget)->owner != policy->owner ||
	    (*budget)->state != TG_BUDGET_LIVE)
		return 0;
	return policy;
}

/* 0, or -1: not all of them have room. Nothing was taken. */
tg_inline int tg_plan_all(struct tg_scratch *scratch)
{
	struct tg_policy *policy;
	struct tg_budget *budget;
	__u32 kind, i;

	for (kind = 0; kind < TG_KINDS; kind++) {
		if (!TG_MATCH_POLICY(scratch->match[kind]))
			continue;
		policy = tg_match_both(scratch->match[kind], &budget);
		if (!policy)
			return -1;
		for (i = 0; i < TG_LIMITS_MAX; i++) {
			if (i >= policy->limits)
				break;
			if (tg_plan_limit(budget, &policy->limit[i], scratch->now_ns,
					  &scratch->plan[kind][i]))
				return -1;
		}
		if (!scratch->decision.policy)
			scratch->decision.policy = policy->owner;
	}
	return 0;
}

/* The first limits of the first kinds were taken: kind and limit say how far. */
tg_global int tg_take_back(__u32 kinds, __u32 limits)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_policy *policy;
	struct tg_budget *budget;
	__u32 kind, i;

	if (!scratch)
		return 0;
	for (kind = 0; kind < TG_KINDS; kind++) {
		if (kind > kinds || !TG_MATCH_POLICY(scratch->match[kind]))
			continue;
		policy = tg_match_both(scratch->match[kind], &budget);
		if (!policy)
			continue;
		for (i = 0; i < TG_LIMITS_MAX; i++)
			if (i < policy->limits && (kind < kinds || i < limits))
				tg_budget_limit(budget, &policy->limit[i], scratch->now_ns,
						TG_BUDGET_GIVE_BACK);
	}
	return 0;
}

/* 1: the request was taken from every budget; 0: from none. */
tg_global int tg_take_all(void)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_policy *policy;
	struct tg_budget *budget;
	__u32 kind, i;

	if (!scratch || tg_plan_all(scratch)) {
		if (scratch)
			scratch->decision.policy = 0;
		return 0;
	}
	for (kind = 0; kind < TG_KINDS; kind++) {
		if (!TG_MATCH_POLICY(scratch->match[kind]))
			continue;
		policy = tg_match_both(scratch->match[kind], &budget);
		for (i = 0; i < TG_LIMITS_MAX; i++) {
			struct tg_plan *plan = &scratch->plan[kind][i];
			__u64 word = plan->word;

			if (policy && i >= policy->limits)
				break;
			if (!policy || word >= TG_BUDGET_WORDS ||
			    __sync_val_compare_and_swap(&budget->rate[0] + word, plan->was,
							plan->next) != plan->was) {
				tg_take_back(kind, i);
				scratch->decision.policy = 0;
				return 0;
			}
		}
		if (policy)
			budget->last_jiffies = bpf_jiffies64();
	}
	return 1;
}

#endif

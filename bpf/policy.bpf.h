/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage decide: which policies a request is under, and whether they have budget
 * for it. What was found once is kept in the usage row, a word a kind, so that a
 * request of a known client costs no look-up by key: only under another epoch
 * (new policies, budgets that went) it is sought again.
 */
#ifndef TOLLGATE_POLICY_BPF_H
#define TOLLGATE_POLICY_BPF_H

#include "budget.bpf.h"
#include "drop.bpf.h"
#include "take.bpf.h"

/* --- which ------------------------------------------------------------------------- */

/* Fill in what a policy of the kind speaks of. Returns its bits; -1: the request has none. */
tg_inline int tg_match_subject(struct tg_scratch *scratch, __u32 kind, __u8 *subject)
{
	__u64 *words = (__u64 *)subject;
	const __u32 *source = (const __u32 *)scratch->bill.source.bytes;

	switch (kind) {
	case TG_KIND_TOKEN_ID:
		words[0] = scratch->bill.token.id;
		words[1] = 0;
		return words[0] ? 64 : -1;
	case TG_KIND_TOKEN:
		words[0] = scratch->head.start[0];
		words[1] = scratch->head.start[1];
		return scratch->bill.token.id ? 128 : -1;
	case TG_KIND_SOURCE:
		words[0] = source[0] | (__u64)source[1] << 32;
		words[1] = source[2] | (__u64)source[3] << 32;
		return 128;
	}
	words[0] = 0;
	words[1] = 0;
	return 0;
}

/* Does the policy mean this one source? Then its own budget is that source's. */
tg_inline int tg_match_is_single(const struct tg_policy *policy, const struct tg_addr *source)
{
	return policy->kind == TG_KIND_SOURCE &&
	       policy->subject_bits >= (tg_addr_is_v4(source) ? 128 : tg_ipv6_prefix);
}

/* Whose budget a policy spends: see tg_budget.subject. Returns the slot. */
tg_inline __u32 tg_match_slot(struct tg_scratch *scratch, const struct tg_policy *policy)
{
	struct tg_budget_key *key = &scratch->budget_key;
	__u64 *words = (__u64 *)key->subject;

	if (policy->per == TG_PER_SHARED || policy->kind == TG_KIND_TOKEN_ID ||
	    tg_match_is_single(policy, &scratch->bill.source))
		return policy->owner;
	key->owner = policy->owner;
	key->kind = policy->kind;
	if (policy->kind == TG_KIND_TOKEN) {
		words[0] = scratch->bill.token.id;
		words[1] = 0;
	} else {
		tg_match_subject(scratch, TG_KIND_SOURCE, key->subject);
	}
	return tg_budget_slot();
}

/* Find scratch->match[kind] anew. */
tg_global int tg_match_find(__u32 kind)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_match_key *key;
	struct tg_policy *policy;
	__u32 *found, slot;
	__u64 epoch;
	int bits;

	if (!scratch || kind >= TG_KINDS)
		return 0;
	key = &scratch->match_key;
	epoch = scratch->set_epoch & 0xffffff;
	scratch->match[kind] = TG_MATCH(epoch, 0, 0);
	{
		__u64 subject[2];

		bits = tg_match_subject(scratch, kind, (__u8 *)subject);
		__builtin_memcpy(key->subject, subject, sizeof(subject));
	}
	if (bits < 0)
		return 0;
	key->bits = TG_MATCH_BITS(bits);
	key->set = scratch->set_epoch >> 32;
	key->kind = kind;
	found = bpf_map_lookup_elem(&policy_match, key);
	if (!found)
		return 0;
	scratch->slot = *found;
	if (kind == TG_KIND_SOURCE)
		scratch->never = !scratch->slot;
	if (!scratch->slot || (kind == TG_KIND_ANY && scratch->never))
		return 0;
	policy = bpf_map_lookup_elem(&policies, &scratch->slot);
	if (!policy || !policy->owner)
		return 0;
	{
		__u32 index = scratch->slot;

		slot = tg_match_slot(scratch, policy);
		scratch->match[kind] = TG_MATCH(epoch, index, slot);
	}
	return 0;
}

tg_inline int tg_match_is_old(const __u64 *match, __u64 epoch)
{
	return TG_MATCH_EPOCH(match[0]) != epoch || TG_MATCH_EPOCH(match[1]) != epoch ||
	       TG_MATCH_EPOCH(match[2]) != epoch || TG_MATCH_EPOCH(match[3]) != epoch;
}
_Static_assert(TG_KINDS == 4, "kinds are written out");

/* All kinds anew, SOURCE before ANY: never_block speaks of both. */
tg_global int tg_match_all(struct tg_usage *row)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 kind;

	if (!scratch)
		return 0;
	scratch->never = 0;
	for (kind = 0; kind < TG_KINDS; kind++)
		tg_match_find(kind);
	if (row) {
		for (kind = 0; kind < TG_KINDS; kind++)
			*(volatile __u64 *)&row->match[kind] = scratch->match[kind];
	}
	return 0;
}

/* --- whether ------------------------------------------------------------------------ */

/* Has the slot of a match gone since it was found? */
tg_inline int tg_match_is_stale(__u64 match)
{
	__u32 index = TG_MATCH_POLICY(match), slot = TG_MATCH_SLOT(match);
	struct tg_policy *policy = bpf_map_lookup_elem(&policies, &index);
	struct tg_budget *budget = bpf_map_lookup_elem(&budgets, &slot);

	return index && policy && budget && !tg_budget_is_of(budget, policy);
}

/*
 * The budget of a match. NULL: no policy. When its slot goes in this very moment, the
 * policy's own stands in: no request passes without one.
 */
tg_inline struct tg_budget *tg_match_budget(__u64 match, const struct tg_policy **policy)
{
	struct tg_budget *budget;
	__u32 index = TG_MATCH_POLICY(match);

	if (!index)
		return 0;
	*policy = bpf_map_lookup_elem(&policies, &index);
	index = TG_MATCH_SLOT(match);
	budget = bpf_map_lookup_elem(&budgets, &index);
	if (!*policy || !budget)
		return 0;
	if (tg_budget_is_of(budget, *policy))
		return budget;
	index = (*policy)->owner;
	return bpf_map_lookup_elem(&budgets, &index);
}

#define TG_IS_REFUSED(action) ((action) > TG_ACTION_OBSERVE)

/*
 * One policy, all its limits. TG_BUDGET_LOOK: what it would say goes into
 * scratch->decision. TG_BUDGET_TAKE: 0, or 1 if others have taken the last of it
 * meanwhile; nothing was taken then.
 */
tg_global int tg_policy_step(__u32 kind, __u32 step)
{
	struct tg_scratch *scratch = tg_scratch();
	const struct tg_policy *policy;
	struct tg_budget *budget;
	__u64 wait_ns = 0, one;
	__u32 i, taken = 0;

	if (!scratch || kind >= TG_KINDS)
		return 0;
	budget = tg_match_budget(scratch->match[kind], &policy);
	if (!budget)
		return 0;
	for (i = 0; i < TG_LIMITS_MAX; i++) {
		if (i >= policy->limits)
			break;
		one = tg_budget_limit(budget, &policy->limit[i], scratch->now_ns, step);
		if (one > wait_ns)
			wait_ns = one;
		if (one && step == TG_BUDGET_TAKE)
			break;
		taken = i + 1;
	}
	if (step == TG_BUDGET_TAKE) {
		budget->last_jiffies = bpf_jiffies64();
		if (!wait_ns)
			return 0;
		for (i = 0; i < TG_LIMITS_MAX; i++) {
			if (i >= taken)
				break;
			tg_budget_limit(budget, &policy->limit[i], scratch->now_ns,
					TG_BUDGET_GIVE_BACK);
		}
	}
	if (step == TG_BUDGET_GIVE_BACK)
		return 0;
	if (!wait_ns) {
		if (!scratch->decision.policy)
			scratch->decision.policy = policy->owner;
		return 0;
	}
	if (policy->action > scratch->decision.action) {
		scratch->decision.action = policy->action;
		scratch->decision.policy = policy->owner;
	}
	if (TG_IS_REFUSED(policy->action) && wait_ns > scratch->decision.wait_ns)
		scratch->decision.wait_ns = wait_ns;
	return 1;
}

/* Note in the budget of a kind that it refused, or would have. */
tg_inline void tg_policy_note(struct tg_scratch *scratch, __u32 kind)
{
	const struct tg_policy *policy;
	struct tg_budget *budget = tg_match_budget(scratch->match[kind & 3], &policy);

	if (!budget)
		return;
	budget->last_jiffies = bpf_jiffies64();
	__sync_fetch_and_add(
		policy->action == TG_ACTION_OBSERVE ? &budget->observed : &budget->denied, 1);
}

/*
 * All policies of the request, whose usage row is row, where tg_take_all() did not do:
 * scratch->decision. First a look at all of
 * them, so that a request that one of them refuses takes nothing from the others, not even for a
 * moment; then each is taken from. Who loses a race then gives back.
 */
tg_global int tg_decide_budgets(struct tg_usage *row)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 kind, empty = 0, lost = TG_KINDS, stale = 0;

	if (!scratch)
		return 0;
	for (kind = 0; kind < TG_KINDS; kind++)
		if (tg_match_is_stale(scratch->match[kind]))
			stale |= 1 << kind;
	if (stale)
		tg_match_all(row);
	for (kind = 0; kind < TG_KINDS; kind++)
		if (TG_MATCH_POLICY(scratch->match[kind]) && tg_policy_step(kind, TG_BUDGET_LOOK))
			empty |= 1 << kind;
	if (!TG_IS_REFUSED(scratch->decision.action)) {
		for (kind = 0; kind < TG_KINDS; kind++) {
			if ((empty >> kind & 1) || !TG_MATCH_POLICY(scratch->match[kind]))
				continue;
			if (!tg_policy_step(kind, TG_BUDGET_TAKE))
				continue;
			empty |= 1 << kind;
			if (!TG_IS_REFUSED(scratch->decision.action))
				continue; /* it only observes */
			lost = kind;
			break;
		}
		for (kind = 0; lost < TG_KINDS && kind < TG_KINDS; kind++)
			if (kind < lost && !(empty >> kind & 1))
				tg_policy_step(kind, TG_BUDGET_GIVE_BACK);
	}
	for (kind = 0; kind < TG_KINDS; kind++)
		if (empty >> kind & 1)
			tg_policy_note(scratch, kind);
	return 0;
}

/*
 * The request in scratch->bill, whose usage row is row (NULL: it has none):
 * scratch->decision. In line: the verifier allows for 8 calls within each other.
 */
tg_inline void tg_decide(struct tg_scratch *scratch, struct tg_usage *row)
{
	struct tg_control *control = tg_control();
	__u64 epoch;
	__u32 kind;

	scratch->decision.action = TG_ACTION_NONE;
	scratch->decision.policy = 0;
	scratch->decision.wait_ns = 0;
	if (!control)
		return;
	if (control->drops_tokens && tg_drop_token()) {
		scratch->decision.action = TG_ACTION_DROP;
		return;
	}
	if (!control->has_policies)
		return;
	scratch->set_epoch = *(volatile __u64 *)&control->set_epoch;
	epoch = scratch->set_epoch & 0xffffff;
	if (row) {
		for (kind = 0; kind < TG_KINDS; kind++)
			scratch->match[kind] = *(volatile __u64 *)&row->match[kind];
	}
	if (!row || tg_match_is_old(scratch->match, epoch))
		tg_match_all(row);
	if (TG_MATCH_POLICY(scratch->match[0]) | TG_MATCH_POLICY(scratch->match[1]) |
	    TG_MATCH_POLICY(scratch->match[2]) | TG_MATCH_POLICY(scratch->match[3])) {
		scratch->now_ns = bpf_ktime_get_boot_ns();
		if (!tg_take_all())
			tg_decide_budgets(row);
	}
}

#endif

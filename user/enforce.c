/* SPDX-License-Identifier: BSD-2-Clause */
#include "enforce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"

static uint32_t set_of(uint64_t set_epoch)
{
	return (uint32_t)(set_epoch >> 32);
}

/* --- keys ------------------------------------------------------------------------------ */

static void match_key(struct tg_match_key *key, uint32_t set, const struct tg_subject *subject)
{
	memset(key, 0, sizeof(*key));
	key->bits = TG_MATCH_BITS(subject->bits);
	key->set = set;
	key->kind = subject->kind;
	memcpy(key->subject, subject->bytes, sizeof(key->subject));
}

static void key_subject(const struct tg_match_key *key, struct tg_subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = key->kind;
	subject->bits = key->bits - TG_MATCH_BITS(0);
	memcpy(subject->bytes, key->subject, sizeof(subject->bytes));
}

void tg_enforce_quota(const struct tg_policy *policy, struct tg_quota *out)
{
	memset(out, 0, sizeof(*out));
	out->subject.kind = policy->kind;
	out->subject.bits = policy->subject_bits;
	memcpy(out->subject.bytes, policy->subject, sizeof(out->subject.bytes));
	out->per = policy->per;
	out->action = policy->action;
	out->limits_count = policy->limits < TG_LIMITS_MAX ? policy->limits : TG_LIMITS_MAX;
	memcpy(out->limit, policy->limit, sizeof(out->limit));
}

static void make_policy(const struct tg_quota *quota, uint32_t owner, struct tg_policy *out)
{
	memset(out, 0, sizeof(*out));
	out->owner = owner;
	out->subject_bits = quota->subject.bits;
	memcpy(out->subject, quota->subject.bytes, sizeof(out->subject));
	out->kind = quota->subject.kind;
	out->per = quota->per;
	out->action = quota->action;
	out->limits = quota->limits_count;
	memcpy(out->limit, quota->limit, quota->limits_count * sizeof(out->limit[0]));
}

static int by_subject(const void *a, const void *b)
{
	return tg_subject_compare(&((const struct tg_enforced *)a)->quota.subject,
				  &((const struct tg_enforced *)b)->quota.subject);
}

/* --- what the maps say ------------------------------------------------------------------- */

struct matches { /* of map policy_match */
	struct tg_match_key *keys;
	uint32_t *policies;
	size_t count, capacity;
};

static int add_match(const void *key, const void *value, void *arg)
{
	struct matches *matches = arg;

	if (matches->count == matches->capacity) {
		size_t capacity = matches->capacity ? matches->capacity * 2 : 256;
		void *keys = realloc(matches->keys, capacity * sizeof(*matches->keys));
		void *policies;

		if (!keys)
			return -ENOMEM;
		matches->keys = keys;
		policies = realloc(matches->policies, capacity * sizeof(*matches->policies));
		if (!policies)
			return -ENOMEM;
		matches->policies = policies;
		matches->capacity = capacity;
	}
	memcpy(&matches->keys[matches->count], key, sizeof(struct tg_match_key));
	memcpy(&matches->policies[matches->count++], value, sizeof(uint32_t));
	return 0;
}

static void free_matches(struct matches *matches)
{
	free(matches->keys);
	free(matches->policies);
}

/* Those of another set than this go; keep or not, as it is in force. */
static void delete_others(const struct tg_maps *maps, const struct matches *matches, uint32_t set)
{
	for (size_t i = 0; i < matches->count; i++)
		if (matches->keys[i].set != set)
			tg_maps_delete_match(maps, &matches->keys[i]);
}

static int adopt(struct tg_enforce *enforce, const struct matches *matches, uint32_t set)
{
	struct tg_policy policy;
	int err;

	enforce->policies = calloc(matches->count + 1, sizeof(*enforce->policies));
	if (!enforce->policies)
		return -ENOMEM;
	for (size_t i = 0; i < matches->count; i++) {
		struct tg_enforced *at = &enforce->policies[enforce->count];

		if (matches->keys[i].set != set)
			continue;
		if (!matches->policies[i]) {
			enforce->never_count++;
			continue;
		}
		err = tg_maps_policy(enforce->maps, matches->policies[i], &policy);
		if (err)
			return err;
		tg_enforce_quota(&policy, &at->quota);
		key_subject(&matches->keys[i], &at->quota.subject);
		at->policy = matches->policies[i];
		at->owner = policy.owner;
		enforce->count++;
	}
	qsort(enforce->policies, enforce->count, sizeof(*enforce->policies), by_subject);
	return 0;
}

/*
 * Owners that no policy in force has: an agent was killed before it had put a set in
 * force, or before it had cleared the old one away. As long as they count as in use,
 * the budgets under them would never go.
 */
static int release_strangers(const struct tg_maps *maps, const struct tg_enforced *policies,
			     unsigned int count)
{
	uint8_t *known = calloc(TG_POLICIES_MAX, 1);

	if (!known)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		known[policies[i].owner % TG_POLICIES_MAX] = 1;
	for (uint32_t owner = 1; owner < TG_POLICIES_MAX; owner++)
		if (!known[owner])
			__atomic_store_n(&maps->budgets[owner].state, TG_BUDGET_FREE,
					 __ATOMIC_RELEASE);
	free(known);
	return 0;
}

int tg_enforce_open(const struct tg_maps *maps, bool clean, struct tg_enforce *out, char *error,
		    size_t error_bytes)
{
	uint32_t set = set_of(__atomic_load_n(&maps->control->set_epoch, __ATOMIC_RELAXED));
	struct tg_enforce enforce = {.maps = maps};
	struct matches matches = {0};
	struct tg_meta meta;
	int err = tg_maps_meta(maps, &meta);

	if (!err)
		err = tg_maps_walk(maps, TG_MAP_POLICY_MATCH, add_match, &matches);
	enforce.ipv6_prefix = err ? 0 : meta.ipv6_prefix;
	if (!err)
		err = adopt(&enforce, &matches, set);
	if (!err && clean)
		delete_others(maps, &matches, set);
	if (!err && clean)
		err = release_strangers(maps, enforce.policies, enforce.count);
	free_matches(&matches);
	if (err) {
		tg_enforce_close(&enforce);
		return tg_error(err, error, error_bytes, "policies: cannot be read: %s",
				strerror(-err));
	}
	*out = enforce;
	return 0;
}

void tg_enforce_close(struct tg_enforce *enforce)
{
	free(enforce->policies);
	enforce->policies = NULL;
	enforce->count = 0;
}

const struct tg_enforced *tg_enforce_find(const struct tg_enforce *enforce,
					  const struct tg_subject *subject)
{
	struct tg_enforced key = {.quota.subject = *subject};

	return enforce->count
		       ? bsearch(&key, enforce->policies, enforce->count, sizeof(key), by_subject)
		       : NULL;
}

bool tg_enforce_has_one_budget(const struct tg_enforce *enforce, const struct tg_quota *quota)
{
	return quota->per == TG_PER_SHARED ||
	       tg_subject_is_single(&quota->subject, enforce->ipv6_prefix ?: 128);
}

static bool is_prefix(const struct tg_subject *of, const uint8_t subject[16])
{
	uint32_t bytes = of->bits / 8, bits = of->bits % 8;

	if (memcmp(of->bytes, subject, bytes))
		return false;
	return !bits || !((of->bytes[bytes] ^ subject[bytes]) >> (8 - bits));
}

const struct tg_enforced *tg_enforce_match(const struct tg_enforce *enforce, enum tg_kind kind,
					   const uint8_t subject[16])
{
	const struct tg_enforced *best = NULL;

	for (unsigned int i = 0; i < enforce->count; i++) {
		const struct tg_enforced *at = &enforce->policies[i];

		if (at->quota.subject.kind == kind && is_prefix(&at->quota.subject, subject) &&
		    (!best || at->quota.subject.bits > best->quota.subject.bits))
			best = at;
	}
	return best;
}

/* --- another set ---------------------------------------------------------------------------- */

/* Which numbers are taken: indexes of policies, and owners. */
struct numbers {
	uint8_t policy[TG_POLICY_SLOTS];
	uint8_t owner[TG_POLICIES_MAX];
	uint32_t next_policy;
	uint32_t next_owner;
};

struct put {
	struct tg_enforce *enforce;
	const struct tg_maps *maps;
	struct numbers *numbers;
	struct tg_enforced *next;
	unsigned int count;
	uint32_t set;
	unsigned int written; /* match entries of the new set */
};

/* An owner whose budgets are still in the index must not be another policy's yet. */
static void note_numbers(struct put *put)
{
	const struct tg_maps *maps = put->maps;

	put->numbers->policy[0] = 1;
	put->numbers->owner[0] = 1;
	for (unsigned int i = 0; i < put->enforce->count; i++) {
		put->numbers->policy[put->enforce->policies[i].policy % TG_POLICY_SLOTS] = 1;
		put->numbers->owner[put->enforce->policies[i].owner % TG_POLICIES_MAX] = 1;
	}
	for (uint32_t slot = TG_POLICIES_MAX; slot < maps->capacity[TG_MAP_BUDGETS]; slot++)
		if (maps->budgets[slot].state != TG_BUDGET_FREE)
			put->numbers->owner[maps->budgets[slot].owner % TG_POLICIES_MAX] = 1;
}

static uint32_t take_number(uint8_t *taken, uint32_t count, uint32_t *next)
{
	while (*next < count && taken[*next])
		++*next;
	if (*next == count)
		return 0;
	taken[*next] = 1;
	return *next;
}

static bool is_same_policy(const struct tg_quota *a, const struct tg_quota *b)
{
	return a->action == b->action && a->limits_count == b->limits_count &&
	       !memcmp(a->limit, b->limit, a->limits_count * sizeof(a->limit[0]));
}

/* The policy's own budget, as if new. */
static void start_owner(const struct put *put, uint32_t owner)
{
	struct tg_budget fresh = {.owner = owner, .state = TG_BUDGET_LIVE};

	put->maps->budgets[owner] = fresh;
}

static int place_policy(struct put *put, const struct tg_quota *quota, struct tg_enforced *out)
{
	const struct tg_enforced *old = tg_enforce_find(put->enforce, &quota->subject);
	struct tg_policy policy;
	int err;

	out->quota = *quota;
	if (old && old->quota.per == quota->per) {
		out->owner = old->owner;
		out->policy = old->policy;
		if (is_same_policy(&old->quota, quota))
			return 0;
	} else {
		out->owner = take_number(put->numbers->owner, TG_POLICIES_MAX,
					 &put->numbers->next_owner);
		if (!out->owner)
			return -ENOSPC;
		err = tg_maps_clear_policy_counts(put->maps, out->owner);
		if (err)
			return err;
		start_owner(put, out->owner);
	}
	out->policy =
		take_number(put->numbers->policy, TG_POLICY_SLOTS, &put->numbers->next_policy);
	if (!out->policy)
		return -ENOSPC;
	make_policy(quota, out->owner, &policy);
	return tg_maps_set_policy(put->maps, out->policy, &policy);
}

static int write_match(struct put *put, const struct tg_subject *subject, uint32_t policy)
{
	struct tg_match_key key;

	match_key(&key, put->set, subject);
	return tg_maps_set_match(put->maps, &key, policy);
}

static int write_set(struct put *put, const struct tg_quota *quotas,
		     const struct tg_networks *never_block)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < put->count; i++) {
		err = place_policy(put, &quotas[i], &put->next[i]);
		if (!err)
			err = write_match(put, &quotas[i].subject, put->next[i].policy);
	}
	for (unsigned int i = 0; !err && never_block && i < never_block->count; i++)
		err = write_match(put, &never_block->network[i], 0);
	return err;
}

/* What the old set had and the new one has not: nobody looks at it any more. */
static void release_old(const struct put *put)
{
	static const struct tg_policy none;
	uint8_t *kept_policy = calloc(TG_POLICY_SLOTS, 1), *kept_owner = calloc(TG_POLICIES_MAX, 1);

	for (unsigned int i = 0; kept_policy && kept_owner && i < put->count; i++) {
		kept_policy[put->next[i].policy] = 1;
		kept_owner[put->next[i].owner] = 1;
	}
	for (unsigned int i = 0; kept_policy && kept_owner && i < put->enforce->count; i++) {
		const struct tg_enforced *old = &put->enforce->policies[i];

		if (!kept_policy[old->policy])
			tg_maps_set_policy(put->maps, old->policy, &none);
		if (!kept_owner[old->owner])
			__atomic_store_n(&put->maps->budgets[old->owner].state, TG_BUDGET_FREE,
					 __ATOMIC_RELEASE);
	}
	free(kept_policy);
	free(kept_owner);
}

static void delete_all_but(const struct tg_maps *maps, uint32_t set)
{
	struct matches matches = {0};

	if (!tg_maps_walk(maps, TG_MAP_POLICY_MATCH, add_match, &matches))
		delete_others(maps, &matches, set);
	free_matches(&matches);
}

/* The set before. A packet may be looking at it still, where one cannot wait. */
static void clear_away(const struct put *put, int waited)
{
	struct tg_enforce *enforce = put->enforce;
	bool older = enforce->lingering;

	enforce->lingering = waited < 0;
	if (enforce->lingering) {
		tg_log_warning("policies: the set before is cleared away with the next change "
			       "only, as the program cannot be waited for: %s",
			       strerror(-waited));
		return;
	}
	delete_all_but(put->maps, put->set);
	release_old(put);
	if (older)
		release_strangers(put->maps, put->next, put->count);
}

/* Never 0: a fresh usage row holds it, and must not pass for one that is under no policy. */
static uint64_t next_epoch(uint64_t set_epoch)
{
	uint64_t next = (set_epoch + 1) & 0xffffff;

	return next ? next : 1;
}

void tg_enforce_raise_epoch(const struct tg_maps *maps)
{
	uint64_t now = __atomic_load_n(&maps->control->set_epoch, __ATOMIC_RELAXED);

	now = (now & ~0xffffffffULL) | next_epoch(now);
	__atomic_store_n(&maps->control->set_epoch, now, __ATOMIC_RELEASE);
}

/* The instant: one word. An empty set is not looked at before it is in force, and the other way. */
static void switch_over(const struct put *put, bool any)
{
	struct tg_control *control = put->maps->control;
	uint64_t now = __atomic_load_n(&control->set_epoch, __ATOMIC_RELAXED);
	uint64_t word = (uint64_t)put->set << 32 | next_epoch(now);

	__atomic_store_n(&control->set_epoch, word, __ATOMIC_SEQ_CST);
	__atomic_store_n(&control->has_policies, any, __ATOMIC_SEQ_CST);
}

static bool is_in_force(const struct tg_enforce *enforce, const struct put *put,
			const struct tg_networks *never_block)
{
	if (enforce->count != put->count || enforce->never_count ||
	    (never_block && never_block->count))
		return false;
	for (unsigned int i = 0; i < put->count; i++) {
		const struct tg_enforced *old = &enforce->policies[i];

		if (!tg_subject_equal(&old->quota.subject, &put->next[i].quota.subject) ||
		    old->quota.per != put->next[i].quota.per ||
		    !is_same_policy(&old->quota, &put->next[i].quota))
			return false;
	}
	return true;
}

static int refuse(int err, char *error, size_t error_bytes)
{
	return tg_error(err, error, error_bytes,
			err == -ENOSPC ? "policies: no room for them in the maps; use fewer"
				       : "policies: cannot be put in force: %s",
			strerror(-err));
}

/* Ordered as the policies in force are, so that both can be held against each other. */
static int order(struct put *put, const struct tg_quota *quotas)
{
	put->next = calloc(put->count + 1, sizeof(*put->next));
	if (!put->next)
		return -ENOMEM;
	for (unsigned int i = 0; i < put->count; i++)
		put->next[i].quota = quotas[i];
	qsort(put->next, put->count, sizeof(*put->next), by_subject);
	return 0;
}

static int put_set(struct put *put, const struct tg_networks *never_block)
{
	struct tg_quota *quotas = calloc(put->count + 1, sizeof(*quotas));
	int err = quotas ? 0 : -ENOMEM;

	for (unsigned int i = 0; !err && i < put->count; i++)
		quotas[i] = put->next[i].quota;
	if (!err)
		err = write_set(put, quotas, never_block);
	free(quotas);
	return err;
}

int tg_enforce_put(struct tg_enforce *enforce, const struct tg_quota *quotas, unsigned int count,
		   const struct tg_networks *never_block, int (*wait)(void), char *error,
		   size_t error_bytes)
{
	struct put put = {.enforce = enforce, .maps = enforce->maps, .count = count};
	uint32_t old_set =
		set_of(__atomic_load_n(&enforce->maps->control->set_epoch, __ATOMIC_RELAXED));
	int err;

	put.set = old_set + 1;
	if (count >= TG_POLICIES_MAX)
		return refuse(-ENOSPC, error, error_bytes);
	put.numbers = calloc(1, sizeof(*put.numbers));
	err = put.numbers ? order(&put, quotas) : -ENOMEM;
	if (!err && is_in_force(enforce, &put, never_block)) {
		for (unsigned int i = 0; i < count; i++) {
			put.next[i].policy = enforce->policies[i].policy;
			put.next[i].owner = enforce->policies[i].owner;
		}
		/* An agent may have died between the two words of switch_over(). */
		__atomic_store_n(&enforce->maps->control->has_policies, count > 0,
				 __ATOMIC_SEQ_CST);
		goto taken;
	}
	if (!err) {
		note_numbers(&put);
		err = put_set(&put, never_block);
		if (err)
			delete_all_but(enforce->maps, old_set);
	}
	if (err) {
		free(put.numbers);
		free(put.next);
		return refuse(err, error, error_bytes);
	}
	switch_over(&put, count > 0);
	clear_away(&put, wait());
	enforce->never_count = never_block ? never_block->count : 0;
taken:
	free(put.numbers);
	free(enforce->policies);
	enforce->policies = put.next;
	enforce->count = count;
	enforce->adopted = true;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy set in force: what the maps say of it, and how another takes its
 * place in one step, budgets of unchanged policies kept. Knows no files and no
 * clock. One writer: the agent.
 */
#ifndef TOLLGATE_ENFORCE_H
#define TOLLGATE_ENFORCE_H

#include "maps.h"
#include "policy.h"

struct tg_enforced { /* a policy in force */
	struct tg_quota quota;
	uint32_t policy; /* index in map policies */
	uint32_t owner;	 /* slot of its own budget, and under which the others stand */
};

struct tg_enforce {
	const struct tg_maps *maps;
	struct tg_enforced *policies; /* ordered by subject (tg_subject_compare) */
	unsigned int count;
	unsigned int never_count; /* never_block: entries without a policy */
	unsigned int ipv6_prefix; /* by which the program tells sources apart */
	bool adopted;		  /* quota.block and quota.runtime are known: a set was put */
	bool lingering;		  /* a set before this one is not cleared away */
};

/*
 * What is in force by the maps. clean: leftovers of an agent that died while it put
 * a set are removed; only for the one writer. 0, or -errno.
 */
int tg_enforce_open(const struct tg_maps *maps, bool clean, struct tg_enforce *out, char *error,
		    size_t error_bytes);
void tg_enforce_close(struct tg_enforce *enforce);

/*
 * Put a set in force: all of it at one instant, or (-errno) nothing. A policy
 * whose subject and per stay keeps its budgets, under each unit what was taken of it;
 * never_block: sources no longer than they are told apart by. quotas: no two with one subject, each
 * tg_quota_check'ed. wait: a grace period of the program; where it fails, the set before
 * stays in the maps, unused, until another one is put.
 */
int tg_enforce_put(struct tg_enforce *enforce, const struct tg_quota *quotas, unsigned int count,
		   const struct tg_networks *never_block, int (*wait)(void), char *error,
		   size_t error_bytes);

/* Which budget a cached match means must be found anew from now on. */
void tg_enforce_raise_epoch(const struct tg_maps *maps);

/* The policy that a subject's text names, or NULL. */
const struct tg_enforced *tg_enforce_find(const struct tg_enforce *enforce,
					  const struct tg_subject *subject);

/*
 * The policy of a kind that a request with this subject is under (bytes as in
 * struct tg_match_key), or NULL: the most specific one.
 */
const struct tg_enforced *tg_enforce_match(const struct tg_enforce *enforce, enum tg_kind kind,
					   const uint8_t subject[16]);

/*
 * Do all requests under the policy spend its own budget? They share it, or are of the
 * one token or source that it means.
 */
bool tg_enforce_has_one_budget(const struct tg_enforce *enforce, const struct tg_quota *quota);

/* struct tg_policy -> struct tg_quota, without its block rule. */
void tg_enforce_quota(const struct tg_policy *policy, struct tg_quota *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is refused: from the counters of the budgets, look by look. Tells when a
 * subject is first refused, when it is free again, and when a policy's block rule
 * ("after 100 denials in 10s for 5m") is met. Time is passed in.
 */
#ifndef TOLLGATE_OFFENDERS_H
#define TOLLGATE_OFFENDERS_H

#include "survey.h"

#define TG_OFFENDER_QUIET_NS 10000000000ULL /* without a denial, before one is called free */

enum tg_offence { TG_OFFENCE_REFUSED, TG_OFFENCE_OVER, TG_OFFENCE_BLOCK };

/* subject: whose budget it is; of a shared one the policy's own. denied: since the last look. */
typedef void (*tg_offender_seen)(enum tg_offence offence, const struct tg_enforced *policy,
				 const struct tg_budget *budget, const struct tg_subject *subject,
				 uint64_t denied, void *arg);

struct tg_offenders;

/* For so many budget slots. NULL: no memory. */
struct tg_offenders *tg_offenders_new(uint32_t slots);
void tg_offenders_free(struct tg_offenders *offenders);

/*
 * The first look only takes note of what was counted before. 0, or -errno.
 * ipv6_prefix: length of the sources that budgets stand for.
 */
int tg_offenders_look(struct tg_offenders *offenders, const struct tg_enforce *enforce,
		      unsigned int ipv6_prefix, uint64_t now_ns, tg_offender_seen seen, void *arg);

/* Whose budget it is. */
void tg_offender_subject(const struct tg_quota *quota, const struct tg_budget *budget,
			 unsigned int ipv6_prefix, struct tg_subject *out);

#endif

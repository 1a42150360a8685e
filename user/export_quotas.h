/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies, budgets and blocks on the page of /metrics. */
#ifndef TOLLGATE_EXPORT_QUOTAS_H
#define TOLLGATE_EXPORT_QUOTAS_H

#include "enforce.h"
#include "text.h"

#define TG_EXPORT_POLICIES_MAX 1000 /* that get series of their own; the rest is one, "other" */

/*
 * tollgate_budget_remaining, tollgate_budget_limit (subject, limit),
 * tollgate_policy_requests_total (policy, verdict) and tollgate_blocks (reason).
 * Remaining: of the budget of a policy that has least of it.
 */
void tg_export_quotas(const struct tg_enforce *enforce, struct tg_text *out);

#endif

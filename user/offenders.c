/* SPDX-License-Identifier: BSD-2-Clause */
#include "offenders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

#define WINDOW_PARTS 8 /* a rule's window is looked at in eighths: 7/8 to all of it count */
#define SECOND_NS    1000000000ULL

struct watch { /* of a budget slot */
	uint32_t owner;
	uint8_t subject[16];
	uint64_t denied;  /* at the last look */
	uint64_t last_ns; /* when it was last refused */
	uint64_t part;	  /* number of the newest eighth */
	uint32_t parts[WINDOW_PARTS];
	bool refused;
};

struct tg_offenders {
	struct watch *watch;
	uint32_t slots;
	bool looked;
};

struct look {
	struct tg_offenders *offenders;
	const struct tg_enforce *enforce;
	const struct tg_enforced **owners; /* by owner */
	struct tg_survey_clock clock;
	unsigned int ipv6_prefix;
	uint64_t now_ns;
	tg_offender_seen seen;
	void *arg;
};

struct tg_offenders *tg_offenders_new(uint32_t slots)
{
	struct tg_offenders *offenders = calloc(1, sizeof(*offenders));

	if (!offenders)
		return NULL;
	offenders->slots = slots;
	offenders->watch = calloc(slots, sizeof(*offenders->watch));
	if (offenders->watch)
		return offenders;
	free(offenders);
	return NULL;
}

void tg_offenders_free(struct tg_offenders *offenders)
{
	if (!offenders)
		return;
	free(offenders->watch);
	free(offenders);
}

void tg_offender_subject(const struct tg_quota *quota, const struct tg_budget *budget,
			 unsigned int ipv6_prefix, struct tg_subject *out)
{
	*out = quota->subject;
	if (quota->per == TG_PER_SHARED || quota->subject.kind == TG_KIND_TOKEN_ID ||
	    !memcmp(budget->subject, (uint8_t[16]){0}, sizeof(budget->subject)))
		return;
	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, budget->subject, sizeof(out->bytes));
	if (quota->subject.kind == TG_KIND_TOKEN) {
		out->kind = TG_KIND_TOKEN_ID;
		out->bits = 64;
	} else {
		out->kind = TG_KIND_SOURCE;
		out->bits = 128;
		if (!tg_network_is_v4(out))
			out->bits = ipv6_prefix;
	}
}

/* --- block rules ------------------------------------------------------------------------------ */

static void note_denials(struct watch *watch, const struct tg_block_rule *rule, uint64_t now_ns,
			 uint64_t denied)
{
	uint64_t part = now_ns / (rule->window_s * SECOND_NS / WINDOW_PARTS);

	for (unsigned int i = 0; watch->part < part && i < WINDOW_PARTS; i++)
		watch->parts[++watch->part % WINDOW_PARTS] = 0;
	watch->part = part;
	watch->parts[part % WINDOW_PARTS] +=
		denied < UINT32_MAX / 2 ? (uint32_t)denied : UINT32_MAX / 2;
}

static bool is_rule_met(const struct watch *watch, const struct tg_block_rule *rule)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WINDOW_PARTS; i++)
		sum += watch->parts[i];
	return sum >= rule->denials;
}

/* --- looks -------------------------------------------------------------------------------------
 */

static bool has_room(const struct look *look, const struct tg_quota *quota,
		     const struct tg_budget *budget)
{
	uint64_t wait_ns;

	for (unsigned int i = 0; i < quota->limits_count; i++)
		if (!tg_survey_remaining(budget, &quota->limit[i], &look->clock, &wait_ns))
			return false;
	return true;
}

static void tell(const struct look *look, enum tg_offence offence, const struct tg_enforced *policy,
		 const struct tg_budget *budget, uint64_t denied)
{
	struct tg_subject subject;

	tg_offender_subject(&policy->quota, budget, look->ipv6_prefix, &subject);
	look->seen(offence, policy, budget, &subject, denied, look->arg);
}

/* own: the budget is the policy's, which newcomers without one share: it is nobody's. */
static void look_at(const struct look *look, const struct tg_enforced *policy,
		    const struct tg_budget *budget, struct watch *watch, bool own)
{
	const struct tg_block_rule *rule = &policy->quota.block;
	uint64_t count = budget->denied + budget->observed, denied = count - watch->denied;

	watch->denied = count;
	if (denied) {
		watch->last_ns = look->now_ns;
		if (!watch->refused)
			tell(look, TG_OFFENCE_REFUSED, policy, budget, denied);
		watch->refused = true;
	} else if (watch->refused && look->now_ns - watch->last_ns >= TG_OFFENDER_QUIET_NS &&
		   has_room(look, &policy->quota, budget)) {
		watch->refused = false;
		tell(look, TG_OFFENCE_OVER, policy, budget, 0);
	}
	if (!denied || !rule->denials || !rule->window_s || own ||
	    policy->quota.action == TG_ACTION_OBSERVE) /* nobody was denied anything */
		return;
	note_denials(watch, rule, look->now_ns, denied);
	if (!is_rule_met(watch, rule))
		return;
	memset(watch->parts, 0, sizeof(watch->parts));
	tell(look, TG_OFFENCE_BLOCK, policy, budget, denied);
}

static bool is_fallback(const struct look *look, const struct tg_enforced *policy, uint32_t slot)
{
	return slot < TG_POLICIES_MAX && !tg_enforce_has_one_budget(look->enforce, &policy->quota);
}

/* A slot that was handed to another subject begins anew. */
static void follow(const struct look *look, uint32_t slot)
{
	const struct tg_budget *shared = &look->enforce->maps->budgets[slot];
	const struct tg_enforced *policy = look->owners[shared->owner % TG_POLICIES_MAX];
	struct watch *watch = &look->offenders->watch[slot];
	struct tg_budget budget;

	if (shared->state != TG_BUDGET_LIVE || !policy)
		return;
	budget = *shared;
	if (watch->owner != budget.owner ||
	    memcmp(watch->subject, budget.subject, sizeof(watch->subject)) ||
	    budget.denied + budget.observed < watch->denied) {
		*watch = (struct watch){.owner = budget.owner};
		memcpy(watch->subject, budget.subject, sizeof(watch->subject));
	}
	if (look->offenders->looked)
		look_at(look, policy, &budget, watch, is_fallback(look, policy, slot));
	else
		watch->denied = budget.denied + budget.observed;
}

int tg_offenders_look(struct tg_offenders *offenders, const struct tg_enforce *enforce,
		      unsigned int ipv6_prefix, uint64_t now_ns, tg_offender_seen seen, void *arg)
{
	struct look look = {.offenders = offenders,
			    .enforce = enforce,
			    .ipv6_prefix = ipv6_prefix,
			    .now_ns = now_ns,
			    .seen = seen,
			    .arg = arg};
	int err = tg_survey_clock(enforce->maps, &look.clock);

	look.owners = calloc(TG_POLICIES_MAX, sizeof(*look.owners));
	if (!err && !look.owners)
		err = -ENOMEM;
	for (unsigned int i = 0; !err && i < enforce->count; i++)
		look.owners[enforce->policies[i].owner % TG_POLICIES_MAX] = &enforce->policies[i];
	for (uint32_t slot = 1; !err && enforce->count && slot < offenders->slots; slot++)
		follow(&look, slot);
	if (!err)
		offenders->looked = true;
	free(look.owners);
	return err;
}

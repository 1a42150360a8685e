/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../include/tollgate/bucket.h"
#include "../include/tollgate/calendar.h"
#include "clock.h"

int tg_survey_clock(const struct tg_maps *maps, struct tg_survey_clock *out)
{
	uint32_t half = __atomic_load_n(&maps->control->calendar_half, __ATOMIC_ACQUIRE) & 1;
	struct tg_calendar calendar;
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->now_ns = tg_clock_boot_ns();
	for (uint32_t unit = 0; !err && unit < TG_CALENDARS; unit++) {
		err = tg_maps_calendar(maps, half * TG_CALENDARS + unit, &calendar);
		if (!err)
			tg_calendar_period(&calendar, out->now_ns, &out->period[unit],
					   (__u64 *)&out->end_ns[unit]);
	}
	return err;
}

uint64_t tg_survey_of(const struct tg_limit *limit)
{
	return limit->unit < TG_RATES ? tg_limit_burst(limit) : limit->amount;
}

uint64_t tg_survey_remaining(const struct tg_budget *budget, const struct tg_limit *limit,
			     const struct tg_survey_clock *clock, uint64_t *wait_ns)
{
	uint32_t at = limit->unit - TG_RATES;
	uint64_t left;

	*wait_ns = 0;
	if (limit->unit < TG_RATES) {
		*wait_ns = tg_rate_wait_ns(limit, budget->rate[limit->unit], clock->now_ns);
		return tg_rate_remaining(limit, budget->rate[limit->unit], clock->now_ns);
	}
	if (at >= TG_CALENDARS || !clock->period[at])
		return limit->amount;
	left = tg_period_remaining(limit, budget->calendar[at][0], budget->calendar[at][1],
				   clock->period[at]);
	if (!left)
		*wait_ns = clock->end_ns[at] - clock->now_ns;
	return left;
}

static void start_row(struct tg_survey_row *row, const struct tg_quota *quota)
{
	for (unsigned int i = 0; i < quota->limits_count; i++) {
		row->limit[i].of = tg_survey_of(&quota->limit[i]);
		row->limit[i].remaining = row->limit[i].of;
	}
}

static void add_budget(struct tg_survey_row *row, const struct tg_quota *quota,
		       const struct tg_budget *budget, const struct tg_survey_clock *clock)
{
	uint64_t left, wait_ns;

	row->denied += budget->denied;
	row->observed += budget->observed;
	for (unsigned int i = 0; i < quota->limits_count; i++) {
		left = tg_survey_remaining(budget, &quota->limit[i], clock, &wait_ns);
		if (left < row->limit[i].remaining)
			row->limit[i].remaining = left;
	}
}

/* owner -> its row + 1 */
static uint32_t *index_owners(const struct tg_enforce *enforce)
{
	uint32_t *rows = calloc(TG_POLICIES_MAX, sizeof(*rows));

	for (unsigned int i = 0; rows && i < enforce->count; i++)
		rows[enforce->policies[i].owner % TG_POLICIES_MAX] = i + 1;
	return rows;
}

static void add_budgets(const struct tg_enforce *enforce, const uint32_t *owners,
			const struct tg_survey_clock *clock, struct tg_survey *survey)
{
	const struct tg_maps *maps = enforce->maps;

	for (uint32_t slot = 1; slot < maps->capacity[TG_MAP_BUDGETS]; slot++) {
		const struct tg_budget *budget = &maps->budgets[slot];
		uint32_t row = owners[budget->owner % TG_POLICIES_MAX];
		bool own = slot < TG_POLICIES_MAX;

		if (budget->state == TG_BUDGET_FREE)
			continue;
		survey->budgets += !own;
		if (!row-- || budget->state == TG_BUDGET_DEAD)
			continue;
		/* A policy's own budget is a subject's only where all share it. */
		survey->rows[row].budgets +=
			!own || tg_enforce_has_one_budget(enforce, &enforce->policies[row].quota);
		add_budget(&survey->rows[row], &enforce->policies[row].quota, budget, clock);
	}
}

int tg_survey(const struct tg_enforce *enforce, struct tg_survey *out)
{
	struct tg_survey survey = {.count = enforce->count};
	uint32_t *owners = index_owners(enforce);
	struct tg_survey_clock clock;
	int err = tg_survey_clock(enforce->maps, &clock);

	survey.rows = calloc(enforce->count + 1, sizeof(*survey.rows));
	if (!err && (!owners || !survey.rows))
		err = -ENOMEM;
	for (unsigned int i = 0; !err && i < survey.count; i++)
		start_row(&survey.rows[i], &enforce->policies[i].quota);
	if (!err)
		add_budgets(enforce, owners, &clock, &survey);
	free(owners);
	if (err)
		tg_survey_free(&survey);
	else
		*out = survey;
	return err;
}

void tg_survey_free(struct tg_survey *survey)
{
	free(survey->rows);
	survey->rows = NULL;
	survey->count = 0;
}

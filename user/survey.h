/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left of the budgets of the policies in force, at one moment. Reads only. */
#ifndef TOLLGATE_SURVEY_H
#define TOLLGATE_SURVEY_H

#include "enforce.h"

struct tg_survey_limit {
	uint64_t remaining; /* requests, of the budget that has least of it */
	uint64_t of;	    /* the most there can be: burst, or amount */
};

struct tg_survey_row {	  /* of enforce->policies[i] */
	uint32_t budgets; /* per each: of subjects seen; shared: 1 */
	uint64_t denied;  /* requests, by budgets that are there now */
	uint64_t observed;
	struct tg_survey_limit limit[TG_LIMITS_MAX];
};

struct tg_survey {
	struct tg_survey_row *rows;
	unsigned int count;
	uint32_t budgets; /* slots in use beside those of policies */
};

/* Where calendar periods stand: read once for many budgets. */
struct tg_survey_clock {
	uint64_t now_ns;	       /* boot clock */
	uint32_t period[TG_CALENDARS]; /* id; 0: not known */
	uint64_t end_ns[TG_CALENDARS];
};
int tg_survey_clock(const struct tg_maps *maps, struct tg_survey_clock *out);

/* One budget under one limit; *wait_ns: until a request can be taken, 0: now. */
uint64_t tg_survey_remaining(const struct tg_budget *budget, const struct tg_limit *limit,
			     const struct tg_survey_clock *clock, uint64_t *wait_ns);
uint64_t tg_survey_of(const struct tg_limit *limit);

/* 0 and *out (tg_survey_free), or -errno. */
int tg_survey(const struct tg_enforce *enforce, struct tg_survey *out);
void tg_survey_free(struct tg_survey *survey);

#endif

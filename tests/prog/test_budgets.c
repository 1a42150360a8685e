/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c tests/prog/crowd.c */
/* Budgets: any number of CPUs take exactly what there is. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crowd.h"

#define ENTRIES 512
#define AMOUNT	1000

static struct tg_rig rig;

/* --- exactly N -------------------------------------------------------------------- */

struct exact {
	const char *what;
	struct tg_rule rule[4];
	bool unlike;	 /* what one policy only observes, others are charged for: refused only */
	bool own_tokens; /* each thread has its own: otherwise one for all */
	unsigned int allowed;
};

static const struct exact exacts[] = {
	{.what = "shared", .rule = {TG_SHARED("any", "1000/day")}, .allowed = AMOUNT},
	{.what = "shared by two tokens",
	 .rule = {TG_SHARED("token:t*", "1000/day")},
	 .own_tokens = true,
	 .allowed = AMOUNT},
	{.what = "each, the same source", .rule = {TG_EACH("any", "1000/day")}, .allowed = AMOUNT},
	{.what = "each, the same token",
	 .rule = {TG_EACH("token:t*", "1000/day")},
	 .allowed = AMOUNT},
	{.what = "each, two tokens",
	 .rule = {TG_EACH("token:t*", "1000/day")},
	 .own_tokens = true,
	 .allowed = 2 * AMOUNT},
	{.what = "two limits",
	 .rule = {TG_SHARED("any", "1500/hour", "1000/day")},
	 .allowed = AMOUNT},
	{.what = "a rate", .rule = {TG_SHARED("any", "1/h burst 1000")}, .allowed = AMOUNT},
	{.what = "a rate and a quota of the same size",
	 .rule = {TG_SHARED("any", "1/h burst 1000", "1000/day")},
	 .allowed = AMOUNT},
	{.what = "two policies, one for all, one for each of two tokens",
	 .rule = {TG_SHARED("any", "1000/day"), TG_EACH("token:t*", "800/day")},
	 .unlike = true,
	 .own_tokens = true,
	 .allowed = AMOUNT},
	{.what = "three policies of the same size",
	 .rule = {TG_SHARED("any", "1000/day"), TG_EACH("token:t*", "1000/day"),
		  TG_SHARED("source:0.0.0.0/0", "1000/day", "1/h burst 1000")},
	 .unlike = true,
	 .allowed = AMOUNT},
};
#define EXACTS (sizeof(exacts) / sizeof(*exacts))

static void put_acting(const struct exact *exact, const char *action)
{
	struct tg_rule rules[4];

	memcpy(rules, exact->rule, sizeof(rules));
	for (struct tg_rule *rule = rules; rule->subject; rule++)
		rule->action = action;
	tg_rig_reset(&rig);
	tg_rig_put(&rig, rules);
}

/* Requests of the crowd, in the books: those that were let through without a word. */
static uint64_t let_through(void)
{
	struct tg_counts counts, sum = {0};

	for (unsigned int i = 0; i < TG_CROWD_THREADS; i++) {
		char token[TG_CROWD_TOKEN_BYTES];

		tg_crowd_token(token, i);
		counts = tg_rig_usage(&rig, token);
		sum.requests += counts.requests;
		sum.denied += counts.denied;
		sum.observed += counts.observed;
	}
	return sum.requests - sum.denied - sum.observed;
}

/* Packets full of requests, where nothing is refused: the CPUs meet at every one of them. */
static void test_observed(void **state)
{
	const struct exact *exact = *state;

	for (unsigned int round = 0; round < 8; round++) {
		const struct tg_crowd crowd = {.rig = &rig,
					       .own_tokens = exact->own_tokens,
					       .packets = 6,
					       .requests = 400};

		put_acting(exact, "observe");
		tg_crowd_run(&crowd);
		assert_int_equal(let_through(), exact->allowed);
	}
}

/* A connection for each request, refused by a 429: as many 429s as the books say. */
static void test_refused(void **state)
{
	const struct exact *exact = *state;
	struct tg_crowd crowd = {.rig = &rig,
				 .own_tokens = exact->own_tokens,
				 .packets = 1600,
				 .requests = 1,
				 .ends = true};
	struct tg_crowd_sum sum;

	put_acting(exact, "reject");
	sum = tg_crowd_run(&crowd);
	assert_int_equal(sum.passed, exact->allowed);
	assert_int_equal(sum.passed + sum.refused, 1600 * TG_CROWD_THREADS);
	assert_int_equal(let_through(), exact->allowed);
	assert_int_equal(rig.meter.maps.control->refused, 0);
	tg_rig_check_books(&rig);
}

/* --- who loses a race ------------------------------------------------------------- */

#define SUBJECTS 300 /* a multiple of the requests of a packet; divides 30000, its ports */
#define PERIODS	 24

/* With it no request is one that all budgets have room for: policy.bpf.h, not take.bpf.h. */
#define ALWAYS_EMPTY TG_SHARED_ACTING("observe", "any", "1/day")

static uint32_t used(const struct tg_budget *budget, enum tg_unit unit)
{
	const __u64 *words = budget->calendar[unit - TG_RATES];

	return (uint32_t)(words[0] > words[1] ? words[0] : words[1]);
}

/* The one that a token of the crowd has under "token:t*". */
static const struct tg_budget *budget_of(unsigned int number)
{
	char token[TG_CROWD_TOKEN_BYTES];
	const struct tg_budget *budget;

	tg_crowd_token(token, number);
	budget = tg_rig_budget(&rig, "token:t*", NULL, token);
	assert_non_null(budget);
	return budget;
}

/*
 * Where there is room for all, the CPUs still meet: who finds a word changed under its
 * hands gives back what it has taken before, and begins again.
 */
static void test_taken_is_let_through(void **state)
{
	static const struct tg_rule rules[] = {
		TG_EACH("token:t*", "1000000/hour", "1000000/day"),
		TG_SHARED("any", "1000000/month", "1000000/hour", "1000000/s", "1000000/day"),
		{0}};
	const struct tg_crowd crowd = {
		.rig = &rig, .own_tokens = true, .packets = 20, .requests = 400};
	const unsigned int each = crowd.packets * crowd.requests, all = each * TG_CROWD_THREADS;
	const struct tg_budget *any;

	(void)state;
	tg_rig_reset(&rig);
	tg_rig_put(&rig, rules);
	any = tg_rig_budget(&rig, "any", NULL, NULL);
	tg_crowd_run(&crowd);
	assert_int_equal(let_through(), all);
	assert_int_equal(used(any, TG_UNIT_HOUR), all);
	assert_int_equal(used(any, TG_UNIT_DAY), all);
	assert_int_equal(used(any, TG_UNIT_MONTH), all);
	for (unsigned int i = 0; i < TG_CROWD_THREADS; i++) {
		const struct tg_budget *own = budget_of(i);

		assert_int_equal(used(own, TG_UNIT_HOUR), each);
		assert_int_equal(used(own, TG_UNIT_DAY), each);
	}
}

/*
 * The CPUs race for the last request of many budgets. check: after each period, what
 * was taken by then is what was let through.
 */
static void race(struct tg_crowd *crowd, void (*check)(uint64_t passed))
{
	uint64_t passed = 0;

	for (unsigned int period = 0; period < PERIODS; period++) {
		tg_rig_next_period(&rig);
		tg_crowd_start(crowd);
		while (tg_crowd_rounds(crowd) < 2)
			sched_yield();
		passed = tg_crowd_stop(crowd).passed;
		check(passed);
	}
}

static void check_limits(uint64_t passed)
{
	(void)passed;
	for (unsigned int i = 0; i < SUBJECTS; i++) {
		const struct tg_budget *budget = budget_of(i);

		assert_int_equal(used(budget, TG_UNIT_DAY), 1);
		assert_int_equal(used(budget, TG_UNIT_HOUR), 1);
	}
}

/* Of two limits, the one that was taken from first is given back to. */
static void test_limit_given_back(void **state)
{
	static const struct tg_rule rules[] = {
		TG_ACTING("observe", "token:t*", "9/hour", "1/day"), ALWAYS_EMPTY, {0}};
	struct tg_crowd crowd = {.rig = &rig, .tokens = SUBJECTS, .requests = 100, .mixed = true};

	(void)state;
	tg_rig_reset(&rig);
	tg_rig_put(&rig, rules);
	race(&crowd, check_limits);
}

static void check_policies(uint64_t passed)
{
	const struct tg_budget *token = tg_rig_budget(&rig, "token:t*", NULL, NULL);

	assert_int_equal(passed, SUBJECTS);
	assert_int_equal(used(token, TG_UNIT_DAY), SUBJECTS);
	assert_int_equal(rig.meter.maps.control->refused, 0);
}

/* Of two policies, the same: each source has one request, all of them the same token. */
static void test_policy_given_back(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("source:198.18.0.0/16", "1/day"),
					       TG_SHARED("token:t*", "1000000/day"),
					       ALWAYS_EMPTY,
					       {0}};
	struct tg_crowd crowd = {
		.rig = &rig, .tokens = SUBJECTS, .requests = 1, .by_source = true, .ends = true};

	(void)state;
	tg_rig_reset(&rig);
	tg_rig_put(&rig, rules);
	race(&crowd, check_policies);
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test(test_taken_is_let_through),
		cmocka_unit_test(test_limit_given_back),
		cmocka_unit_test(test_policy_given_back),
	};
	static char names[2 * EXACTS][80];

	for (size_t i = 0; i < 2 * EXACTS; i++) {
		const struct exact *exact = &exacts[i / 2];

		if (exact->unlike && i % 2 == 0)
			continue;
		snprintf(names[i], sizeof(names[i]), "exactly: %s, %s", exact->what,
			 i % 2 ? "refused" : "observed");
		tg_tests_add(tests, names[i], i % 2 ? test_refused : test_observed, NULL, exact);
	}
	return tg_rig_run(&rig, ENTRIES, "budgets", tests, argc, argv);
}

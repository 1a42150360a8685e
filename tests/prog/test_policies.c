/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c tests/prog/matches.c */
/*
 * Which policies a request is under, how many of M requests they let through, and
 * what is counted of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "matches.h"

#define A "198.51.100.1"
#define B "198.51.100.2"
#define C "203.0.113.1"

static struct tg_rig rig;

static void run_ask(const char *what, size_t number, const struct tg_ask *ask)
{
	unsigned int allowed = 0, first = 0;
	enum tg_out_kind kind = TG_OUT_PASS;

	for (unsigned int i = 0; i < ask->requests; i++) {
		struct tg_out out = tg_rig_ask(&rig, ask->source, ask->token);

		allowed += out.kind == TG_OUT_PASS;
		if (out.kind != TG_OUT_PASS && kind == TG_OUT_PASS) {
			kind = out.kind;
			first = i;
		}
	}
	if (allowed != ask->allowed)
		fail_msg("%s: %zu: %u of %u pass, not %u", what, number, allowed, ask->requests,
			 ask->allowed);
	if (kind != ask->refused)
		fail_msg("%s: %zu: %s, not %s", what, number, tg_out_name(kind),
			 tg_out_name(ask->refused));
	if (allowed != ask->requests && first != allowed)
		fail_msg("%s: %zu: request %u was refused before others passed", what, number,
			 first);
}

static void test_match(void **state)
{
	const struct tg_match_case *match = *state;

	tg_rig_never(&rig, match->never);
	tg_rig_put(&rig, match->rule);
	for (size_t i = 0; match->ask[i].source; i++)
		run_ask(match->what, i, &match->ask[i]);
	tg_rig_check_books(&rig);
	assert_int_equal(rig.meter.maps.control->refused, 0);
}

/* --- token-id: its text is made of the id ----------------------------------------- */

static const char *token_id_text(char text[40], const char *token)
{
	snprintf(text, 40, "token-id:%016" PRIx64, tg_rig_token_id(token));
	return text;
}

static void test_token_id(void **state)
{
	char text[40];
	const struct tg_rule rules[] = {
		TG_EACH(token_id_text(text, "t-one"), "3/day"), TG_EACH("token:t*", "2/day"), {0}};

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(tg_rig_allowed(&rig, A, "t-one", 5), 2); /* both kinds */
	assert_int_equal(tg_rig_allowed(&rig, A, "t-two", 5), 2);
	tg_rig_put(&rig, (struct tg_rule[]){rules[0], {0}});
	assert_int_equal(tg_rig_allowed(&rig, A, "t-one", 5), 1); /* 2 were taken */
	assert_int_equal(tg_rig_allowed(&rig, A, "t-two", 5), 5);
	assert_int_equal(tg_rig_policy(&rig, text).requests, 2 + 5);
}

/* --- what is counted -------------------------------------------------------------- */

static void test_counts(void **state)
{
	static const struct tg_rule rules[] = {
		TG_SHARED_ACTING("observe", "any", "4/day"), TG_EACH("token:t*", "6/day"), {0}};
	const struct tg_budget *own, *token;
	struct tg_counts any, by_token, usage;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(tg_rig_allowed(&rig, A, "t-one", 10), 6);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 3), 3);
	any = tg_rig_policy(&rig, "any");
	by_token = tg_rig_policy(&rig, "token:t*");
	usage = tg_rig_usage(&rig, "t-one");
	assert_int_equal(usage.requests, 10);
	assert_int_equal(usage.denied, 4);
	assert_int_equal(usage.observed, 2);
	usage = tg_rig_usage(&rig, NULL);
	assert_int_equal(usage.requests, 3);
	assert_int_equal(usage.observed, 3);
	/* Each request once: 4 by token, then 2 observed, 4 refused by token; 3 observed. */
	assert_int_equal(by_token.requests, 4 + 4);
	assert_int_equal(by_token.denied, 4);
	assert_int_equal(by_token.observed, 0);
	assert_int_equal(any.requests, 2 + 3);
	assert_int_equal(any.observed, 5);
	assert_int_equal(any.denied, 0);
	own = tg_rig_budget(&rig, "any", NULL, NULL);
	token = tg_rig_budget(&rig, "token:t*", NULL, "t-one");
	assert_non_null(token);
	assert_int_equal(own->observed, 2 + 4 + 3); /* found empty, whoever refused */
	assert_int_equal(own->denied, 0);
	assert_int_equal(token->denied, 4);
	assert_int_equal(token->observed, 0);
	assert_string_equal(token->prefix, "t");
	tg_rig_check_books(&rig);
}

static uint32_t used(const struct tg_budget *budget, enum tg_unit unit)
{
	const __u64 *words = budget->calendar[unit - TG_RATES];

	return (uint32_t)(words[0] > words[1] ? words[0] : words[1]);
}

/* The day is through: the minute, and the bucket, are not charged for what it refuses. */
static void test_refused_takes_nothing(void **state)
{
	static const struct tg_rule rules[] = {
		TG_EACH("any", "1/h burst 9", "5/minute", "3/day", "8/month"), {0}};
	const struct tg_budget *budget;
	uint64_t rate;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 3), 3);
	budget = tg_rig_budget(&rig, "any", A, NULL);
	assert_non_null(budget);
	rate = budget->rate[TG_UNIT_H];
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 20), 0);
	assert_int_equal(budget->rate[TG_UNIT_H], rate);
	assert_int_equal(used(budget, TG_UNIT_MINUTE), 3);
	assert_int_equal(used(budget, TG_UNIT_DAY), 3);
	assert_int_equal(used(budget, TG_UNIT_MONTH), 3);
	assert_int_equal(budget->denied, 20);
	tg_rig_next_period(&rig);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 20), 3);
	assert_int_equal(used(budget, TG_UNIT_DAY), 3);
}

/* --- budgets full ------------------------------------------------------------------------------
 */

static const char *address_of(char text[20], unsigned int number)
{
	snprintf(text, 20, "10.9.%u.%u", number >> 8, number & 0xff);
	return text;
}

#define ENTRIES 64 /* of the maps: budgets, usage rows, flows */

static void test_budgets_full(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "2/day"), {0}};
	char text[20];

	(void)state;
	tg_rig_put(&rig, rules);
	for (unsigned int i = 0; i < ENTRIES; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 1), 1);
	/* Newcomers share the policy's own budget: two for them all. */
	assert_int_equal(tg_rig_allowed(&rig, address_of(text, ENTRIES), NULL, 1), 1);
	assert_int_equal(tg_rig_allowed(&rig, address_of(text, ENTRIES + 1), NULL, 2), 1);
	assert_int_equal(tg_rig_allowed(&rig, address_of(text, ENTRIES + 2), NULL, 2), 0);
	assert_int_equal(tg_rig_budget(&rig, "any", NULL, NULL)->denied, 3);
	for (unsigned int i = 0; i < ENTRIES; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 3), 1);
	tg_rig_check_books(&rig);
}

/* Many more clients than usage has rows: each of them has its budget all the same. */
static void test_usage_full(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("token:t*", "3/day"), {0}};
	char text[20];

	(void)state;
	tg_rig_put(&rig, rules);
	for (unsigned int i = 0; i < ENTRIES; i++)
		tg_rig_ask(&rig, address_of(text, i), NULL); /* rows, no budgets */
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_USAGE, NULL, NULL, 0), ENTRIES);
	assert_int_equal(tg_rig_allowed(&rig, A, "t-one", 9), 3);
	assert_int_equal(tg_rig_allowed(&rig, B, "t-one", 9), 0);
	assert_int_equal(tg_rig_allowed(&rig, B, "t-two", 9), 3);
	assert_int_equal(tg_rig_usage(&rig, "t-one").denied, 15);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_USAGE, NULL, NULL, 0), ENTRIES);
	tg_rig_check_books(&rig);
}

/* --- another set ---------------------------------------------------------------------------------
 */

static void test_replaced(void **state)
{
	static const struct tg_rule first[] = {TG_EACH("source:" A, "5/day"),
					       TG_EACH("token:t*", "5/day"),
					       TG_SHARED("any", "5/day"),
					       {0}};
	static const struct tg_rule second[] = {
		TG_EACH("source:" A, "5/day"), TG_EACH("token:t*", "7/day"), {0}};
	static const struct tg_rule third[] = {
		TG_ACTING("reset", "token:t*", "4/day"), TG_SHARED("any", "5/day"), {0}};

	(void)state;
	tg_rig_put(&rig, first);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 3), 3);
	assert_int_equal(tg_rig_allowed(&rig, B, "t-one", 9), 2); /* any is through */
	assert_int_equal(tg_rig_allowed(&rig, C, NULL, 1), 0);
	tg_rig_put(&rig, second);
	assert_int_equal(tg_rig_allowed(&rig, C, NULL, 9), 9);	  /* any is gone */
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 9), 2);	  /* unchanged: 3 were taken */
	assert_int_equal(tg_rig_allowed(&rig, B, "t-one", 9), 5); /* 2 of 7 were taken */
	tg_rig_put(&rig, third);
	assert_int_equal(tg_rig_ask(&rig, B, "t-one").kind, TG_OUT_ABORT); /* 7 of 4 */
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 9), 5);		   /* any begins as new */
	tg_rig_put_some(&rig, NULL, 0);
	assert_int_equal(tg_rig_allowed(&rig, B, "t-one", 9), 9);
	tg_rig_put(&rig, first);
	assert_int_equal(tg_rig_allowed(&rig, B, "t-one", 9), 5);
}

/* What a usage row remembers must not outlive the set: other policies, other per, other order. */
static void test_cached_matches(void **state)
{
	static const struct tg_rule sets[][3] = {
		{TG_EACH("any", "2/day"), {0}},
		{TG_EACH("source:" A, "3/day"), {0}},
		{TG_SHARED("source:198.51.100.0/24", "4/day"), TG_EACH("any", "9/day"), {0}},
		{TG_EACH("source:198.51.100.0/24", "3/day"), TG_EACH("token:t*", "1/day"), {0}},
		{TG_SHARED("any", "1/day"), {0}},
	};
	static const unsigned int allowed[][2] = {{2, 2}, {3, 9}, {4, 0}, {3, 3}, {1, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		tg_rig_put(&rig, sets[i]);
		assert_int_equal(tg_rig_allowed(&rig, A, NULL, 9), allowed[i][0]);
		assert_int_equal(tg_rig_allowed(&rig, B, NULL, 9), allowed[i][1]);
	}
}

/* Also when the epoch of cached matches begins anew at 0, which is what a fresh row holds. */
static void test_epoch_wraps(void **state)
{
	static const struct tg_rule rules[] = {TG_SHARED("any", "2/day"), {0}};
	struct tg_control *control = rig.meter.maps.control;

	(void)state;
	tg_rig_put(&rig, rules);
	control->set_epoch |= 0xffffff;
	tg_enforce_raise_epoch(&rig.meter.maps);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 3), 2);
	assert_int_equal(tg_rig_allowed(&rig, B, NULL, 3), 0);
}

/* --- all -------------------------------------------------------------------------- */

static int cannot_wait(void)
{
	return -EPERM;
}

static uint32_t matches(void)
{
	uint32_t count;

	assert_int_equal(tg_maps_count(&rig.meter.maps, TG_MAP_POLICY_MATCH, &count), 0);
	return count;
}

/* A packet may look at the old set still, when one cannot wait for it: it stays for now. */
static void test_no_grace_period(void **state)
{
	static const struct tg_rule two[] = {
		TG_EACH("source:" A, "5/day"), TG_EACH("source:" B, "5/day"), {0}};
	static const struct tg_rule none[] = {{0}};
	struct tg_quota one;
	uint32_t gone;
	char error[256];

	(void)state;
	tg_rig_put(&rig, two);
	one = tg_rig_enforced(&rig, "source:" A)->quota;
	gone = tg_rig_enforced(&rig, "source:" B)->owner;
	assert_int_equal(tg_enforce_put(&rig.enforce, &one, 1, &rig.never, cannot_wait, error,
					sizeof(error)),
			 0);
	assert_null(tg_rig_enforced(&rig, "source:" B));
	assert_int_equal(matches(), 2 + 1);
	assert_int_equal(rig.meter.maps.budgets[gone].state, TG_BUDGET_LIVE);
	assert_int_equal(tg_rig_allowed(&rig, A, NULL, 7), 5);
	assert_int_equal(tg_rig_allowed(&rig, B, NULL, 7), 7);
	tg_rig_put(&rig, none);
	assert_int_equal(matches(), 0);
	assert_int_equal(rig.meter.maps.budgets[gone].state, TG_BUDGET_FREE);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_token_id, tg_rig_start),
		cmocka_unit_test_setup(test_counts, tg_rig_start),
		cmocka_unit_test_setup(test_refused_takes_nothing, tg_rig_start),
		cmocka_unit_test_setup(test_budgets_full, tg_rig_start),
		cmocka_unit_test_setup(test_usage_full, tg_rig_start),
		cmocka_unit_test_setup(test_replaced, tg_rig_start),
		cmocka_unit_test_setup(test_cached_matches, tg_rig_start),
		cmocka_unit_test_setup(test_epoch_wraps, tg_rig_start),
		cmocka_unit_test_setup(test_no_grace_period, tg_rig_start),
	};

	for (const struct tg_match_case *match = tg_match_cases; match->what; match++)
		tg_tests_add(tests, match->what, test_match, tg_rig_start, match);
	return tg_rig_run(&rig, ENTRIES, "policies", tests, argc, argv);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c */
/*
 * Whom a policy names is counted under that name, and has its budget, when random tokens
 * and sources filled every map before it was first seen.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "../../user/collect.h"
#include "../../user/network.h"
#include "../../user/reserve.h"
#include "rig.h"

#define ENTRIES	  256 /* of each map */
#define SPARES	  (ENTRIES / 64)
#define FLOOD	  700
#define PAYING	  "paying-customer"
#define SOURCE	  "198.51.100.7"
#define SOURCE6	  "2001:db8:0:7::9"
#define ELSEWHERE "203.0.113.1"

static struct tg_rig rig;
static char paying[TG_SUBJECT_TEXT_BYTES]; /* the policy's subject */

/* --- what the agent does ------------------------------------------------------------------ */

struct lacking {
	unsigned int rows;
	char last[TG_SUBJECT_TEXT_BYTES]; /* "": not a policy's */
};

static void note_lacking(const struct tg_quota *quota, enum tg_map map, uint32_t slot, void *arg)
{
	struct lacking *lacking = arg;

	(void)map;
	assert_int_equal(slot, TG_RIG_SLOT);
	lacking->rows++;
	*lacking->last = '\0';
	if (quota)
		tg_subject_print(&quota->subject, lacking->last);
}

static struct lacking reserve(void)
{
	struct lacking lacking = {0};

	assert_int_equal(
		tg_reserve_rows(&rig.enforce, 1ULL << TG_RIG_SLOT, 64, note_lacking, &lacking), 0);
	return lacking;
}

static void assert_reserved(void)
{
	assert_int_equal(reserve().rows, 0);
}

/* --- the flood ----------------------------------------------------------------------------- */

static uint64_t nameless(void)
{
	struct tg_unattributed now[TG_UNATTRIBUTED_REASONS];

	tg_meter_unattributed(&rig.meter, now);
	return now[TG_UNATTRIBUTED_USAGE_FULL].requests;
}

/* A token and a source each. */
static const char *random_token(char text[24], unsigned int number)
{
	snprintf(text, 24, "random-%08u", number * 2654435761u);
	return text;
}

static void flood(unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++) {
		char source[20], token[24];

		snprintf(source, sizeof(source), "10.9.%u.%u", i >> 8, i & 0xff);
		random_token(token, i);
		tg_rig_ask(&rig, source, token);
	}
}

static void fill(void)
{
	uint64_t before = nameless();

	flood(0, FLOOD);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_USAGE, NULL, NULL, 0), ENTRIES);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_TOKEN_SPILL, NULL, NULL, 0), ENTRIES);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_SOURCE_SPILL, NULL, NULL, 0), ENTRIES);
	assert_true(nameless() > before);
}

/* --- what was counted ------------------------------------------------------------------------ */

struct sums {
	const struct tg_source_key *source;
	struct tg_counts named; /* source's row */
	struct tg_counts unplaced;
	struct tg_counts tokens;
	struct tg_counts sources;
};

static int add_token(const void *key, const void *value, void *arg)
{
	const struct tg_token_key *row = key;
	const struct tg_counts *counts = value;
	struct sums *sums = arg;

	sums->tokens.requests += counts->requests;
	sums->tokens.bytes += counts->bytes;
	if (tg_token_is_unplaced(&row->token))
		sums->unplaced = *counts;
	return 0;
}

static int add_source(const void *key, const void *value, void *arg)
{
	const struct tg_counts *counts = value;
	struct sums *sums = arg;

	sums->sources.requests += counts->requests;
	sums->sources.bytes += counts->bytes;
	if (!memcmp(key, sums->source, sizeof(*sums->source)))
		sums->named = *counts;
	return 0;
}

static struct sums sums_of(const char *source)
{
	struct tg_source_key key = {.iface = TG_RIG_SLOT};
	struct sums sums = {.source = &key};
	struct tg_subject network;
	char error[200];

	assert_int_equal(tg_network_parse(source, &network, error, sizeof(error)), 0);
	if (!tg_network_is_v4(&network))
		network = tg_network_around(&network, 64);
	memcpy(key.source.bytes, network.bytes, sizeof(key.source.bytes));
	assert_int_equal(tg_maps_walk(&rig.meter.maps, TG_MAP_TOKEN_SPILL, add_token, &sums), 0);
	assert_int_equal(tg_maps_walk(&rig.meter.maps, TG_MAP_SOURCE_SPILL, add_source, &sums), 0);
	assert_true(sums.sources.requests <= sums.tokens.requests);
	assert_true(sums.sources.bytes <= sums.tokens.bytes);
	return sums;
}

/* --- tokens --------------------------------------------------------------------------------- */

static void test_named_token(void **state)
{
	const struct tg_rule rules[] = {TG_EACH(paying, "5/day"), {0}};
	uint64_t before;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_reserved();
	fill();
	before = nameless();
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, PAYING, 4), 4);
	assert_int_equal(tg_rig_allowed(&rig, ELSEWHERE, PAYING, 4), 1);
	assert_int_equal(tg_rig_usage(&rig, PAYING).requests, 8);
	assert_int_equal(tg_rig_usage(&rig, PAYING).denied, 3);
	assert_int_equal(nameless(), before);
	tg_rig_ask(&rig, SOURCE, "another-one");
	assert_int_equal(tg_rig_usage(&rig, "another-one").requests, 0);
	assert_int_equal(nameless(), before + 1);
	tg_rig_check_books(&rig);
}

/* Where there is room, it has its row under its whole key; the one in advance stays empty. */
static void test_named_token_with_room(void **state)
{
	const struct tg_rule rules[] = {TG_EACH(paying, "5/day"), {0}};
	struct tg_token_key key = {.token.id = tg_rig_token_id(PAYING), .iface = TG_RIG_SLOT};
	struct tg_snapshot *snapshot = NULL;
	struct tg_counts counts;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_reserved();
	flood(0, ENTRIES); /* usage is full, the spill maps are not */
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, PAYING, 4), 4);
	assert_int_equal(bpf_map_lookup_elem(rig.meter.maps.fd[TG_MAP_TOKEN_SPILL], &key, &counts),
			 0);
	assert_int_equal(counts.requests, 0);
	assert_int_equal(tg_rig_usage(&rig, PAYING).requests, 4);
	/* Nobody is shown the empty ones; they take room all the same. */
	assert_int_equal(tg_collect(&rig.meter.maps, &snapshot), 0);
	assert_int_equal(snapshot->token_spill_count, 1);
	assert_int_equal(snapshot->source_spill_count, 1);
	assert_int_equal(snapshot->entries[TG_MAP_TOKEN_SPILL], 1 + 3 + SPARES);
	assert_int_equal(snapshot->entries[TG_MAP_SOURCE_SPILL], 1 + SPARES);
	tg_snapshot_free(snapshot);
	fill();
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, PAYING, 4), 1);
	assert_int_equal(tg_rig_usage(&rig, PAYING).requests, 8);
	assert_reserved(); /* it is there already */
	tg_rig_check_books(&rig);
}

static uint64_t total(void)
{
	struct tg_snapshot *snapshot = NULL;
	uint64_t requests;

	assert_int_equal(tg_collect(&rig.meter.maps, &snapshot), 0);
	requests = tg_snapshot_total(snapshot).requests;
	tg_snapshot_free(snapshot);
	return requests;
}

/* Its usage row is retired when there is no room for the prefix any more: by its id. */
static void test_retired_by_name(void **state)
{
	const struct tg_rule rules[] = {
		TG_EACH(paying, "50/day"), TG_EACH("source:" SOURCE, "50/day"), {0}};
	struct tg_token_key key = {.token.id = tg_rig_token_id(PAYING), .iface = TG_RIG_SLOT};
	struct tg_sweep sweep = {.idle_jiffies = 0};
	struct tg_counts counts;
	uint64_t before;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_reserved();
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, PAYING, 6), 6);
	fill();
	before = total();
	nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL); /* longer than a jiffy */
	assert_int_equal(tg_maintain_retire(&rig.maintain, &sweep), 0);
	assert_true(sweep.removed >= 1);
	assert_true(sweep.kept > 0); /* those that nobody named */
	assert_int_equal(bpf_map_lookup_elem(rig.meter.maps.fd[TG_MAP_TOKEN_SPILL], &key, &counts),
			 0);
	assert_int_equal(counts.requests, 6);
	assert_int_equal(sums_of(SOURCE).named.requests, 6);
	assert_int_equal(tg_rig_usage(&rig, PAYING).requests, 6);
	assert_int_equal(total(), before);
	tg_rig_check_books(&rig);
}

/* --- sources --------------------------------------------------------------------------------- */

/* Each request with a token that finds no row, and some without one. */
static void ask_as(const char *source, unsigned int requests, unsigned int allowed)
{
	unsigned int passed = 0;

	for (unsigned int i = 0; i < requests; i++) {
		char token[24];

		random_token(token, FLOOD + i);
		passed += tg_rig_allowed(&rig, source, token, 1);
	}
	assert_int_equal(passed, allowed);
}

static void test_named_source(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("source:" SOURCE, "7/day"),
					       TG_EACH("source:2001:db8:0:7::/64", "8/day"),
					       {0}};
	uint64_t before;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_reserved();
	fill();
	before = nameless();
	ask_as(SOURCE, 10, 7);
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, NULL, 2), 0);
	ask_as(SOURCE6, 10, 8);
	assert_int_equal(sums_of(SOURCE).named.requests, 12);
	assert_int_equal(sums_of(SOURCE).named.denied, 5);
	assert_int_equal(sums_of(SOURCE6).named.requests, 10);
	assert_int_equal(sums_of(SOURCE6).named.denied, 2);
	assert_int_equal(sums_of(SOURCE).unplaced.requests, 20);
	assert_int_equal(sums_of(SOURCE).unplaced.denied, 5);
	assert_int_equal(nameless(), before);
	ask_as(ELSEWHERE, 3, 3); /* neither has a name */
	assert_int_equal(nameless(), before + 3);
	tg_rig_check_books(&rig);
}

/* --- the flood came first ----------------------------------------------------------------------
 */

static void test_policy_comes_later(void **state)
{
	const struct tg_rule rules[] = {
		TG_EACH(paying, "5/day"), TG_EACH("source:" SOURCE, "7/day"), {0}};
	uint64_t before;

	(void)state;
	assert_reserved();
	fill();
	tg_rig_put(&rig, rules);
	assert_reserved();
	before = nameless();
	assert_int_equal(tg_rig_allowed(&rig, ELSEWHERE, PAYING, 9), 5);
	ask_as(SOURCE, 10, 7);
	assert_int_equal(tg_rig_usage(&rig, PAYING).requests, 9);
	assert_int_equal(sums_of(SOURCE).named.requests, 10);
	assert_int_equal(nameless(), before);
	tg_rig_check_books(&rig);
}

/* More than were kept free: said of each that finds none, and of no other. */
static void test_too_many_policies(void **state)
{
	struct tg_rule rules[SPARES + 3];
	char subjects[SPARES + 3][TG_SUBJECT_TEXT_BYTES];
	struct lacking lacking;
	char token[24];

	(void)state;
	assert_reserved();
	fill();
	for (unsigned int i = 0; i < SPARES + 2; i++) {
		snprintf(subjects[i], sizeof(subjects[i]), "token-id:%016x", i + 1);
		rules[i] = (struct tg_rule)TG_EACH(subjects[i], "5/day");
	}
	rules[SPARES + 2] = (struct tg_rule){0};
	tg_rig_put(&rig, rules);
	lacking = reserve();
	assert_int_equal(lacking.rows, 2);
	assert_int_equal(strncmp(lacking.last, "token-id:", 9), 0);
	/* One that has its row under its prefix lacks nothing. */
	snprintf(subjects[0], sizeof(subjects[0]), "token-id:%016" PRIx64,
		 tg_rig_token_id(random_token(token, ENTRIES + 5)));
	rules[0] = (struct tg_rule)TG_EACH(subjects[0], "5/day");
	tg_rig_put(&rig, rules);
	assert_int_equal(reserve().rows, 2);
}

/* What was made for policies that are gone leaves half of the map to others. */
static void test_policies_come_and_go(void **state)
{
	unsigned int named = 0;
	char subject[2][TG_SUBJECT_TEXT_BYTES];

	(void)state;
	for (unsigned int i = 0; i < 2 * ENTRIES; i++) {
		struct tg_rule rules[] = {
			TG_EACH(subject[0], "5/day"), TG_EACH(subject[1], "5/day"), {0}};
		unsigned int lacking;

		snprintf(subject[0], sizeof(subject[0]), "token-id:%016x", i + 1);
		snprintf(subject[1], sizeof(subject[1]), "source:10.8.%u.%u", i >> 8, i & 0xff);
		tg_rig_put(&rig, rules);
		lacking = reserve().rows;
		assert_true(lacking <= 2);
		named += 2 - lacking;
	}
	assert_in_range(named, ENTRIES - 2 * SPARES - 2, ENTRIES);
	assert_in_range(tg_meter_rows(&rig.meter, TG_MAP_TOKEN_SPILL, NULL, NULL, 0), 1,
			ENTRIES / 2 + 1);
	assert_in_range(tg_meter_rows(&rig.meter, TG_MAP_SOURCE_SPILL, NULL, NULL, 0), 1,
			ENTRIES / 2);
}

/* --- budgets
 * -------------------------------------------------------------------------------------- */

static const struct tg_rule each_one[] = {TG_EACH("any", "1000/day"),
					  TG_EACH("source:" SOURCE, "5/day"),
					  TG_EACH("source:2001:db8:0:7::/64", "6/day"),
					  {0}};

/* All slots are others': its policy's own is nobody else's. */
static void test_budgets_full(void **state)
{
	struct tg_sweep sweep = {.idle_jiffies = 0};

	(void)state;
	tg_rig_put(&rig, each_one);
	assert_reserved();
	fill();
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, NULL, 3), 3);
	ask_as(SOURCE, 9, 2);
	ask_as(SOURCE6, 9, 6);
	/* Nor does it begin anew when there is room again. */
	tg_rig_put(&rig, &each_one[1]);
	nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
	assert_int_equal(tg_maintain_retire_budgets(&rig.maintain, &sweep), 0);
	assert_true(sweep.removed > 0);
	tg_enforce_raise_epoch(&rig.meter.maps);
	assert_int_equal(tg_maintain_retire_budgets(&rig.maintain, &sweep), 0);
	tg_enforce_raise_epoch(&rig.meter.maps);
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, NULL, 9), 0);
	assert_int_equal(tg_rig_allowed(&rig, SOURCE6, NULL, 9), 0);
	tg_rig_next_period(&rig);
	assert_int_equal(tg_rig_allowed(&rig, SOURCE, NULL, 9), 5);
	assert_int_equal(tg_rig_allowed(&rig, SOURCE6, NULL, 9), 6);
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_named_token, tg_rig_start),
		cmocka_unit_test_setup(test_named_token_with_room, tg_rig_start),
		cmocka_unit_test_setup(test_retired_by_name, tg_rig_start),
		cmocka_unit_test_setup(test_named_source, tg_rig_start),
		cmocka_unit_test_setup(test_policy_comes_later, tg_rig_start),
		cmocka_unit_test_setup(test_too_many_policies, tg_rig_start),
		cmocka_unit_test_setup(test_policies_come_and_go, tg_rig_start),
		cmocka_unit_test_setup(test_budgets_full, tg_rig_start),
	};

	snprintf(paying, sizeof(paying), "token-id:%016" PRIx64, tg_rig_token_id(PAYING));
	return tg_rig_run(&rig, ENTRIES, "reserve", tests, argc, argv);
}

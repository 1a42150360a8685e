/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/error.c tests/unit/random.c */
/* Budgets: the arithmetic against plain models, and taking from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"
#include "tollgate/bucket.h"

#define NS 1000000000ULL

/* --- rates ------------------------------------------------------------------------- */

static const uint64_t unit_ns[TG_RATES] = {NS, 60 * NS, 3600 * NS};

static struct tg_limit rate_limit(uint32_t unit, uint64_t amount, uint64_t burst)
{
	uint64_t interval_ns = (unit_ns[unit] + amount - 1) / amount;

	return (struct tg_limit){amount, interval_ns, burst * interval_ns, unit, 0};
}

/* From one an hour to the most, evenly by magnitude. */
static struct tg_limit random_rate(uint64_t *burst)
{
	uint32_t unit = (uint32_t)random_below(TG_RATES);
	uint64_t most = TG_RATE_MAX * (unit_ns[unit] / NS);
	uint64_t amount = 1 + random_below(1 + random_below(most >> random_below(20)) % most);

	*burst = 1 + random_below(1 + (1000 >> random_below(11)));
	return rate_limit(unit, amount, *burst);
}

/*
 * Tokens as an exact fraction: scaled by the unit, amount of them come in every
 * nanosecond and a request costs a whole unit.
 */
struct model {
	unsigned __int128 tokens, most;
	uint64_t now_ns, amount, cost;
};

static struct model model_of(const struct tg_limit *limit, uint64_t burst, uint64_t now_ns)
{
	unsigned __int128 most = (unsigned __int128)burst * unit_ns[limit->unit];

	return (struct model){most, most, now_ns, limit->amount, unit_ns[limit->unit]};
}

static bool model_take(struct model *model, uint64_t now_ns)
{
	model->tokens += (unsigned __int128)(now_ns - model->now_ns) * model->amount;
	if (model->tokens > model->most)
		model->tokens = model->most;
	model->now_ns = now_ns;
	if (model->tokens < model->cost)
		return false;
	model->tokens -= model->cost;
	return true;
}

/* Whatever is asked, and when: what the bucket gives, the model would give. */
static void check_never_more(void)
{
	uint64_t burst, now = 1 + random_below(1000 * NS);
	struct tg_limit limit = random_rate(&burst);
	struct model model = model_of(&limit, burst, now);
	__u64 word = 0;

	for (int i = 0; i < 2000; i++) {
		if (tg_rate_take(&word, &limit, now) == TG_TAKEN && !model_take(&model, now))
			fail_msg("amount %llu of unit %u, burst %llu: too many",
				 (unsigned long long)limit.amount, limit.unit,
				 (unsigned long long)burst);
		if (!random_below(4))
			now += random_below(random_below(burst + 1) * limit.interval_ns + 2);
	}
}

static void test_never_more(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		check_never_more();
}

/* Who waits as long as told gets 99 % of the rate, and the burst. */
static void check_greedy(void)
{
	uint64_t burst, from = 1 + random_below(1000 * NS), now = from, taken = 0;
	struct tg_limit limit = random_rate(&burst);
	unsigned __int128 due;
	__u64 word = 0;

	while (taken < 3 * burst + 1000) {
		assert_int_equal(tg_rate_take(&word, &limit, now), TG_TAKEN);
		taken++;
		now += tg_rate_wait_ns(&limit, word, now);
	}
	due = (unsigned __int128)(now - from) * limit.amount / unit_ns[limit.unit] + burst;
	assert_true(taken <= due);
	assert_true(taken * 100 >= due * 99 - 100);
}

static void test_greedy(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		check_greedy();
}

/* In any state: the wait is exact, and remaining is what can be taken at once. */
static void check_wait_and_remaining(void)
{
	uint64_t burst, now = 1 + random_below(1000 * NS), taken = 0, remaining, wait;
	struct tg_limit limit = random_rate(&burst);
	__u64 word = 0, copy;

	for (int i = 0; i < 200; i++) {
		wait = tg_rate_wait_ns(&limit, word, now);
		remaining = tg_rate_remaining(&limit, word, now);
		assert_true(remaining <= burst);
		assert_true((wait == 0) == (remaining > 0));
		assert_true((wait == 0) == (tg_rate_next(&limit, word, now) != 0));
		assert_true(tg_rate_next(&limit, word, now + wait) != 0);
		if (wait)
			assert_true(tg_rate_next(&limit, word, now + wait - 1) == 0);
		if (!random_below(10)) {
			copy = word;
			for (taken = 0; tg_rate_take(&copy, &limit, now) == TG_TAKEN; taken++)
				;
			assert_int_equal(taken, remaining);
		}
		tg_rate_take(&word, &limit, now);
		if (!random_below(3))
			now += random_below(2 * limit.interval_ns);
	}
}

static void test_wait_and_remaining(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		check_wait_and_remaining();
}

/* Another CPU's clock may be a little behind: that opens what comes in that little, once. */
static void test_rate_now_goes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t burst, now = NS, latest = now;
		struct tg_limit limit = random_rate(&burst);
		struct model model = model_of(&limit, burst, now);
		__u64 word = 0;

		model.most += 1000 * limit.amount;
		model.tokens = model.most;
		for (int j = 0; j < 300; j++) {
			now = latest - random_below(1000);
			if (tg_rate_take(&word, &limit, now) == TG_TAKEN)
				assert_true(model_take(&model, latest));
			latest += random_below(limit.interval_ns);
		}
	}
}

/* What is given back within its own moment is as if it had not been taken. */
static void test_rate_give_back(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t burst, now = NS;
		struct tg_limit limit = random_rate(&burst);
		__u64 word = 0;

		for (int j = 0; j < 100; j++) {
			uint64_t remaining = tg_rate_remaining(&limit, word, now);

			if (tg_rate_take(&word, &limit, now) == TG_TAKEN && random_below(2)) {
				tg_rate_give_back(&word, &limit);
				assert_int_equal(tg_rate_remaining(&limit, word, now), remaining);
			}
			now += random_below(limit.interval_ns);
		}
	}
}

/* --- calendar periods -------------------------------------------------------------- */

#define PERIODS 400

static struct tg_limit period_limit(uint64_t amount)
{
	return (struct tg_limit){.amount = amount, .unit = TG_UNIT_DAY};
}

/* One counter for each period there ever was: what the two words stand for. */
struct periods {
	uint32_t taken[PERIODS];
	__u64 words[2];
	struct tg_limit limit;
};

static void period_step(struct periods *p, uint32_t id)
{
	uint64_t remaining = tg_period_remaining(&p->limit, p->words[0], p->words[1], id);
	uint32_t got = tg_period_take(p->words, &p->limit, id);

	assert_true(remaining == p->limit.amount - p->taken[id]);
	assert_int_equal(got, p->taken[id] < p->limit.amount ? TG_TAKEN : TG_EMPTY);
	p->taken[id] += got == TG_TAKEN;
	if (got == TG_TAKEN && !random_below(4)) {
		tg_period_give_back(p->words, id);
		p->taken[id]--;
	}
}

/* Time goes on, and back by one period now and then, as CPUs and clocks disagree. */
static void test_periods_back_by_one(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct periods p = {.limit = period_limit(1 + random_below(20))};
		uint32_t id = 1;

		uint32_t before = 0;

		while (id < PERIODS - 10) {
			period_step(&p, before && !random_below(3) ? before : id);
			if (random_below(12) || !p.taken[id])
				continue;
			before = id;
			id += 1 + (uint32_t)random_below(3) * (uint32_t)random_below(3);
		}
	}
}

/* A clock that jumps ahead by mistake, and back: nothing opens twice, nothing is lost. */
static void test_periods_bad_jump(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct periods p = {.limit = period_limit(1 + random_below(10))};
		uint32_t id = 1 + (uint32_t)random_below(100), far = 0;

		while (id < PERIODS - 50) {
			for (uint64_t n = random_below(15); n; n--)
				period_step(&p, id);
			if (id >= far && !random_below(4)) {
				far = id + 2 + (uint32_t)random_below(30);
				for (uint64_t n = 1 + random_below(15); n; n--)
					period_step(&p, far);
				continue; /* and back to the period it was */
			}
			id++;
		}
	}
}

static void test_periods_by_hand(void **state)
{
	struct tg_limit limit = period_limit(2);
	__u64 words[2] = {0, 0};

	(void)state;
	assert_int_equal(tg_period_take(words, &limit, 10), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 15), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 10), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 10), TG_EMPTY);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_EMPTY);
	assert_int_equal(tg_period_take(words, &limit, 15), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 15), TG_EMPTY);
	assert_int_equal(tg_period_take(words, &limit, 16), TG_TAKEN);
}

static void test_period_give_back_by_hand(void **state)
{
	struct tg_limit limit = period_limit(1);
	__u64 words[2] = {0, 0};

	(void)state;
	tg_period_give_back(words, 10);
	assert_true(words[0] == 0 && words[1] == 0);
	assert_int_equal(tg_period_take(words, &limit, 10), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_TAKEN);
	tg_period_give_back(words, 9); /* has gone */
	assert_int_equal(tg_period_take(words, &limit, 11), TG_EMPTY);
	tg_period_give_back(words, 10);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_EMPTY);
	assert_int_equal(tg_period_take(words, &limit, 10), TG_TAKEN);
	tg_period_give_back(words, 11);
	tg_period_give_back(words, 11); /* not twice */
	assert_int_equal(tg_period_take(words, &limit, 11), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 11), TG_EMPTY);
}

static void test_period_largest(void **state)
{
	struct tg_limit limit = period_limit(TG_AMOUNT_MAX);
	__u64 words[2] = {TG_PERIOD_WORD(0xffffffffu, TG_AMOUNT_MAX - 1), 0};

	(void)state;
	assert_int_equal(tg_period_take(words, &limit, 0xffffffffu), TG_TAKEN);
	assert_int_equal(tg_period_take(words, &limit, 0xffffffffu), TG_EMPTY);
	assert_true(words[0] == TG_PERIOD_WORD(0xffffffffu, TG_AMOUNT_MAX) && words[1] == 0);
}

/* --- several threads ------------------------------------------------------------------ */

#define THREADS	 4
#define FROZEN	 (1000 * NS)
#define RACE_ID	 4711
#define RACE_MAX 100000

struct race {
	pthread_barrier_t start;
	struct tg_limit rate, period;
	__u64 rate_word;
	__u64 period_words[2];
	uint32_t taken; /* of all */
};

static uint32_t race_rate(struct race *race)
{
	uint32_t got;

	do
		got = tg_rate_take(&race->rate_word, &race->rate, FROZEN);
	while (got == TG_CONTENDED);
	return got;
}

static uint32_t race_period(struct race *race, uint32_t id)
{
	uint32_t got;

	do
		got = tg_period_take(race->period_words, &race->period, id);
	while (got == TG_CONTENDED);
	return got;
}

static void *take_rate(void *arg)
{
	struct race *race = arg;
	uint32_t taken = 0;

	pthread_barrier_wait(&race->start);
	while (race_rate(race) == TG_TAKEN)
		taken++;
	__atomic_fetch_add(&race->taken, taken, __ATOMIC_RELAXED);
	return NULL;
}

static void *take_period(void *arg)
{
	struct race *race = arg;
	uint32_t taken = 0;

	pthread_barrier_wait(&race->start);
	while (race_period(race, RACE_ID) == TG_TAKEN)
		taken++;
	__atomic_fetch_add(&race->taken, taken, __ATOMIC_RELAXED);
	return NULL;
}

/* Each thread's own order: the last period and this one, until both are empty. */
static void *take_two_periods(void *arg)
{
	struct race *race = arg;
	uint32_t taken = 0, open = 3, turn = 0;

	pthread_barrier_wait(&race->start);
	while (open && taken <= 2 * RACE_MAX) {
		turn = turn * 1103515245 + 12345 + (uint32_t)(uintptr_t)&turn;
		if (race_period(race, RACE_ID + (turn >> 16 & 1)) == TG_TAKEN)
			taken++;
		else
			open &= ~(1u << (turn >> 16 & 1));
	}
	__atomic_fetch_add(&race->taken, taken, __ATOMIC_RELAXED);
	return NULL;
}

/* Both limits or none, in this order; the second is the smaller one, or the first. */
static void *take_both(void *arg)
{
	struct race *race = arg;
	uint32_t taken = 0;

	pthread_barrier_wait(&race->start);
	for (int i = 0; i < RACE_MAX; i++) {
		if (race_rate(race) != TG_TAKEN)
			continue;
		if (race_period(race, RACE_ID) == TG_TAKEN)
			taken++;
		else
			tg_rate_give_back(&race->rate_word, &race->rate);
	}
	__atomic_fetch_add(&race->taken, taken, __ATOMIC_RELAXED);
	return NULL;
}

static void *take_both_other_way(void *arg)
{
	struct race *race = arg;
	uint32_t taken = 0;

	pthread_barrier_wait(&race->start);
	for (int i = 0; i < RACE_MAX; i++) {
		if (race_period(race, RACE_ID) != TG_TAKEN)
			continue;
		if (race_rate(race) == TG_TAKEN)
			taken++;
		else
			tg_period_give_back(race->period_words, RACE_ID);
	}
	__atomic_fetch_add(&race->taken, taken, __ATOMIC_RELAXED);
	return NULL;
}

static void run_race(struct race *race, void *(*body)(void *), uint64_t burst, uint64_t amount)
{
	pthread_t threads[THREADS];

	memset(race, 0, sizeof(*race));
	race->rate = rate_limit(TG_UNIT_S, 1 + random_below(TG_RATE_MAX), burst);
	race->period = period_limit(amount);
	pthread_barrier_init(&race->start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, body, race), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race->start);
}

static uint64_t rate_left(const struct race *race)
{
	return tg_rate_remaining(&race->rate, race->rate_word, FROZEN);
}

static uint64_t period_left(const struct race *race)
{
	return tg_period_remaining(&race->period, race->period_words[0], race->period_words[1],
				   RACE_ID);
}

static void test_race_rate(void **state)
{
	struct race race;

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint64_t burst = 1 + random_below(RACE_MAX);

		run_race(&race, take_rate, burst, 1);
		assert_int_equal(race.taken, burst);
		assert_int_equal(rate_left(&race), 0);
	}
}

static void test_race_period(void **state)
{
	struct race race;

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint64_t amount = 1 + random_below(RACE_MAX);

		run_race(&race, take_period, 1, amount);
		assert_int_equal(race.taken, amount);
		assert_int_equal(period_left(&race), 0);
		run_race(&race, take_two_periods, 1, amount);
		assert_int_equal(race.taken, 2 * amount);
	}
}

static void check_both(void *(*body)(void *), uint64_t burst, uint64_t amount)
{
	struct race race;

	run_race(&race, body, burst, amount);
	assert_int_equal(race.taken + rate_left(&race), burst);
	assert_int_equal(race.taken + period_left(&race), amount);
}

static void test_race_both(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		check_both(take_both, 1 + random_below(RACE_MAX), 1 + random_below(RACE_MAX));
		check_both(take_both_other_way, 1 + random_below(RACE_MAX),
			   1 + random_below(RACE_MAX));
		check_both(take_both, THREADS - 1, 1 + random_below(RACE_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_more),
		cmocka_unit_test(test_greedy),
		cmocka_unit_test(test_wait_and_remaining),
		cmocka_unit_test(test_rate_now_goes_back),
		cmocka_unit_test(test_rate_give_back),
		cmocka_unit_test(test_periods_back_by_one),
		cmocka_unit_test(test_periods_bad_jump),
		cmocka_unit_test(test_periods_by_hand),
		cmocka_unit_test(test_period_give_back_by_hand),
		cmocka_unit_test(test_period_largest),
		cmocka_unit_test(test_race_rate),
		cmocka_unit_test(test_race_period),
		cmocka_unit_test(test_race_both),
	};

	return cmocka_run_group_tests_name("bucket", tests, random_seed, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c tests/prog/crowd.c */
/*
 * Budgets that are retired: their slots come back, and nothing that was taken goes
 * with them.
 */
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../user/slots.h"
#include "crowd.h"

#define ENTRIES 2048

static struct tg_rig rig;

static const char *address_of(char text[20], unsigned int number)
{
	snprintf(text, 20, "10.9.%u.%u", number >> 8, number & 0xff);
	return text;
}

static unsigned int ask_many(unsigned int first, unsigned int count)
{
	unsigned int allowed = 0;
	char text[20];

	for (unsigned int i = first; i < first + count; i++)
		allowed += tg_rig_allowed(&rig, address_of(text, i), NULL, 1);
	return allowed;
}

static unsigned int with_budgets(const char *subject, unsigned int first, unsigned int count)
{
	unsigned int have = 0;
	char text[20];

	for (unsigned int i = first; i < first + count; i++)
		have += !!tg_rig_budget(&rig, subject, address_of(text, i), NULL);
	return have;
}

/* Longer than a jiffy. */
static void idle(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
}

static uint64_t retire_idle(uint64_t jiffies)
{
	struct tg_sweep sweep = {.idle_jiffies = jiffies};

	assert_int_equal(tg_maintain_retire_budgets(&rig.maintain, &sweep), 0);
	return sweep.removed;
}

static uint64_t retire(void)
{
	return retire_idle(0);
}

static void new_epoch(void)
{
	tg_enforce_raise_epoch(&rig.meter.maps);
	assert_int_equal(tg_maintain_wait(), 0);
}

static struct tg_sweep run_half(enum tg_maintenance_program program)
{
	struct tg_sweep sweep = {.idle_jiffies = 0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &sweep, .ctx_size_in = sizeof(sweep));

	assert_int_equal(bpf_prog_test_run_opts(rig.maintain.fd[program], &run), 0);
	return sweep;
}

/* All slots taken, all budgets as new again: all of them are had by others. */
static void test_slots_come_back(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "1000/s"), {0}};

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, ENTRIES), ENTRIES);
	assert_int_equal(with_budgets("any", 0, ENTRIES), ENTRIES);
	assert_int_equal(ask_many(5000, 1), 1);
	assert_int_equal(with_budgets("any", 5000, 1), 0);
	idle();
	assert_int_equal(retire(), ENTRIES);
	assert_int_equal(with_budgets("any", 0, ENTRIES), 0);
	assert_int_equal(ask_many(6000, 1), 1);
	assert_int_equal(with_budgets("any", 6000, 1), 0); /* not before the next call */
	new_epoch();
	assert_int_equal(retire(), 0);
	for (unsigned int i = 0; i < ENTRIES; i += 64) {
		tg_meter_clear(&rig.meter); /* or usage is full, which is another test */
		assert_int_equal(ask_many(7000 + i, 64), 64);
	}
	assert_int_equal(with_budgets("any", 7000, ENTRIES), ENTRIES);
}

static void test_only_idle_ones_go(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "1000/s"), {0}};
	(void)state;
	tg_rig_put(&rig, rules);
	ask_many(0, 5);
	idle();
	assert_int_equal(retire_idle(1000 * 1000), 0);
	assert_int_equal(with_budgets("any", 0, 5), 5);
}

/* What was taken lasts as long as its period; of a rate, until the bucket is full. */
static void test_spent_ones_stay(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};
	static const struct tg_rule slow[] = {TG_EACH("any", "1/h burst 3"), {0}};

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, 20), 20);
	idle();
	assert_int_equal(retire(), 0);
	tg_rig_next_period(&rig);
	assert_int_equal(ask_many(0, 5), 5); /* in the new one */
	idle();
	assert_int_equal(retire(), 15);
	assert_int_equal(with_budgets("any", 0, 5), 5);
	assert_int_equal(with_budgets("any", 5, 15), 0);
	new_epoch();
	for (unsigned int i = 0; i < 20; i++) {
		char text[20];

		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), i < 5 ? 2 : 3);
	}
	tg_rig_reset(&rig);
	tg_rig_put(&rig, slow);
	assert_int_equal(ask_many(0, 20), 20);
	idle();
	assert_int_equal(retire(), 0);
	assert_int_equal(with_budgets("any", 0, 20), 20);
}

/* Between the two halves: a request makes it stay. */
static void test_taken_in_between(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};

	(void)state;
	tg_rig_put(&rig, rules);
	ask_many(0, 10);
	tg_rig_next_period(&rig);
	idle();
	assert_int_equal(run_half(TG_PROGRAM_MARK_BUDGETS).removed, 10);
	assert_int_equal(ask_many(0, 4), 4);
	assert_int_equal(run_half(TG_PROGRAM_RETIRE_BUDGETS).removed, 6);
	assert_int_equal(with_budgets("any", 0, 10), 4);
	new_epoch();
	for (unsigned int i = 0; i < 10; i++) {
		char text[20];

		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), i < 4 ? 2 : 3);
	}
}

/* Who looked before the mark, and takes after it: it is marked, but not as if new. */
static void test_taken_unseen(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};
	struct tg_budget *budget;
	struct tg_sweep sweep;
	char text[20];

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, 1), 1);
	budget = (struct tg_budget *)tg_rig_budget(&rig, "any", address_of(text, 0), NULL);
	assert_non_null(budget);
	budget->state = TG_BUDGET_RETIRING;
	idle();
	sweep = run_half(TG_PROGRAM_RETIRE_BUDGETS);
	assert_int_equal(sweep.removed, 0);
	assert_int_equal(sweep.kept, 1);
	assert_int_equal(budget->state, TG_BUDGET_LIVE);
	assert_int_equal(tg_rig_allowed(&rig, text, NULL, 9), 2);
}

/* Before the epoch is raised, usage rows still name the slots: nobody passes for that. */
static void test_cached_slot_is_gone(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};
	char text[20];

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, 10), 10);
	tg_rig_next_period(&rig);
	idle();
	assert_int_equal(retire(), 10);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), 3);
	new_epoch();
	assert_int_equal(retire(), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), i < 5 ? 0 : 3);
}

/* The budgets of a policy that is gone go, spent or not; until then nobody has its number. */
static void test_removed_policy(void **state)
{
	static const struct tg_rule first[] = {TG_EACH("any", "1/day"), {0}};
	static const struct tg_rule second[] = {TG_EACH("source:10.9.0.0/16", "2/day"), {0}};
	static const struct tg_rule both[] = {
		TG_EACH("any", "1/day"), TG_EACH("source:10.9.0.0/16", "2/day"), {0}};
	uint32_t owner;
	char text[20];

	(void)state;
	tg_rig_put(&rig, first);
	owner = tg_rig_enforced(&rig, "any")->owner;
	assert_int_equal(ask_many(0, 10), 10);
	tg_rig_put(&rig, second);
	assert_int_not_equal(tg_rig_enforced(&rig, second[0].subject)->owner, owner);
	assert_int_equal(ask_many(0, 10), 10);
	tg_rig_put(&rig, both); /* any is back: as if new, and not under its old number */
	assert_int_not_equal(tg_rig_enforced(&rig, "any")->owner, owner);
	assert_int_equal(ask_many(0, 10), 10);
	assert_int_equal(ask_many(0, 10), 0);
	assert_int_equal(retire(), 10);
	assert_int_equal(with_budgets("any", 0, 10), 10);
	assert_int_equal(with_budgets(second[0].subject, 0, 10), 10);
	new_epoch();
	assert_int_equal(retire(), 0);
	assert_int_equal(ask_many(0, 10), 0);
	tg_rig_put(&rig, second);
	tg_rig_put(&rig, both); /* the number is to be had again, its budgets are not */
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), 0);
}

/* --- an agent that is killed ------------------------------------------------------------ */

static uint32_t pop(void)
{
	int fd = rig.meter.maps.fd[TG_MAP_BUDGET_FREE];
	uint32_t slot;

	assert_int_equal(bpf_map_lookup_and_delete_elem(fd, NULL, &slot), 0);
	return slot;
}

/* As it leaves things when it is killed: slots in its hand, and the word that says so. */
static void lose_slots(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(rig.meter.maps.budgets[pop()].state, TG_BUDGET_FREE);
	rig.meter.maps.budgets[TG_BUDGETS_IN_HAND].state = 1;
}

/* Each slot that nobody has stands in the queue, once; no other does. */
static void assert_queue_is_whole(void)
{
	const struct tg_maps *maps = &rig.meter.maps;
	int fd = maps->fd[TG_MAP_BUDGET_FREE];
	uint8_t met[TG_POLICIES_MAX + ENTRIES] = {0};
	uint32_t slot, count = 0, free = 0;

	while (!bpf_map_lookup_and_delete_elem(fd, NULL, &slot)) {
		assert_in_range(slot, TG_POLICIES_MAX, TG_POLICIES_MAX + ENTRIES - 1);
		assert_false(met[slot]);
		met[slot] = 1;
		assert_int_equal(maps->budgets[slot].state, TG_BUDGET_FREE);
		count++;
	}
	for (slot = TG_POLICIES_MAX; slot < TG_POLICIES_MAX + ENTRIES; slot++) {
		free += maps->budgets[slot].state == TG_BUDGET_FREE;
		if (met[slot])
			assert_int_equal(bpf_map_update_elem(fd, NULL, &slot, BPF_ANY), 0);
	}
	assert_int_equal(count, free);
}

static void test_lost_slots_are_found(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};
	char text[20];
	uint32_t found;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, 100), 100);
	assert_int_equal(tg_slots_recover(&rig.meter.maps, &found), 0);
	assert_int_equal(found, 0); /* nothing says that any are missing */
	lose_slots(7);
	assert_true(tg_slots_in_hand(&rig.meter.maps));
	assert_int_equal(tg_slots_recover(&rig.meter.maps, &found), 0);
	assert_int_equal(found, 7);
	assert_false(tg_slots_in_hand(&rig.meter.maps));
	assert_queue_is_whole();
	lose_slots(0); /* killed before it took one */
	assert_int_equal(tg_slots_recover(&rig.meter.maps, &found), 0);
	assert_int_equal(found, 0);
	assert_queue_is_whole();
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(tg_rig_allowed(&rig, address_of(text, i), NULL, 9), 2);
}

/* Those that were dead when the agent was killed are among them; the queue may be empty. */
static void test_all_slots_are_found(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "3/day"), {0}};
	uint32_t found;

	(void)state;
	tg_rig_put(&rig, rules);
	assert_int_equal(ask_many(0, 50), 50);
	tg_rig_next_period(&rig);
	idle();
	assert_int_equal(retire(), 50);
	lose_slots(ENTRIES - 50);
	assert_int_equal(tg_slots_recover(&rig.meter.maps, &found), 0);
	assert_int_equal(found, ENTRIES);
	assert_queue_is_whole();
}

/* Killed before it had cleared the old set away: that policy still looks as if it were one. */
static void test_left_policy(void **state)
{
	static const struct tg_rule first[] = {TG_EACH("any", "1/day"), {0}};
	static const struct tg_rule second[] = {TG_EACH("source:10.9.0.0/16", "2/day"), {0}};
	char error[256] = "";
	uint32_t owner;

	(void)state;
	tg_rig_put(&rig, first);
	owner = tg_rig_enforced(&rig, "any")->owner;
	assert_int_equal(ask_many(0, 10), 10);
	tg_rig_put(&rig, second);
	rig.meter.maps.budgets[owner].state = TG_BUDGET_LIVE;
	idle();
	assert_int_equal(retire(), 0);
	tg_enforce_close(&rig.enforce);
	assert_int_equal(tg_enforce_open(&rig.meter.maps, true, &rig.enforce, error, sizeof(error)),
			 0);
	assert_int_equal(rig.meter.maps.budgets[owner].state, TG_BUDGET_FREE);
	assert_int_equal(retire(), 10);
	assert_int_equal(ask_many(0, 10), 10);
	assert_non_null(tg_rig_enforced(&rig, second[0].subject));
	assert_int_equal(with_budgets(second[0].subject, 0, 10), 10);
}

/* Two CPUs take slots, and push back what the other was faster with, while they are sought. */
static void test_found_under_load(void **state)
{
	static const struct tg_rule rules[] = {TG_ACTING("observe", "token:t*", "20/day"), {0}};
	struct tg_crowd crowd = {.rig = &rig, .tokens = 600, .requests = 3, .pause_ns = 20000000};
	uint64_t retired = 0;
	uint32_t lost = 0;

	(void)state;
	tg_rig_put(&rig, rules);
	tg_rig_next_period(&rig);
	tg_crowd_start(&crowd);
	for (unsigned int round = 0; round < 40; round++) {
		uint32_t found;

		lose_slots(round % 5);
		assert_int_equal(tg_slots_recover(&rig.meter.maps, &found), 0);
		assert_in_range(found, round % 5, ENTRIES);
		lost += found;
		tg_rig_next_period(&rig);
		retired += retire_idle(-1); /* found, too, the next time */
		new_epoch();
	}
	tg_crowd_stop(&crowd);
	assert_int_equal(tg_maps_free_dead_budgets(&rig.meter.maps, NULL), 0);
	assert_queue_is_whole();
	print_message("%u slots were found again, %llu of them dead\n", lost,
		      (unsigned long long)retired);
	assert_in_range(lost, 80, 80 + retired);
	assert_true(retired > 0);
}

/* --- all at once -------------------------------------------------------------------- */

#define TOKENS	600
#define PERIODS 8

/*
 * Two CPUs ask for all tokens, over and over; budgets are retired all the time, as
 * each becomes as new with each period. Each token gets N in each period, no more.
 */
static void test_retire_under_load(void **state)
{
	static const struct tg_rule rules[] = {TG_ACTING("observe", "token:t*", "20/day"), {0}};
	struct tg_crowd crowd = {
		.rig = &rig, .tokens = TOKENS, .requests = 7, .pause_ns = 40000000};
	uint64_t retired = 0;

	(void)state;
	tg_rig_put(&rig, rules);
	tg_rig_next_period(&rig);
	tg_crowd_start(&crowd);
	for (unsigned int period = 1; period <= PERIODS; period++) {
		uint64_t until = tg_crowd_rounds(&crowd) + 4; /* 3 whole ones: 21 requests */

		while (tg_crowd_rounds(&crowd) < until) {
			retired += retire_idle(-1); /* even those of this very moment */
			new_epoch();
		}
		if (period < PERIODS)
			tg_rig_next_period(&rig);
	}
	tg_crowd_stop(&crowd);
	for (unsigned int i = 0; i < TOKENS; i++) {
		char token[TG_CROWD_TOKEN_BYTES];
		struct tg_counts counts;

		tg_crowd_token(token, i);
		counts = tg_rig_usage(&rig, token);
		if (counts.requests - counts.observed != 20 * PERIODS)
			fail_msg("%s: %llu let through, not %d; %llu budgets were retired", token,
				 counts.requests - counts.observed, 20 * PERIODS,
				 (unsigned long long)retired);
	}
	print_message("%llu budgets were retired\n", (unsigned long long)retired);
	assert_true(retired > 0);
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_slots_come_back, tg_rig_start),
		cmocka_unit_test_setup(test_only_idle_ones_go, tg_rig_start),
		cmocka_unit_test_setup(test_spent_ones_stay, tg_rig_start),
		cmocka_unit_test_setup(test_taken_in_between, tg_rig_start),
		cmocka_unit_test_setup(test_taken_unseen, tg_rig_start),
		cmocka_unit_test_setup(test_cached_slot_is_gone, tg_rig_start),
		cmocka_unit_test_setup(test_removed_policy, tg_rig_start),
		cmocka_unit_test_setup(test_lost_slots_are_found, tg_rig_start),
		cmocka_unit_test_setup(test_all_slots_are_found, tg_rig_start),
		cmocka_unit_test_setup(test_left_policy, tg_rig_start),
		cmocka_unit_test_setup(test_found_under_load, tg_rig_start),
		cmocka_unit_test_setup(test_retire_under_load, tg_rig_start),
	};

	return tg_rig_run(&rig, ENTRIES, "retire", tests, argc, argv);
}

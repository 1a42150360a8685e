/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/history.c user/growth.c user/series.c user/tally.c user/text.c */
/* links: user/collect.c user/clock.c user/maps.c user/error.c tests/unit/snapshot.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/history.h"
#include "snapshot.h"

#define MINUTE 60000000000ULL
#define MIB    (1024 * 1024)

static void pass_time(struct tg_snapshot *snapshot, uint64_t ns)
{
	snapshot->taken_unix_ns += ns;
	snapshot->taken_monotonic_ns += ns;
}

static struct tg_snapshot *growth_since(struct tg_history *history, const struct tg_snapshot *now,
					uint64_t unix_ns, uint64_t expected_since)
{
	struct tg_snapshot *growth = NULL;
	uint64_t since = 0;

	assert_int_equal(tg_history_since(history, now, unix_ns, &growth, &since), 0);
	assert_int_equal(since, expected_since);
	return growth;
}

static void a_row_grows(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();
	uint64_t start = snapshot->taken_unix_ns;
	struct tg_snapshot *growth;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("a", 1), 0, 100);
	snapshot_usage(snapshot, "192.0.2.2", snapshot_token("a", 1), 0, 100);
	assert_int_equal(tg_history_add(history, snapshot), 0);

	/* between boundaries */
	pass_time(snapshot, MINUTE / 2);
	snapshot->usage[0].usage.counts.requests += 5;
	assert_int_equal(tg_history_add(history, snapshot), 0);
	growth = growth_since(history, snapshot, start, start);
	assert_int_equal(growth->usage_count, 1);
	assert_memory_equal(&growth->usage[0].key, &snapshot->usage[0].key,
			    sizeof(growth->usage[0].key));
	assert_int_equal(growth->usage[0].usage.counts.requests, 5);
	tg_history_free_growth(growth);

	/* over a boundary: both halves count once */
	pass_time(snapshot, MINUTE / 2);
	assert_int_equal(tg_history_add(history, snapshot), 0);
	pass_time(snapshot, MINUTE / 2);
	snapshot->usage[0].usage.counts.requests += 2;
	snapshot->usage[1].usage.counts.requests += 1;
	growth = growth_since(history, snapshot, start + 1, start);
	assert_int_equal(growth->usage_count, 2);
	assert_int_equal(growth->usage[0].usage.counts.requests, 7);
	assert_int_equal(growth->usage[1].usage.counts.requests, 1);
	tg_history_free_growth(growth);

	growth = growth_since(history, snapshot, start + MINUTE, start + MINUTE);
	assert_int_equal(growth->usage_count, 2);
	assert_int_equal(growth->usage[0].usage.counts.requests, 2);
	tg_history_free_growth(growth);
	tg_history_free(history);
	snapshot_free(snapshot);
}

static void older_than_kept_is_an_error(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_snapshot *growth = NULL;
	uint64_t since = 7;

	(void)state;
	assert_int_equal(tg_history_oldest_unix_ns(history), 0);
	assert_int_equal(tg_history_since(history, snapshot, UINT64_MAX, &growth, &since), -ERANGE);
	assert_int_equal(tg_history_add(history, snapshot), 0);
	assert_int_equal(tg_history_oldest_unix_ns(history), snapshot->taken_unix_ns);
	assert_int_equal(
		tg_history_since(history, snapshot, snapshot->taken_unix_ns - 1, &growth, &since),
		-ERANGE);
	assert_null(growth);
	assert_int_equal(since, 7);
	tg_history_free(history);
	snapshot_free(snapshot);
}

static void an_hour_is_kept(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();
	uint64_t start = snapshot->taken_unix_ns;
	struct tg_snapshot *growth;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("a", 1), 0, 1);
	for (int i = 0; i <= 100; i++) {
		assert_int_equal(tg_history_add(history, snapshot), 0);
		pass_time(snapshot, MINUTE);
		snapshot->usage[0].usage.counts.requests++;
	}
	assert_int_equal(tg_history_oldest_unix_ns(history), start + 40 * MINUTE);
	growth = growth_since(history, snapshot, start + 40 * MINUTE, start + 40 * MINUTE);
	assert_int_equal(growth->usage[0].usage.counts.requests, 61);
	tg_history_free_growth(growth);
	tg_history_free(history);
	snapshot_free(snapshot);
}

/* The printed boundary has milliseconds: given back as --since, it finds itself. */
static void a_boundary_is_whole_milliseconds(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();

	(void)state;
	snapshot->taken_unix_ns += 1999999;
	assert_int_equal(tg_history_add(history, snapshot), 0);
	assert_int_equal(tg_history_oldest_unix_ns(history), snapshot->taken_unix_ns - 999999);
	tg_history_free(history);
	snapshot_free(snapshot);
}

/* A row is retired: its counts are in the spill maps, and nothing grew. */
static void retiring_is_no_growth(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token token = snapshot_token("a", 1);
	uint64_t start = snapshot->taken_unix_ns;
	struct tg_snapshot *growth;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", token, 0, 100);
	assert_int_equal(tg_history_add(history, snapshot), 0);
	pass_time(snapshot, MINUTE / 2);
	snapshot->usage_count = 0;
	snapshot_token_spill(snapshot, token, 0, 100);
	snapshot_source_spill(snapshot, "192.0.2.1", 0, 100);
	growth = growth_since(history, snapshot, start, start);
	assert_int_equal(growth->usage_count + growth->token_spill_count, 0);
	assert_int_equal(growth->source_spill_count, 0);
	tg_history_free_growth(growth);

	/* and back, with a boundary between */
	pass_time(snapshot, MINUTE);
	assert_int_equal(tg_history_add(history, snapshot), 0);
	pass_time(snapshot, MINUTE);
	snapshot_usage(snapshot, "192.0.2.1", token, 0, 3)->usage.first_jiffies = 77;
	growth = growth_since(history, snapshot, start, start);
	assert_int_equal(growth->usage_count, 1);
	assert_int_equal(growth->usage[0].usage.counts.requests, 3);
	assert_int_equal(growth->token_spill_count, 0);
	tg_history_free_growth(growth);
	tg_history_free(history);
	snapshot_free(snapshot);
}

/* Nor is it, where they went to a row that knows the token by its id alone. */
static void retiring_by_id_is_no_growth(void **state)
{
	struct tg_history *history = tg_history_new(MIB);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token token = snapshot_token("a", 1), nameless = snapshot_token("", 1);
	uint64_t start = snapshot->taken_unix_ns;
	struct tg_snapshot *growth;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", token, 0, 100);
	snapshot_usage(snapshot, "192.0.2.2", token, 0, 30);
	assert_int_equal(tg_history_add(history, snapshot), 0);
	pass_time(snapshot, MINUTE / 2);
	snapshot->usage_count = 0;
	snapshot_token_spill(snapshot, token, 0, 30);
	snapshot_token_spill(snapshot, nameless, 0, 107); /* 7 are new */
	snapshot_source_spill(snapshot, "192.0.2.1", 0, 107);
	snapshot_source_spill(snapshot, "192.0.2.2", 0, 30);
	growth = growth_since(history, snapshot, start, start);
	assert_int_equal(growth->usage_count, 0);
	assert_int_equal(growth->token_spill_count, 1);
	assert_int_equal(growth->token_spill[0].counts.requests, 7);
	assert_int_equal(growth->source_spill_count, 1);
	assert_int_equal(growth->source_spill[0].counts.requests, 7);
	tg_history_free_growth(growth);
	tg_history_free(history);
	snapshot_free(snapshot);
}

/* --- a model of the maps: random traffic, retirement and rebirth --------------------- */

#define SOURCES 6
#define TOKENS	5
#define STEPS	1500

struct cell {
	bool present;
	uint64_t requests; /* of the row that is there */
	uint64_t birth;
	uint64_t origins;
};

struct model {
	struct cell cell[SOURCES][TOKENS];
	uint64_t token_spill[TOKENS], source_spill[SOURCES];
	uint64_t truth[TOKENS]; /* requests that each token ever made */
	uint64_t truth_source[SOURCES];
	uint64_t origins[TOKENS];
	uint64_t unattributed;
	uint64_t clock;
};

static const char *address(int source)
{
	static char text[24];

	snprintf(text, sizeof(text), "192.0.2.%d", source + 1);
	return text;
}

static void step(struct model *model)
{
	int source = rand() % SOURCES;
	int token = rand() % TOKENS;
	struct cell *cell = &model->cell[source][token];
	uint64_t requests = (uint64_t)(rand() % 3 ? rand() % 5 : rand());

	model->clock += 65; /* jiffies: beyond what two CPUs may differ by */
	switch (rand() % 8) {
	case 0: /* retire */
		model->token_spill[token] += cell->requests;
		model->source_spill[source] += cell->requests;
		memset(cell, 0, sizeof(*cell));
		return;
	case 1: /* no room for a row */
		if (cell->present)
			return;
		model->token_spill[token] += requests;
		model->source_spill[source] += requests;
		break;
	case 2:
		model->unattributed += requests;
		return;
	default:
		if (!cell->present)
			cell->birth = model->clock;
		cell->present = true;
		cell->requests += requests;
		model->origins[token] += requests;
	}
	model->truth[token] += requests;
	model->truth_source[source] += requests;
}

static struct tg_snapshot *snapshot_of(const struct model *model, uint64_t elapsed)
{
	struct tg_snapshot *snapshot = snapshot_new();

	pass_time(snapshot, elapsed);
	for (int t = 0; t < TOKENS; t++) {
		struct tg_token token = snapshot_token("token", (uint64_t)t + 1);

		for (int s = 0; s < SOURCES; s++) {
			const struct cell *cell = &model->cell[s][t];

			if (cell->present)
				snapshot_usage(snapshot, address(s), token, 0, cell->requests)
					->usage.first_jiffies = cell->birth;
		}
		if (model->token_spill[t])
			snapshot_token_spill(snapshot, token, 0, model->token_spill[t]);
		if (model->origins[t])
			snapshot_origin(snapshot, token, "example.com", model->origins[t]);
	}
	for (int s = 0; s < SOURCES; s++) {
		if (model->source_spill[s])
			snapshot_source_spill(snapshot, address(s), 0, model->source_spill[s]);
	}
	snapshot->unattributed[TG_UNATTRIBUTED_BAD_HEADER].requests = model->unattributed;
	return snapshot;
}

/* The growth says of every token and every source what the model knows. */
static void check_growth(const struct tg_snapshot *growth, const struct model *before,
			 const struct model *now)
{
	uint64_t by_token[TOKENS + 1] = {0};
	uint64_t by_source[SOURCES + 1] = {0};
	uint64_t by_origin[TOKENS + 1] = {0};

	for (size_t i = 0; i < growth->usage_count; i++) {
		const struct tg_usage_row *row = &growth->usage[i];

		by_token[row->key.token.id - 1] += row->usage.counts.requests;
		by_source[row->key.source.bytes[15] - 1] += row->usage.counts.requests;
		assert_int_equal(row->usage.counts.bytes, row->usage.counts.requests * 100);
	}
	for (size_t i = 0; i < growth->token_spill_count; i++)
		by_token[growth->token_spill[i].key.token.id - 1] +=
			growth->token_spill[i].counts.requests;
	for (size_t i = 0; i < growth->source_spill_count; i++)
		by_source[growth->source_spill[i].key.source.bytes[15] - 1] +=
			growth->source_spill[i].counts.requests;
	for (size_t i = 0; i < growth->origins_count; i++)
		by_origin[growth->origins[i].key.token.id - 1] +=
			growth->origins[i].origin.requests;
	for (int t = 0; t < TOKENS; t++) {
		assert_int_equal(by_token[t], now->truth[t] - before->truth[t]);
		assert_int_equal(by_origin[t], now->origins[t] - before->origins[t]);
	}
	for (int s = 0; s < SOURCES; s++)
		assert_int_equal(by_source[s], now->truth_source[s] - before->truth_source[s]);
	assert_int_equal(growth->unattributed[TG_UNATTRIBUTED_BAD_HEADER].requests,
			 now->unattributed - before->unattributed);
}

struct boundary {
	uint64_t unix_ns;
	struct model model;
};

/* Check the growth since each boundary that should be known. Returns how many were. */
static unsigned int check_all(struct tg_history *history, const struct tg_snapshot *snapshot,
			      const struct boundary *boundary, unsigned int boundaries,
			      const struct model *now)
{
	uint64_t oldest = tg_history_oldest_unix_ns(history);
	unsigned int checked = 0;

	for (unsigned int i = 0; i < boundaries; i++) {
		struct tg_snapshot *growth;

		if (boundary[i].unix_ns < oldest)
			continue;
		growth = growth_since(history, snapshot, boundary[i].unix_ns, boundary[i].unix_ns);
		check_growth(growth, &boundary[i].model, now);
		tg_history_free_growth(growth);
		checked++;
	}
	return checked;
}

static void random_walk(size_t bytes_max, unsigned int checks_min, unsigned int checks_max)
{
	static struct boundary boundary[STEPS];
	struct tg_history *history = tg_history_new(bytes_max);
	unsigned int boundaries = 0, checked = 0;
	struct model model = {0};
	uint64_t elapsed = 0, last = 0;

	for (int i = 0; i < STEPS; i++) {
		struct tg_snapshot *snapshot;

		for (int steps = rand() % 6; steps > 0; steps--)
			step(&model);
		snapshot = snapshot_of(&model, elapsed);
		assert_int_equal(tg_history_add(history, snapshot), 0);
		if (!boundaries || elapsed - last >= MINUTE) {
			boundary[boundaries].unix_ns = snapshot->taken_unix_ns;
			boundary[boundaries++].model = model;
			last = elapsed;
		}
		if (i % 50 == 49)
			checked += check_all(history, snapshot, boundary, boundaries, &model);
		snapshot_free(snapshot);
		elapsed += (uint64_t)(rand() % 30) * 1000000000;
	}
	assert_in_range(checked, checks_min, checks_max);
	tg_history_free(history);
}

static void differences_add_up(void **state)
{
	(void)state;
	srand(20260101);
	random_walk(MIB, 1000, 30 * 61);
}

/* Too little memory for an hour: what is still kept is as exact. */
static void less_memory_means_shorter(void **state)
{
	(void)state;
	srand(20260102);
	random_walk(300, 60, 30 * 15);
	random_walk(0, 30, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_grows),
		cmocka_unit_test(older_than_kept_is_an_error),
		cmocka_unit_test(an_hour_is_kept),
		cmocka_unit_test(a_boundary_is_whole_milliseconds),
		cmocka_unit_test(retiring_is_no_growth),
		cmocka_unit_test(retiring_by_id_is_no_growth),
		cmocka_unit_test(differences_add_up),
		cmocka_unit_test(less_memory_means_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

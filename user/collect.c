/* SPDX-License-Identifier: BSD-2-Clause */
#include "collect.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "tally.h"

#define ROWS_MIN	 1024
#define ROWS_SLACK	 (64 * 1024) /* unused rows that are kept for the next collection */
#define COUNT_EVERY_NS	 10000000000ULL
#define COUNT_COST_RATIO 20 /* counting entries takes at most 1/20 of the time */

/* A growing array of one kind of row. */
struct rows {
	void *data;
	size_t count;
	size_t capacity;
	size_t elements; /* of the map: rows, and those that were made in advance */
	size_t row_bytes;
	size_t key_bytes;
	size_t value_bytes;
};

enum { USAGE, TOKEN_SPILL, SOURCE_SPILL, ORIGINS, KINDS };

struct collection { /* the snapshot as it is allocated: what callers see comes first */
	struct tg_snapshot snapshot;
	struct rows rows[KINDS];
	uint64_t count_ns; /* what counting the entries took the last time */
};

static const enum tg_map kind_map[KINDS] = {
	[USAGE] = TG_MAP_USAGE,
	[TOKEN_SPILL] = TG_MAP_TOKEN_SPILL,
	[SOURCE_SPILL] = TG_MAP_SOURCE_SPILL,
	[ORIGINS] = TG_MAP_ORIGINS,
};

#define ROWS(row, key_member, value_member)                                                        \
	{                                                                                          \
		.row_bytes = sizeof(struct row),                                                   \
		.key_bytes = sizeof(((struct row *)0)->key_member),                                \
		.value_bytes = sizeof(((struct row *)0)->value_member)                             \
	}

static const struct rows kind_rows[KINDS] = {
	[USAGE] = ROWS(tg_usage_row, key, usage),
	[TOKEN_SPILL] = ROWS(tg_token_row, key, counts),
	[SOURCE_SPILL] = ROWS(tg_source_row, key, counts),
	[ORIGINS] = ROWS(tg_origin_row, key, origin),
};

/* Rows are copied as key, then value: no padding may stand between or after. */
#define ASSERT_PACKED(row, key_member, value_member)                                               \
	_Static_assert(sizeof(struct row) == sizeof(((struct row *)0)->key_member) +               \
						     sizeof(((struct row *)0)->value_member),      \
		       #row " has padding")
ASSERT_PACKED(tg_usage_row, key, usage);
ASSERT_PACKED(tg_token_row, key, counts);
ASSERT_PACKED(tg_source_row, key, counts);
ASSERT_PACKED(tg_origin_row, key, origin);

static int resize(struct rows *rows, size_t capacity)
{
	void *data = realloc(rows->data, capacity * rows->row_bytes);

	if (!data)
		return -ENOMEM;
	rows->data = data;
	rows->capacity = capacity;
	return 0;
}

static int add_row(const void *key, const void *value, void *arg)
{
	struct rows *rows = arg;
	uint8_t *row;

	if (rows->count == rows->capacity) {
		int err = resize(rows, rows->capacity ? rows->capacity * 2 : ROWS_MIN);

		if (err)
			return err;
	}
	row = (uint8_t *)rows->data + rows->count++ * rows->row_bytes;
	memcpy(row, key, rows->key_bytes);
	memcpy(row + rows->key_bytes, value, rows->value_bytes);
	return 0;
}

/* As long as nothing was counted in it, a row that was made in advance is none. */
static int add_spill_row(const void *key, const void *value, void *arg)
{
	const struct tg_counts *counts = value;

	((struct rows *)arg)->elements++;
	return counts->requests || counts->bytes ? add_row(key, value, arg) : 0;
}

static int add_any_row(const void *key, const void *value, void *arg)
{
	((struct rows *)arg)->elements++;
	return add_row(key, value, arg);
}

static const tg_map_row kind_add[KINDS] = {
	[USAGE] = add_any_row,
	[TOKEN_SPILL] = add_spill_row,
	[SOURCE_SPILL] = add_spill_row,
	[ORIGINS] = add_any_row,
};

/* Give memory back after a peak. */
static bool shrink(struct rows *rows)
{
	size_t keep = rows->count * 2 + ROWS_SLACK;

	return rows->capacity > keep * 2 && !resize(rows, keep);
}

/*
 * The order makes every part read no later than the whole that contains it, so
 * that under traffic no part is larger: a request is counted in usage or
 * token_spill first, in source_spill and origins after.
 */
static int collect_rows(struct collection *collection, const struct tg_maps *maps)
{
	static const int order[KINDS] = {ORIGINS, SOURCE_SPILL, TOKEN_SPILL, USAGE};
	bool shrunk = false;

	for (int i = 0; i < KINDS; i++) {
		struct rows *rows = &collection->rows[order[i]];
		int err;

		rows->count = 0;
		rows->elements = 0;
		err = tg_maps_walk(maps, kind_map[order[i]], kind_add[order[i]], rows);
		if (err)
			return err;
		shrunk |= shrink(rows);
	}
	if (shrunk)
		malloc_trim(0);
	return 0;
}

/* Walks over all keys, so it is not done each time. */
static int collect_entries(struct collection *collection, const struct tg_maps *maps)
{
	static const enum tg_map counted[] = {TG_MAP_FLOWS, TG_MAP_EMBRYOS, TG_MAP_PARTIALS,
					      TG_MAP_HOLDS, TG_MAP_HELD};
	struct tg_snapshot *snapshot = &collection->snapshot;
	uint64_t start = tg_clock_monotonic_ns();
	uint64_t age = start - snapshot->entries_monotonic_ns;

	if (snapshot->entries_monotonic_ns &&
	    (age < COUNT_EVERY_NS || age < COUNT_COST_RATIO * collection->count_ns))
		return 0;
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		int err = tg_maps_count(maps, counted[i], &snapshot->entries[counted[i]]);

		if (err)
			return err;
	}
	snapshot->entries_monotonic_ns = start;
	collection->count_ns = tg_clock_monotonic_ns() - start;
	return 0;
}

/* Budgets and drops have no rows in the snapshot; how many there are is read off their maps. */
static int collect_quota_entries(struct tg_snapshot *snapshot, const struct tg_maps *maps)
{
	uint32_t budgets = 0;

	for (uint32_t slot = 1; slot < maps->capacity[TG_MAP_BUDGETS]; slot++)
		budgets += maps->budgets[slot].state != TG_BUDGET_FREE;
	snapshot->entries[TG_MAP_BUDGETS] = budgets;
	return tg_maps_count(maps, TG_MAP_DROPS, &snapshot->entries[TG_MAP_DROPS]);
}

static int collect_arrays(struct tg_snapshot *snapshot, const struct tg_maps *maps)
{
	int err;

	err = tg_maps_meta(maps, &snapshot->meta);
	err = err ? err : tg_maps_interfaces(maps, snapshot->interfaces);
	err = err ? err : tg_maps_packets(maps, &snapshot->packets[0][0]);
	err = err ? err : tg_maps_unattributed(maps, snapshot->unattributed);
	return err;
}

static void publish_rows(struct collection *collection)
{
	struct tg_snapshot *snapshot = &collection->snapshot;
	struct rows *rows = collection->rows;

	snapshot->usage = rows[USAGE].data;
	snapshot->usage_count = rows[USAGE].count;
	snapshot->token_spill = rows[TOKEN_SPILL].data;
	snapshot->token_spill_count = rows[TOKEN_SPILL].count;
	snapshot->source_spill = rows[SOURCE_SPILL].data;
	snapshot->source_spill_count = rows[SOURCE_SPILL].count;
	snapshot->origins = rows[ORIGINS].data;
	snapshot->origins_count = rows[ORIGINS].count;
	for (int i = 0; i < KINDS; i++)
		snapshot->entries[kind_map[i]] = (uint32_t)rows[i].elements;
}

static int collect(struct collection *collection, const struct tg_maps *maps)
{
	struct tg_snapshot *snapshot = &collection->snapshot;
	int err;

	snapshot->taken_unix_ns = tg_clock_unix_ns();
	snapshot->taken_monotonic_ns = tg_clock_monotonic_ns();
	memcpy(snapshot->capacity, maps->capacity, sizeof(snapshot->capacity));
	err = collect_arrays(snapshot, maps);
	err = err ? err : collect_rows(collection, maps);
	err = err ? err : collect_entries(collection, maps);
	err = err ? err : collect_quota_entries(snapshot, maps);
	if (err)
		return err;
	publish_rows(collection);
	snapshot->collect_ns = tg_clock_monotonic_ns() - snapshot->taken_monotonic_ns;
	return 0;
}

int tg_collect(const struct tg_maps *maps, struct tg_snapshot **out)
{
	struct collection *collection = (struct collection *)*out;
	int err;

	if (!collection) {
		collection = calloc(1, sizeof(*collection));
		if (!collection)
			return -ENOMEM;
		memcpy(collection->rows, kind_rows, sizeof(kind_rows));
	}
	err = collect(collection, maps);
	if (err) {
		tg_snapshot_free(&collection->snapshot);
		*out = NULL;
		return err;
	}
	*out = &collection->snapshot;
	return 0;
}

void tg_snapshot_free(struct tg_snapshot *snapshot)
{
	struct collection *collection = (struct collection *)snapshot;

	if (!collection)
		return;
	for (int i = 0; i < KINDS; i++)
		free(collection->rows[i].data);
	free(collection);
}

struct tg_counts tg_snapshot_total(const struct tg_snapshot *snapshot)
{
	struct tg_counts total = {0};

	for (size_t i = 0; i < snapshot->usage_count; i++)
		tg_counts_add(&total, &snapshot->usage[i].usage.counts);
	for (size_t i = 0; i < snapshot->token_spill_count; i++)
		tg_counts_add(&total, &snapshot->token_spill[i].counts);
	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		total.requests += snapshot->unattributed[i].requests;
		total.bytes += snapshot->unattributed[i].bytes;
	}
	return total;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define FIRST_CAPACITY 64

struct tg_series_table {
	struct tg_series *series;
	uint32_t *heads; /* number + 1; as many as capacity */
	uint32_t end;
	uint32_t capacity;  /* a power of 2 */
	uint32_t free_list; /* number + 1 */
	uint64_t seed;
};

static const uint8_t key_bytes[] = {
	[TG_SERIES_USAGE] = sizeof(struct tg_usage_key),
	[TG_SERIES_TOKEN] = sizeof(struct tg_token_key),
	[TG_SERIES_SOURCE] = sizeof(struct tg_source_key),
	[TG_SERIES_ORIGIN] = sizeof(struct tg_origin_key),
};

struct tg_series_table *tg_series_table_new(void)
{
	struct tg_series_table *table = calloc(1, sizeof(*table));

	if (table)
		table->seed = tg_hash_seed();
	return table;
}

void tg_series_table_free(struct tg_series_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->end; i++) {
		if (table->series[i].in_use && table->series[i].kind == TG_SERIES_ORIGIN)
			free(table->series[i].origin);
	}
	free(table->series);
	free(table->heads);
	free(table);
}

size_t tg_series_key_bytes(enum tg_series_kind kind)
{
	return key_bytes[kind];
}

struct tg_series *tg_series_at(const struct tg_series_table *table, uint32_t number)
{
	return &table->series[number];
}

uint32_t tg_series_end(const struct tg_series_table *table)
{
	return table->end;
}

static uint32_t *head_of(const struct tg_series_table *table, enum tg_series_kind kind,
			 const void *key)
{
	uint64_t h = tg_hash(table->seed ^ kind, key, key_bytes[kind]);

	return &table->heads[h & (table->capacity - 1)];
}

uint32_t tg_series_find(const struct tg_series_table *table, enum tg_series_kind kind,
			const void *key)
{
	uint32_t at;

	if (!table->capacity)
		return TG_SERIES_NONE;
	for (at = *head_of(table, kind, key); at; at = table->series[at - 1].next) {
		const struct tg_series *series = &table->series[at - 1];

		if (series->kind == kind && !memcmp(series->key, key, key_bytes[kind]))
			return at - 1;
	}
	return TG_SERIES_NONE;
}

static void link_in(struct tg_series_table *table, uint32_t number)
{
	struct tg_series *series = &table->series[number];
	uint32_t *head = head_of(table, series->kind, series->key);

	series->next = *head;
	*head = number + 1;
}

static int grow(struct tg_series_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
	struct tg_series *series;
	uint32_t *heads;

	if (capacity > UINT32_MAX / 4)
		return -ENOMEM;
	series = realloc(table->series, capacity * sizeof(*series));
	if (!series)
		return -ENOMEM;
	table->series = series;
	heads = calloc(capacity, sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	free(table->heads);
	table->heads = heads;
	table->capacity = capacity;
	for (uint32_t i = 0; i < table->end; i++) /* called with the free list empty */
		link_in(table, i);
	return 0;
}

/* A number without contents. */
static int take_number(struct tg_series_table *table, uint32_t *number)
{
	if (table->free_list) {
		*number = table->free_list - 1;
		table->free_list = table->series[*number].next;
		return 0;
	}
	if (table->end == table->capacity) {
		int err = grow(table);

		if (err)
			return err;
	}
	*number = table->end++;
	return 0;
}

int tg_series_make(struct tg_series_table *table, enum tg_series_kind kind, const void *key,
		   const struct tg_origin *origin, uint32_t *number)
{
	struct tg_origin *copy = NULL;
	struct tg_series *series;
	int err;

	if (origin) {
		copy = malloc(sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *origin;
	}
	err = take_number(table, number);
	if (err) {
		free(copy);
		return err;
	}
	series = &table->series[*number];
	memset(series, 0, sizeof(*series));
	memcpy(series->key, key, key_bytes[kind]);
	series->kind = kind;
	series->in_use = true;
	if (origin)
		series->origin = copy;
	link_in(table, *number);
	return 0;
}

void tg_series_release(struct tg_series_table *table, uint32_t number)
{
	struct tg_series *series = &table->series[number];
	uint32_t *at;

	if (series->present || series->mentions)
		return;
	for (at = head_of(table, series->kind, series->key); *at != number + 1;)
		at = &table->series[*at - 1].next;
	*at = series->next;
	if (series->kind == TG_SERIES_ORIGIN)
		free(series->origin);
	series->in_use = false;
	series->next = table->free_list;
	table->free_list = number + 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define FIRST_ENTRIES 64

struct tg_tally {
	size_t key_bytes;
	size_t entry_bytes; /* counts, then the key */
	uint64_t seed;
	uint8_t *entries;
	uint32_t count;
	uint32_t capacity; /* entries; a power of 2 */
	uint32_t *slots;   /* index + 1; 2 * capacity of them */
};

struct tg_tally *tg_tally_new(size_t key_bytes)
{
	struct tg_tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	tally->key_bytes = key_bytes;
	tally->entry_bytes = sizeof(struct tg_counts) + key_bytes;
	tally->seed = tg_hash_seed();
	return tally;
}

void tg_tally_free(struct tg_tally *tally)
{
	if (!tally)
		return;
	free(tally->entries);
	free(tally->slots);
	free(tally);
}

const void *tg_tally_key(const struct tg_tally *tally, uint32_t index)
{
	return tally->entries + index * tally->entry_bytes + sizeof(struct tg_counts);
}

struct tg_counts *tg_tally_counts(struct tg_tally *tally, uint32_t index)
{
	return (struct tg_counts *)(tally->entries + index * tally->entry_bytes);
}

uint32_t tg_tally_count(const struct tg_tally *tally)
{
	return tally->count;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *slot_of(const struct tg_tally *tally, const void *key)
{
	uint32_t mask = tally->capacity * 2 - 1;
	uint32_t at = (uint32_t)tg_hash(tally->seed, key, tally->key_bytes) & mask;

	while (tally->slots[at] &&
	       memcmp(tg_tally_key(tally, tally->slots[at] - 1), key, tally->key_bytes))
		at = (at + 1) & mask;
	return &tally->slots[at];
}

static int grow(struct tg_tally *tally)
{
	uint32_t capacity = tally->capacity ? tally->capacity * 2 : FIRST_ENTRIES;
	uint32_t *slots;
	uint8_t *entries;

	if (capacity > UINT32_MAX / 4)
		return -ENOMEM;
	entries = realloc(tally->entries, capacity * tally->entry_bytes);
	if (!entries)
		return -ENOMEM;
	tally->entries = entries;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(tally->slots);
	tally->slots = slots;
	tally->capacity = capacity;
	for (uint32_t i = 0; i < tally->count; i++)
		*slot_of(tally, tg_tally_key(tally, i)) = i + 1;
	return 0;
}

uint32_t tg_tally_find(const struct tg_tally *tally, const void *key)
{
	if (!tally->capacity)
		return TG_TALLY_NONE;
	return *slot_of(tally, key) - 1; /* a free slot: 0 - 1 is TG_TALLY_NONE */
}

void tg_counts_add(struct tg_counts *sum, const struct tg_counts *counts)
{
	sum->denied += counts->denied;
	sum->observed += counts->observed;
	sum->origin_requests += counts->origin_requests;
	sum->origin_bytes += counts->origin_bytes;
	sum->requests += counts->requests;
	sum->bytes += counts->bytes;
}

int tg_tally_add(struct tg_tally *tally, const void *key, const struct tg_counts *counts)
{
	uint32_t *slot;

	if (tally->count == tally->capacity) {
		int err = grow(tally);

		if (err)
			return err;
	}
	slot = slot_of(tally, key);
	if (!*slot) {
		uint8_t *entry = tally->entries + tally->count * tally->entry_bytes;

		memset(entry, 0, sizeof(struct tg_counts));
		memcpy(entry + sizeof(struct tg_counts), key, tally->key_bytes);
		*slot = ++tally->count;
	}
	tg_counts_add(tg_tally_counts(tally, *slot - 1), counts);
	return 0;
}

static int by_requests(const void *a, const void *b, void *arg)
{
	struct tg_tally *tally = arg;
	uint32_t i = *(const uint32_t *)a;
	uint32_t j = *(const uint32_t *)b;
	uint64_t left = tg_tally_counts(tally, i)->requests;
	uint64_t right = tg_tally_counts(tally, j)->requests;

	if (left != right)
		return left > right ? -1 : 1;
	return memcmp(tg_tally_key(tally, i), tg_tally_key(tally, j), tally->key_bytes);
}

int tg_tally_order(const struct tg_tally *tally, uint32_t **order)
{
	uint32_t *indexes = malloc((tally->count + 1) * sizeof(*indexes));

	if (!indexes)
		return -ENOMEM;
	for (uint32_t i = 0; i < tally->count; i++)
		indexes[i] = i;
	qsort_r(indexes, tally->count, sizeof(*indexes), by_requests, (void *)tally);
	*order = indexes;
	return 0;
}

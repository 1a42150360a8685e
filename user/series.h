/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of the HASH maps under small stable numbers, with the counts that
 * each had at the last boundary of the history. A row keeps its number as
 * long as it is in the maps or some period of the history mentions it.
 */
#ifndef TOLLGATE_SERIES_H
#define TOLLGATE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/abi.h"

#define TG_SERIES_NONE UINT32_MAX

enum tg_series_kind { TG_SERIES_USAGE, TG_SERIES_TOKEN, TG_SERIES_SOURCE, TG_SERIES_ORIGIN };

#define TG_SERIES_KEY_BYTES sizeof(struct tg_usage_key) /* the longest of the keys */

struct tg_series {
	uint8_t key[TG_SERIES_KEY_BYTES]; /* as in the map, zero-padded */
	struct tg_counts base;
	union {
		uint64_t birth_jiffies;	  /* USAGE: tells a row from a later one of the same key */
		struct tg_origin *origin; /* ORIGIN: a copy, for the host's text */
	};
	uint32_t next;	   /* of the same hash, or free: number + 1 */
	uint32_t mentions; /* periods that mention it */
	uint32_t round;	   /* of the owner's use */
	uint8_t kind;
	bool present; /* in the maps, at the last boundary */
	bool in_use;
};

struct tg_series_table;

struct tg_series_table *tg_series_table_new(void);
void tg_series_table_free(struct tg_series_table *table);

size_t tg_series_key_bytes(enum tg_series_kind kind);

/* The number, or TG_SERIES_NONE. */
uint32_t tg_series_find(const struct tg_series_table *table, enum tg_series_kind kind,
			const void *key);

/* Make one that is not there. *origin (ORIGIN only, else NULL) is copied. -ENOMEM. */
int tg_series_make(struct tg_series_table *table, enum tg_series_kind kind, const void *key,
		   const struct tg_origin *origin, uint32_t *number);

/* Give the number back if the row is neither present nor mentioned. */
void tg_series_release(struct tg_series_table *table, uint32_t number);

/* Valid until the next tg_series_make. Numbers not in_use hold nothing. */
struct tg_series *tg_series_at(const struct tg_series_table *table, uint32_t number);

/* One more than the highest number that was ever given. */
uint32_t tg_series_end(const struct tg_series_table *table);

#endif

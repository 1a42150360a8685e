/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts summed by key: a hash table that only grows, in which every key has
 * an index from 0 up, in the order of first sight. Views and exporters group
 * rows with it. The hash is seeded, as keys hold what clients chose.
 */
#ifndef TOLLGATE_TALLY_H
#define TOLLGATE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/abi.h"

#define TG_TALLY_NONE UINT32_MAX

struct tg_tally;

/* key_bytes: of every key; a multiple of 8. NULL: no memory. */
struct tg_tally *tg_tally_new(size_t key_bytes);
void tg_tally_free(struct tg_tally *tally);

/* Add to the key's counts; the key is made if new. -ENOMEM: nothing was added. */
int tg_tally_add(struct tg_tally *tally, const void *key, const struct tg_counts *counts);

/* The key's index, or TG_TALLY_NONE. */
uint32_t tg_tally_find(const struct tg_tally *tally, const void *key);

uint32_t tg_tally_count(const struct tg_tally *tally);
const void *tg_tally_key(const struct tg_tally *tally, uint32_t index);
struct tg_counts *tg_tally_counts(struct tg_tally *tally, uint32_t index);

/*
 * Indexes by requests, most first; the same requests: by the bytes of the key.
 * *order is the caller's (free).
 */
int tg_tally_order(const struct tg_tally *tally, uint32_t **order);

/* *sum += *counts, each of them. */
void tg_counts_add(struct tg_counts *sum, const struct tg_counts *counts);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tokens and sources have a metric series of their own. Their number is
 * bounded, the rest is summed under "other"; every sum is kept, and no series
 * ever goes down.
 *
 * A token gets its series on first sight while there is room and never loses
 * it. Sources compete: one that has come to more than twice the requests of
 * the least one shown takes its place, and takes over its value: the new
 * series says at least how many requests that source made, "other" stays as it
 * was, so no rate() sees a jump.
 */
#ifndef TOLLGATE_EXPORT_SERIES_H
#define TOLLGATE_EXPORT_SERIES_H

#include "collect.h"
#include "tally.h"

enum tg_token_label { TG_LABEL_TOKEN, TG_LABEL_NONE, TG_LABEL_OTHER };

struct tg_token_series { /* the key of a token series */
	uint8_t prefix[TG_PREFIX_BYTES_MAX];
	uint32_t iface;
	uint32_t label; /* enum tg_token_label */
};
TG_ASSERT_SIZE(struct tg_token_series, 24);

struct tg_source_series {
	struct tg_addr source;
	uint64_t value; /* requests shown; at most what the source made */
	uint64_t seen;	/* requests of the source that value accounts for or left in "other" */
};

struct tg_export_series;

/* -> NULL: no memory. */
struct tg_export_series *tg_export_series_new(unsigned int max_tokens, unsigned int max_sources);
void tg_export_series_free(struct tg_export_series *series);

/* Raise the bounds; lower ones are ignored, as no series is taken back. -ENOMEM. */
int tg_export_series_grow(struct tg_export_series *series, unsigned int max_tokens,
			  unsigned int max_sources);

/* Bring all of them up to the snapshot. -ENOMEM: everything as it was. */
int tg_export_series_update(struct tg_export_series *series, const struct tg_snapshot *snapshot);

/* The tokens that have a series, keyed by struct tg_token_series with iface 0. */
const struct tg_tally *tg_export_series_known(const struct tg_export_series *series);

/*
 * What an earlier agent showed, before the first update, so that its series go
 * on instead of starting again: tokens (as of known), sources, and other. What
 * is beyond the bounds is left out. -ENOMEM.
 */
int tg_export_series_restore(struct tg_export_series *series, const struct tg_tally *known,
			     const struct tg_source_series *sources, unsigned int sources_count,
			     uint64_t other);

/* Keyed by struct tg_token_series. */
struct tg_tally *tg_export_series_tokens(const struct tg_export_series *series);

/* *other: of the requests that have a row, those under no series. */
const struct tg_source_series *tg_export_series_sources(const struct tg_export_series *series,
							unsigned int *count, uint64_t *other);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rows of a snapshot grew by since the last boundary of the history.
 * A part of history.c; knows the series, not the periods.
 */
#ifndef TOLLGATE_GROWTH_H
#define TOLLGATE_GROWTH_H

#include "collect.h"
#include "series.h"

struct tg_growth { /* of one row */
	enum tg_series_kind kind;
	uint32_t number; /* TG_SERIES_NONE: a row without a series yet */
	const void *key;
	const struct tg_origin *origin; /* ORIGIN only: the row */
	struct tg_counts by;
};

/* Non-zero ends the walk and is returned. */
typedef int (*tg_growth_row)(const struct tg_growth *growth, void *arg);

/*
 * Call row for each row of the snapshot that grew. advance: make the snapshot
 * the new boundary (then every number is given). round: another one for each
 * call. -ENOMEM: the table is as good as lost when advance was asked for.
 */
int tg_growth_walk(struct tg_series_table *table, const struct tg_snapshot *snapshot,
		   uint32_t round, bool advance, tg_growth_row row, void *arg);

#endif

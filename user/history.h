/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last hour, a minute at a time: what every row grew by from one boundary
 * to the next, so that `usage --since` can subtract. Memory is bounded: when
 * it is used up, the oldest minute goes. History gets shorter, counts do not.
 *
 * What a retired row had moves to the spill maps; the history takes such a
 * move for what it is, so that the differences add up to the growth of the
 * totals to the unit.
 */
#ifndef TOLLGATE_HISTORY_H
#define TOLLGATE_HISTORY_H

#include "collect.h"

#define TG_HISTORY_PERIODS   60
#define TG_HISTORY_PERIOD_NS 60000000000ULL

struct tg_history;

/* bytes_max: of all periods together (about 8 bytes for a row that grew in a minute). */
struct tg_history *tg_history_new(size_t bytes_max);
void tg_history_free(struct tg_history *history);

/*
 * Show it a snapshot; the first one, and each that is a minute or more younger
 * than the last boundary, becomes a boundary. -ENOMEM: the history begins anew.
 */
int tg_history_add(struct tg_history *history, const struct tg_snapshot *snapshot);

/* The oldest boundary, as tg_history_since counts time; 0: there is none yet. */
uint64_t tg_history_oldest_unix_ns(const struct tg_history *history);

/*
 * The growth since the newest boundary that is not younger than unix_ns, as a
 * snapshot: rows that grew, with what they grew by; packets are left out.
 * *since_unix_ns: that boundary, in whole milliseconds. *out is the caller's
 * (tg_history_free_growth). -ERANGE: no boundary is as old as that; -ENOMEM.
 */
int tg_history_since(struct tg_history *history, const struct tg_snapshot *now, uint64_t unix_ns,
		     struct tg_snapshot **out, uint64_t *since_unix_ns);
void tg_history_free_growth(struct tg_snapshot *growth);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a segment is cut: pieces that put together are the whole, and among them, now and
 * then, one with other ends, which says again what others say.
 */
#ifndef TOLLGATE_CHAOS_CUTS_H
#define TOLLGATE_CHAOS_CUTS_H

#include <stddef.h>

#include "dice.h"

#define CHAOS_PIECES_MAX   5
#define CHAOS_OVERLAPS_MAX 2

struct chaos_cuts {
	struct chaos_piece {
		size_t from, to;
		bool again; /* overlaps; the whole is whole without it */
	} pieces[CHAOS_PIECES_MAX + CHAOS_OVERLAPS_MAX];
	size_t count;
	size_t overlaps;
};

/* Of bytes, at least 2. overlap: the rate of each of the pieces that may come again. */
void chaos_cuts_draw(struct chaos_dice *dice, size_t bytes, unsigned int overlap,
		     struct chaos_cuts *cuts);

#endif

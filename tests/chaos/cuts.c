/* SPDX-License-Identifier: BSD-2-Clause */
#include "cuts.h"

#include <string.h>

/* Ends of pieces are drawn one by one, and kept in order; one that is there already is left out. */
static void cut_at(struct chaos_cuts *cuts, size_t at)
{
	size_t i = 0;

	while (cuts->pieces[i].to < at)
		i++;
	if (cuts->pieces[i].to == at)
		return;
	memmove(&cuts->pieces[i + 1], &cuts->pieces[i], (cuts->count - i) * sizeof(*cuts->pieces));
	cuts->pieces[i].to = at;
	cuts->pieces[i + 1].from = at;
	cuts->count++;
}

/* Over the end of one of the pieces, at any place among them: before, between or after. */
static void overlap(struct chaos_dice *dice, size_t bytes, size_t end, struct chaos_cuts *cuts)
{
	size_t before = 1 + chaos_dice_below(dice, end);
	size_t after = 1 + chaos_dice_below(dice, bytes - end);
	size_t at = chaos_dice_below(dice, cuts->count + 1);

	memmove(&cuts->pieces[at + 1], &cuts->pieces[at],
		(cuts->count - at) * sizeof(*cuts->pieces));
	cuts->pieces[at] = (struct chaos_piece){end - before, end + after, true};
	cuts->count++;
	cuts->overlaps++;
}

void chaos_cuts_draw(struct chaos_dice *dice, size_t bytes, unsigned int rate,
		     struct chaos_cuts *cuts)
{
	size_t wanted = 2 + chaos_dice_below(dice, CHAOS_PIECES_MAX - 1), ends, i;
	size_t cut[CHAOS_PIECES_MAX];

	cuts->pieces[0] = (struct chaos_piece){0, bytes, false};
	cuts->count = 1;
	cuts->overlaps = 0;
	for (i = 1; i < wanted; i++)
		cut_at(cuts, 1 + chaos_dice_below(dice, bytes - 1));
	ends = cuts->count - 1;
	for (i = 0; i < ends; i++)
		cut[i] = cuts->pieces[i].to;
	for (i = 0; i < CHAOS_OVERLAPS_MAX; i++)
		if (chaos_dice_hit(dice, rate))
			overlap(dice, bytes, cut[chaos_dice_below(dice, ends)], cuts);
}

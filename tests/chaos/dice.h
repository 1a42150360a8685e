/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chance by a seed (SplitMix64). Each frame has dice of its own, made of the seed and the
 * frame's number alone: what befalls the thousandth frame does not hang on how the 999
 * before it were timed.
 */
#ifndef TOLLGATE_CHAOS_DICE_H
#define TOLLGATE_CHAOS_DICE_H

#include <stdbool.h>
#include <stdint.h>

#define CHAOS_CERTAIN 10000 /* rates are in hundredths of a percent */

struct chaos_dice {
	uint64_t state;
};

static inline uint64_t chaos_dice_roll(struct chaos_dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline struct chaos_dice chaos_dice_of(uint64_t seed, uint64_t number)
{
	struct chaos_dice dice = {seed};

	dice.state = chaos_dice_roll(&dice) ^ number;
	dice.state = chaos_dice_roll(&dice);
	return dice;
}

/* 0 .. bound - 1 */
static inline uint64_t chaos_dice_below(struct chaos_dice *dice, uint64_t bound)
{
	return (chaos_dice_roll(dice) >> 11) % bound;
}

static inline bool chaos_dice_hit(struct chaos_dice *dice, unsigned int rate)
{
	return chaos_dice_below(dice, CHAOS_CERTAIN) < rate;
}

#endif

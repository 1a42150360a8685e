/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash of our tables: seeded, as their keys hold what clients chose. */
#ifndef TOLLGATE_HASH_H
#define TOLLGATE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t tg_hash_seed(void)
{
	uint64_t seed;

	/* Without entropy: slower under attack, never wrong. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0x9e3779b97f4a7c15ULL;
	return seed;
}

/* The 128-bit product of a and b, its halves xored: __int128 without ISO C's complaint. */
static inline uint64_t tg_hash_fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* bytes: a multiple of 8. */
static inline uint64_t tg_hash(uint64_t seed, const void *key, size_t bytes)
{
	uint64_t h = seed;

	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t word;

		memcpy(&word, (const uint8_t *)key + i, sizeof(word));
		h = tg_hash_fold(word ^ h ^ 0xa0761d6478bd642fULL,
				 seed ^ 0xe7037ed1a0b428dbULL ^ i);
	}
	return h;
}

#endif

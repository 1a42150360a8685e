/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash_plain.h"

static uint64_t little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	while (count--)
		word = word << 8 | bytes[count];
	return word;
}

static void add_rotate_xor(uint64_t *a, uint64_t *b, unsigned int bits)
{
	*a += *b;
	*b = (*b << bits | *b >> (64 - bits)) ^ *a;
}

static void rounds(uint64_t v[4], int count)
{
	while (count--) {
		add_rotate_xor(&v[0], &v[1], 13);
		v[0] = v[0] << 32 | v[0] >> 32;
		add_rotate_xor(&v[2], &v[3], 16);
		add_rotate_xor(&v[0], &v[3], 21);
		add_rotate_xor(&v[2], &v[1], 17);
		v[2] = v[2] << 32 | v[2] >> 32;
	}
}

static void compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t tg_siphash_plain(const uint8_t key[16], const uint8_t *text, size_t bytes)
{
	uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
	/* "somepseudorandomlygeneratedbytes", big endian, as the paper has it */
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	size_t at;

	for (at = 0; at + 8 <= bytes; at += 8)
		compress(v, little_endian(text + at, 8));
	compress(v, little_endian(text + at, bytes - at) | (uint64_t)bytes << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

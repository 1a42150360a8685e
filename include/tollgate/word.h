/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Eight bytes of input at a time. A word holds stream bytes with the first one
 * lowest (little endian). Searching a word for a class of bytes costs four
 * operations instead of eight branches; the searches below are exact for the
 * first hit, which is all that anyone asks of them.
 */
#ifndef TOLLGATE_WORD_H
#define TOLLGATE_WORD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the scanner reads words in little-endian order; other hosts need a byte swap in the readers"
#endif

#define tg_inline static inline __attribute__((always_inline))

/*
 * For the kernel's verifier, which follows every way through the scanner with
 * all it knows of every number: forget what is known of this one, so that the
 * ways become one again. bpf/settings.bpf.h says how; elsewhere it is nothing.
 */
#ifndef TG_FORGET
#define TG_FORGET(number) ((void)(number))
#endif

#define TG_ONES	    0x0101010101010101ULL
#define TG_HIGHS    0x8080808080808080ULL
#define TG_BYTES(c) (TG_ONES * (__u64)(c))

/* Hits: bit 7 of the byte where the first one is set; 0: none. limit: 1..128. */
tg_inline __u64 tg_word_below(__u64 word, __u8 limit)
{
	return (word - TG_BYTES(limit)) & ~word & TG_HIGHS;
}

tg_inline __u64 tg_word_equal(__u64 word, __u8 byte)
{
	__u64 x = word ^ TG_BYTES(byte);

	return (x - TG_ONES) & ~x & TG_HIGHS;
}

/*
 * Index 0..7 of the first hit; 8: none. (BPF has no ctz.) Without a subtraction
 * at the end, which Linux 6.1 would take to wrap around below 0.
 */
tg_inline __u32 tg_word_first(__u64 hits)
{
	return (((((hits - 1) & ~hits) >> 7) & TG_ONES) * TG_ONES) >> 56;
}

/* The first bytes (0..8) of a word, the others zero. */
tg_inline __u64 tg_word_keep(__u64 word, __u32 bytes)
{
	return bytes >= 8 ? word : word & ((1ULL << (bytes * 8)) - 1);
}

/* ASCII letters to lower case, every other byte untouched. */
tg_inline __u64 tg_word_lower(__u64 word)
{
	__u64 seven = word & ~TG_HIGHS;
	__u64 from_a = seven + TG_BYTES(0x80 - 'A');
	__u64 after_z = seven + TG_BYTES(0x7f - 'Z');
	__u64 upper = (from_a ^ after_z) & ~word & TG_HIGHS;

	return word | (upper >> 2);
}

/*
 * Text of up to 8 * words bytes, gathered from pieces of at most 8 bytes.
 * at: bytes gathered so far; words beyond the text keep what they held.
 */
tg_inline void tg_word_append(__u64 *text, __u32 words, __u32 at, __u64 piece, __u32 bytes)
{
	__u32 word = at / 8, shift = (at % 8) * 8;

	piece = tg_word_keep(piece, bytes);
	if (word >= words || !bytes)
		return;
	if (!shift) {
		text[word] = piece;
		return;
	}
	text[word] |= piece << shift;
	if (word + 1 < words)
		text[word + 1] = piece >> (64 - shift);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A stream's bytes where they lie, read a word or a block at a time. The bounds
 * are kept twice: by the memory's end, as the verifier demands of a packet, and
 * by the stream's, as what lies behind it is padding.
 */
#ifndef TOLLGATE_VIEW_H
#define TOLLGATE_VIEW_H

#include "word.h"

#define TG_VIEW_BLOCKS 12 /* of 32 bytes, of one search */

/* Input that may be read in place. */
struct tg_view {
	void *data;
	void *end;   /* first byte that must not be touched */
	__u32 limit; /* offset from data of the end of the stream's bytes: <= end */
};

#define TG_CRLF 0x0a0d

/* What the verifier lets be read of a packet reaches to 0xffff. */
#define TG_VIEW_OFFSET_MAX 0xf800

/* After a loop: however often it ran, this is an offset. It cannot be beyond the bound. */
#define TG_FORGET_OFFSET(at)                                                                       \
	do {                                                                                       \
		TG_FORGET(at);                                                                     \
		if (at > TG_VIEW_OFFSET_MAX)                                                       \
			at = 0;                                                                    \
	} while (0)

/*
 * The compiler forgets what it knows of a value, so that a comparison whose
 * outcome it foresees stays in the program: for Linux 6.1, which does not learn
 * from "not 0" that 1 less is not below 0.
 */
#ifdef __bpf__
#define TG_UNKNOWN(value) asm volatile("" : "+r"(value))
#else
#define TG_UNKNOWN(value)
#endif

/*
 * clang 14 would make a second pointer for the load, one that the verifier has
 * not seen compared with the end.
 */
#define TG_KEEP_POINTER(pointer) TG_UNKNOWN(pointer)

/* 8 bytes at an offset of at most TG_VIEW_OFFSET_MAX. 0: they are there. */
tg_inline int tg_view_word(const struct tg_view *view, __u64 offset, __u64 *word)
{
	__u64 *at = view->data + offset;

	TG_KEEP_POINTER(at);
	if ((void *)(at + 1) > view->end)
		return -1;
	__builtin_memcpy(word, at, sizeof(*word));
	return 0;
}

/* Bit 7 of each byte: set, if it is the first below bound (which stands in each byte of it). */
#define TG_VIEW_BELOW(word, bound) (((word) - (bound)) & ~(word))

/*
 * On to the first byte below bound, 32 bytes at a time. Returns whether it is
 * found; else the offset is as far as was looked.
 */
tg_inline int tg_view_blocks(const struct tg_view *view, __u64 *offset, __u64 bound)
{
	__u64 at = *offset, hit = 0;
	int i;

	for (i = 0; i < TG_VIEW_BLOCKS; i++) {
		__u64 *words = view->data + at;
		__u64 a, b, c, d;

		TG_KEEP_POINTER(words);
		if ((void *)(words + 4) > view->end)
			break;
		__builtin_memcpy(&a, words, 8);
		__builtin_memcpy(&b, words + 1, 8);
		__builtin_memcpy(&c, words + 2, 8);
		__builtin_memcpy(&d, words + 3, 8);
		a = TG_VIEW_BELOW(a, bound);
		b = TG_VIEW_BELOW(b, bound);
		c = TG_VIEW_BELOW(c, bound);
		d = TG_VIEW_BELOW(d, bound);
		if (!((a | b | c | d) & TG_HIGHS)) {
			at += 32;
			continue;
		}
		hit = a & TG_HIGHS;
		if (!hit) {
			at += 8;
			hit = b & TG_HIGHS;
		}
		if (!hit) {
			at += 8;
			hit = c & TG_HIGHS;
		}
		if (!hit) {
			at += 8;
			hit = d & TG_HIGHS;
		}
		break;
	}
	if (hit)
		at += tg_word_first(hit);
	TG_FORGET_OFFSET(at);
	*offset = at;
	return hit != 0;
}

/* The last bytes of the stream, fewer than 8: by the word that ends with them. */
tg_inline int tg_view_tail(const struct tg_view *view, __u64 at, __u64 *word)
{
	__u64 limit = view->limit, left, shift;

	if (at >= limit || limit < 8 || limit > TG_VIEW_OFFSET_MAX)
		return -1;
	left = limit - at;
	limit -= 8;
	TG_FORGET_OFFSET(limit);
	if (left >= 8 || tg_view_word(view, limit, word))
		return -1;
	shift = (8 - left) * 8 & 63;
	*word = *word >> shift | ~(~0ULL >> shift);
	return 0;
}

/* The offset of the first byte below bound from at on, or as far as was looked. */
tg_inline __u64 tg_view_find(const struct tg_view *view, __u64 at, __u64 bound)
{
	__u64 word, stop;
	int i, found = tg_view_blocks(view, &at, bound);

	for (i = 0; i < 4 && !found; i++) {
		if (tg_view_word(view, at, &word))
			break;
		stop = TG_VIEW_BELOW(word, bound) & TG_HIGHS;
		found = stop != 0;
		at += stop ? tg_word_first(stop) : 8;
	}
	TG_FORGET_OFFSET(at);
	if (!found && !tg_view_tail(view, at, &word)) {
		stop = TG_VIEW_BELOW(word, bound) & TG_HIGHS;
		at += stop ? tg_word_first(stop) : 8;
	}
	return at;
}

/* Is there CR LF at the offset, and does the stream reach beyond it? */
tg_inline int tg_view_crlf(const struct tg_view *view, __u64 at)
{
	__u16 *two = view->data + at;
	__u16 bytes;

	TG_KEEP_POINTER(two);
	if (at + 2 > view->limit || (void *)(two + 1) > view->end)
		return 0;
	__builtin_memcpy(&bytes, two, sizeof(bytes));
	return bytes == TG_CRLF;
}

#endif

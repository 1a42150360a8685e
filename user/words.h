/* SPDX-License-Identifier: BSD-2-Clause */
/* A short text cut into words at its spaces: how limits and block rules are read. */
#ifndef TOLLGATE_WORDS_H
#define TOLLGATE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tg_word { /* part of the text, which has to stay */
	const char *text;
	size_t bytes;
};

/* How many words text has; more than max: max + 1. */
unsigned int tg_words(const char *text, struct tg_word *word, unsigned int max);

bool tg_word_is(const struct tg_word *word, const char *text);

/* Decimal digits, no leading zero. 0, -EINVAL, or -ERANGE: more than max. */
int tg_word_number(const struct tg_word *word, uint64_t max, uint64_t *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <errno.h>
#include <string.h>

unsigned int tg_words(const char *text, struct tg_word *word, unsigned int max)
{
	unsigned int count = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t bytes = strcspn(text, " ");

		if (count == max)
			return max + 1;
		word[count++] = (struct tg_word){text, bytes};
		text += bytes;
	}
	return count;
}

bool tg_word_is(const struct tg_word *word, const char *text)
{
	return strlen(text) == word->bytes && !memcmp(text, word->text, word->bytes);
}

int tg_word_number(const struct tg_word *word, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	bool fits = true;

	if (!word->bytes || (word->bytes > 1 && *word->text == '0'))
		return -EINVAL;
	for (size_t i = 0; i < word->bytes; i++) {
		char c = word->text[i];

		if (c < '0' || c > '9')
			return -EINVAL;
		fits = fits && !__builtin_mul_overflow(n, 10, &n) &&
		       !__builtin_add_overflow(n, (uint64_t)(c - '0'), &n);
	}
	if (!fits || n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "error.h"
#include "quote.h"
#include "words.h"

#define DAY	     (24 * 60 * 60)
#define WINDOW_S_MAX DAY
#define FOR_S_MAX    (366 * DAY)

/* A duration of 1 to max seconds. */
static int read_seconds(const struct tg_word *word, uint32_t max, uint32_t *out)
{
	char text[TG_DURATION_TEXT_BYTES];
	uint64_t seconds;

	if (word->bytes >= sizeof(text))
		return -EINVAL;
	memcpy(text, word->text, word->bytes);
	text[word->bytes] = '\0';
	if (tg_duration_parse(text, &seconds))
		return -EINVAL;
	if (!seconds || seconds > max)
		return -ERANGE;
	*out = (uint32_t)seconds;
	return 0;
}

/* after N denials in DURATION for DURATION */
static bool has_shape(const struct tg_word word[7], unsigned int words)
{
	return words == 7 && tg_word_is(&word[0], "after") &&
	       (tg_word_is(&word[2], "denials") || tg_word_is(&word[2], "denial")) &&
	       tg_word_is(&word[3], "in") && tg_word_is(&word[5], "for");
}

int tg_block_rule_parse(const char *text, struct tg_block_rule *out, char *error,
			size_t error_bytes)
{
	struct tg_block_rule rule = {0};
	char quote[TG_QUOTE_BYTES];
	struct tg_word word[7];
	uint64_t denials;
	int err;

	tg_quote(quote, text, TG_QUOTE_MAX);
	if (!has_shape(word, tg_words(text, word, 7)))
		return tg_error(-EINVAL, error, error_bytes,
				"%s is not a block rule; write for example after 100 denials in "
				"1m for 10m",
				quote);
	if (tg_word_number(&word[1], UINT32_MAX, &denials) || !denials)
		return tg_error(-EINVAL, error, error_bytes,
				"%s has no valid number of denials; it is 1 to %u", quote,
				UINT32_MAX);
	err = read_seconds(&word[4], WINDOW_S_MAX, &rule.window_s);
	if (err)
		return tg_error(-EINVAL, error, error_bytes,
				"%s has no valid duration behind \"in\"; it is 1s to 24h", quote);
	err = read_seconds(&word[6], FOR_S_MAX, &rule.for_s);
	if (err)
		return tg_error(-EINVAL, error, error_bytes,
				"%s has no valid duration behind \"for\"; it is 1s to 366d", quote);
	rule.denials = (uint32_t)denials;
	*out = rule;
	return 0;
}

void tg_block_rule_print(const struct tg_block_rule *rule, char out[TG_BLOCK_RULE_TEXT_BYTES])
{
	char window[TG_DURATION_TEXT_BYTES], duration[TG_DURATION_TEXT_BYTES];

	*out = '\0';
	if (!rule->denials)
		return;
	tg_duration_print(rule->window_s, window);
	tg_duration_print(rule->for_s, duration);
	snprintf(out, TG_BLOCK_RULE_TEXT_BYTES, "after %u denials in %s for %s", rule->denials,
		 window, duration);
}

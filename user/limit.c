/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "quote.h"
#include "words.h"

#define BURST_MAX 1000000
#define NS_PER_S  1000000000ULL

static const struct {
	const char *name;
	uint64_t seconds; /* of a rate's unit */
} units[TG_UNITS] = {
	[TG_UNIT_S] = {"s", 1},		  [TG_UNIT_M] = {"m", 60},	[TG_UNIT_H] = {"h", 3600},
	[TG_UNIT_MINUTE] = {"minute", 0}, [TG_UNIT_HOUR] = {"hour", 0}, [TG_UNIT_DAY] = {"day", 0},
	[TG_UNIT_MONTH] = {"month", 0},
};

/* The program adds two of them without looking: burst * interval must stay far from 2^64. */
_Static_assert(NS_PER_S * 3600 * BURST_MAX < 1ULL << 62, "a bucket's depth may overflow");

static int __attribute__((format(printf, 4, 5)))
fault(const char *text, char *error, size_t error_bytes, const char *format, ...)
{
	char quote[TG_QUOTE_BYTES], what[192];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return tg_error(-EINVAL, error, error_bytes, "%s %s", tg_quote(quote, text, TG_QUOTE_MAX),
			what);
}

static enum tg_unit find_unit(const struct tg_word *word)
{
	unsigned int unit = 0;

	while (unit < TG_UNITS && !tg_word_is(word, units[unit].name))
		unit++;
	return (enum tg_unit)unit;
}

/* "N/UNIT" */
static int read_amount(const char *text, const struct tg_word *word, struct tg_limit *limit,
		       char *error, size_t error_bytes)
{
	const char *slash = memchr(word->text, '/', word->bytes);
	size_t bytes = slash ? (size_t)(slash - word->text) : 0;
	struct tg_word number = {word->text, bytes};
	struct tg_word unit = {word->text + bytes + 1, word->bytes - bytes - 1};
	uint64_t max = TG_AMOUNT_MAX, amount = 0;
	int err = slash ? tg_word_number(&number, UINT64_MAX, &amount) : -EINVAL;

	if (err == -EINVAL)
		return fault(text, error, error_bytes,
			     "is not a limit; write N/UNIT or N/UNIT burst B, for example 100/m "
			     "burst 20");
	limit->unit = find_unit(&unit);
	if (limit->unit == TG_UNITS)
		return fault(text, error, error_bytes,
			     "has an unknown unit; write s, m or h for a rate, minute, hour, day "
			     "or month for a calendar quota");
	if (limit->unit < TG_RATES)
		max = TG_RATE_MAX * units[limit->unit].seconds;
	if (err || amount > max)
		return fault(text, error, error_bytes, "is too much; at most %" PRIu64 "/%s", max,
			     units[limit->unit].name);
	if (!amount)
		return fault(text, error, error_bytes,
			     "allows nothing; N is 1 or more (to refuse everything, use tollgate "
			     "block)");
	limit->amount = amount;
	return 0;
}

static void set_burst(struct tg_limit *limit, uint64_t burst)
{
	uint64_t unit_ns = units[limit->unit].seconds * NS_PER_S;

	limit->interval_ns = (unit_ns + limit->amount - 1) / limit->amount;
	limit->depth_ns = burst * limit->interval_ns;
}

int tg_limit_parse(const char *text, struct tg_limit *out, char *error, size_t error_bytes)
{
	struct tg_limit limit = {0};
	struct tg_word word[3];
	unsigned int words = tg_words(text, word, 3);
	uint64_t burst;
	int err;

	if ((words != 1 && words != 3) || (words == 3 && !tg_word_is(&word[1], "burst")))
		return fault(text, error, error_bytes,
			     "is not a limit; write N/UNIT or N/UNIT burst B, for example 100/m "
			     "burst 20");
	err = read_amount(text, &word[0], &limit, error, error_bytes);
	if (err)
		return err;
	burst = limit.amount;
	if (words == 3 && limit.unit >= TG_RATES)
		return fault(text, error, error_bytes,
			     "is a calendar quota, which has no burst; remove it, or use the rates "
			     "s, m, h");
	if (words == 3 && (tg_word_number(&word[2], BURST_MAX, &burst) || !burst))
		return fault(text, error, error_bytes, "has no valid burst; it is 1 to %d",
			     BURST_MAX);
	if (limit.unit < TG_RATES)
		set_burst(&limit, burst);
	*out = limit;
	return 0;
}

uint64_t tg_limit_burst(const struct tg_limit *limit)
{
	return limit->interval_ns ? limit->depth_ns / limit->interval_ns : 0;
}

const char *tg_unit_name(enum tg_unit unit)
{
	return unit < TG_UNITS ? units[unit].name : "?";
}

void tg_limit_print(const struct tg_limit *limit, char out[TG_LIMIT_TEXT_BYTES])
{
	uint64_t burst = tg_limit_burst(limit);
	int at;

	at = snprintf(out, TG_LIMIT_TEXT_BYTES, "%" PRIu64 "/%s", (uint64_t)limit->amount,
		      tg_unit_name(limit->unit));
	if (burst && burst != limit->amount)
		snprintf(out + at, TG_LIMIT_TEXT_BYTES - (size_t)at, " burst %" PRIu64, burst);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const struct unit {
	char letter;
	uint64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof(units) / sizeof(units[0]))

/* Decimal digits at *text, at least one; *text goes behind them. */
static int take_number(const char **text, uint64_t *number)
{
	const char *at = *text;
	uint64_t n = 0;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
			return -ERANGE;
	}
	*text = at;
	*number = n;
	return 0;
}

static int add_product(uint64_t *sum, uint64_t number, uint64_t seconds)
{
	uint64_t product;

	if (__builtin_mul_overflow(number, seconds, &product) ||
	    __builtin_add_overflow(*sum, product, sum))
		return -ERANGE;
	return 0;
}

int tg_duration_parse(const char *text, uint64_t *seconds)
{
	uint64_t sum = 0, number;
	size_t next = 0; /* units before it may not come any more */
	bool first = true;
	int err;

	do {
		err = take_number(&text, &number);
		if (err)
			return err;
		if (!*text && first) {
			*seconds = number;
			return 0;
		}
		while (next < UNITS && units[next].letter != *text)
			next++;
		if (next == UNITS)
			return -EINVAL;
		err = add_product(&sum, number, units[next++].seconds);
		if (err)
			return err;
		first = false;
	} while (*++text);
	*seconds = sum;
	return 0;
}

void tg_duration_print(uint64_t seconds, char out[TG_DURATION_TEXT_BYTES])
{
	size_t at = 0;

	if (!seconds) {
		snprintf(out, TG_DURATION_TEXT_BYTES, "0s");
		return;
	}
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t number = seconds / units[i].seconds;

		/* A day is "24h" to most people; from two days on, days read better. */
		if (units[i].letter == 'd' && number < 2)
			continue;
		if (!number)
			continue;
		at += (size_t)snprintf(out + at, TG_DURATION_TEXT_BYTES - at, "%" PRIu64 "%c",
				       number, units[i].letter);
		seconds %= units[i].seconds;
	}
}

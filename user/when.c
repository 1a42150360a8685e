/* SPDX-License-Identifier: BSD-2-Clause */
#include "when.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "duration.h"

#define NS 1000000000LL

/* Exactly digits decimal digits at *text, which moves on. -1: something else. */
static int number(const char **text, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)**text))
			return -1;
		value = value * 10 + *(*text)++ - '0';
	}
	return value;
}

static bool take(const char **text, const char *one_of)
{
	if (!**text || !strchr(one_of, **text))
		return false;
	(*text)++;
	return true;
}

static bool date(const char **text, struct tm *tm)
{
	int year = number(text, 4);
	int month = take(text, "-") ? number(text, 2) : -1;
	int day = take(text, "-") ? number(text, 2) : -1;
	struct tm given;

	if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	given = *tm;
	timegm(tm); /* moves 31 April on to 1 May: then it was no date */
	return tm->tm_mday == given.tm_mday;
}

/* ".5" -> 500000000. Digits after the ninth are read and dropped. */
static long long fraction_ns(const char **text)
{
	long long ns = 0;
	long long unit = NS / 10;

	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		ns += unit * (**text - '0');
	return ns;
}

static bool time_of_day(const char **text, struct tm *tm, long long *ns)
{
	tm->tm_hour = number(text, 2);
	tm->tm_min = take(text, ":") ? number(text, 2) : -1;
	if (take(text, ":")) {
		tm->tm_sec = number(text, 2);
		if (take(text, "."))
			*ns = fraction_ns(text);
	}
	return tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 &&
	       tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

/* "Z", "+02:00" or nothing -> seconds east of UTC. */
static bool offset(const char **text, int *seconds)
{
	int sign = **text == '-' ? -1 : 1;
	int hours, minutes;

	*seconds = 0;
	if (take(text, "Zz") || !**text)
		return true;
	if (!take(text, "+-"))
		return false;
	hours = number(text, 2);
	minutes = take(text, ":") ? number(text, 2) : -1;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

/* RFC 3339 section 5.6 -> nanoseconds since 1970, which may be negative. */
static bool rfc3339(const char *text, long long *unix_ns)
{
	struct tm tm;
	long long ns = 0;
	int east = 0;

	if (!date(&text, &tm))
		return false;
	if (take(&text, "Tt ") && (!time_of_day(&text, &tm, &ns) || !offset(&text, &east)))
		return false;
	if (__builtin_mul_overflow((long long)timegm(&tm) - east, NS, unix_ns) ||
	    __builtin_add_overflow(*unix_ns, ns, unix_ns))
		*unix_ns = LLONG_MAX; /* after the year 2262 */
	return !*text;
}

int tg_when_parse(const char *text, uint64_t now_unix_ns, uint64_t *unix_ns)
{
	uint64_t ago_s;
	long long at;

	if (!tg_duration_parse(text, &ago_s)) {
		if (ago_s > now_unix_ns / NS)
			return -ERANGE;
		*unix_ns = now_unix_ns - ago_s * NS;
		return 0;
	}
	if (!rfc3339(text, &at))
		return -EINVAL;
	if (at < 0 || (uint64_t)at > now_unix_ns)
		return -ERANGE;
	*unix_ns = (uint64_t)at;
	return 0;
}

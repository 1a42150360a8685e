/* SPDX-License-Identifier: BSD-2-Clause */
#include "calendar.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS	     1000000000ULL
#define MINUTE_S     60
#define HOUR_S	     3600
#define DAY_S	     86400
#define MONTH_S_MAX  (31 * DAY_S)
#define MONTH_S_MEAN (30 * DAY_S)

/* No zone has had an offset with seconds since 1972: ids by the minute are distinct. */
#define FIRST_S 94694400 /* 1973-01-01 */

/* An offset of the zone to UTC holds from here to the next segment. */
struct segment {
	int64_t from;
	int64_t offset;
};

#define SEGMENTS_MAX 128 /* in 5.5 years; two a year are usual */

/* All times are in seconds; "local": what the zone's clock shows, as if it were UTC. */
struct zone {
	struct segment segment[SEGMENTS_MAX];
	int segments;
};

/* --- the zone's offsets ----------------------------------------------------------- */

static int64_t offset_at(int64_t at)
{
	time_t when = at;
	struct tm local;

	localtime_r(&when, &local);
	return local.tm_gmtoff;
}

/* The first second after `at`, up to `until`, whose offset is another than that of `at`. */
static int64_t change_between(int64_t at, int64_t until)
{
	int64_t offset = offset_at(at);

	while (until - at > 1) {
		int64_t middle = at + (until - at) / 2;

		if (offset_at(middle) == offset)
			at = middle;
		else
			until = middle;
	}
	return until;
}

/*
 * From the first second that matters on. libc has no call for the next change:
 * look every two days. (No zone's clock is set back and forth within that time.)
 */
static int scan(struct zone *zone, int64_t from, int64_t until)
{
	int64_t at = from, offset = offset_at(from);

	zone->segment[0] = (struct segment){from, offset};
	zone->segments = 1;
	while (at < until) {
		int64_t next = at + 2 * DAY_S;

		if (offset_at(next) != offset) {
			if (zone->segments == SEGMENTS_MAX)
				return -EOVERFLOW;
			next = change_between(at, next);
			offset = offset_at(next);
			zone->segment[zone->segments++] = (struct segment){next, offset};
		}
		at = next;
	}
	return 0;
}

static int64_t segment_end(const struct zone *zone, int i)
{
	return i + 1 < zone->segments ? zone->segment[i + 1].from : INT64_MAX / 2;
}

static int segment_of(const struct zone *zone, int64_t at)
{
	int i = 0;

	while (segment_end(zone, i) <= at)
		i++;
	return i;
}

/* When the zone's clock first shows `local` or something later. */
static int64_t first_showing(const struct zone *zone, int64_t local)
{
	const struct segment *segment = zone->segment;
	int64_t at;
	int i = 0;

	while (segment_end(zone, i) + segment[i].offset <= local)
		i++;
	at = local - segment[i].offset;
	return at > segment[i].from ? at : segment[i].from;
}

/* --- the time zone, for a moment --------------------------------------------------- */

static int zone_set(const char *name)
{
	int err = name ? setenv("TZ", name, 1) : unsetenv("TZ");

	tzset();
	return err ? -ENOMEM : 0;
}

/* What scan() does, in the zone of that name. TZ is as before, afterwards. */
static int zone_read(const char *name, int64_t from, int64_t until, struct zone *zone)
{
	const char *was = getenv("TZ");
	char *kept = was ? strdup(was) : NULL;
	int err;

	if (was && !kept)
		return -ENOMEM;
	err = zone_set(name);
	if (!err)
		err = scan(zone, from, until);
	zone_set(kept);
	free(kept);
	return err;
}

static bool name_is_plain(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "0123456789_+-/";

	if (!*name || !strchr(letters, *name))
		return false;
	while (*name && (strchr(letters, *name) || strchr(others, *name)))
		name++;
	return !*name;
}

bool tg_calendar_zone_exists(const char *time_zone)
{
	const char *directory = getenv("TZDIR") ?: "/usr/share/zoneinfo"; /* as libc has it */
	char path[PATH_MAX], magic[4] = "";
	bool is_zone;
	FILE *file;

	if (!strcmp(time_zone, "UTC"))
		return true;
	/* "right/" counts leap seconds, which the kernel's clock does not. */
	if (!name_is_plain(time_zone) || !strncmp(time_zone, "right/", 6))
		return false;
	if (snprintf(path, sizeof(path), "%s/%s", directory, time_zone) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	is_zone = fread(magic, sizeof(magic), 1, file) == 1 && !memcmp(magic, "TZif", 4);
	fclose(file);
	return is_zone;
}

/* --- the tables ---------------------------------------------------------------------- */

struct filler {
	struct zone zone;
	int64_t now;	  /* unix, s */
	uint64_t boot_ns; /* unix time of boot: may be "negative" */
};

static void start(struct tg_calendar *c, int64_t nominal_s, uint32_t step)
{
	memset(c, 0, sizeof(*c));
	c->nominal_ns = (uint64_t)nominal_s * NS;
	c->step = step;
}

static void add(struct tg_calendar *c, const struct filler *filler, int64_t at, int64_t id)
{
	c->start_ns[c->periods] = (uint64_t)at * NS - filler->boot_ns;
	c->id[c->periods] = (uint32_t)id;
	c->periods++;
}

static void fill_minutes(struct tg_calendar *c, const struct filler *filler)
{
	int64_t at = filler->now - filler->now % MINUTE_S;

	start(c, MINUTE_S, 1);
	for (; c->periods < TG_PERIODS_MAX; at += MINUTE_S)
		add(c, filler, at, at / MINUTE_S);
}

/* The last full hour on the zone's clock, as if it had always had this segment's offset. */
static int64_t full_hour(const struct segment *segment, int64_t at)
{
	return at - (at + segment->offset) % HOUR_S;
}

static void fill_hours(struct tg_calendar *c, const struct filler *filler)
{
	const struct zone *zone = &filler->zone;
	int i = segment_of(zone, filler->now);
	int64_t at = full_hour(&zone->segment[i], filler->now);

	if (at < zone->segment[i].from)
		at = zone->segment[i].from;
	start(c, HOUR_S, HOUR_S / MINUTE_S);
	while (c->periods < TG_PERIODS_MAX) {
		add(c, filler, at, at / MINUTE_S);
		at = full_hour(&zone->segment[i], at) + HOUR_S;
		if (at >= segment_end(zone, i))
			at = zone->segment[++i].from;
	}
}

/* Days and months are numbered; a number's begin is when the clock should show it first. */
typedef int64_t (*begin_fn)(int64_t number);

static int64_t day_begin(int64_t days)
{
	return days * DAY_S;
}

static int64_t month_begin(int64_t months)
{
	struct tm tm = {
		.tm_year = (int)(months / 12) - 1900,
		.tm_mon = (int)(months % 12),
		.tm_mday = 1,
	};

	return timegm(&tm);
}

static int64_t month_of(int64_t local)
{
	time_t when = local;
	struct tm tm;

	gmtime_r(&when, &tm);
	return (tm.tm_year + 1900LL) * 12 + tm.tm_mon;
}

/* number: what the clock shows now. If it was set back over a begin, a later one is on. */
static void fill_dates(struct tg_calendar *c, const struct filler *filler, int64_t number,
		       begin_fn begin, int64_t first_id)
{
	int64_t at, next;

	while (first_showing(&filler->zone, begin(number + 1)) <= filler->now)
		number++;
	at = first_showing(&filler->zone, begin(number));
	for (; c->periods < TG_PERIODS_MAX; at = next, number++) {
		next = first_showing(&filler->zone, begin(number + 1));
		if (next > at) /* else: the zone left this date out */
			add(c, filler, at, number + first_id);
	}
}

int tg_calendar_fill(const char *time_zone, uint64_t now_unix_ns, uint64_t now_boot_ns,
		     struct tg_calendar out[TG_CALENDARS])
{
	struct filler filler = {
		.now = (int64_t)(now_unix_ns / NS),
		.boot_ns = now_unix_ns - now_boot_ns,
	};
	int64_t local;
	int err;

	if (filler.now < FIRST_S || now_unix_ns > INT64_MAX)
		return -ERANGE;
	if (!tg_calendar_zone_exists(time_zone))
		return -ENOENT;
	/* The month may have begun a month ago, and clocks differ by up to a day. */
	err = zone_read(time_zone, filler.now - MONTH_S_MAX - 3 * DAY_S,
			filler.now + (TG_PERIODS_MAX + 1) * (int64_t)MONTH_S_MAX, &filler.zone);
	if (err)
		return err;
	local = filler.now + filler.zone.segment[segment_of(&filler.zone, filler.now)].offset;
	fill_minutes(&out[TG_UNIT_MINUTE - TG_RATES], &filler);
	fill_hours(&out[TG_UNIT_HOUR - TG_RATES], &filler);
	start(&out[TG_UNIT_DAY - TG_RATES], DAY_S, 1);
	fill_dates(&out[TG_UNIT_DAY - TG_RATES], &filler, local / DAY_S, day_begin, 1);
	start(&out[TG_UNIT_MONTH - TG_RATES], MONTH_S_MEAN, 1);
	fill_dates(&out[TG_UNIT_MONTH - TG_RATES], &filler, month_of(local), month_begin, 0);
	return 0;
}

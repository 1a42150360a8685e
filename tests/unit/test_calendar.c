/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/calendar.c tests/unit/random.c */
/* Calendar periods in time zones, against libc's clock read minute by minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calendar.h"
#include "random.h"
#include "tollgate/calendar.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS	 1000000000ULL
#define MINUTE	 (TG_UNIT_MINUTE - TG_RATES)
#define HOUR	 (TG_UNIT_HOUR - TG_RATES)
#define DAY	 (TG_UNIT_DAY - TG_RATES)
#define MONTH	 (TG_UNIT_MONTH - TG_RATES)
#define BOOT_NS	 (7 * 86400 * NS + 12345) /* a host that has been up for a week */

/* --- the clock of libc ----------------------------------------------------------- */

static struct tm clock_at(time_t at)
{
	struct tm tm;

	localtime_r(&at, &tm);
	return tm;
}

static void set_zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

/* What has to grow for a day or month to begin. */
static long number_of(int unit, const struct tm *tm)
{
	long month = (tm->tm_year + 1900L) * 12 + tm->tm_mon;

	return unit == MONTH ? month : month * 31 + tm->tm_mday - 1;
}

static uint32_t id_of(int unit, time_t at)
{
	struct tm tm = clock_at(at);
	struct tm date = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};

	if (unit == MONTH)
		return (uint32_t)number_of(unit, &tm);
	return unit == DAY ? (uint32_t)(timegm(&date) / 86400 + 1) : (uint32_t)(at / 60);
}

static bool hour_begins(time_t at)
{
	struct tm before = clock_at(at - 60), tm = clock_at(at);

	return tm.tm_hour != before.tm_hour || tm.tm_gmtoff != before.tm_gmtoff ||
	       tm.tm_mday != before.tm_mday;
}

static uint64_t unix_of(const struct tg_calendar *c, uint32_t i, time_t now)
{
	uint64_t ns = c->start_ns[i] + (uint64_t)now * NS - BOOT_NS;

	assert_int_equal(ns % NS, 0);
	return ns / NS;
}

static void fill(const char *zone, time_t now, struct tg_calendar c[TG_CALENDARS])
{
	memset(c, 0xa5, sizeof(*c) * TG_CALENDARS);
	assert_int_equal(tg_calendar_fill(zone, (uint64_t)now * NS, BOOT_NS, c), 0);
}

/* --- tables against that clock ----------------------------------------------------- */

static void expect(const char *zone, time_t now, int unit, const struct tg_calendar *c, uint32_t i,
		   time_t at)
{
	if ((time_t)unix_of(c, i, now) != at || c->id[i] != id_of(unit, at))
		fail_msg("%s at %ld, unit %d, period %u: %lld id %u instead of %ld id %u", zone,
			 (long)now, unit, i, (long long)unix_of(c, i, now), c->id[i], (long)at,
			 id_of(unit, at));
}

static void check_hours(const char *zone, time_t now, const struct tg_calendar *c)
{
	time_t at = now - now % 60;

	while (!hour_begins(at))
		at -= 60;
	for (uint32_t i = 0; i < c->periods; at += 60)
		if (hour_begins(at))
			expect(zone, now, HOUR, c, i++, at);
}

/* By the minute in the night: no clock is set over midnight from or to the day's hours. */
static time_t stride(const struct tm *tm)
{
	return tm->tm_hour >= 21 || tm->tm_hour < 4 || tm->tm_min % 30 ? 60 : 1800;
}

/* skip_s: how long after a begin there is surely no other. */
static void check_dates(const char *zone, time_t now, int unit, const struct tg_calendar *c,
			time_t skip_s)
{
	time_t at = now - now % 60 - skip_s - 5 * 86400, begin = 0;
	struct tm tm = clock_at(at);
	long largest = number_of(unit, &tm);
	uint32_t i = 0;

	for (; i < c->periods; at += stride(&tm)) {
		tm = clock_at(at);
		if (at > now && begin)
			expect(zone, now, unit, c, i++, begin), begin = 0;
		if (number_of(unit, &tm) <= largest)
			continue;
		largest = number_of(unit, &tm);
		if (at > now)
			expect(zone, now, unit, c, i++, at);
		else
			begin = at;
		at += at > now ? skip_s : 0;
	}
}

static void check_invariants(const struct tg_calendar *c, time_t now)
{
	for (int unit = 0; unit < TG_CALENDARS; unit++, c++) {
		assert_int_equal(c->periods, TG_PERIODS_MAX);
		assert_int_equal(c->hint, 0);
		assert_int_equal(c->pad, 0);
		assert_int_equal(c->step, unit == HOUR ? 60 : 1);
		assert_true(unix_of(c, 0, now) <= (uint64_t)now);
		assert_true(unix_of(c, 1, now) > (uint64_t)now);
		assert_true(c->id[0] > 0);
		for (uint32_t i = 1; i < c->periods; i++) {
			assert_true(unix_of(c, i, now) > unix_of(c, i - 1, now));
			assert_true(c->id[i] > c->id[i - 1]);
		}
	}
}

static void check_zone(const char *zone, time_t now)
{
	struct tg_calendar c[TG_CALENDARS];

	set_zone("Asia/Tokyo");
	fill(zone, now, c);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	assert_int_equal(clock_at(0).tm_gmtoff, 9 * 3600);
	check_invariants(c, now);
	set_zone(zone);
	for (uint32_t i = 0; i < TG_PERIODS_MAX; i++)
		expect(zone, now, MINUTE, &c[MINUTE], i, (now / 60 + i) * 60);
	check_hours(zone, now, &c[HOUR]);
	check_dates(zone, now, DAY, &c[DAY], 18 * 3600);
	check_dates(zone, now, MONTH, &c[MONTH], 27 * 86400);
}

/* Around each: a second before, at, and after it; half a day and some days before. */
static const struct {
	const char *zone;
	time_t at;
} moments[] = {
	{"UTC", 1709164800},		      /* 2024-02-29 */
	{"Europe/Berlin", 1743296400},	      /* 2025-03-30: 02:00 -> 03:00 */
	{"Europe/Berlin", 1761440400},	      /* 2025-10-26: 03:00 -> 02:00 */
	{"America/Sao_Paulo", 1541300400},    /* 2018-11-04: 00:00 -> 01:00 */
	{"America/Sao_Paulo", 1550368800},    /* 2019-02-17: 00:00 -> 23:00 the day before */
	{"Australia/Lord_Howe", 1743865200},  /* 2025-04-06: 02:00 -> 01:30 */
	{"Australia/Lord_Howe", 1759591800},  /* 2025-10-05: 02:00 -> 02:30 */
	{"Asia/Kolkata", 1735669800},	      /* 2025-01-01, no change ever */
	{"Asia/Kathmandu", 1735668900},	      /* +05:45 */
	{"Pacific/Apia", 1325239200},	      /* 2011-12-30 is left out */
	{"Pacific/Chatham", 1743861600},      /* 2025-04-06: 03:45 -> 02:45 */
	{"Pacific/Chatham", 1758981600},      /* 2025-09-28: 02:45 -> 03:45 */
	{"America/St_Johns", 1194143460},     /* 2007-11-04: 00:01 -> 23:01 the day before */
	{"Africa/Casablanca", 1740276000},    /* Ramadan */
	{"Antarctica/Troll", 1743296400},     /* by two hours */
	{"America/New_York", 2140668000 + 1}, /* 2037: the last year of fat files */
	{"Europe/Berlin", 2445202800},	      /* 2047: beyond the file's table */
};

static void test_moments(void **state)
{
	static const time_t around[] = {-4 * 86400 - 7, -1800, -1, 0, 86400};

	(void)state;
	for (size_t i = 0; i < COUNT(moments); i++)
		for (size_t j = 0; j < COUNT(around); j++)
			check_zone(moments[i].zone, moments[i].at + around[j]);
}

/* The same by hand: the period that holds `at`, and the next one. */
static void test_by_hand(void **state)
{
	static const struct {
		const char *zone;
		time_t at;
		int unit;
		time_t start, next;
		uint32_t id, next_id;
	} rows[] = {
		{"UTC", 1700000000, MINUTE, 1699999980, 1700000040, 28333333, 28333334},
		{"UTC", 1700000000, HOUR, 1699999200, 1700002800, 28333320, 28333380},
		{"UTC", 1700000000, DAY, 1699920000, 1700006400, 19676, 19677},
		{"UTC", 1700000000, MONTH, 1698796800, 1701388800, 24286, 24287},
		/* 23 and 25 hours */
		{"Europe/Berlin", 1743296400, DAY, 1743289200, 1743372000, 20178, 20179},
		{"Europe/Berlin", 1761440400, DAY, 1761429600, 1761519600, 20388, 20389},
		/* from 01:00 CET to 03:00 CEST; 02:00 CEST and 02:00 CET */
		{"Europe/Berlin", 1743296399, HOUR, 1743292800, 1743296400, 29054880, 29054940},
		{"Europe/Berlin", 1761440399, HOUR, 1761436800, 1761440400, 29357280, 29357340},
		/* a day that begins at 01:00; one whose last hour comes twice */
		{"America/Sao_Paulo", 1541300400, DAY, 1541300400, 1541383200, 17840, 17841},
		{"America/Sao_Paulo", 1550368800, DAY, 1550282400, 1550372400, 17944, 17945},
		/* 01:30 comes twice; after 01:59 comes 02:30 */
		{"Australia/Lord_Howe", 1743865200, HOUR, 1743865200, 1743867000, 29064420,
		 29064450},
		{"Australia/Lord_Howe", 1759591800, HOUR, 1759591800, 1759593600, 29326530,
		 29326560},
		{"Asia/Kolkata", 1735669800, HOUR, 1735669800, 1735673400, 28927830, 28927890},
		{"Asia/Kolkata", 1735669799, MONTH, 1732991400, 1735669800, 24299, 24300},
		/* the 29th, then the 31st */
		{"Pacific/Apia", 1325239199, DAY, 1325152800, 1325239200, 15338, 15340},
		/* a quarter of an hour: 02:45 for the second time */
		{"Pacific/Chatham", 1743861600, HOUR, 1743861600, 1743862500, 29064360, 29064375},
	};
	struct tg_calendar c[TG_CALENDARS];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct tg_calendar *unit = &c[rows[i].unit];

		fill(rows[i].zone, rows[i].at, c);
		if (unix_of(unit, 0, rows[i].at) != (uint64_t)rows[i].start ||
		    unix_of(unit, 1, rows[i].at) != (uint64_t)rows[i].next ||
		    unit->id[0] != rows[i].id || unit->id[1] != rows[i].next_id)
			fail_msg("row %zu: %llu..%llu ids %u, %u", i,
				 (unsigned long long)unix_of(unit, 0, rows[i].at),
				 (unsigned long long)unix_of(unit, 1, rows[i].at), unit->id[0],
				 unit->id[1]);
	}
}

/* --- random zones and times ------------------------------------------------------- */

#define ZONES_MAX 600
static char zones[ZONES_MAX][48];
static size_t zone_count;

static int read_zones(void **state)
{
	FILE *file = fopen("/usr/share/zoneinfo/zone.tab", "r");
	char line[256];

	if (random_seed(state) || !file)
		return -1;
	while (zone_count < ZONES_MAX && fgets(line, sizeof(line), file))
		if (line[0] != '#' && sscanf(line, "%*s %*s %47s", zones[zone_count]) == 1)
			zone_count++;
	fclose(file);
	return zone_count < 300 ? -1 : 0;
}

static const char *random_zone(void)
{
	return zones[random_below(zone_count)];
}

static time_t random_time(void)
{
	/* Rarely after 2037: from there on, libc reads the zone's rule anew for each call. */
	return 94694400 + (time_t)random_below(random_below(20) ? 1800000000 : 3000000000);
}

static void test_random_zones(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		check_zone(random_zone(), random_time());
}

static void test_all_zones(void **state)
{
	struct tg_calendar c[TG_CALENDARS];
	time_t now = random_time();

	(void)state;
	for (size_t i = 0; i < zone_count; i++) {
		assert_true(tg_calendar_zone_exists(zones[i]));
		fill(zones[i], now, c);
		check_invariants(c, now);
	}
}

/* What two tables call the same period: the same, and nothing else so. */
static void check_same(const char *zone, time_t a_now, const struct tg_calendar *a, time_t b_now,
		       const struct tg_calendar *b)
{
	uint32_t i = 0, j = 0, same = 0;

	while (i < a->periods && j < b->periods) {
		uint64_t a_at = unix_of(a, i, a_now), b_at = unix_of(b, j, b_now);

		if ((a_at == b_at) != (a->id[i] == b->id[j]))
			fail_msg("%s: period %u at %ld, %u at %ld", zone, i, (long)a_now, j,
				 (long)b_now);
		same += a_at == b_at;
		i += a_at <= b_at;
		j += b_at <= a_at;
	}
	assert_true(same >= TG_PERIODS_MAX - 2);
}

static void check_agents(const char *zone, time_t now)
{
	struct tg_calendar a[TG_CALENDARS], b[TG_CALENDARS];

	fill(zone, now, a);
	fill(zone, now + 1, b);
	for (int unit = 0; unit < TG_CALENDARS; unit++)
		check_same(zone, now, &a[unit], now + 1, &b[unit]);
	for (int unit = 0; unit < TG_CALENDARS; unit++) {
		time_t later = (time_t)unix_of(&a[unit], 1, now);

		fill(zone, later, b);
		assert_int_equal(unix_of(&b[unit], 0, later), later);
		check_same(zone, now, &a[unit], later, &b[unit]);
	}
}

static void test_agent_to_agent(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(moments); i++)
		for (time_t d = -1; d <= 0; d++)
			check_agents(moments[i].zone, moments[i].at + d);
	for (int i = 0; i < 20; i++)
		check_agents(random_zone(), random_time());
}

/* --- the reader's side ----------------------------------------------------------- */

static void search(const struct tg_calendar *c, uint64_t now, uint32_t *id, __u64 *end)
{
	int64_t start, next;
	uint32_t i = 0;

	while (i + 1 < c->periods && (int64_t)c->start_ns[i + 1] <= (int64_t)now)
		i++;
	start = (int64_t)c->start_ns[i];
	next = i + 1 < c->periods ? (int64_t)c->start_ns[i + 1] : start + (int64_t)c->nominal_ns;
	*id = c->id[i];
	for (; i + 1 == c->periods && next <= (int64_t)now; next += (int64_t)c->nominal_ns)
		*id += c->step;
	*end = (uint64_t)next;
}

static void check_period(struct tg_calendar *c, uint64_t now)
{
	uint32_t id, want_id, hint = c->hint;
	__u64 end, want_end;

	search(c, now, &want_id, &want_end);
	tg_calendar_period(c, now, &id, &end);
	if (id != want_id || end != want_end)
		fail_msg("now %lld, hint %u: id %u end %lld instead of %u, %lld", (long long)now,
			 hint, id, (long long)end, want_id, (long long)want_end);
	assert_true(c->hint < c->periods);
	assert_true((int64_t)end > (int64_t)now);
}

static void check_reader(struct tg_calendar *c)
{
	uint64_t first = c->start_ns[0], last = c->start_ns[c->periods - 1];

	for (uint32_t i = 0; i < c->periods; i++)
		for (int d = -1; d <= 1; d++) {
			c->hint = (uint32_t)random_below(80);
			check_period(c, c->start_ns[i] + (uint64_t)d);
		}
	for (int i = 0; i < 2000; i++) {
		if (random_below(2))
			c->hint = random_below(9) ? (uint32_t)random_below(80) : UINT32_MAX;
		/* before the first, known, beyond the last */
		check_period(c, first - c->nominal_ns +
					random_below(last - first + 20 * c->nominal_ns));
	}
}

static void test_reader(void **state)
{
	struct tg_calendar c[TG_CALENDARS];

	(void)state;
	for (size_t i = 0; i < COUNT(moments); i++) {
		fill(moments[i].zone, moments[i].at, c);
		for (int unit = 0; unit < TG_CALENDARS; unit++) {
			check_reader(&c[unit]);
			c[unit].periods = 1 + (uint32_t)random_below(4);
			check_reader(&c[unit]);
		}
	}
}

/* Beyond its table, the kernel names periods as the next agent will, where no clock is set. */
static void test_reader_beyond(void **state)
{
	struct tg_calendar c[TG_CALENDARS], later[TG_CALENDARS];
	const time_t now = 1735669800, days = 40;
	__u64 end, later_end;
	uint32_t id, later_id;

	(void)state;
	fill("Asia/Kolkata", now, c);
	fill("Asia/Kolkata", now + days * 86400 + 4711, later);
	for (int unit = 0; unit < TG_CALENDARS; unit++) {
		tg_calendar_period(&c[unit], BOOT_NS + (days * 86400 + 4711) * NS, &id, &end);
		tg_calendar_period(&later[unit], BOOT_NS, &later_id, &later_end);
		assert_int_equal(id, later_id);
		assert_true(end - days * 86400 * NS - 4711 * NS == later_end);
	}
}

static void test_reader_empty(void **state)
{
	struct tg_calendar c = {.hint = 3};
	__u64 end = 0;
	uint32_t id = 1;

	(void)state;
	tg_calendar_period(&c, 4711, &id, &end);
	assert_int_equal(id, 0);
	assert_true(end == 4711);
}

/* --- zones by name --------------------------------------------------------------- */

static void test_exists(void **state)
{
	static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia",
					   "Etc/GMT+12", "America/Port-au-Prince"};
	static const char *const bad[] = {
		"",	  "Europe",	  "Europe/",	     "Europe/Atlantis",
		"CET-1",  "UTC0",	  ":Europe/Berlin",  "/usr/share/zoneinfo/UTC",
		"../UTC", "tzdata.zi",	  "Europe/../UTC",   "right/UTC",
		"utc ",	  "zone1970.tab", "Europe/Berlin\n",
	};
	char longest[5000];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!tg_calendar_zone_exists(good[i]))
			fail_msg("\"%s\": refused", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (tg_calendar_zone_exists(bad[i]))
			fail_msg("\"%s\": taken", bad[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(tg_calendar_zone_exists(longest));
}

static void test_refuses(void **state)
{
	struct tg_calendar c[TG_CALENDARS] = {{.periods = 4711}};

	(void)state;
	assert_int_equal(tg_calendar_fill("Europe/Atlantis", 1700000000 * NS, BOOT_NS, c), -ENOENT);
	assert_int_equal(tg_calendar_fill("UTC", 60 * NS, BOOT_NS, c), -ERANGE);
	assert_int_equal(tg_calendar_fill("UTC", UINT64_MAX, BOOT_NS, c), -ERANGE);
	assert_int_equal(c[0].periods, 4711);
}

static void test_without_tzdata(void **state)
{
	struct tg_calendar c[TG_CALENDARS];

	(void)state;
	unsetenv("TZ");
	setenv("TZDIR", "/nonexistent", 1);
	assert_false(tg_calendar_zone_exists("Europe/Berlin"));
	assert_true(tg_calendar_zone_exists("UTC"));
	fill("UTC", 1700000000, c);
	assert_null(getenv("TZ"));
	unsetenv("TZDIR");
	check_invariants(c, 1700000000);
	assert_int_equal(unix_of(&c[DAY], 0, 1700000000), 1699920000);
	assert_int_equal(unix_of(&c[MONTH], 2, 1700000000), 1704067200);
}

/* Parts of a second, and a host that has just booted: periods began before boot. */
static void test_boot_clock(void **state)
{
	struct tg_calendar c[TG_CALENDARS];
	const uint64_t now = 1700000000 * NS + 999999999;

	(void)state;
	assert_int_equal(tg_calendar_fill("UTC", now, 5 * NS, c), 0);
	assert_true((int64_t)c[MINUTE].start_ns[0] == -(int64_t)(15 * NS + 999999999));
	assert_true(c[MINUTE].start_ns[1] == 44 * NS + 1);
	assert_true((int64_t)c[DAY].start_ns[0] < 0);
	check_period(&c[MINUTE], 0);
	check_period(&c[DAY], 5 * NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),	       cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_random_zones),   cmocka_unit_test(test_all_zones),
		cmocka_unit_test(test_agent_to_agent), cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_beyond),  cmocka_unit_test(test_reader_empty),
		cmocka_unit_test(test_exists),	       cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_without_tzdata), cmocka_unit_test(test_boot_clock),
	};

	return cmocka_run_group_tests_name("calendar", tests, read_zones, NULL);
}

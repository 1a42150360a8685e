/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When calendar periods begin in a time zone, as the tables that the kernel
 * reads (include/tollgate/calendar.h). Pure, but for the zone's file; not for
 * use by several threads (TZ is the process's, and is set for a moment).
 *
 * A minute begins every 60 seconds. An hour begins when the clock shows a full
 * hour, or was set (daylight saving time): an hour that comes twice is two
 * periods, and where clocks are set within an hour, both parts are periods. A
 * day or month begins when the clock first shows it, or a later one: a date
 * that comes back belongs to the period that is on, a date that is left out has
 * none.
 */
#ifndef TOLLGATE_USER_CALENDAR_H
#define TOLLGATE_USER_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "tollgate/abi.h"

/*
 * Fill the tables of all units, out[unit - TG_RATES]: the period that is on and
 * the next ones. Ids: minute and hour: the start's unix time / 60; day: the local
 * date in days since 1970-01-01, + 1; month: year * 12 + month (0..11).
 *
 * -ENOENT: no such zone. -ERANGE: the clock is not set (before 1973, after 2261).
 * -EOVERFLOW: the zone changes its offset too often. Otherwise 0 or -ENOMEM. If
 * not 0, out is untouched: the kernel goes on with what it has.
 */
int tg_calendar_fill(const char *time_zone, uint64_t now_unix_ns, uint64_t now_boot_ns,
		     struct tg_calendar out[TG_CALENDARS]);

/* Whether the name is one of the zone database ("Europe/Berlin"). UTC always is. */
bool tg_calendar_zone_exists(const char *time_zone);

#endif

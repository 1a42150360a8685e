/* SPDX-License-Identifier: BSD-2-Clause */
#include "periods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"

#define AGE_NS	 60000000000ULL /* what adjtime() makes of the clock meanwhile is small */
#define DRIFT_NS 2000000LL
#define STEP_NS	 500000000LL /* is called a step, and worth telling */

static int write_tables(const struct tg_maps *maps, const struct tg_calendar tables[TG_CALENDARS])
{
	uint32_t half = !(__atomic_load_n(&maps->control->calendar_half, __ATOMIC_RELAXED) & 1);
	int err = 0;

	for (uint32_t unit = 0; !err && unit < TG_CALENDARS; unit++)
		err = tg_maps_set_calendar(maps, half * TG_CALENDARS + unit, &tables[unit]);
	if (!err)
		__atomic_store_n(&maps->control->calendar_half, half, __ATOMIC_SEQ_CST);
	return err;
}

int tg_periods_keep(struct tg_periods *periods, const struct tg_maps *maps, const char *zone,
		    uint64_t unix_ns, uint64_t boot_ns, int64_t *stepped_ns)
{
	struct tg_calendar tables[TG_CALENDARS];
	int64_t offset_ns = (int64_t)(unix_ns - boot_ns), drift_ns = offset_ns - periods->offset_ns;
	bool first = !periods->written_boot_ns;
	int err;

	*stepped_ns = !first && llabs(drift_ns) >= STEP_NS ? drift_ns : 0;
	if (!first && !strcmp(periods->zone, zone) && llabs(drift_ns) < DRIFT_NS &&
	    boot_ns - periods->written_boot_ns < AGE_NS)
		return 0;
	err = tg_calendar_fill(zone, unix_ns, boot_ns, tables);
	if (!err)
		err = write_tables(maps, tables);
	if (err)
		return err;
	snprintf(periods->zone, sizeof(periods->zone), "%s", zone);
	periods->written_boot_ns = boot_ns;
	periods->offset_ns = offset_ns;
	return 0;
}

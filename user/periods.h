/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's tables of calendar periods (map calendars), kept right: they are
 * written in the kernel's boot clock, which a step of the wall clock leaves alone.
 */
#ifndef TOLLGATE_PERIODS_H
#define TOLLGATE_PERIODS_H

#include "maps.h"

#define TG_PERIODS_ZONE_BYTES 64

struct tg_periods { /* {0}: nothing written yet */
	char zone[TG_PERIODS_ZONE_BYTES];
	uint64_t written_boot_ns;
	int64_t offset_ns; /* wall clock less boot clock, as written */
};

/*
 * Write the tables where they are no longer right: another zone, a wall clock that
 * was set, or a minute gone by. All units take effect at one instant. stepped_ns: by
 * how much the wall clock was set since the last call; 0: it was not. 0, or -errno.
 */
int tg_periods_keep(struct tg_periods *periods, const struct tg_maps *maps, const char *zone,
		    uint64_t unix_ns, uint64_t boot_ns, int64_t *stepped_ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t tg_clock_unix_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

uint64_t tg_clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t tg_clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

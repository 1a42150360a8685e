/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place where the time is read. */
#ifndef TOLLGATE_CLOCK_H
#define TOLLGATE_CLOCK_H

#include <stdint.h>

uint64_t tg_clock_unix_ns(void);
uint64_t tg_clock_monotonic_ns(void);
uint64_t tg_clock_boot_ns(void); /* the clock of budgets: bpf_ktime_get_boot_ns */

#endif

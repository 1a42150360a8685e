/* SPDX-License-Identifier: BSD-2-Clause */
/* What a million open connections cost, in memory and time: a table of bench_packets. */
#ifndef TOLLGATE_BENCH_CROWD_H
#define TOLLGATE_BENCH_CROWD_H

void bench_crowd(void);

#endif

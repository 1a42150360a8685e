/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies add to a request, and what it costs to refuse one: tables of bench_packets. */
#ifndef TOLLGATE_BENCH_QUOTAS_H
#define TOLLGATE_BENCH_QUOTAS_H

#include <linux/types.h>

#include "../../user/maps.h"
#include "knobs.h"

struct bench_quotas { /* programs of packets.bpf.c, and what they work on */
	int noop, meter, cycle_noop, cycle_meter;
	int templates;
	volatile struct bench_knobs *knobs;
	struct tg_maps maps;
};

void bench_quotas(struct bench_quotas *bench);

#endif

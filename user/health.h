/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent says of itself: in `status` and in the metrics. */
#ifndef TOLLGATE_HEALTH_H
#define TOLLGATE_HEALTH_H

#include <stdint.h>

#include "loader.h"

struct tg_health {
	uint32_t pid;
	uint64_t started_unix_ns;
	uint64_t collects;
	uint64_t collect_errors;
	uint64_t interval_ns;		 /* from one collection to the next */
	uint64_t history_oldest_unix_ns; /* how far --since reaches back; 0: not yet */
	uint64_t flows_forgotten;	 /* idle connections */
	uint64_t rows_retired;		 /* idle usage rows, folded into the spill maps */
	uint64_t reloads;
	uint64_t reload_errors;
	char reload_error[512]; /* of the last reload; "": it went well */
};

#endif

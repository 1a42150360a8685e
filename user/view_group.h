/* SPDX-License-Identifier: BSD-2-Clause */
/* The first half of a view: the rows of a snapshot summed by the fields asked for. */
#ifndef TOLLGATE_VIEW_GROUP_H
#define TOLLGATE_VIEW_GROUP_H

#include <stdbool.h>

#include "tally.h"
#include "view.h"

/* A row of the view. What was not asked for is zero. */
struct tg_view_key {
	struct tg_addr source;
	struct tg_token token; /* by prefix alone: id is 1 for every token, 0 for none */
	uint64_t origin_id;    /* 0: the request named no origin */
	uint32_t iface;
	uint32_t others; /* bit enum tg_field: that field is "other" */
};
TG_ASSERT_SIZE(struct tg_view_key, 56);

/* *groups: keyed by struct tg_view_key, the caller's (tg_tally_free). -ENOMEM. */
int tg_view_group(const struct tg_snapshot *snapshot, const struct tg_view_query *query,
		  struct tg_tally **groups);

static inline bool tg_view_has(const struct tg_view_query *query, enum tg_field field)
{
	for (unsigned int i = 0; i < query->fields; i++) {
		if (query->field[i] == field)
			return true;
	}
	return false;
}

#endif

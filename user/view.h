/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot -> the usage document of the contract: rows grouped by the fields
 * that were asked for, their total, and what has no row. Pure.
 *
 * In every view: total = sum of rows + unattributed. What the maps no longer
 * hold by a field (a retired or overflowed row has a token but no source; an
 * origin may have found no room) stands in a row that says "other" there.
 */
#ifndef TOLLGATE_VIEW_H
#define TOLLGATE_VIEW_H

#include "collect.h"
#include "text.h"

enum tg_field {
	TG_FIELD_SOURCE,
	TG_FIELD_TOKEN, /* prefix and id */
	TG_FIELD_PREFIX,
	TG_FIELD_ORIGIN,
	TG_FIELD_POLICY, /* that decided: by itself, quota_answer.h */
	TG_FIELD_INTERFACE,
	TG_FIELDS
};

#define TG_VIEW_BY_DEFAULT "source,token"

struct tg_view_query {
	enum tg_field field[TG_FIELDS]; /* in the order that was asked for */
	unsigned int fields;
	uint32_t top;		  /* 0: all; else the rest is one row, "other" in each field */
	unsigned int ipv6_prefix; /* identity.ipv6_prefix: how IPv6 sources are shown */
	uint64_t since_unix_ns;	  /* for the document alone; 0: since the maps were made */
};

const char *tg_view_field_name(enum tg_field field);

/*
 * "source,token" -> query->field. -EINVAL with one line in error: an unknown
 * or repeated field, or two that are not kept together (origins are counted by
 * token, so neither source nor interface stands beside them; policies by themselves).
 */
int tg_view_parse_fields(const char *by, struct tg_view_query *query, char *error,
			 size_t error_bytes);

/*
 * Append the document: one line of JSON, no newline. A big view is written row
 * by row, as 100,000 rows of JSON objects would take more memory than the
 * agent is allowed. -ENOMEM: out is undefined.
 */
int tg_view_print(const struct tg_snapshot *snapshot, const struct tg_view_query *query,
		  struct tg_text *out);

#endif

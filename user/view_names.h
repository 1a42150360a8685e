/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prefixes of tokens that have a row without one: it was made when no more than the
 * token's id was known. Another row of the token may tell.
 */
#ifndef TOLLGATE_VIEW_NAMES_H
#define TOLLGATE_VIEW_NAMES_H

#include "collect.h"

struct tg_view_names;

/* *out: the caller's (tg_view_names_free), NULL where no row lacks its prefix. -ENOMEM. */
int tg_view_names_new(const struct tg_snapshot *snapshot, struct tg_view_names **out);
void tg_view_names_free(struct tg_view_names *names);

/* The token, with its prefix as far as it is known. names may be NULL. */
struct tg_token tg_view_names_token(const struct tg_view_names *names,
				    const struct tg_token *token);

#endif

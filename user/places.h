/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules that identity.tokens must keep, so that each place can win and the
 * scanner's table can hold them. For the configuration, which says the line,
 * and for the table's builder, which must not trust its caller.
 */
#ifndef TOLLGATE_PLACES_H
#define TOLLGATE_PLACES_H

#include "config.h"

/* What breaks a rule. */
struct tg_places_fault {
	unsigned int place; /* index into places */
	const char *key;    /* "header", "scheme", "query", or NULL: the place as a whole */
	char what[160];	    /* what is wrong; what would be right */
};

/* 0, or -EINVAL with *fault filled in. */
int tg_places_check(const struct tg_config_place *places, unsigned int count,
		    struct tg_places_fault *fault);

#endif

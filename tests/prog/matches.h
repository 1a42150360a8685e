/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies, and who gets how much under them: the fixtures of test_policies.c. */
#ifndef TOLLGATE_TESTS_MATCHES_H
#define TOLLGATE_TESTS_MATCHES_H

#include "rig.h"

#define TG_RULES_MAX 5
#define TG_ASKS_MAX  8

/* So many requests from a source with a token: so many pass, the others end so. */
struct tg_ask {
	const char *source;
	const char *token; /* NULL: none */
	unsigned int requests;
	unsigned int allowed;
	enum tg_out_kind refused; /* how the first that does not pass ends */
};

struct tg_match_case {
	const char *what;
	struct tg_rule rule[TG_RULES_MAX + 1];
	struct tg_ask ask[TG_ASKS_MAX + 1];
	const char *never[TG_RIG_NEVER_MAX + 1];
};

/* Ends with one without a name. */
extern const struct tg_match_case tg_match_cases[];

#endif

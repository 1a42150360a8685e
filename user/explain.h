/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would become of a request, and why: the policies that it is under, what is
 * left of their budgets, the blocks. The same decision as in bpf/policy.bpf.h, from
 * the maps; takes nothing.
 */
#ifndef TOLLGATE_EXPLAIN_H
#define TOLLGATE_EXPLAIN_H

#include "../include/tollgate/http_config.h"
#include "config.h"
#include "enforce.h"

struct json_object;

struct tg_explain {
	const char *source; /* an address */
	const char *token;  /* its text; NULL: none */
	const char *origin; /* NULL: none */
	const struct tg_config *config;
	const struct tg_enforce *enforce;
	const struct tg_http_config *http; /* NULL: a token cannot be told */
};

/* 0 and *document (the caller's), or -errno with one line in error that does not show the token. */
int tg_explain(const struct tg_explain *ask, struct json_object **document, char *error,
	       size_t error_bytes);

/* An entry of map drops as `tollgate blocks` has it. */
struct json_object *tg_explain_block(const struct tg_drop_key *key, const struct tg_drop *drop);

#endif

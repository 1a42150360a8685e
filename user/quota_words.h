/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of `tollgate quota set` -> a policy -> the request, and a line for people. Pure. */
#ifndef TOLLGATE_QUOTA_WORDS_H
#define TOLLGATE_QUOTA_WORDS_H

#include <stddef.h>

#include "policy.h"

/* enough for tg_quota_describe */
#define TG_QUOTA_TEXT_BYTES                                                                        \
	(TG_SUBJECT_TEXT_BYTES + TG_LIMITS_MAX * TG_LIMIT_TEXT_BYTES + TG_BLOCK_RULE_TEXT_BYTES +  \
	 64)

struct json_object;

struct tg_quota_words {
	const char *subject;
	char *const *limits; /* "100/m burst 20" in one word or in three */
	unsigned int limits_count;
	const char *action; /* NULL: the default, as with the two below */
	const char *per;
	const char *block;
};

/* 0, or -EINVAL with one line in error. */
int tg_quota_words_parse(const struct tg_quota_words *words, struct tg_quota *out, char *error,
			 size_t error_bytes);

/* {"verb":"quota-set",...}: the caller's. */
struct json_object *tg_quota_request(const struct tg_quota *quota);

/* "token:free_*: 100/m burst 20, per each, action reject" */
void tg_quota_describe(const struct tg_quota *quota, char out[TG_QUOTA_TEXT_BYTES]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was set at run time: policies by `tollgate quota set`, blocks by
 * `tollgate block`. Kept in state_dir from agent to agent. In memory an order
 * is kept: what was put first comes first.
 */
#ifndef TOLLGATE_POLICY_STORE_H
#define TOLLGATE_POLICY_STORE_H

#include "policy.h"

#define TG_POLICY_STORE_FILE "runtime.json" /* in state_dir */

struct tg_stored_block {
	struct tg_subject subject;
	uint64_t created_unix_ns;
	uint64_t expires_unix_ns;	 /* 0: never */
	char reason[TG_DROP_TEXT_BYTES]; /* a text without control bytes, zero-padded */
};

struct tg_policy_store { /* {0} is an empty one; no two of one subject in either list */
	struct tg_quota *quota;
	unsigned int quotas;
	struct tg_stored_block *block;
	unsigned int blocks;
};

/* Can a block have this reason? Not too long, no control characters. */
bool tg_policy_store_is_reason(const char *text);

/*
 * Load into an empty store. A missing file is an empty one. -errno: one line in
 * error that names the file; *store is empty. -EINVAL: the contents are wrong.
 * Whether policies suit the configuration is asked of tg_quota_check.
 */
int tg_policy_store_load(const char *state_dir, struct tg_policy_store *store, char *error,
			 size_t error_bytes);

/* Replace the file (0600), on disk when this returns. -errno: the old one stands; error as above.
 */
int tg_policy_store_save(const char *state_dir, const struct tg_policy_store *store, char *error,
			 size_t error_bytes);

void tg_policy_store_free(struct tg_policy_store *store);

/* Add, or replace that of the same subject. 0, -ENOSPC: TG_QUOTAS_MAX are there, or -ENOMEM. */
int tg_policy_store_put_quota(struct tg_policy_store *store, const struct tg_quota *quota);
int tg_policy_store_put_block(struct tg_policy_store *store, const struct tg_stored_block *block);

/* 0, or -ENOENT. */
int tg_policy_store_remove_quota(struct tg_policy_store *store, const struct tg_subject *subject);
int tg_policy_store_remove_block(struct tg_policy_store *store, const struct tg_subject *subject);

/*
 * What is in force: the policies of the file, less those whose subject the
 * store has too, then the store's. 0: *out is the caller's, to free. -ENOSPC:
 * more than TG_QUOTAS_MAX in all; -ENOMEM.
 */
int tg_policy_store_merge(const struct tg_policy_store *store, const struct tg_quota *file,
			  unsigned int file_count, struct tg_quota **out, unsigned int *out_count);

#endif

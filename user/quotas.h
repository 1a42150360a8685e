/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas in the agent: the policies of the configuration and those set at run
 * time put in force, blocks put and lifted, calendar periods kept, offenders
 * watched. The kernel enforces by itself; this only changes what it enforces.
 */
#ifndef TOLLGATE_QUOTAS_H
#define TOLLGATE_QUOTAS_H

#include "config.h"
#include "drops.h"
#include "enforce.h"
#include "maintain.h"
#include "policy_store.h"

struct tg_quotas;

/*
 * config is borrowed until tg_quotas_close or a tg_quotas_reload that succeeds.
 * 0, or -errno with one line in error.
 */
int tg_quotas_open(const struct tg_config *config, const struct tg_maps *maps,
		   struct tg_maintain *maintain, struct tg_quotas **out, char *error,
		   size_t error_bytes);
void tg_quotas_close(struct tg_quotas *quotas);

/* Another configuration's policies; on error the old ones stay in force, all of them. */
int tg_quotas_reload(struct tg_quotas *quotas, const struct tg_config *config, char *error,
		     size_t error_bytes);

/* Once a second. */
void tg_quotas_tick(struct tg_quotas *quotas);

const struct tg_enforce *tg_quotas_enforce(const struct tg_quotas *quotas);

/* What `tollgate quota` and `block` do. 0, or -errno with one line in error. */
int tg_quotas_set(struct tg_quotas *quotas, const struct tg_quota *quota, bool *replaced,
		  char *error, size_t error_bytes);
int tg_quotas_remove(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		     size_t error_bytes);
int tg_quotas_block(struct tg_quotas *quotas, const struct tg_subject *subject, uint64_t for_s,
		    const char *reason, uint64_t *expires_unix_ns, char *error, size_t error_bytes);
int tg_quotas_unblock(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		      size_t error_bytes);

#endif

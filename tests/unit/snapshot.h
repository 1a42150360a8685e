/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots made by hand, for the tests of what works on snapshots. */
#ifndef TOLLGATE_TESTS_SNAPSHOT_H
#define TOLLGATE_TESTS_SNAPSHOT_H

#include "../../user/collect.h"

/* An empty one with interfaces veth0 (slot 0) and lo (slot 1). */
struct tg_snapshot *snapshot_new(void);
void snapshot_free(struct tg_snapshot *snapshot);

/* "192.0.2.1" or "2001:db8::". */
struct tg_addr snapshot_addr(const char *text);

/* prefix NULL: no token. */
struct tg_token snapshot_token(const char *prefix, uint64_t id);

/*
 * Append a row and return its counts, which are valid until the next row of
 * that map: requests, and 100 bytes each.
 */
struct tg_usage_row *snapshot_usage(struct tg_snapshot *snapshot, const char *source,
				    struct tg_token token, uint32_t iface, uint64_t requests);
struct tg_token_row *snapshot_token_spill(struct tg_snapshot *snapshot, struct tg_token token,
					  uint32_t iface, uint64_t requests);
struct tg_source_row *snapshot_source_spill(struct tg_snapshot *snapshot, const char *source,
					    uint32_t iface, uint64_t requests);
struct tg_origin_row *snapshot_origin(struct tg_snapshot *snapshot, struct tg_token token,
				      const char *host, uint64_t requests);

#endif

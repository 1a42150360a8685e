/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps -> a snapshot in memory that does not change any more. Reads only.
 * What the exporters, the usage view and later the quotas work on.
 */
#ifndef TOLLGATE_COLLECT_H
#define TOLLGATE_COLLECT_H

#include "maps.h"

struct tg_usage_row {
	struct tg_usage_key key;
	struct tg_usage usage;
};

struct tg_token_row {
	struct tg_token_key key;
	struct tg_counts counts;
};

struct tg_source_row {
	struct tg_source_key key;
	struct tg_counts counts;
};

struct tg_origin_row {
	struct tg_origin_key key;
	struct tg_origin origin;
};

struct tg_snapshot {
	uint64_t taken_unix_ns;
	uint64_t taken_monotonic_ns;
	uint64_t collect_ns; /* how long it took */
	struct tg_meta meta;
	struct tg_interface interfaces[TG_IFACES_MAX];
	struct tg_usage_row *usage;
	size_t usage_count;
	struct tg_token_row *token_spill;
	size_t token_spill_count;
	struct tg_source_row *source_spill;
	size_t source_spill_count;
	struct tg_origin_row *origins;
	size_t origins_count;
	struct tg_packets packets[TG_IFACES_MAX][TG_PACKET_REASONS];
	struct tg_unattributed unattributed[TG_UNATTRIBUTED_REASONS];
	uint32_t entries[TG_MAPS]; /* HASH maps: elements; others: 0 */
	uint32_t capacity[TG_MAPS];
	uint64_t entries_monotonic_ns; /* flows ... held were counted then */
};

/*
 * *out: NULL, or an earlier snapshot, whose buffers are reused. What happened
 * before taken_unix_ns is in it for certain. -errno: an earlier snapshot was
 * freed and *out is NULL.
 */
int tg_collect(const struct tg_maps *maps, struct tg_snapshot **out);
void tg_snapshot_free(struct tg_snapshot *snapshot);

/*
 * Every request that the meter saw: usage + token_spill + unattributed.
 * The conservation identity of docs/how-it-works.md is checked against it.
 */
struct tg_counts tg_snapshot_total(const struct tg_snapshot *snapshot);

#endif

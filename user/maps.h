/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pinned maps, typed: the only caller of bpf_map_*. Opened by path, so
 * that the agent and a CLI without an agent read through the same code.
 */
#ifndef TOLLGATE_MAPS_H
#define TOLLGATE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/abi.h"

enum tg_map {
	TG_MAP_USAGE,
	TG_MAP_TOKEN_SPILL,
	TG_MAP_SOURCE_SPILL,
	TG_MAP_ORIGINS,
	TG_MAP_PACKETS,
	TG_MAP_UNATTRIBUTED,
	TG_MAP_INTERFACES,
	TG_MAP_META,
	TG_MAP_FLOWS,
	TG_MAP_EMBRYOS,
	TG_MAP_PARTIALS,
	TG_MAP_HOLDS,
	TG_MAP_HELD,
	TG_MAP_POLICIES,
	TG_MAP_POLICY_COUNTS,
	TG_MAP_POLICY_MATCH,
	TG_MAP_BUDGETS,
	TG_MAP_BUDGET_INDEX,
	TG_MAP_BUDGET_FREE,
	TG_MAP_CALENDARS,
	TG_MAP_CONTROL,
	TG_MAP_DROPS,
	TG_MAPS
};

struct tg_maps {
	int fd[TG_MAPS]; /* -1: closed */
	uint32_t capacity[TG_MAPS];
	unsigned int cpus; /* possible CPUs: stride of the per-CPU maps */
	uint32_t batch;	   /* rows that a batched look-up asks for; grows where it must */
	/* Memory of the maps of these names, shared with the program (tg_maps_share). */
	struct tg_control *control;
	struct tg_budget *budgets; /* capacity[TG_MAP_BUDGETS] of them */
};

/* The pin's file name, also the map's name in the object: "usage", ... */
const char *tg_map_name(enum tg_map map);

/* What a map must be; 0 in value_bytes or entries: the program decides. */
struct tg_map_shape {
	uint32_t type;
	uint32_t key_bytes;
	uint32_t value_bytes;
	uint32_t entries;
};
const struct tg_map_shape *tg_map_shape(enum tg_map map);

/* 0, or -EPROTO and in error what the map at path is instead. */
int tg_map_check(int fd, const char *path, const struct tg_map_shape *shape, char *error,
		 size_t error_bytes);

/* No map is open; for who opens them by other means than tg_maps_open. */
void tg_maps_init(struct tg_maps *maps, unsigned int cpus);

/*
 * Open all pins below dir. -ENOENT: nothing pinned; -EPROTO: pins of another
 * ABI, or maps that are not ours. *maps is untouched then.
 */
int tg_maps_open(struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes);
void tg_maps_close(struct tg_maps *maps);

/*
 * Call row for every element of a HASH or LRU_HASH map, by batched look-ups
 * (a bucket at a time, so that no element is seen twice; get_next_key would
 * begin again whenever its key was deleted). key and value are valid during
 * the call only. Elements that come or go meanwhile may be missed or seen.
 * Non-zero from row ends the walk and is returned.
 */
typedef int (*tg_map_row)(const void *key, const void *value, void *arg);
int tg_maps_walk(const struct tg_maps *maps, enum tg_map map, tg_map_row row, void *arg);

/* Number of elements of a HASH map now (a walk over its keys). */
int tg_maps_count(const struct tg_maps *maps, enum tg_map map, uint32_t *count);

/* Sums over CPUs. out: TG_IFACES_MAX * TG_PACKET_REASONS / TG_UNATTRIBUTED_REASONS elements. */
int tg_maps_packets(const struct tg_maps *maps, struct tg_packets *out);
int tg_maps_unattributed(const struct tg_maps *maps, struct tg_unattributed *out);

/* out: TG_IFACES_MAX elements. */
int tg_maps_interfaces(const struct tg_maps *maps, struct tg_interface *out);
/* The slot that has this name among such; TG_IFACES_MAX: none. "" : the first free one. */
uint32_t tg_maps_slot_named(const struct tg_interface *all, const char *name);
int tg_maps_set_interface(const struct tg_maps *maps, uint32_t slot, const struct tg_interface *in);
int tg_maps_meta(const struct tg_maps *maps, struct tg_meta *out);

/* A row of a spill map in which nothing is counted as yet. 0: it is there; -ENOSPC: no room. */
int tg_maps_make_spill(const struct tg_maps *maps, enum tg_map map, const void *key);
bool tg_maps_has_spill(const struct tg_maps *maps, enum tg_map map, const void *key);
/* Only of a row that no packet counts in. */
int tg_maps_delete_spill(const struct tg_maps *maps, enum tg_map map, const void *key);
int tg_maps_set_meta(const struct tg_maps *maps, const struct tg_meta *in);

/*
 * Map control and budgets into memory; tg_maps_open does so, who makes maps must.
 * Words in there change under the reader; write none but by atomic stores.
 */
int tg_maps_share(struct tg_maps *maps, bool writable, char *error, size_t error_bytes);

/* Quotas: keys and values as in abi.h. 0, or -errno (-ENOENT: no such element). */
int tg_maps_policy(const struct tg_maps *maps, uint32_t index, struct tg_policy *out);
int tg_maps_set_policy(const struct tg_maps *maps, uint32_t index, const struct tg_policy *in);
int tg_maps_policy_counts(const struct tg_maps *maps, uint32_t owner, struct tg_counts *out);
int tg_maps_clear_policy_counts(const struct tg_maps *maps, uint32_t owner);
int tg_maps_set_match(const struct tg_maps *maps, const struct tg_match_key *key, uint32_t policy);
int tg_maps_delete_match(const struct tg_maps *maps, const struct tg_match_key *key);
int tg_maps_find_budget(const struct tg_maps *maps, const struct tg_budget_key *key,
			uint32_t *slot);

/* The slot of a subject's budget, made (as if new) if there is none. -ENOSPC: no room. */
int tg_maps_make_budget(const struct tg_maps *maps, const struct tg_budget_key *key,
			const char prefix[TG_PREFIX_BYTES_MAX], uint32_t *slot);
int tg_maps_calendar(const struct tg_maps *maps, uint32_t index, struct tg_calendar *out);
int tg_maps_set_calendar(const struct tg_maps *maps, uint32_t index, const struct tg_calendar *in);
int tg_maps_drop(const struct tg_maps *maps, const struct tg_drop_key *key, struct tg_drop *out);
int tg_maps_set_drop(const struct tg_maps *maps, const struct tg_drop_key *key,
		     const struct tg_drop *in);
int tg_maps_delete_drop(const struct tg_maps *maps, const struct tg_drop_key *key);

/* For maps that were just made: all budgets but those of policies are to be had. */
int tg_maps_free_budgets(const struct tg_maps *maps);

/*
 * No budget has slot 0. Its state is not 0 while an agent has slots in its hand, which
 * stand neither in the queue nor in a budget; still so at a start: it was killed then.
 */
#define TG_BUDGETS_IN_HAND 0

/* TG_BUDGET_DEAD -> TG_BUDGET_FREE: see bpf/retire.bpf.h. freed: how many; may be NULL. */
int tg_maps_free_dead_budgets(const struct tg_maps *maps, uint32_t *freed);

#endif

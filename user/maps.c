/* SPDX-License-Identifier: BSD-2-Clause */
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

#define BATCH_BYTES (512 * 1024)
#define BATCH_ROWS  4096 /* keys and values of a batch fit in the L2 cache */

static const struct {
	const char *name;
	struct tg_map_shape shape;
} known[TG_MAPS] = {
	[TG_MAP_USAGE] = {"usage",
			  {BPF_MAP_TYPE_HASH, sizeof(struct tg_usage_key), sizeof(struct tg_usage),
			   0}},
	[TG_MAP_TOKEN_SPILL] = {"token_spill",
				{BPF_MAP_TYPE_HASH, sizeof(struct tg_token_key),
				 sizeof(struct tg_counts), 0}},
	[TG_MAP_SOURCE_SPILL] = {"source_spill",
				 {BPF_MAP_TYPE_HASH, sizeof(struct tg_source_key),
				  sizeof(struct tg_counts), 0}},
	[TG_MAP_ORIGINS] = {"origins",
			    {BPF_MAP_TYPE_HASH, sizeof(struct tg_origin_key),
			     sizeof(struct tg_origin), 0}},
	[TG_MAP_PACKETS] = {"packets",
			    {BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(struct tg_packets),
			     TG_IFACES_MAX *TG_PACKET_REASONS}},
	[TG_MAP_UNATTRIBUTED] = {"unattributed",
				 {BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
				  sizeof(struct tg_unattributed), TG_UNATTRIBUTED_REASONS}},
	[TG_MAP_INTERFACES] = {"interfaces",
			       {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_interface),
				TG_IFACES_MAX}},
	[TG_MAP_META] = {"meta", {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_meta), 1}},
	/* How a connection is kept is the program's own business. */
	[TG_MAP_FLOWS] = {"flows", {BPF_MAP_TYPE_HASH, sizeof(struct tg_flow_key), 0, 0}},
	[TG_MAP_EMBRYOS] = {"embryos", {BPF_MAP_TYPE_LRU_HASH, sizeof(struct tg_flow_key), 0, 0}},
	[TG_MAP_PARTIALS] = {"partials", {BPF_MAP_TYPE_HASH, sizeof(struct tg_flow_key), 0, 0}},
	[TG_MAP_HOLDS] = {"holds", {BPF_MAP_TYPE_HASH, sizeof(struct tg_flow_key), 0, 0}},
	[TG_MAP_HELD] = {"held", {BPF_MAP_TYPE_HASH, sizeof(struct tg_flow_key) + 4, 0, 0}},
	[TG_MAP_POLICIES] = {"policies",
			     {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_policy),
			      TG_POLICY_SLOTS}},
	[TG_MAP_POLICY_COUNTS] = {"policy_counts",
				  {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_counts),
				   TG_POLICIES_MAX}},
	[TG_MAP_POLICY_MATCH] = {"policy_match",
				 {BPF_MAP_TYPE_LPM_TRIE, sizeof(struct tg_match_key), sizeof(__u32),
				  4 * TG_POLICIES_MAX}},
	[TG_MAP_BUDGETS] = {"budgets",
			    {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_budget), 0}},
	[TG_MAP_BUDGET_INDEX] = {"budget_index",
				 {BPF_MAP_TYPE_HASH, sizeof(struct tg_budget_key), sizeof(__u32),
				  0}},
	[TG_MAP_BUDGET_FREE] = {"budget_free", {BPF_MAP_TYPE_QUEUE, 0, sizeof(__u32), 0}},
	[TG_MAP_CALENDARS] = {"calendars",
			      {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_calendar),
			       2 * TG_CALENDARS}},
	[TG_MAP_CONTROL] = {"control",
			    {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct tg_control), 1}},
	[TG_MAP_DROPS] = {"drops",
			  {BPF_MAP_TYPE_HASH, sizeof(struct tg_drop_key), sizeof(struct tg_drop),
			   0}},
};

const char *tg_map_name(enum tg_map map)
{
	return known[map].name;
}

const struct tg_map_shape *tg_map_shape(enum tg_map map)
{
	return &known[map].shape;
}

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 bytes = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &bytes);
}

int tg_map_check(int fd, const char *path, const struct tg_map_shape *shape, char *error,
		 size_t error_bytes)
{
	struct bpf_map_info info;
	int err = map_info(fd, &info);

	if (err)
		return tg_error(err, error, error_bytes, "%s: cannot be looked at: %s", path,
				strerror(-err));
	if (info.type == shape->type && info.key_size == shape->key_bytes &&
	    (!shape->value_bytes || info.value_size == shape->value_bytes) &&
	    (!shape->entries || info.max_entries == shape->entries))
		return 0;
	return tg_error(-EPROTO, error, error_bytes,
			"%s: not a map of this build (type %u, key %u, value %u, %u entries); "
			"`tollgate detach` removes the pins",
			path, info.type, info.key_size, info.value_size, info.max_entries);
}

/* --- open ------------------------------------------------------------------ */

static int pin_path(char *out, size_t out_bytes, const char *pin_dir, enum tg_map map)
{
	return snprintf(out, out_bytes, "%s/%s", pin_dir, tg_map_name(map)) < (int)out_bytes
		       ? 0
		       : -ENAMETOOLONG;
}

/*
 * The version stands first in the value in every ABI, whatever follows it: so
 * it is read by the size that the map has.
 */
static int check_abi(int fd, const char *pin_dir, char *error, size_t error_bytes)
{
	struct bpf_map_info info;
	__u32 zero = 0, version = 0, *value;
	int err = map_info(fd, &info);

	if (err)
		return tg_error(err, error, error_bytes, "%s/meta: cannot be looked at: %s",
				pin_dir, strerror(-err));
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != sizeof(zero) ||
	    info.value_size < sizeof(version))
		return tg_error(-EPROTO, error, error_bytes,
				"%s/meta: not a map of Tollgate; set pin_dir to a directory of "
				"Tollgate's own",
				pin_dir);
	value = calloc(1, info.value_size);
	if (!value)
		return -ENOMEM;
	err = bpf_map_lookup_elem(fd, &zero, value);
	version = *value;
	free(value);
	if (err)
		return tg_error(err, error, error_bytes, "%s/meta: cannot be read: %s", pin_dir,
				strerror(-err));
	if (version == TG_ABI_VERSION)
		return 0;
	return tg_error(-EPROTO, error, error_bytes,
			"%s: the pinned maps speak ABI %u, this build speaks ABI %u; save the "
			"books with the other build's `tollgate usage -o json`, then `tollgate "
			"detach`, and start again",
			pin_dir, version, TG_ABI_VERSION);
}

static int open_pin(struct tg_maps *maps, enum tg_map map, const char *pin_dir, char *error,
		    size_t error_bytes)
{
	struct bpf_map_info info;
	char path[512];
	int err = pin_path(path, sizeof(path), pin_dir, map);

	if (err)
		return tg_error(err, error, error_bytes, "%s: path too long", pin_dir);
	maps->fd[map] = bpf_obj_get(path);
	if (maps->fd[map] == -ENOENT && map == TG_MAP_META)
		return tg_error(-ENOENT, error, error_bytes,
				"%s: nothing is pinned here; start the agent (`tollgate run`)",
				pin_dir);
	if (maps->fd[map] == -ENOENT)
		return tg_error(-EPROTO, error, error_bytes,
				"%s: missing beside the other pins; `tollgate detach` removes them",
				path);
	if (maps->fd[map] < 0)
		return tg_error(
			maps->fd[map], error, error_bytes, "%s: cannot be opened: %s%s", path,
			strerror(-maps->fd[map]),
			maps->fd[map] == -EPERM || maps->fd[map] == -EACCES ? "; run as root" : "");
	err = map_info(maps->fd[map], &info);
	maps->capacity[map] = info.max_entries;
	return err;
}

/* meta comes first: no other map means anything under another ABI. */
static int open_all(struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes)
{
	char path[512];
	int err = open_pin(maps, TG_MAP_META, pin_dir, error, error_bytes);

	if (!err)
		err = check_abi(maps->fd[TG_MAP_META], pin_dir, error, error_bytes);
	for (int map = 0; !err && map < TG_MAPS; map++) {
		if (map != TG_MAP_META)
			err = open_pin(maps, map, pin_dir, error, error_bytes);
		if (!err)
			err = pin_path(path, sizeof(path), pin_dir, map);
		if (!err)
			err = tg_map_check(maps->fd[map], path, tg_map_shape(map), error,
					   error_bytes);
	}
	return err;
}

int tg_maps_open(struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes)
{
	struct tg_maps opened;
	int cpus = libbpf_num_possible_cpus(), err;

	if (cpus < 0)
		return tg_error(cpus, error, error_bytes, "possible CPUs: cannot be read: %s",
				strerror(-cpus));
	tg_maps_init(&opened, cpus);
	err = open_all(&opened, pin_dir, error, error_bytes);
	if (!err)
		err = tg_maps_share(&opened, !geteuid(), error, error_bytes);
	if (err)
		tg_maps_close(&opened);
	else
		*maps = opened;
	return err;
}

/* --- memory shared with the program -------------------------------------------- */

#define CONTROL_BYTES sizeof(struct tg_control)

static size_t budgets_bytes(const struct tg_maps *maps)
{
	return maps->capacity[TG_MAP_BUDGETS] * sizeof(struct tg_budget);
}

static int map_memory(int fd, size_t bytes, bool writable, void *out)
{
	void *memory =
		mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*(void **)out = memory;
	return 0;
}

int tg_maps_share(struct tg_maps *maps, bool writable, char *error, size_t error_bytes)
{
	int err = map_memory(maps->fd[TG_MAP_CONTROL], CONTROL_BYTES, writable, &maps->control);

	if (!err)
		err = map_memory(maps->fd[TG_MAP_BUDGETS], budgets_bytes(maps), writable,
				 &maps->budgets);
	return err ? tg_error(err, error, error_bytes, "budgets: cannot be mapped: %s",
			      strerror(-err))
		   : 0;
}

void tg_maps_init(struct tg_maps *maps, unsigned int cpus)
{
	memset(maps, 0, sizeof(*maps));
	for (int map = 0; map < TG_MAPS; map++)
		maps->fd[map] = -1;
	maps->cpus = cpus;
	maps->batch = BATCH_ROWS;
}

void tg_maps_close(struct tg_maps *maps)
{
	if (maps->control)
		munmap(maps->control, CONTROL_BYTES);
	if (maps->budgets)
		munmap(maps->budgets, budgets_bytes(maps));
	maps->control = NULL;
	maps->budgets = NULL;
	for (int map = 0; map < TG_MAPS; map++) {
		if (maps->fd[map] >= 0)
			close(maps->fd[map]);
		maps->fd[map] = -1;
	}
}

/* --- walks ------------------------------------------------------------------- */

struct batch {
	char *keys, *values;
	__u32 rows; /* room */
	__u32 key_bytes, value_bytes;
};

static void batch_free(struct batch *batch)
{
	free(batch->keys);
	free(batch->values);
}

static int batch_grow(struct batch *batch, __u32 rows)
{
	char *keys, *values;

	keys = malloc((size_t)rows * batch->key_bytes);
	values = malloc((size_t)rows * batch->value_bytes);
	if (!keys || !values) {
		free(keys);
		free(values);
		return -ENOMEM;
	}
	batch_free(batch);
	batch->keys = keys;
	batch->values = values;
	batch->rows = rows;
	return 0;
}

static int batch_rows(const struct batch *batch, __u32 count, tg_map_row row, void *arg)
{
	int err = 0;

	for (__u32 i = 0; !err && i < count; i++)
		err = row(batch->keys + (size_t)i * batch->key_bytes,
			  batch->values + (size_t)i * batch->value_bytes, arg);
	return err;
}

/*
 * The kernel's cursor is a number of a bucket, and it hands out whole buckets
 * only. A bucket longer than the batch is -ENOSPC with nothing handed out and
 * the cursor where it was.
 */
static int walk(int fd, struct batch *batch, __u32 capacity, tg_map_row row, void *arg)
{
	__u32 cursor = 0, count;
	bool first = true;
	int err, ended = 0;

	while (!ended) {
		count = batch->rows;
		err = bpf_map_lookup_batch(fd, first ? NULL : &cursor, &cursor, batch->keys,
					   batch->values, &count, NULL);
		if (err == -ENOSPC && batch->rows < capacity) {
			err = batch_grow(batch, batch->rows * 2);
			if (err)
				return err;
			continue;
		}
		if (err && err != -ENOENT)
			return err;
		first = false;
		ended = err == -ENOENT;
		err = row ? batch_rows(batch, count, row, arg) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* A trie hands out batches by key, not by bucket; there are few entries: one at a time. */
static int walk_trie(int fd, const struct bpf_map_info *info, tg_map_row row, void *arg)
{
	char keys[2][64], *key = keys[0], *last = NULL;
	char *value = malloc(info->value_size);
	int err = value && info->key_size <= sizeof(keys[0]) ? 0 : -ENOMEM;

	while (!err && !(err = bpf_map_get_next_key(fd, last, key))) {
		if (!bpf_map_lookup_elem(fd, key, value) && row) /* else it is gone already */
			err = row(key, value, arg);
		last = key;
		key = key == keys[0] ? keys[1] : keys[0];
	}
	free(value);
	return err == -ENOENT ? 0 : err;
}

/* Rows of a first batch; it grows if a bucket is longer. */
static __u32 first_rows(const struct tg_maps *maps, const struct bpf_map_info *info)
{
	__u32 rows = BATCH_BYTES / (info->key_size + info->value_size);

	if (rows > maps->batch)
		rows = maps->batch;
	return rows < info->max_entries ? rows : info->max_entries;
}

int tg_maps_walk(const struct tg_maps *maps, enum tg_map map, tg_map_row row, void *arg)
{
	struct batch batch = {0};
	struct bpf_map_info info;
	int err = map_info(maps->fd[map], &info);

	if (err)
		return err;
	if (info.type == BPF_MAP_TYPE_LPM_TRIE)
		return walk_trie(maps->fd[map], &info, row, arg);
	batch.key_bytes = info.key_size;
	batch.value_bytes = info.value_size;
	err = batch_grow(&batch, first_rows(maps, &info));
	if (!err)
		err = walk(maps->fd[map], &batch, info.max_entries, row, arg);
	batch_free(&batch);
	return err;
}

static int count_row(const void *key, const void *value, void *arg)
{
	(void)key;
	(void)value;
	++*(uint32_t *)arg;
	return 0;
}

int tg_maps_count(const struct tg_maps *maps, enum tg_map map, uint32_t *count)
{
	uint32_t counted = 0;
	int err = tg_maps_walk(maps, map, count_row, &counted);

	if (!err)
		*count = counted;
	return err;
}

/* --- per-CPU sums -------------------------------------------------------------- */

/* Values of the per-CPU maps are counters and nothing else: words of them are summed. */
_Static_assert(sizeof(struct tg_packets) == 3 * sizeof(uint64_t), "summed as words");
_Static_assert(sizeof(struct tg_unattributed) == 2 * sizeof(uint64_t), "summed as words");

static void sum_cpus(uint64_t *out, const uint64_t *values, __u32 count, size_t words,
		     unsigned int cpus)
{
	for (__u32 i = 0; i < count; i++)
		for (unsigned int cpu = 0; cpu < cpus; cpu++)
			for (size_t word = 0; word < words; word++)
				out[i * words + word] +=
					values[((size_t)i * cpus + cpu) * words + word];
}

#define PERCPU_BATCH 256

/* out: entries zeroed values of that many words. The cursor of an array is an index. */
static int read_percpu(int fd, unsigned int cpus, __u32 entries, size_t words, uint64_t *out)
{
	__u32 keys[PERCPU_BATCH], cursor = 0, done = 0, count;
	uint64_t *values = malloc(sizeof(*values) * words * PERCPU_BATCH * cpus);
	int err = values ? 0 : -ENOMEM;

	while (!err && done < entries) {
		count = entries - done < PERCPU_BATCH ? entries - done : PERCPU_BATCH;
		err = bpf_map_lookup_batch(fd, done ? &cursor : NULL, &cursor, keys, values, &count,
					   NULL);
		if (err == -ENOENT && done + count == entries)
			err = 0;
		if (err)
			break;
		sum_cpus(out + done * words, values, count, words, cpus);
		done += count;
	}
	free(values);
	return err;
}

static int sum_percpu(const struct tg_maps *maps, enum tg_map map, size_t words, void *out)
{
	__u32 entries = known[map].shape.entries;
	uint64_t *sums = calloc(entries * words, sizeof(*sums));
	int err = sums ? read_percpu(maps->fd[map], maps->cpus, entries, words, sums) : -ENOMEM;

	if (!err)
		memcpy(out, sums, entries * words * sizeof(*sums));
	free(sums);
	return err;
}

int tg_maps_packets(const struct tg_maps *maps, struct tg_packets *out)
{
	return sum_percpu(maps, TG_MAP_PACKETS, 3, out);
}

int tg_maps_unattributed(const struct tg_maps *maps, struct tg_unattributed *out)
{
	return sum_percpu(maps, TG_MAP_UNATTRIBUTED, 2, out);
}

/* --- small arrays ---------------------------------------------------------------- */

int tg_maps_interfaces(const struct tg_maps *maps, struct tg_interface *out)
{
	struct tg_interface all[TG_IFACES_MAX];
	int err = 0;

	for (__u32 slot = 0; !err && slot < TG_IFACES_MAX; slot++)
		err = bpf_map_lookup_elem(maps->fd[TG_MAP_INTERFACES], &slot, &all[slot]);
	if (!err)
		memcpy(out, all, sizeof(all));
	return err;
}

uint32_t tg_maps_slot_named(const struct tg_interface *all, const char *name)
{
	uint32_t slot = 0;

	while (slot < TG_IFACES_MAX && strncmp(all[slot].name, name, sizeof(all[slot].name)))
		slot++;
	return slot;
}

int tg_maps_set_interface(const struct tg_maps *maps, uint32_t slot, const struct tg_interface *in)
{
	return bpf_map_update_elem(maps->fd[TG_MAP_INTERFACES], &slot, in, BPF_EXIST);
}

int tg_maps_meta(const struct tg_maps *maps, struct tg_meta *out)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(maps->fd[TG_MAP_META], &zero, out);
}

int tg_maps_set_meta(const struct tg_maps *maps, const struct tg_meta *in)
{
	__u32 zero = 0;

	return bpf_map_update_elem(maps->fd[TG_MAP_META], &zero, in, BPF_EXIST);
}

/* --- spill maps -------------------------------------------------------------------- */

int tg_maps_make_spill(const struct tg_maps *maps, enum tg_map map, const void *key)
{
	static const struct tg_counts none;
	int err = bpf_map_update_elem(maps->fd[map], key, &none, BPF_NOEXIST);

	if (err == -EEXIST)
		return 0;
	return err == -E2BIG ? -ENOSPC : err;
}

bool tg_maps_has_spill(const struct tg_maps *maps, enum tg_map map, const void *key)
{
	struct tg_counts counts;

	return !bpf_map_lookup_elem(maps->fd[map], key, &counts);
}

int tg_maps_delete_spill(const struct tg_maps *maps, enum tg_map map, const void *key)
{
	return bpf_map_delete_elem(maps->fd[map], key);
}

/* --- quotas ------------------------------------------------------------------------ */

int tg_maps_policy(const struct tg_maps *maps, uint32_t index, struct tg_policy *out)
{
	return bpf_map_lookup_elem(maps->fd[TG_MAP_POLICIES], &index, out);
}

int tg_maps_set_policy(const struct tg_maps *maps, uint32_t index, const struct tg_policy *in)
{
	return bpf_map_update_elem(maps->fd[TG_MAP_POLICIES], &index, in, BPF_ANY);
}

int tg_maps_policy_counts(const struct tg_maps *maps, uint32_t owner, struct tg_counts *out)
{
	return bpf_map_lookup_elem(maps->fd[TG_MAP_POLICY_COUNTS], &owner, out);
}

int tg_maps_clear_policy_counts(const struct tg_maps *maps, uint32_t owner)
{
	static const struct tg_counts none;

	return bpf_map_update_elem(maps->fd[TG_MAP_POLICY_COUNTS], &owner, &none, BPF_ANY);
}

int tg_maps_set_match(const struct tg_maps *maps, const struct tg_match_key *key, uint32_t policy)
{
	return bpf_map_update_elem(maps->fd[TG_MAP_POLICY_MATCH], key, &policy, BPF_ANY);
}

int tg_maps_delete_match(const struct tg_maps *maps, const struct tg_match_key *key)
{
	return bpf_map_delete_elem(maps->fd[TG_MAP_POLICY_MATCH], key);
}

int tg_maps_find_budget(const struct tg_maps *maps, const struct tg_budget_key *key, uint32_t *slot)
{
	return bpf_map_lookup_elem(maps->fd[TG_MAP_BUDGET_INDEX], key, slot);
}

/* From here on until it is told otherwise, slots may be missing: see user/slots.c. */
static void in_hand(const struct tg_maps *maps, bool in_hand)
{
	__atomic_store_n(&maps->budgets[TG_BUDGETS_IN_HAND].state, in_hand, __ATOMIC_SEQ_CST);
}

static int add_budget(const struct tg_maps *maps, const struct tg_budget_key *key,
		      const char prefix[TG_PREFIX_BYTES_MAX], uint32_t slot)
{
	struct tg_budget fresh = {.owner = key->owner, .state = TG_BUDGET_LIVE};
	int err;

	if (slot >= maps->capacity[TG_MAP_BUDGETS])
		return -ERANGE;
	memcpy(fresh.subject, key->subject, sizeof(fresh.subject));
	memcpy(fresh.prefix, prefix, sizeof(fresh.prefix));
	maps->budgets[slot] = fresh;
	err = bpf_map_update_elem(maps->fd[TG_MAP_BUDGET_INDEX], key, &slot, BPF_NOEXIST);
	if (!err)
		return 0;
	__atomic_store_n(&maps->budgets[slot].state, TG_BUDGET_FREE, __ATOMIC_SEQ_CST);
	bpf_map_update_elem(maps->fd[TG_MAP_BUDGET_FREE], NULL, &slot, BPF_ANY);
	return err;
}

static int make_budget(const struct tg_maps *maps, const struct tg_budget_key *key,
		       const char prefix[TG_PREFIX_BYTES_MAX], uint32_t *slot)
{
	uint32_t taken;
	int err = bpf_map_lookup_and_delete_elem(maps->fd[TG_MAP_BUDGET_FREE], NULL, &taken);
	if (err)
		return err == -ENOENT ? -ENOSPC : err;
	err = add_budget(maps, key, prefix, taken);
	if (err == -EEXIST) /* a packet was faster */
		return tg_maps_find_budget(maps, key, slot);
	if (!err)
		*slot = taken;
	return err;
}

int tg_maps_make_budget(const struct tg_maps *maps, const struct tg_budget_key *key,
			const char prefix[TG_PREFIX_BYTES_MAX], uint32_t *slot)
{
	int err = tg_maps_find_budget(maps, key, slot);

	if (err != -ENOENT)
		return err;
	in_hand(maps, true);
	err = make_budget(maps, key, prefix, slot);
	in_hand(maps, false);
	return err;
}

int tg_maps_set_calendar(const struct tg_maps *maps, uint32_t index, const struct tg_calendar *in)
{
	return bpf_map_update_elem(maps->fd[TG_MAP_CALENDARS], &index, in, BPF_ANY);
}

int tg_maps_calendar(const struct tg_maps *maps, uint32_t index, struct tg_calendar *out)
{
	return bpf_map_lookup_elem(maps->fd[TG_MAP_CALENDARS], &index, out);
}

/* Each slot behind those of the policies is free. */
int tg_maps_free_budgets(const struct tg_maps *maps)
{
	int err = 0;

	for (uint32_t slot = TG_POLICIES_MAX; !err && slot < maps->capacity[TG_MAP_BUDGETS]; slot++)
		err = bpf_map_update_elem(maps->fd[TG_MAP_BUDGET_FREE], NULL, &slot, BPF_ANY);
	return err;
}

int tg_maps_free_dead_budgets(const struct tg_maps *maps, uint32_t *freed)
{
	uint32_t count = 0;
	int err = 0;

	in_hand(maps, true);
	for (uint32_t slot = TG_POLICIES_MAX; !err && slot < maps->capacity[TG_MAP_BUDGETS];
	     slot++) {
		if (maps->budgets[slot].state != TG_BUDGET_DEAD)
			continue;
		__atomic_store_n(&maps->budgets[slot].state, TG_BUDGET_FREE, __ATOMIC_SEQ_CST);
		err = bpf_map_update_elem(maps->fd[TG_MAP_BUDGET_FREE], NULL, &slot, BPF_ANY);
		count += !err;
	}
	in_hand(maps, err);
	if (freed)
		*freed = count;
	return err;
}

int tg_maps_drop(const struct tg_maps *maps, const struct tg_drop_key *key, struct tg_drop *out)
{
	return bpf_map_lookup_elem(maps->fd[TG_MAP_DROPS], key, out);
}

int tg_maps_set_drop(const struct tg_maps *maps, const struct tg_drop_key *key,
		     const struct tg_drop *in)
{
	return bpf_map_update_elem(maps->fd[TG_MAP_DROPS], key, in, BPF_ANY);
}

int tg_maps_delete_drop(const struct tg_maps *maps, const struct tg_drop_key *key)
{
	return bpf_map_delete_elem(maps->fd[TG_MAP_DROPS], key);
}

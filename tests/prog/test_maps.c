/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/maps.c user/error.c */
/* Batched look-ups and sums on maps that are filled here; nothing is pinned. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/maps.h"

#define ROWS 20000

static int setup(void **state)
{
	static struct tg_maps maps;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1)
		return -1;
	tg_maps_init(&maps, cpus);
	*state = &maps;
	return 0;
}

static int teardown(void **state)
{
	tg_maps_close(*state);
	return 0;
}

static void create(struct tg_maps *maps, enum tg_map map, uint32_t entries)
{
	const struct tg_map_shape *shape = tg_map_shape(map);

	maps->fd[map] = bpf_map_create(shape->type, tg_map_name(map), shape->key_bytes,
				       shape->value_bytes, entries ?: shape->entries, NULL);
	assert_true(maps->fd[map] >= 0);
}

/* Rows 1 to count: the number in key and value. */
static void fill_usage(struct tg_maps *maps, uint32_t count)
{
	struct tg_usage_key key = {0};
	struct tg_usage row = {0};

	for (uint32_t i = 1; i <= count; i++) {
		key.token.id = i;
		row.counts.requests = i;
		assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_USAGE], &key, &row, 0), 0);
	}
}

static int see(const void *key, const void *value, void *arg)
{
	const struct tg_usage_key *usage_key = key;
	const struct tg_usage *usage = value;
	unsigned char *seen = arg;

	if (usage_key->token.id != usage->counts.requests || seen[usage_key->token.id]++)
		return -EBADMSG;
	return 0;
}

/* A batch of one row is shorter than most buckets: the walk must let it grow. */
static void each_row_is_seen_once_whatever_the_batch(void **state)
{
	static const uint32_t batches[] = {1, 2, 3, 7, 64, 4096, 2 * ROWS};
	struct tg_maps *maps = *state;
	unsigned char *seen;

	create(maps, TG_MAP_USAGE, ROWS);
	fill_usage(maps, ROWS);
	for (size_t i = 0; i < sizeof(batches) / sizeof(*batches); i++) {
		seen = calloc(1, ROWS + 1);
		maps->batch = batches[i];
		assert_int_equal(tg_maps_walk(maps, TG_MAP_USAGE, see, seen), 0);
		for (uint32_t row = 1; row <= ROWS; row++)
			assert_int_equal(seen[row], 1);
		free(seen);
	}
}

static void an_empty_map_has_no_rows(void **state)
{
	struct tg_maps *maps = *state;
	uint32_t count = 7;

	create(maps, TG_MAP_USAGE, 100);
	assert_int_equal(tg_maps_count(maps, TG_MAP_USAGE, &count), 0);
	assert_int_equal(count, 0);
}

static void rows_are_counted(void **state)
{
	struct tg_maps *maps = *state;
	uint32_t count;

	create(maps, TG_MAP_USAGE, 5000);
	fill_usage(maps, 4999);
	assert_int_equal(tg_maps_count(maps, TG_MAP_USAGE, &count), 0);
	assert_int_equal(count, 4999);
}

/* A batch of them is cut to what fits into a cache. */
static void rows_of_a_kilobyte_are_counted(void **state)
{
	struct tg_maps *maps = *state;
	char value[1032] = "", key[sizeof(struct tg_flow_key) + 4] = "";
	uint32_t count;

	maps->fd[TG_MAP_HELD] =
		bpf_map_create(BPF_MAP_TYPE_HASH, "held", sizeof(key), sizeof(value), 2000, NULL);
	assert_true(maps->fd[TG_MAP_HELD] >= 0);
	for (uint32_t i = 0; i < 1999; i++) {
		memcpy(key, &i, sizeof(i));
		assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_HELD], key, value, 0), 0);
	}
	assert_int_equal(tg_maps_count(maps, TG_MAP_HELD, &count), 0);
	assert_int_equal(count, 1999);
}

static int stop_at_third(const void *key, const void *value, void *arg)
{
	(void)key;
	(void)value;
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void a_row_can_end_the_walk(void **state)
{
	struct tg_maps *maps = *state;
	int seen = 0;

	create(maps, TG_MAP_USAGE, 100);
	fill_usage(maps, 50);
	assert_int_equal(tg_maps_walk(maps, TG_MAP_USAGE, stop_at_third, &seen), 42);
	assert_int_equal(seen, 3);
}

static void a_closed_map_is_an_error(void **state)
{
	uint32_t count = 7;

	assert_true(tg_maps_count(*state, TG_MAP_USAGE, &count) < 0);
	assert_int_equal(count, 7);
}

/* CPU c counts (i + c) events of c bytes at index i. */
static void cpus_are_summed(void **state)
{
	static struct tg_packets out[TG_IFACES_MAX * TG_PACKET_REASONS];
	struct tg_maps *maps = *state;
	uint64_t events, bytes = 0;
	struct tg_packets *values = calloc(maps->cpus, sizeof(*values));

	create(maps, TG_MAP_PACKETS, 0);
	for (uint32_t i = 0; i < TG_IFACES_MAX * TG_PACKET_REASONS; i++) {
		for (unsigned int cpu = 0; cpu < maps->cpus; cpu++)
			values[cpu] = (struct tg_packets){.packets = i + cpu, .bytes = cpu};
		assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_PACKETS], &i, values, 0), 0);
	}
	assert_int_equal(tg_maps_packets(maps, out), 0);
	for (unsigned int cpu = 0; cpu < maps->cpus; cpu++)
		bytes += cpu;
	for (uint32_t i = 0; i < TG_IFACES_MAX * TG_PACKET_REASONS; i++) {
		events = (uint64_t)i * maps->cpus + bytes;
		assert_int_equal(out[i].packets, events);
		assert_int_equal(out[i].bytes, bytes);
	}
	free(values);
}

static void unattributed_is_summed(void **state)
{
	struct tg_unattributed out[TG_UNATTRIBUTED_REASONS];
	struct tg_maps *maps = *state;
	struct tg_unattributed *values = calloc(maps->cpus, sizeof(*values));
	uint32_t index = TG_UNATTRIBUTED_BAD_FRAMING;

	create(maps, TG_MAP_UNATTRIBUTED, 0);
	for (unsigned int cpu = 0; cpu < maps->cpus; cpu++)
		values[cpu] = (struct tg_unattributed){.requests = 3, .bytes = 10};
	assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_UNATTRIBUTED], &index, values, 0), 0);
	assert_int_equal(tg_maps_unattributed(maps, out), 0);
	assert_int_equal(out[index].requests, 3 * maps->cpus);
	assert_int_equal(out[index].bytes, 10 * maps->cpus);
	assert_int_equal(out[TG_UNATTRIBUTED_USAGE_FULL].requests, 0);
	free(values);
}

static void interfaces_are_written_and_read(void **state)
{
	struct tg_interface in = {.name = "eth0", .ifindex = 3}, out[TG_IFACES_MAX];
	struct tg_maps *maps = *state;

	create(maps, TG_MAP_INTERFACES, 0);
	assert_int_equal(tg_maps_set_interface(maps, TG_IFACES_MAX - 1, &in), 0);
	assert_int_equal(tg_maps_set_interface(maps, TG_IFACES_MAX, &in), -E2BIG);
	assert_int_equal(tg_maps_interfaces(maps, out), 0);
	assert_string_equal(out[0].name, "");
	assert_memory_equal(&out[TG_IFACES_MAX - 1], &in, sizeof(in));
}

static void a_map_of_another_shape_is_refused(void **state)
{
	const struct tg_map_shape *shape = tg_map_shape(TG_MAP_USAGE);
	struct tg_map_shape other = *shape;
	struct tg_maps *maps = *state;
	char error[256];

	create(maps, TG_MAP_USAGE, 10);
	assert_int_equal(tg_map_check(maps->fd[TG_MAP_USAGE], "p", shape, error, sizeof(error)), 0);
	other.value_bytes += 8;
	assert_int_equal(tg_map_check(maps->fd[TG_MAP_USAGE], "p", &other, error, sizeof(error)),
			 -EPROTO);
	other = *shape;
	other.entries = 11;
	assert_int_equal(tg_map_check(maps->fd[TG_MAP_USAGE], "p", &other, error, sizeof(error)),
			 -EPROTO);
	other = *shape;
	other.type = BPF_MAP_TYPE_LRU_HASH;
	assert_int_equal(tg_map_check(maps->fd[TG_MAP_USAGE], "p", &other, error, sizeof(error)),
			 -EPROTO);
}

static void nothing_pinned_is_told(void **state)
{
	struct tg_maps maps, untouched;
	char error[256];

	(void)state;
	memset(&maps, 0x5a, sizeof(maps));
	untouched = maps;
	assert_int_equal(tg_maps_open(&maps, "/sys/fs/bpf/tg-nothing-here", error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, "tollgate run"));
	assert_memory_equal(&maps, &untouched, sizeof(maps));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_row_is_seen_once_whatever_the_batch),
		T(an_empty_map_has_no_rows),
		T(rows_are_counted),
		T(rows_of_a_kilobyte_are_counted),
		T(a_row_can_end_the_walk),
		T(a_closed_map_is_an_error),
		T(cpus_are_summed),
		T(unattributed_is_summed),
		T(interfaces_are_written_and_read),
		T(a_map_of_another_shape_is_refused),
		T(nothing_pinned_is_told),
	};

	return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent spends on 10,000, 100,000 and 1,000,000 usage rows: reading
 * the maps, a boundary of the history, a page of metrics, `usage --top 10`,
 * and memory.
 *
 *   bench_collect                  as a table, on maps of its own
 *   bench_collect fill PIN_DIR N   put N rows into the pinned usage map, so
 *                                  that a real agent can be looked at
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/clock.h"
#include "../../user/collect.h"
#include "../../user/export_prometheus.h"
#include "../../user/history.h"
#include "../../user/view.h"

#define BATCH  10000
#define TOKENS 5000 /* rows = sources x tokens; a source has some ten of them */

static void die(const char *what, int err)
{
	fprintf(stderr, "bench_collect: %s: %s\n", what, strerror(-err));
	exit(1);
}

static struct tg_usage_key key_of(uint32_t i)
{
	struct tg_usage_key key = {.source.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10}};
	uint32_t source = i / 10, token = i % 10 + source * 7 % (TOKENS - 10);

	key.source.bytes[13] = (uint8_t)(source >> 16);
	key.source.bytes[14] = (uint8_t)(source >> 8);
	key.source.bytes[15] = (uint8_t)source;
	snprintf((char *)key.token.prefix, sizeof(key.token.prefix), "key_%06u", token);
	key.token.id = (token + 1) * 0x9e3779b97f4a7c15ULL;
	return key;
}

static void fill(int fd, uint32_t rows)
{
	struct tg_usage_key *keys = calloc(BATCH, sizeof(*keys));
	struct tg_usage *values = calloc(BATCH, sizeof(*values));

	for (uint32_t done = 0; done < rows;) {
		__u32 count = rows - done < BATCH ? rows - done : BATCH;
		int err;

		for (__u32 i = 0; i < count; i++) {
			keys[i] = key_of(done + i);
			values[i].counts.requests = done + i + 1;
			values[i].counts.bytes = (done + i + 1) * 500ULL;
			values[i].first_jiffies = 1;
			values[i].last_jiffies = UINT64_MAX / 2; /* never idle */
		}
		err = bpf_map_update_batch(fd, keys, values, &count, NULL);
		if (err)
			die("the usage map cannot be filled", err);
		done += count;
	}
	free(keys);
	free(values);
}

static void make_maps(struct tg_maps *maps, uint32_t usage_rows)
{
	tg_maps_init(maps, (unsigned int)libbpf_num_possible_cpus());
	for (int map = 0; map < TG_MAPS; map++) {
		const struct tg_map_shape *shape = tg_map_shape(map);
		uint32_t entries = map == TG_MAP_USAGE ? usage_rows
				   : shape->entries    ? shape->entries
						       : 1024;

		LIBBPF_OPTS(bpf_map_create_opts, opts);
		maps->fd[map] = bpf_map_create(shape->type, tg_map_name(map), shape->key_bytes,
					       shape->value_bytes ? shape->value_bytes : 64,
					       entries, &opts);
		if (maps->fd[map] < 0)
			die(tg_map_name(map), maps->fd[map]);
		maps->capacity[map] = entries;
	}
}

static double since_ms(uint64_t start_ns)
{
	return (double)(tg_clock_monotonic_ns() - start_ns) / 1e6;
}

static double resident_mib(void)
{
	long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1024 * 1024);
}

static double time_collect(const struct tg_maps *maps, struct tg_snapshot **snapshot)
{
	uint64_t start = tg_clock_monotonic_ns();
	int err = tg_collect(maps, snapshot);

	if (err)
		die("collect", err);
	return since_ms(start);
}

/* Two boundaries: the second has every row grown, which is the worst case. */
static double time_history(struct tg_history *history, struct tg_snapshot *snapshot)
{
	uint64_t start;

	tg_history_add(history, snapshot);
	for (size_t i = 0; i < snapshot->usage_count; i++)
		snapshot->usage[i].usage.counts.requests += i % 100;
	snapshot->taken_monotonic_ns += TG_HISTORY_PERIOD_NS;
	start = tg_clock_monotonic_ns();
	if (tg_history_add(history, snapshot))
		die("history", -ENOMEM);
	return since_ms(start);
}

static double time_page(struct tg_export_series *series, const struct tg_snapshot *snapshot)
{
	struct tg_health health = {0};
	struct tg_export from = {
		.snapshot = snapshot, .series = series, .health = &health, .ipv6_prefix = 64};
	uint64_t start = tg_clock_monotonic_ns();
	struct tg_text text = {0};
	int err = tg_export_series_update(series, snapshot);

	tg_export_print(&from, &text);
	if (err || text.failed)
		die("page", err ? err : -ENOMEM);
	tg_text_free(&text);
	return since_ms(start);
}

static double time_usage(const struct tg_snapshot *snapshot)
{
	struct tg_view_query query = {.top = 10, .ipv6_prefix = 64};
	uint64_t start = tg_clock_monotonic_ns();
	struct tg_text text = {0};
	char error[100];

	tg_view_parse_fields(TG_VIEW_BY_DEFAULT, &query, error, sizeof(error));
	if (tg_view_print(snapshot, &query, &text))
		die("usage", -ENOMEM);
	tg_text_free(&text);
	return since_ms(start);
}

static void bench(uint32_t rows)
{
	struct tg_history *history = tg_history_new(16UL * 1024 * 1024);
	struct tg_export_series *series = tg_export_series_new(1000, 20);
	struct tg_snapshot *snapshot = NULL;
	struct tg_maps maps;
	double first, again, boundary, page, usage;

	make_maps(&maps, rows + rows / 4);
	fill(maps.fd[TG_MAP_USAGE], rows);
	first = time_collect(&maps, &snapshot);
	again = time_collect(&maps, &snapshot);
	if (snapshot->usage_count != rows)
		die("rows are missing", -EPROTO);
	boundary = time_history(history, snapshot);
	page = time_page(series, snapshot);
	usage = time_usage(snapshot);
	malloc_trim(0);
	printf("%9u %12.1f %12.1f %12.1f %12.1f %12.1f %12.1f\n", rows, first, again, boundary,
	       page, usage, resident_mib());
	tg_snapshot_free(snapshot);
	tg_history_free(history);
	tg_export_series_free(series);
	tg_maps_close(&maps);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {10000, 100000, 1000000};

	if (argc == 4 && !strcmp(argv[1], "fill")) {
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "%s/usage", argv[2]);
		fd = bpf_obj_get(path);
		if (fd < 0)
			die(path, fd);
		fill(fd, (uint32_t)strtoul(argv[3], NULL, 10));
		return 0;
	}
	mallopt(M_MMAP_THRESHOLD, 256 * 1024); /* as the agent does */
	printf("%9s %12s %12s %12s %12s %12s %12s\n", "rows", "collect ms", "again ms", "minute ms",
	       "metrics ms", "usage ms", "resident MiB");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench(sizes[i]);
	return 0;
}

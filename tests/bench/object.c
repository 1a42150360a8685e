/* SPDX-License-Identifier: BSD-2-Clause */
#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/http_table.h"
#include "build/tests/bench/packets.skel.h"
#include "segment.h"

static const unsigned char secret[16] = "not a secret 16";

void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "bench_packets: %s: %s\n", what, why);
	exit(1);
}

/* Where a global variable stands in its section; -1: there is none of that name and size. */
static long offset_of(const struct bpf_object *obj, const char *section, const char *name,
		      size_t bytes)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, id);
	const struct btf_var_secinfo *at = type ? btf_var_secinfos(type) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_type *variable = btf__type_by_id(btf, at[i].type);

		if (!strcmp(btf__name_by_offset(btf, variable->name_off), name))
			return at[i].size == bytes ? (long)at[i].offset : -1;
	}
	return -1;
}

static void set(struct bpf_object *obj, const char *name, const void *value, size_t bytes,
		bool must)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	long offset = offset_of(obj, ".rodata", name, bytes);
	size_t size;

	if (map && offset >= 0)
		memcpy((char *)bpf_map__initial_value(map, &size) + offset, value, bytes);
	else if (must)
		bench_die(name, "is another one in this object");
}

static void set_all(struct bpf_object *obj, enum tg_server_place place)
{
	struct tg_config_place places[] = {{.header = "Authorization", .scheme = "Bearer"},
					   {.header = "X-API-Key"}};
	struct tg_config config = {.identity = {.token_prefix_bytes = 12,
						.ipv6_prefix = 64,
						.tokens = places,
						.tokens_count = 2},
				   .limits = {.header_bytes = 16384}};
	struct tg_http_config http;
	unsigned char ports[8192] = {[BENCH_PORT >> 3] = 3 << (BENCH_PORT & 7)};
	uint32_t where = place;
	char error[256];

	if (tg_http_config_build(&config, secret, &http, error, sizeof(error)))
		bench_die("table", error);
	set(obj, "tg_http", &http, sizeof(http), true);
	set(obj, "tg_ports", ports, sizeof(ports), true);
	set(obj, "tg_server_place", &where, sizeof(where), false);
}

static void map_knobs(struct bench_object *object)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(object->obj, ".bss");
	long offset = offset_of(object->obj, ".bss", "bench_knobs", sizeof(struct bench_knobs));
	char *at = MAP_FAILED;

	if (bss && offset >= 0)
		at = mmap(NULL, offset + sizeof(struct bench_knobs), PROT_READ | PROT_WRITE,
			  MAP_SHARED, bpf_map__fd(bss), 0);
	if (at == MAP_FAILED)
		bench_die("bench_knobs", "cannot be reached");
	object->knobs = (volatile struct bench_knobs *)(at + offset);
}

void bench_load(struct bench_object *object, const char *path, enum tg_server_place place,
		unsigned int flows)
{
	struct bpf_map *map;
	const void *bytes;
	size_t size;

	if (!path)
		path = getenv("BENCH_OBJECT"); /* with a part left out, to see what that costs */
	bytes = packets__elf_bytes(&size);
	object->obj = path ? bpf_object__open(path) : bpf_object__open_mem(bytes, size, NULL);
	if (!object->obj)
		bench_die(path ? path : "the program", "cannot be opened");
	set_all(object->obj, place);
	map = bpf_object__find_map_by_name(object->obj, "flows");
	if (!map || bpf_map__set_max_entries(map, flows) || bpf_object__load(object->obj))
		bench_die(path ? path : "the program", "cannot be loaded");
	map_knobs(object);
	tg_maps_init(&object->maps, libbpf_num_possible_cpus());
	for (int i = 0; i < TG_MAPS; i++) {
		map = bpf_object__find_map_by_name(object->obj, tg_map_name(i));
		object->maps.fd[i] = map ? bpf_map__fd(map) : -1;
		object->maps.capacity[i] = map ? bpf_map__max_entries(map) : 0;
	}
}

void bench_unload(struct bench_object *object)
{
	bpf_object__close(object->obj); /* its knobs stay mapped; it is a page or two */
}

int bench_program(const struct bench_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object->obj, name);

	if (!program)
		bench_die(name, "no such program");
	return bpf_program__fd(program);
}

unsigned long long bench_packets_of(const struct bench_object *object, unsigned int reason)
{
	struct tg_packets values[256];
	unsigned long long sum = 0;
	int cpus = libbpf_num_possible_cpus();

	if (cpus > 256 || bpf_map_lookup_elem(object->maps.fd[TG_MAP_PACKETS], &reason, values))
		bench_die("packets", "cannot be read");
	for (int i = 0; i < cpus; i++)
		sum += values[i].packets;
	return sum;
}

unsigned long long bench_map_bytes(const struct bench_object *object, enum tg_map map)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", object->maps.fd[map]);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "memlock: %llu", &bytes);
	if (file)
		fclose(file);
	return bytes;
}

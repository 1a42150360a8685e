/* SPDX-License-Identifier: BSD-2-Clause */
#include "meter.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/program.h"

#define FLOWS		64
#define VALUE_BYTES_MAX 512

/* The values of flows and holds are the program's own business: its BTF knows their parts. */
static size_t find_member(const struct tg_meter *meter, enum tg_map map, const char *name)
{
	struct bpf_map_info info = {0};
	const struct btf_member *member;
	const struct btf_type *value;
	__u32 bytes = sizeof(info);
	struct btf *btf;
	size_t offset = 0;

	assert_int_equal(bpf_obj_get_info_by_fd(meter->maps.fd[map], &info, &bytes), 0);
	btf = btf__load_from_kernel_by_id(info.btf_id);
	assert_non_null(btf);
	value = btf__type_by_id(btf, info.btf_value_type_id);
	assert_true(info.value_size <= VALUE_BYTES_MAX);
	member = btf_members(value);
	for (int i = 0; i < btf_vlen(value); i++, member++) {
		if (!strcmp(btf__name_by_offset(btf, member->name_off), name))
			offset = member->offset / 8;
	}
	assert_true(offset);
	btf__free(btf);
	return offset;
}

void tg_meter_open(struct tg_meter *meter)
{
	tg_meter_open_sized(meter, FLOWS);
}

void tg_meter_open_sized(struct tg_meter *meter, unsigned int entries)
{
	char error[512] = "";
	int err;

	memset(meter, 0, sizeof(*meter));
	meter->ports[0] = TG_METER_PORT;
	meter->config.listen_ports = meter->ports;
	meter->config.listen_ports_count = 1;
	meter->interface.server = TG_SERVER_UNSEEN; /* no sockets stand behind these frames */
	meter->config.identity.ipv6_prefix = 64;
	meter->config.limits.flows = entries;
	meter->config.limits.partials = entries / 2;
	meter->config.limits.held = entries;
	meter->config.limits.usage = entries;
	meter->config.limits.origins = entries;
	meter->config.limits.spill = entries;
	meter->config.limits.budgets = entries;
	meter->config.limits.drops = entries;
	err = tg_program_make_maps(&meter->config, &meter->maps, error, sizeof(error));
	if (err)
		fail_msg("maps: %s (%d)", error, err);
	meter->scan_offset = find_member(meter, TG_MAP_FLOWS, "scan");
	meter->since_offset = find_member(meter, TG_MAP_HOLDS, "since_jiffies");
}

void tg_meter_close(struct tg_meter *meter)
{
	tg_maps_close(&meter->maps);
}

int tg_meter_load(struct tg_meter *meter, const struct tg_http_config *http, uint32_t slot)
{
	char error[512] = "";
	int program = tg_program_load_meter(&meter->config, &meter->interface, http, slot,
					    &meter->maps, error, sizeof(error));

	if (program < 0)
		fail_msg("program: %s (%d)", error, program);
	return program;
}

const struct tg_case_config tg_meter_http = {"Authorization:Bearer X-API-Key",
					     TG_HEADER_BYTES_DEFAULT, 12};

int tg_meter_load_http(struct tg_meter *meter, const struct tg_case_config *config, uint32_t slot)
{
	struct tg_http_config http;

	assert_int_equal(tg_case_http_config(config, &http), 0);
	return tg_meter_load(meter, &http, slot);
}

uint32_t tg_meter_send(int program, const struct tg_packet *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->bytes, .data_size_in = packet->count,
		    .repeat = 1);
	int err = bpf_prog_test_run_opts(program, &run);

	if (err)
		fail_msg("BPF_PROG_TEST_RUN of %zu bytes: %d", packet->count, err);
	return run.retval;
}

uint32_t tg_meter_answer(int program, const struct tg_packet *packet, struct tg_packet *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->bytes, .data_size_in = packet->count,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes), .repeat = 1);
	int err = bpf_prog_test_run_opts(program, &run);

	if (err)
		fail_msg("BPF_PROG_TEST_RUN of %zu bytes: %d", packet->count, err);
	out->count = run.data_size_out;
	return run.retval;
}

size_t tg_meter_rows(const struct tg_meter *meter, enum tg_map map, void *keys, void *values,
		     size_t max)
{
	const struct tg_map_shape *shape = tg_map_shape(map);
	char key[64], *before = NULL;
	int fd = meter->maps.fd[map];
	size_t rows = 0;

	assert_true(shape->key_bytes <= sizeof(key));
	while (!bpf_map_get_next_key(fd, before, key)) {
		if (rows < max) {
			memcpy((char *)keys + rows * shape->key_bytes, key, shape->key_bytes);
			assert_int_equal(
				bpf_map_lookup_elem(fd, key,
						    (char *)values + rows * shape->value_bytes),
				0);
		}
		rows++;
		before = key;
	}
	return rows;
}

void tg_meter_clear(const struct tg_meter *meter)
{
	static const enum tg_map maps[] = {
		TG_MAP_USAGE,	TG_MAP_TOKEN_SPILL, TG_MAP_SOURCE_SPILL,
		TG_MAP_ORIGINS, TG_MAP_FLOWS,	    TG_MAP_PARTIALS,
		TG_MAP_EMBRYOS, TG_MAP_HOLDS,	    TG_MAP_HELD,
	};
	char key[64];

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		while (!bpf_map_get_next_key(meter->maps.fd[maps[i]], NULL, key))
			bpf_map_delete_elem(meter->maps.fd[maps[i]], key);
	}
}

void tg_meter_age_holds(const struct tg_meter *meter)
{
	int fd = meter->maps.fd[TG_MAP_HOLDS];
	char value[VALUE_BYTES_MAX];
	struct tg_flow_key key, *before = NULL;

	while (!bpf_map_get_next_key(fd, before, &key)) {
		before = &key;
		assert_int_equal(bpf_map_lookup_elem(fd, &key, value), 0);
		memset(value + meter->since_offset, 0, sizeof(uint64_t));
		assert_int_equal(bpf_map_update_elem(fd, &key, value, BPF_EXIST), 0);
	}
}

bool tg_meter_scan(const struct tg_meter *meter, const struct tg_client *client,
		   struct tg_scan *out)
{
	int fd = meter->maps.fd[TG_MAP_FLOWS];
	char value[VALUE_BYTES_MAX];
	struct tg_flow_key key, *before = NULL;

	while (!bpf_map_get_next_key(fd, before, &key)) {
		before = &key;
		if (key.client_port != (__be16)(client->port << 8 | client->port >> 8) ||
		    bpf_map_lookup_elem(fd, &key, value))
			continue;
		memcpy(out, value + meter->scan_offset, sizeof(*out));
		return true;
	}
	return false;
}

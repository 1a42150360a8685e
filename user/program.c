/* SPDX-License-Identifier: BSD-2-Clause */
#include "program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf_log.h"
#include "error.h"
#include "pins.h"
#include "tollgate.skel.h"

#define EMBRYOS_PER_FLOW 4 /* one embryo for so many flows */
#define PAGES_PER_HOLD	 4 /* pages for a connection that waits for bytes */
#define HOLDS_MIN	 64
#define EMBRYOS_MIN	 1024 /* below it an LRU map evicts what has just come in */

static void close_object(struct tollgate_bpf **object)
{
	if (*object)
		tollgate_bpf__destroy(*object);
}

#define autoclose __attribute__((cleanup(close_object)))

static struct bpf_map *object_map(const struct tollgate_bpf *object, enum tg_map map)
{
	return bpf_object__find_map_by_name(object->obj, tg_map_name(map));
}

static int keep_fd(int fd)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return kept < 0 ? -errno : kept;
}

/* --- open and load ------------------------------------------------------------- */

/* No program is loaded unless its autoload is switched on. */
static struct tollgate_bpf *open_object(char *error, size_t error_bytes)
{
	struct tollgate_bpf *object;
	struct bpf_program *program;
	struct bpf_map *map;

	tg_bpf_log_start();
	object = tollgate_bpf__open();
	if (!object) {
		tg_error(-errno, error, error_bytes, "the built-in program: cannot be opened: %s",
			 strerror(errno));
		return NULL;
	}
	bpf_object__for_each_program(program, object->obj)
	{
		bpf_program__set_autoload(program, false);
		bpf_program__set_autoattach(program, false);
	}
	bpf_object__for_each_map(map, object->obj)
	{
		bpf_map__set_pin_path(map, NULL); /* pins.c pins, when all is well */
	}
	return object;
}

static const char *load_hint(int err)
{
	if (err == -EPERM)
		return "; run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";
	if (err == -ENOMEM || err == -E2BIG)
		return "; lower the sizes in limits";
	return "; `tollgate doctor` looks at this host";
}

static tg_program_loads tell_of_load;
static void *tell_arg;

void tg_program_on_load(tg_program_loads tell, void *arg)
{
	tell_of_load = tell;
	tell_arg = arg;
}

static int load_object(struct tollgate_bpf *object, char *error, size_t error_bytes)
{
	char words[300];
	int err;

	if (tell_of_load)
		tell_of_load(tell_arg);
	err = tollgate_bpf__load(object);
	if (!err)
		return 0;
	tg_bpf_log_end(words, sizeof(words));
	if (err == -EPERM) /* libbpf guesses at RLIMIT_MEMLOCK */
		*words = 0;
	return tg_error(err, error, error_bytes, "the program: the kernel refuses it: %s%s%s%s%s",
			strerror(-err), *words ? " (" : "", words, *words ? ")" : "",
			load_hint(err));
}

static int use_maps(struct tollgate_bpf *object, const struct tg_maps *maps, char *error,
		    size_t error_bytes)
{
	int err = 0;

	for (int map = 0; !err && map < TG_MAPS; map++)
		err = bpf_map__reuse_fd(object_map(object, map), maps->fd[map]);
	return err ? tg_error(err, error, error_bytes, "the pinned maps: cannot be used again: %s",
			      strerror(-err))
		   : 0;
}

/* --- maps ---------------------------------------------------------------------- */

uint32_t tg_program_map_entries(const struct tg_config *config, enum tg_map map)
{
	uint32_t embryos = config->limits.flows / EMBRYOS_PER_FLOW;
	uint32_t holds = config->limits.held / PAGES_PER_HOLD;

	switch (map) {
	case TG_MAP_USAGE:
		return config->limits.usage;
	case TG_MAP_ORIGINS:
		return config->limits.origins;
	case TG_MAP_TOKEN_SPILL:
	case TG_MAP_SOURCE_SPILL:
		return config->limits.spill;
	case TG_MAP_FLOWS:
		return config->limits.flows;
	case TG_MAP_PARTIALS:
		return config->limits.partials;
	case TG_MAP_HOLDS:
		return holds > HOLDS_MIN ? holds : HOLDS_MIN;
	case TG_MAP_HELD:
		return config->limits.held;
	case TG_MAP_BUDGETS:
		return TG_POLICIES_MAX + config->limits.budgets;
	case TG_MAP_BUDGET_INDEX:
	case TG_MAP_BUDGET_FREE:
		return config->limits.budgets;
	case TG_MAP_DROPS:
		return config->limits.drops;
	case TG_MAP_EMBRYOS:
		return embryos > EMBRYOS_MIN ? embryos : EMBRYOS_MIN;
	default:
		return 0;
	}
}

static int size_maps(struct tollgate_bpf *object, const struct tg_config *config)
{
	uint32_t entries;
	int err = 0;

	for (int map = 0; !err && map < TG_MAPS; map++) {
		entries = tg_program_map_entries(config, map);
		if (entries)
			err = bpf_map__set_max_entries(object_map(object, map), entries);
	}
	return err;
}

static int take_maps(const struct tollgate_bpf *object, struct tg_maps *out)
{
	int fd;

	for (int map = 0; map < TG_MAPS; map++) {
		fd = keep_fd(bpf_map__fd(object_map(object, map)));
		if (fd < 0) {
			tg_maps_close(out);
			return fd;
		}
		out->fd[map] = fd;
		out->capacity[map] = bpf_map__max_entries(object_map(object, map));
	}
	return 0;
}

int tg_program_make_maps(const struct tg_config *config, struct tg_maps *out, char *error,
			 size_t error_bytes)
{
	struct tollgate_bpf *object autoclose = open_object(error, error_bytes);
	int cpus = libbpf_num_possible_cpus(), err;
	struct tg_maps made;

	if (!object)
		return -EINVAL;
	if (cpus < 0)
		return tg_error(cpus, error, error_bytes, "possible CPUs: cannot be read: %s",
				strerror(-cpus));
	tg_maps_init(&made, cpus);
	err = size_maps(object, config);
	if (!err)
		err = load_object(object, error, error_bytes);
	if (!err)
		err = take_maps(object, &made);
	if (err)
		return err;
	err = tg_maps_free_budgets(&made);
	if (err)
		tg_error(err, error, error_bytes, "budget_free: cannot be filled: %s",
			 strerror(-err));
	else
		err = tg_maps_share(&made, true, error, error_bytes);
	if (err)
		tg_maps_close(&made);
	else
		*out = made;
	return err;
}

int tg_program_value_bytes(uint32_t out[TG_MAPS])
{
	struct tollgate_bpf *object autoclose = open_object(NULL, 0);

	for (int i = 0; object && i < TG_MAPS; i++)
		out[i] = bpf_map__value_size(object_map(object, i));
	return object ? 0 : -EINVAL;
}

int tg_program_check_maps(const struct tg_maps *maps, const char *pin_dir, char *error,
			  size_t error_bytes)
{
	struct tollgate_bpf *object autoclose = open_object(error, error_bytes);
	char path[TG_PINS_PATH_BYTES];
	int err = object ? 0 : -EINVAL;

	for (int i = 0; !err && i < TG_MAPS; i++) {
		const struct bpf_map *map = object_map(object, i);
		const struct tg_map_shape shape = {
			.type = bpf_map__type(map),
			.key_bytes = bpf_map__key_size(map),
			.value_bytes = bpf_map__value_size(map),
			.entries = tg_map_shape(i)->entries,
		};

		err = tg_pins_map_path(path, pin_dir, i);
		if (!err)
			err = tg_map_check(maps->fd[i], path, &shape, error, error_bytes);
	}
	return err;
}

/* --- programs -------------------------------------------------------------------- */

/* What the programs of one interface are told of it. */
static void set_interface(struct tollgate_bpf *object, const struct tg_config *config,
			  const struct tg_config_interface *interface, uint32_t slot)
{
	uint16_t port;

	object->rodata->tg_iface = slot;
	object->rodata->tg_server_place = interface->server;
	object->rodata->tg_tcp_checksum = interface->tcp_checksum;
	object->rodata->tg_ipv6_prefix = config->identity.ipv6_prefix;
	for (unsigned int i = 0; i < config->listen_ports_count; i++) {
		port = config->listen_ports[i];
		object->rodata->tg_ports[port >> 3] |= 1 << (port & 7);
	}
}

static int load_one(struct tollgate_bpf *object, struct bpf_program *program,
		    const struct tg_maps *maps, char *error, size_t error_bytes)
{
	int err;

	bpf_program__set_autoload(program, true);
	err = use_maps(object, maps, error, error_bytes);
	if (!err)
		err = load_object(object, error, error_bytes);
	return err ? err : keep_fd(bpf_program__fd(program));
}

int tg_program_load_meter(const struct tg_config *config,
			  const struct tg_config_interface *interface,
			  const struct tg_http_config *http, uint32_t slot,
			  const struct tg_maps *maps, char *error, size_t error_bytes)
{
	struct tollgate_bpf *object autoclose = open_object(error, error_bytes);

	if (!object)
		return -EINVAL;
	object->rodata->tg_http = *http;
	set_interface(object, config, interface, slot);
	return load_one(object, object->progs.tollgate, maps, error, error_bytes);
}

int tg_program_load_egress(const struct tg_config *config,
			   const struct tg_config_interface *interface, uint32_t slot,
			   const struct tg_maps *maps, char *error, size_t error_bytes)
{
	struct tollgate_bpf *object autoclose = open_object(error, error_bytes);

	if (!object)
		return -EINVAL;
	set_interface(object, config, interface, slot);
	return load_one(object, object->progs.tg_egress, maps, error, error_bytes);
}

static int take_programs(struct bpf_program *const programs[TG_PROGRAMS], int out[TG_PROGRAMS])
{
	int fds[TG_PROGRAMS];

	for (int i = 0; i < TG_PROGRAMS; i++) {
		fds[i] = keep_fd(bpf_program__fd(programs[i]));
		if (fds[i] < 0) {
			int err = fds[i];

			while (i--)
				close(fds[i]);
			return err;
		}
	}
	memcpy(out, fds, sizeof(fds));
	return 0;
}

int tg_program_load_maintenance(const struct tg_maps *maps, int out[TG_PROGRAMS], char *error,
				size_t error_bytes)
{
	struct tollgate_bpf *object autoclose = open_object(error, error_bytes);
	struct bpf_program *programs[TG_PROGRAMS];
	int err;

	if (!object)
		return -EINVAL;
	programs[TG_PROGRAM_SWEEP_FLOWS] = object->progs.tg_sweep_flows;
	programs[TG_PROGRAM_MARK_IDLE] = object->progs.tg_mark_idle;
	programs[TG_PROGRAM_RETIRE_MARKED] = object->progs.tg_retire_marked;
	programs[TG_PROGRAM_MARK_BUDGETS] = object->progs.tg_mark_budgets;
	programs[TG_PROGRAM_RETIRE_BUDGETS] = object->progs.tg_retire_budgets;
	programs[TG_PROGRAM_CLOCKS] = object->progs.tg_clocks;
	object->rodata->tg_workplace = 1; /* TG_WORKPLACE_MAINTENANCE */
	for (int i = 0; i < TG_PROGRAMS; i++)
		bpf_program__set_autoload(programs[i], true);
	err = use_maps(object, maps, error, error_bytes);
	if (!err)
		err = load_object(object, error, error_bytes);
	return err ? err : take_programs(programs, out);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* packets.bpf.c, loaded: this build's, or one that was built over an older meter. */
#ifndef TOLLGATE_BENCH_OBJECT_H
#define TOLLGATE_BENCH_OBJECT_H

#include <linux/types.h>

#include "../../include/tollgate/abi.h"
#include "../../user/maps.h"
#include "knobs.h"

struct bpf_object;

struct bench_object {
	struct bpf_object *obj;
	volatile struct bench_knobs *knobs;
	struct tg_maps maps; /* those of them that the meter has; others: -1 */
};

/*
 * path: NULL for this build's. Ports BENCH_PORT and the one after it are metered. flows:
 * room for so many connections. Ends the process where it fails.
 */
void bench_load(struct bench_object *object, const char *path, enum tg_server_place place,
		unsigned int flows);
void bench_unload(struct bench_object *object);

int bench_program(const struct bench_object *object, const char *name);

/* How many packets ended with this reason. */
unsigned long long bench_packets_of(const struct bench_object *object, unsigned int reason);

/* What the kernel says that a map takes, in bytes. */
unsigned long long bench_map_bytes(const struct bench_object *object, enum tg_map map);

void bench_die(const char *what, const char *why);

#endif

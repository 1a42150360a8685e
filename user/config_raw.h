/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as the file has it: types checked, values not yet. What is
 * NULL was not given. Between config_schema.c, which libcyaml knows, and
 * config.c, which makes a struct tg_config of it.
 */
#ifndef TOLLGATE_CONFIG_RAW_H
#define TOLLGATE_CONFIG_RAW_H

#include "config.h"
#include "config_lines.h"

struct tg_config_raw_identity {
	int64_t *token_prefix_bytes;
	int64_t *ipv6_prefix;
	char *secret_file;
	struct tg_config_place *tokens;
	unsigned int tokens_count;
};

struct tg_config_raw_limits {
	int64_t *header_bytes;
	int64_t *flows;
	int64_t *partials;
	int64_t *usage;
	int64_t *origins;
	int64_t *spill;
	char *flow_idle;
	char *usage_idle;
};

struct tg_config_raw_metrics {
	char *listen;
	int64_t *max_tokens;
	int64_t *max_sources;
};

struct tg_config_raw {
	struct tg_config_interface *interfaces;
	unsigned int interfaces_count;
	int64_t *listen_ports;
	unsigned int listen_ports_count;
	struct tg_config_raw_identity *identity;
	struct tg_config_raw_limits *limits;
	struct tg_config_raw_metrics *metrics;
	char *state_dir;
	char *run_dir;
	char *pin_dir;
};

/*
 * Load text, whose lines were read. 0 and *out, or -EINVAL with a fault, or
 * -ENOMEM.
 */
int tg_config_raw_load(const char *text, size_t bytes, const struct tg_config_lines *lines,
		       struct tg_config_raw **out);
void tg_config_raw_free(struct tg_config_raw *raw);

/* Bounds and default of a number, or of a duration in seconds. */
struct tg_config_number {
	const char *path; /* of a list: without the index */
	int64_t min, max, fallback;
};

/* NULL: no number stands there. An index at the end of path does not matter. */
const struct tg_config_number *tg_config_number(const char *path);

#endif

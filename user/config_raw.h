/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as the file has it: its shape checked, values not yet. What
 * is NULL was not given. Numbers are texts still: libcyaml 1.3 reads "10k" as
 * 10 and "010" as 8. Between config_schema.c, which libcyaml knows, and
 * config.c, which makes a struct tg_config of it.
 */
#ifndef TOLLGATE_CONFIG_RAW_H
#define TOLLGATE_CONFIG_RAW_H

#include "config.h"
#include "config_lines.h"

struct tg_config_raw_identity {
	char *token_prefix_bytes;
	char *ipv6_prefix;
	char *secret_file;
	struct tg_config_place *tokens;
	unsigned int tokens_count;
};

struct tg_config_raw_limits {
	char *header_bytes;
	char *flows;
	char *partials;
	char *held;
	char *usage;
	char *origins;
	char *spill;
	char *budgets;
	char *drops;
	char *flow_idle;
	char *usage_idle;
};

struct tg_config_raw_policy {
	char *subject;
	char **limits;
	unsigned int limits_count;
	char *action;
	char *per;
	char *block;
};

struct tg_config_raw_metrics {
	char *listen;
	char *max_tokens;
	char *max_sources;
};

struct tg_config_raw {
	struct tg_config_interface *interfaces;
	unsigned int interfaces_count;
	char **listen_ports;
	unsigned int listen_ports_count;
	struct tg_config_raw_identity *identity;
	struct tg_config_raw_policy *policies;
	unsigned int policies_count;
	char **never_block;
	unsigned int never_block_count;
	char *time_zone;
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

/* Report that what stands at path is not of its type, and what is. Returns -EINVAL. */
int tg_config_raw_fault(const struct tg_config_lines *lines, const char *path);

/* Bounds and default of a number, or of a duration in seconds. */
struct tg_config_number {
	const char *path; /* of a list: without the index */
	int64_t min, max, fallback;
	bool is_duration;
};

/* NULL: no number stands there. An index at the end of path does not matter. */
const struct tg_config_number *tg_config_number(const char *path);

#endif

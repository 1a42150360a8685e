/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: YAML in, validated and complete (every default filled
 * in) struct out, immutable from then on.
 */
#ifndef TOLLGATE_CONFIG_H
#define TOLLGATE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../include/tollgate/limits.h"
#include "policy.h"

enum tg_mode { TG_MODE_AUTO, TG_MODE_NATIVE, TG_MODE_GENERIC };

struct tg_config_interface {
	char *name;
	enum tg_mode mode;
	bool replace; /* take the place of another XDP program */
	enum tg_server_place server;
	bool tcp_checksum; /* check it in the program */
};

struct tg_config_place { /* where a token may stand; exactly one of header, query */
	char *header;
	char *scheme; /* NULL: the whole value is the token */
	char *query;
};

struct tg_config {
	char *path;
	struct tg_config_interface *interfaces;
	unsigned int interfaces_count;
	uint16_t *listen_ports; /* host byte order */
	unsigned int listen_ports_count;
	struct {
		unsigned int token_prefix_bytes; /* 1..TG_PREFIX_BYTES_MAX */
		unsigned int ipv6_prefix;	 /* 1..128 */
		char *secret_file;
		struct tg_config_place *tokens;
		unsigned int tokens_count;
	} identity;
	struct tg_quota *policies; /* no two of one subject */
	unsigned int policies_count;
	struct tg_networks never_block;
	char *time_zone; /* "UTC", or a file below /usr/share/zoneinfo */
	struct {
		unsigned int header_bytes; /* 256..TG_HEADER_BYTES_MAX */
		unsigned int flows;	   /* entries of the map of that name, and so on */
		unsigned int partials;
		unsigned int held; /* pages of 1 KiB */
		unsigned int usage;
		unsigned int origins;
		unsigned int spill;   /* token_spill and source_spill, each */
		unsigned int budgets; /* beside those that policies share */
		unsigned int drops;
		unsigned int flow_idle_s;  /* an idle connection is forgotten after it */
		unsigned int usage_idle_s; /* an idle usage row is retired after it */
	} limits;
	struct {
		char *listen;		 /* "ADDR:PORT", "[ADDR]:PORT"; "" : no metrics server */
		unsigned int max_tokens; /* series; the rest under token="other" */
		unsigned int max_sources;
	} metrics;
	char *state_dir;
	char *run_dir;
	char *pin_dir;
};

/*
 * Read and validate a file. 0: *out is the caller's (tg_config_free).
 * -errno: *out untouched; error holds one line that names file, line, key,
 * what is wrong and what would be right. -EINVAL: bad contents.
 */
int tg_config_load(const char *path, struct tg_config **out, char *error, size_t error_bytes);

/* The effective configuration as YAML that tg_config_load reads back alike. */
int tg_config_print(const struct tg_config *config, FILE *to);

/* "local", "forwarded", "unseen". */
const char *tg_config_server_name(enum tg_server_place place);

void tg_config_free(struct tg_config *config);

#endif

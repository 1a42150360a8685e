/* SPDX-License-Identifier: BSD-2-Clause */
/* Does this kernel's verifier accept the programs that the configuration asks for? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../include/tollgate/http_config.h"
#include "doctor_checks.h"
#include "http_table.h"
#include "maps.h"
#include "program.h"
#include "secret.h"

#define ENTRIES 64 /* of each map: what the programs are loaded over costs little */

#define ACCEPTED_BYTES 128 /* " local, forwarded with tcp_checksum" */

/* What the programs of all interfaces are loaded with. */
struct attempt {
	const struct tg_config *config;
	const struct tg_http_config *http;
	const struct tg_maps *maps;
};

static struct tg_config with_small_maps(const struct tg_config *config)
{
	struct tg_config small = *config;

	small.limits.flows = ENTRIES;
	small.limits.partials = ENTRIES;
	small.limits.held = ENTRIES;
	small.limits.usage = ENTRIES;
	small.limits.origins = ENTRIES;
	small.limits.spill = ENTRIES;
	small.limits.budgets = ENTRIES;
	small.limits.drops = ENTRIES;
	return small;
}

/* What the verifier makes of the table does not depend on the secret: the host's stays where it is.
 */
static int make_table(const struct tg_config *config, struct tg_http_config *out, char *error,
		      size_t error_bytes)
{
	static const uint8_t any[TG_SECRET_BYTES];

	return tg_http_config_build(config, any, out, error, error_bytes);
}

static void name_kind(const struct tg_config_interface *interface, char *out, size_t bytes)
{
	snprintf(out, bytes, "%s%s", tg_config_server_name(interface->server),
		 interface->tcp_checksum ? " with tcp_checksum" : "");
}

static bool was_tried(const struct tg_config *config, unsigned int which)
{
	const struct tg_config_interface *all = config->interfaces;

	for (unsigned int i = 0; i < which; i++)
		if (all[i].server == all[which].server &&
		    all[i].tcp_checksum == all[which].tcp_checksum)
			return true;
	return false;
}

/* Nothing is attached. 0, or -errno. */
static int load(const struct attempt *attempt, const struct tg_config_interface *interface,
		char *error, size_t error_bytes)
{
	int fd = tg_program_load_meter(attempt->config, interface, attempt->http, 0, attempt->maps,
				       error, error_bytes);

	if (fd >= 0 && interface->server == TG_SERVER_FORWARDED) {
		close(fd);
		fd = tg_program_load_egress(attempt->config, interface, 0, attempt->maps, error,
					    error_bytes);
	}
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Each kind of interface once. */
static int try_all(const struct attempt *attempt, char accepted[ACCEPTED_BYTES], char *error,
		   size_t error_bytes)
{
	const struct tg_config *config = attempt->config;
	int err = 0;

	for (unsigned int i = 0; !err && i < config->interfaces_count; i++) {
		const struct tg_config_interface *interface = &config->interfaces[i];
		char kind[40], words[460] = "";
		size_t said = strlen(accepted);

		if (was_tried(config, i))
			continue;
		name_kind(interface, kind, sizeof(kind));
		err = load(attempt, interface, words, sizeof(words));
		if (err)
			snprintf(error, error_bytes, "%s: %s", kind, words);
		else
			snprintf(accepted + said, ACCEPTED_BYTES - said, "%s %s", said ? "," : "",
				 kind);
	}
	return err;
}

static int try_config(const struct tg_config *config, char accepted[ACCEPTED_BYTES], char *error,
		      size_t error_bytes)
{
	const struct tg_config small = with_small_maps(config);
	struct tg_http_config http;
	struct tg_maps maps;
	const struct attempt attempt = {.config = &small, .http = &http, .maps = &maps};
	int err = make_table(config, &http, error, error_bytes);

	if (!err)
		err = tg_program_make_maps(&small, &maps, error, error_bytes);
	if (err)
		return err;
	err = try_all(&attempt, accepted, error, error_bytes);
	tg_maps_close(&maps);
	return err;
}

bool tg_doctor_program(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	/* Where no configuration can be read: the least that one may say. */
	struct tg_config_interface any[] = {{.name = ""},
					    {.name = "", .server = TG_SERVER_FORWARDED}};
	const struct tg_config none = {
		.interfaces = any,
		.interfaces_count = 2,
		.identity = {.token_prefix_bytes = 12, .ipv6_prefix = 64},
		.limits.header_bytes = TG_HEADER_BYTES_DEFAULT,
	};
	char accepted[ACCEPTED_BYTES] = "", error[512] = "";
	int err =
		try_config(target->config ? target->config : &none, accepted, error, sizeof(error));

	if (err == -EPERM) /* -EACCES is the verifier's word */
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN, "%s", error);
	if (err)
		return tg_doctor_say(out, TG_DOCTOR_FAIL, "%s", error);
	return tg_doctor_say(out, TG_DOCTOR_OK, "the verifier accepts it:%s%s", accepted,
			     target->config ? "" : "; without token places");
}

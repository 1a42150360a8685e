/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_check.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "places.h"

/* run_dir holds Unix sockets: sun_path has 108 bytes, names in it take up to 16. */
#define RUN_DIR_BYTES_MAX 90
/* pin_dir, state_dir: what is put below them must fit into PATH_MAX. */
#define DIR_BYTES_MAX (PATH_MAX - 256)
#define ZONE_DIR      "/usr/share/zoneinfo"

int tg_config_check_document(const struct tg_config_lines *lines)
{
	const struct tg_config_node *document = tg_config_lines_find(lines, "");

	if (!document || (document->kind == TG_CONFIG_SCALAR && !*document->text))
		return tg_config_lines_fault(lines, "",
					     "empty; name at least one interface, for example "
					     "interfaces: [{name: eth0}]");
	if (document->kind != TG_CONFIG_MAPPING)
		return tg_config_lines_fault(lines, "", "not a mapping; write key: value lines");
	return 0;
}

/* What the kernel takes for a name (dev_valid_name). */
static bool is_interface_name(const char *name)
{
	size_t bytes = strlen(name);

	if (!bytes || bytes >= TG_IFACE_NAME_BYTES || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name) ||
		    iscntrl((unsigned char)*name))
			return false;
	}
	return true;
}

static int check_interface(const struct tg_config_lines *lines, const struct tg_config *config,
			   unsigned int i)
{
	char entry[TG_CONFIG_PATH_BYTES], path[TG_CONFIG_PATH_BYTES];
	char quote[TG_CONFIG_QUOTE_BYTES];
	const char *name = config->interfaces[i].name;

	tg_config_lines_index(entry, "interfaces", i);
	tg_config_lines_join(path, entry, "name");
	if (!name)
		return tg_config_lines_fault(lines, path, "missing; write for example name: eth0");
	if (!is_interface_name(name))
		return tg_config_lines_fault(lines, path,
					     "%s is not an interface name; 1 to %d characters "
					     "without /, : and spaces",
					     tg_config_lines_quote(quote, name),
					     TG_IFACE_NAME_BYTES - 1);
	for (unsigned int k = 0; k < i; k++) {
		if (!strcmp(config->interfaces[k].name, name))
			return tg_config_lines_fault(lines, path,
						     "%s is interfaces[%u] already; remove one",
						     tg_config_lines_quote(quote, name), k);
	}
	return 0;
}

static int check_interfaces(const struct tg_config_lines *lines, const struct tg_config *config)
{
	bool given = tg_config_lines_find(lines, "interfaces");
	int err = 0;

	if (!config->interfaces_count)
		return tg_config_lines_fault(lines, "interfaces",
					     "%s; name at least one, for example "
					     "interfaces: [{name: eth0}]",
					     given ? "empty" : "missing");
	if (config->interfaces_count > TG_IFACES_MAX)
		return tg_config_lines_fault(lines, "interfaces", "%u are too many; 1 to %d",
					     config->interfaces_count, TG_IFACES_MAX);
	for (unsigned int i = 0; !err && i < config->interfaces_count; i++)
		err = check_interface(lines, config, i);
	return err;
}

static int check_ports(const struct tg_config_lines *lines, const struct tg_config *config)
{
	const uint16_t *ports = config->listen_ports;
	char path[TG_CONFIG_PATH_BYTES];

	if (!config->listen_ports_count)
		return tg_config_lines_fault(lines, "listen_ports",
					     "empty; name at least one port, 1 to 65535");
	if (config->listen_ports_count > TG_PORTS_MAX)
		return tg_config_lines_fault(lines, "listen_ports", "%u are too many; 1 to %d",
					     config->listen_ports_count, TG_PORTS_MAX);
	for (unsigned int i = 0; i < config->listen_ports_count; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if (ports[i] != ports[k])
				continue;
			tg_config_lines_index(path, "listen_ports", i);
			return tg_config_lines_fault(lines, path,
						     "%u is listen_ports[%u] already; remove one",
						     ports[i], k);
		}
	}
	return 0;
}

static int check_tokens(const struct tg_config_lines *lines, const struct tg_config *config)
{
	char entry[TG_CONFIG_PATH_BYTES], path[TG_CONFIG_PATH_BYTES];
	struct tg_places_fault fault;

	if (!config->identity.tokens_count)
		return tg_config_lines_fault(lines, "identity.tokens",
					     "empty; name a place such as {header: X-API-Key}, or "
					     "leave the key out");
	if (!tg_places_check(config->identity.tokens, config->identity.tokens_count, &fault))
		return 0;
	tg_config_lines_index(entry, "identity.tokens", fault.place);
	if (!fault.key)
		return tg_config_lines_fault(lines, entry, "%s", fault.what);
	tg_config_lines_join(path, entry, fault.key);
	return tg_config_lines_fault(lines, path, "%s", fault.what);
}

static int check_path(const struct tg_config_lines *lines, const char *key, const char *path,
		      size_t bytes_max)
{
	char quote[TG_CONFIG_QUOTE_BYTES];

	if (*path != '/')
		return tg_config_lines_fault(lines, key,
					     "%s is not an absolute path; begin it with /",
					     tg_config_lines_quote(quote, path));
	if (!path[strspn(path, "/")])
		return tg_config_lines_fault(lines, key,
					     "the root directory; name one for tollgate alone");
	for (const char *c = path; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return tg_config_lines_fault(lines, key, "a control character in %s",
						     tg_config_lines_quote(quote, path));
	}
	if (strlen(path) > bytes_max)
		return tg_config_lines_fault(lines, key, "longer than %zu bytes; use a shorter one",
					     bytes_max);
	return 0;
}

static int check_paths(const struct tg_config_lines *lines, const struct tg_config *config)
{
	int err;

	err = check_path(lines, "state_dir", config->state_dir, DIR_BYTES_MAX);
	if (!err)
		err = check_path(lines, "run_dir", config->run_dir, RUN_DIR_BYTES_MAX);
	if (!err)
		err = check_path(lines, "pin_dir", config->pin_dir, DIR_BYTES_MAX);
	if (!err)
		err = check_path(lines, "identity.secret_file", config->identity.secret_file,
				 DIR_BYTES_MAX + sizeof("/secret"));
	return err;
}

static int check_listen(const struct tg_config_lines *lines, const struct tg_config *config)
{
	struct sockaddr_storage address;
	char quote[TG_CONFIG_QUOTE_BYTES];
	socklen_t bytes;

	if (!*config->metrics.listen || !tg_listen_parse(config->metrics.listen, &address, &bytes))
		return 0;
	return tg_config_lines_fault(lines, "metrics.listen",
				     "%s is not ADDR:PORT; write for example 127.0.0.1:9464 or "
				     "\"[::1]:9464\", or \"\" for none",
				     tg_config_lines_quote(quote, config->metrics.listen));
}

/* They stand in the map from the start, and something has to be left for blocks. */
static int check_drops(const struct tg_config_lines *lines, const struct tg_config *config)
{
	if (config->never_block.count < config->limits.drops)
		return 0;
	return tg_config_lines_fault(lines, "limits.drops",
				     "%u is too small for the %u entries of never_block; raise it",
				     config->limits.drops, config->never_block.count);
}

/* Its name may not leave the directory: the agent reads the file as root. */
static bool is_zone_name(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return false;
	}
	return *name && *name != '/' && !strstr(name, "..");
}

/* Beside zones, tables of them stand there. */
static bool is_zone_file(const char *name)
{
	char path[PATH_MAX], magic[4] = "";
	int fd;

	if (snprintf(path, sizeof(path), ZONE_DIR "/%s", name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	if (TEMP_FAILURE_RETRY(read(fd, magic, sizeof(magic))) != sizeof(magic))
		*magic = '\0';
	close(fd);
	return !memcmp(magic, "TZif", sizeof(magic));
}

static int check_time_zone(const struct tg_config_lines *lines, const struct tg_config *config)
{
	char quote[TG_CONFIG_QUOTE_BYTES];

	if (!strcmp(config->time_zone, "UTC"))
		return 0;
	tg_config_lines_quote(quote, config->time_zone);
	if (!is_zone_name(config->time_zone))
		return tg_config_lines_fault(lines, "time_zone",
					     "%s is not the name of a time zone; write for example "
					     "Europe/Berlin, or UTC",
					     quote);
	if (!is_zone_file(config->time_zone))
		return tg_config_lines_fault(lines, "time_zone",
					     "%s is no time zone in " ZONE_DIR "; fix the name, or "
					     "install tzdata",
					     quote);
	return 0;
}

int tg_config_check(const struct tg_config_lines *lines, const struct tg_config *config)
{
	int err;

	err = check_interfaces(lines, config);
	if (!err)
		err = check_ports(lines, config);
	if (!err)
		err = check_tokens(lines, config);
	if (!err)
		err = check_paths(lines, config);
	if (!err)
		err = check_listen(lines, config);
	if (!err)
		err = check_time_zone(lines, config);
	if (!err)
		err = check_drops(lines, config);
	return err;
}

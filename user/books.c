/* SPDX-License-Identifier: BSD-2-Clause */
#include "books.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../include/tollgate/siphash.h"
#include "error.h"
#include "http_table.h"
#include "log.h"
#include "pins.h"
#include "program.h"

#define LOCK_WAIT_MS 3000 /* an agent that was just killed may still be dying */

/* --- secret ------------------------------------------------------------------------- */

int tg_books_http(const struct tg_config *config, enum tg_secret_missing missing,
		  struct tg_http_config *out, char *error, size_t error_bytes)
{
	uint8_t secret[TG_SECRET_BYTES];
	int err = tg_secret_load(config->identity.secret_file, missing, secret, error, error_bytes);

	if (!err)
		err = tg_http_config_build(config, secret, out, error, error_bytes);
	explicit_bzero(secret, sizeof(secret));
	return err;
}

static uint64_t secret_check(const struct tg_http_config *http)
{
	struct tg_sip sip;
	__u64 word;

	memcpy(&word, "tollgate", sizeof(word));
	tg_sip_start(&sip, http->key);
	tg_sip_add(&sip, word, sizeof(word));
	return tg_sip_end(&sip);
}

/* Both stand in the keys of the rows: under others, one token or source would have two. */
static int check_prefixes(const struct tg_config *config, const struct tg_meta *meta, char *error,
			  size_t error_bytes)
{
	if (meta->ipv6_prefix == config->identity.ipv6_prefix &&
	    meta->token_prefix_bytes == config->identity.token_prefix_bytes)
		return 0;
	return tg_error(-EKEYREJECTED, error, error_bytes,
			"identity: the pinned maps were made with ipv6_prefix %u and "
			"token_prefix_bytes %u; set them so, or save the books with `tollgate "
			"usage -o json`, then `tollgate detach`, and start again",
			meta->ipv6_prefix, meta->token_prefix_bytes);
}

int tg_books_check_identity(const struct tg_config *config, const struct tg_http_config *http,
			    const struct tg_maps *maps, char *error, size_t error_bytes)
{
	struct tg_meta meta;
	int err = tg_maps_meta(maps, &meta);

	if (err)
		return tg_error(err, error, error_bytes, "meta: cannot be read: %s",
				strerror(-err));
	if (meta.secret_check == secret_check(http))
		return check_prefixes(config, &meta, error, error_bytes);
	return tg_error(-EKEYREJECTED, error, error_bytes,
			"%s: not the secret that the pinned maps were made under; bring that file "
			"back, or save the books with `tollgate usage -o json`, then `tollgate "
			"detach`, and start again",
			config->identity.secret_file);
}

/* --- make or adopt -------------------------------------------------------------------- */

static int write_first_meta(const struct tg_config *config, const struct tg_maps *maps,
			    const struct tg_http_config *http)
{
	struct tg_meta meta = {
		.abi_version = TG_ABI_VERSION,
		.ipv6_prefix = (__u8)config->identity.ipv6_prefix,
		.token_prefix_bytes = (__u8)config->identity.token_prefix_bytes,
		.secret_check = secret_check(http),
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	meta.created_unix_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	return tg_maps_set_meta(maps, &meta);
}

static int make(const struct tg_config *config, const struct tg_http_config *http,
		struct tg_maps *out, char *error, size_t error_bytes)
{
	struct tg_maps maps;
	int err = tg_program_make_maps(config, &maps, error, error_bytes);

	if (err)
		return err;
	err = write_first_meta(config, &maps, http);
	if (err) {
		tg_maps_close(&maps);
		return tg_error(err, error, error_bytes, "meta: cannot be written: %s",
				strerror(-err));
	}
	*out = maps;
	return 0;
}

void tg_books_warn_of_sizes(const struct tg_config *config, const struct tg_maps *maps)
{
	uint32_t wanted;

	for (int map = 0; map < TG_MAPS; map++) {
		wanted = tg_program_map_entries(config, map);
		if (wanted && wanted != maps->capacity[map])
			tg_log_warning("limits: map %s is pinned with %u entries and keeps them; "
				       "%u as configured come after `tollgate detach`",
				       tg_map_name(map), maps->capacity[map], wanted);
	}
}

static int any_link(const char *ifname, const char *path, void *arg)
{
	(void)ifname;
	(void)path;
	(void)arg;
	return 1;
}

/* Maps without meta: an agent was killed before it had pinned them all. Nothing counts in them. */
static int refuse_orphans(const char *pin_dir, char *error, size_t error_bytes)
{
	int err = tg_pins_links(pin_dir, any_link, NULL);

	return err > 0 ? tg_error(-EPROTO, error, error_bytes,
				  "%s: links are pinned without their maps; `tollgate detach` "
				  "removes them",
				  pin_dir)
		       : err;
}

static int make_or_adopt(const struct tg_config *config, const struct tg_http_config *http,
			 struct tg_maps *out, char *error, size_t error_bytes)
{
	struct tg_maps maps;
	int err = tg_maps_open(&maps, config->pin_dir, error, error_bytes);

	if (err == -ENOENT) {
		err = refuse_orphans(config->pin_dir, error, error_bytes);
		return err ? err : make(config, http, out, error, error_bytes);
	}
	if (err)
		return err;
	err = tg_program_check_maps(&maps, config->pin_dir, error, error_bytes);
	if (!err)
		err = tg_books_check_identity(config, http, &maps, error, error_bytes);
	if (err) {
		tg_maps_close(&maps);
		return err;
	}
	tg_books_warn_of_sizes(config, &maps);
	*out = maps;
	return 0;
}

static int lock(const char *pin_dir, int *lock_fd, char *error, size_t error_bytes)
{
	int fd = tg_pins_lock(pin_dir, LOCK_WAIT_MS);

	if (fd == -EBUSY)
		return tg_error(fd, error, error_bytes,
				"%s: another agent works on these pins; stop it, or set another "
				"pin_dir",
				pin_dir);
	if (fd < 0)
		return tg_error(fd, error, error_bytes, "%s: cannot be locked: %s", pin_dir,
				strerror(-fd));
	*lock_fd = fd;
	return 0;
}

int tg_books_open(const struct tg_config *config, const struct tg_http_config *http,
		  struct tg_maps *maps, int *lock_fd, char *error, size_t error_bytes)
{
	int fd = -1, err = tg_pins_prepare(config->pin_dir, error, error_bytes);

	if (!err)
		err = lock(config->pin_dir, &fd, error, error_bytes);
	if (err)
		return err;
	err = make_or_adopt(config, http, maps, error, error_bytes);
	if (err)
		close(fd);
	else
		*lock_fd = fd;
	return err;
}

int tg_books_take_over(const struct tg_config *config, const struct tg_maps *maps, char *error,
		       size_t error_bytes)
{
	char path[TG_PINS_PATH_BYTES];
	struct tg_meta meta;
	int err = tg_maps_meta(maps, &meta);

	meta.generation++;
	if (!err)
		err = tg_maps_set_meta(maps, &meta);
	if (!err)
		err = tg_pins_map_path(path, config->pin_dir, TG_MAP_META);
	if (!err && access(path, F_OK))
		err = tg_pins_remove_maps(config->pin_dir);
	return err ? tg_error(err, error, error_bytes, "%s: cannot be taken over: %s",
			      config->pin_dir, strerror(-err))
		   : tg_pins_maps(maps, config->pin_dir, error, error_bytes);
}

/* --- slots -------------------------------------------------------------------------- */

static int write_slot(const struct tg_maps *maps, uint32_t slot, const char *name, uint32_t ifindex)
{
	struct tg_interface row = {.ifindex = ifindex};

	snprintf(row.name, sizeof(row.name), "%s", name);
	return tg_maps_set_interface(maps, slot, &row);
}

int tg_books_slot(const struct tg_maps *maps, const char *name, uint32_t ifindex, uint32_t *slot,
		  char *error, size_t error_bytes)
{
	struct tg_interface all[TG_IFACES_MAX];
	int err = tg_maps_interfaces(maps, all);
	uint32_t found;

	if (err)
		return tg_error(err, error, error_bytes, "interfaces: cannot be read: %s",
				strerror(-err));
	found = tg_maps_slot_named(all, name);
	if (found == TG_IFACES_MAX)
		found = tg_maps_slot_named(all, "");
	if (found == TG_IFACES_MAX)
		return tg_error(-ENOSPC, error, error_bytes,
				"%s: all %d interface slots are taken by other names; save the "
				"books with `tollgate usage -o json`, then `tollgate detach`",
				name, TG_IFACES_MAX);
	err = write_slot(maps, found, name, ifindex);
	if (err)
		return tg_error(err, error, error_bytes, "interfaces: cannot be written: %s",
				strerror(-err));
	*slot = found;
	return 0;
}

uint32_t tg_books_find_slot(const struct tg_maps *maps, const char *name)
{
	struct tg_interface all[TG_IFACES_MAX];

	return tg_maps_interfaces(maps, all) ? TG_IFACES_MAX : tg_maps_slot_named(all, name);
}

uint32_t tg_books_slot_away(const struct tg_maps *maps, const char *name)
{
	uint32_t slot = tg_books_find_slot(maps, name);

	if (slot < TG_IFACES_MAX)
		write_slot(maps, slot, name, 0);
	return slot;
}

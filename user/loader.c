/* SPDX-License-Identifier: BSD-2-Clause */
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "books.h"
#include "error.h"
#include "log.h"
#include "maintain.h"
#include "pins.h"
#include "program.h"
#include "repin.h"

/* What the loader has for config->interfaces[i]. */
struct iface {
	char name[TG_IFACE_NAME_BYTES];
	int program_fd; /* -1: not loaded yet */
	uint32_t program_id;
	int link_fd; /* -1: not attached */
	uint32_t link_id;
	char why[sizeof(((struct tg_attachment *)0)->why)];
};

struct tg_loader {
	const struct tg_config *config;
	struct tg_http_config http;
	struct tg_maps maps;
	struct tg_maintain maintain;
	struct iface *ifaces;
	unsigned int ifaces_count;
	int lock_fd;
};

const struct tg_maps *tg_loader_maps(const struct tg_loader *loader)
{
	return &loader->maps;
}

struct tg_maintain *tg_loader_maintain(struct tg_loader *loader)
{
	return &loader->maintain;
}

const struct tg_http_config *tg_loader_http(const struct tg_loader *loader)
{
	return &loader->http;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- interfaces ------------------------------------------------------------------------- */

static void ifaces_free(struct iface *ifaces, unsigned int count)
{
	for (unsigned int i = 0; ifaces && i < count; i++) {
		close_fd(&ifaces[i].program_fd);
		close_fd(&ifaces[i].link_fd);
	}
	free(ifaces);
}

static struct iface *ifaces_new(const struct tg_config *config)
{
	struct iface *ifaces = calloc(config->interfaces_count ?: 1, sizeof(*ifaces));

	for (unsigned int i = 0; ifaces && i < config->interfaces_count; i++) {
		snprintf(ifaces[i].name, sizeof(ifaces[i].name), "%s", config->interfaces[i].name);
		strcpy(ifaces[i].why, "not attached yet");
		ifaces[i].program_fd = -1;
		ifaces[i].link_fd = -1;
	}
	return ifaces;
}

static struct iface *iface_named(struct iface *ifaces, unsigned int count, const char *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(ifaces[i].name, name))
			return &ifaces[i];
	return NULL;
}

/* --- open and close ------------------------------------------------------------------- */

static struct tg_loader *loader_new(const struct tg_config *config)
{
	struct tg_loader *loader = calloc(1, sizeof(*loader));

	if (!loader)
		return NULL;
	loader->config = config;
	loader->lock_fd = -1;
	tg_maps_init(&loader->maps, 0);
	for (int i = 0; i < TG_PROGRAMS; i++)
		loader->maintain.fd[i] = -1;
	loader->ifaces = ifaces_new(config);
	loader->ifaces_count = config->interfaces_count;
	if (loader->ifaces)
		return loader;
	free(loader);
	return NULL;
}

/* A link that an agent before us left on what is not configured any more. */
static int end_unconfigured(const char *ifname, const char *path, void *arg)
{
	const struct tg_loader *loader = arg;
	int fd;

	if (iface_named(loader->ifaces, loader->ifaces_count, ifname))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	tg_log_notice("%s: detached, as the configuration does not name it any more", ifname);
	tg_attach_forget(loader->config, ifname, fd);
	tg_books_slot_away(&loader->maps, ifname);
	return 0;
}

int tg_loader_open(const struct tg_config *config, struct tg_loader **out, char *error,
		   size_t error_bytes)
{
	struct tg_loader *loader = loader_new(config);
	int err;

	if (!loader)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	err = tg_books_http(config, &loader->http, error, error_bytes);
	if (!err)
		err = tg_books_open(config, &loader->http, &loader->maps, &loader->lock_fd, error,
				    error_bytes);
	if (!err)
		err = tg_maintain_open(&loader->maps, &loader->maintain, error, error_bytes);
	if (!err)
		err = tg_books_take_over(config, &loader->maps, error, error_bytes);
	if (err) {
		tg_loader_close(loader);
		return err;
	}
	tg_pins_links(config->pin_dir, end_unconfigured, loader);
	*out = loader;
	return 0;
}

void tg_loader_close(struct tg_loader *loader)
{
	if (!loader)
		return;
	ifaces_free(loader->ifaces, loader->ifaces_count);
	tg_maintain_close(&loader->maintain);
	tg_maps_close(&loader->maps);
	explicit_bzero(&loader->http, sizeof(loader->http));
	close_fd(&loader->lock_fd);
	free(loader);
}

/* --- attach ---------------------------------------------------------------------------- */

static int load_program(struct iface *iface, const struct tg_config *config,
			const struct tg_http_config *http, const struct tg_maps *maps,
			uint32_t slot, char *error, size_t error_bytes)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int fd, err;

	if (iface->program_fd >= 0)
		return 0;
	fd = tg_program_load_meter(config, http, slot, maps, error, error_bytes);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	if (err) {
		close(fd);
		return tg_error(err, error, error_bytes, "the program: cannot be looked at: %s",
				strerror(-err));
	}
	iface->program_fd = fd;
	iface->program_id = info.id;
	return 0;
}

/* `tollgate detach` may have removed pins under a running agent. */
static int ensure_pins(const struct tg_loader *loader, char *error, size_t error_bytes)
{
	const char *pin_dir = loader->config->pin_dir;
	int err = tg_pins_prepare(pin_dir, error, error_bytes);

	return err ? err : tg_pins_maps(&loader->maps, pin_dir, error, error_bytes);
}

static int attach(struct tg_loader *loader, unsigned int which, uint32_t ifindex, char *error,
		  size_t error_bytes)
{
	struct iface *iface = &loader->ifaces[which];
	struct tg_attach ask = {.config = loader->config,
				.interface = &loader->config->interfaces[which],
				.ifindex = ifindex};
	struct tg_attached attached;
	uint32_t slot;
	int err = ensure_pins(loader, error, error_bytes);

	if (!err)
		err = tg_books_slot(&loader->maps, iface->name, ifindex, &slot, error, error_bytes);
	if (!err)
		err = load_program(iface, loader->config, &loader->http, &loader->maps, slot, error,
				   error_bytes);
	if (err)
		return err;
	ask.program_fd = iface->program_fd;
	ask.program_id = iface->program_id;
	err = tg_attach(&ask, &attached, error, error_bytes);
	close_fd(&iface->link_fd);
	if (err)
		return err;
	iface->link_fd = attached.link_fd;
	if (iface->link_id != attached.link_id || attached.mode == TG_MODE_NATIVE)
		memcpy(iface->why, attached.why, sizeof(iface->why));
	iface->link_id = attached.link_id;
	return 0;
}

int tg_loader_attach(struct tg_loader *loader, unsigned int which, uint32_t ifindex,
		     struct tg_attachment *out, char *error, size_t error_bytes)
{
	struct iface *iface = &loader->ifaces[which];
	int err = attach(loader, which, ifindex, error, error_bytes);

	if (!err)
		return tg_loader_refresh(loader, which, out);
	iface->link_id = 0;
	snprintf(iface->why, sizeof(iface->why), "%s", error);
	return err;
}

int tg_loader_refresh(struct tg_loader *loader, unsigned int which, struct tg_attachment *out)
{
	const struct iface *iface = &loader->ifaces[which];
	struct tg_attachment now = {.mode = loader->config->interfaces[which].mode};
	struct bpf_link_info info;

	memcpy(now.name, iface->name, sizeof(now.name));
	memcpy(now.why, iface->why, sizeof(now.why));
	now.slot = tg_books_find_slot(&loader->maps, iface->name);
	if (iface->link_fd >= 0) {
		int err = tg_attach_info(iface->link_fd, &info);

		if (err)
			return err;
		now.ifindex = info.xdp.ifindex;
		now.attached = tg_attach_on(&info, info.xdp.ifindex, &now.mode);
		now.program_id = now.attached ? info.prog_id : 0;
		now.link_id = now.attached ? info.id : 0;
		if (!now.attached)
			strcpy(now.why, "taken off by someone; a reload (SIGHUP) attaches again");
	}
	*out = now;
	return 0;
}

void tg_loader_forget(struct tg_loader *loader, unsigned int which)
{
	struct iface *iface = &loader->ifaces[which];

	tg_books_slot_away(&loader->maps, iface->name);
	if (iface->link_fd >= 0)
		tg_attach_forget(loader->config, iface->name, iface->link_fd);
	iface->link_fd = -1;
	iface->link_id = 0;
	strcpy(iface->why, "the interface is not there");
}

/* Not where nothing is attached: `tollgate detach` removes the pins, and is to be obeyed. */
int tg_loader_keep_pins(struct tg_loader *loader, char *error, size_t error_bytes)
{
	const char *pin_dir = loader->config->pin_dir;
	bool kept = false;
	int err = 0;

	for (unsigned int i = 0; !err && i < loader->ifaces_count; i++) {
		struct tg_attachment now;

		if (tg_loader_refresh(loader, i, &now) || !now.attached)
			continue;
		if (!kept)
			err = tg_repin_lock(pin_dir, &loader->lock_fd, error, error_bytes);
		if (!kept && !err)
			err = tg_repin_maps(&loader->maps, pin_dir, error, error_bytes);
		kept = true;
		if (!err)
			err = tg_repin_link(loader->ifaces[i].link_fd, loader->ifaces[i].name,
					    pin_dir, error, error_bytes);
	}
	return err;
}

/* --- reload ------------------------------------------------------------------------------ */

struct reload { /* the next state, until it is put in force */
	const struct tg_config *config;
	struct tg_http_config http;
	struct iface *ifaces;
};

/* A new program for each interface that is attached now. Nothing is swapped yet. */
static int reload_programs(const struct tg_loader *loader, struct reload *next, char *error,
			   size_t error_bytes)
{
	const struct iface *old;
	uint32_t slot;
	int err = 0;

	for (unsigned int i = 0; !err && i < next->config->interfaces_count; i++) {
		old = iface_named(loader->ifaces, loader->ifaces_count, next->ifaces[i].name);
		if (!old)
			continue;
		memcpy(next->ifaces[i].why, old->why, sizeof(old->why));
		slot = tg_books_find_slot(&loader->maps, old->name);
		if (old->link_fd < 0 || slot == TG_IFACES_MAX)
			continue;
		err = load_program(&next->ifaces[i], next->config, &next->http, &loader->maps, slot,
				   error, error_bytes);
	}
	return err;
}

/* -ENOLINK: the interface went, or the program was taken off: not the swap's business. */
static int swap(int link_fd, int program_fd)
{
	int err = bpf_link_update(link_fd, program_fd, NULL);

	return err == -ENOLINK ? 0 : err;
}

/* All or none: on failure those that were swapped get their program back. */
static int reload_swap(struct tg_loader *loader, struct reload *next, char *error,
		       size_t error_bytes)
{
	unsigned int count = next->config->interfaces_count, done;
	struct iface *old;
	int err = 0;

	for (done = 0; !err && done < count; done++) {
		old = iface_named(loader->ifaces, loader->ifaces_count, next->ifaces[done].name);
		if (next->ifaces[done].program_fd >= 0)
			err = swap(old->link_fd, next->ifaces[done].program_fd);
	}
	if (!err)
		return 0;
	tg_error(err, error, error_bytes, "%s: the program cannot be swapped: %s",
		 next->ifaces[done - 1].name, strerror(-err));
	for (unsigned int i = 0; i + 1 < done; i++) {
		old = iface_named(loader->ifaces, loader->ifaces_count, next->ifaces[i].name);
		if (next->ifaces[i].program_fd >= 0)
			swap(old->link_fd, old->program_fd);
	}
	return err;
}

/* Links go over to the new list; those of interfaces that it does not name are ended. */
static void reload_links(struct tg_loader *loader, struct reload *next)
{
	char pin[TG_PINS_PATH_BYTES];
	struct iface *old, *new;

	for (unsigned int i = 0; i < loader->ifaces_count; i++) {
		old = &loader->ifaces[i];
		new = iface_named(next->ifaces, next->config->interfaces_count, old->name);
		if (new) {
			new->link_fd = old->link_fd;
			new->link_id = old->link_id;
			old->link_fd = -1;
		} else if (old->link_fd >= 0 &&
			   !tg_pins_link_path(pin, loader->config->pin_dir, old->name)) {
			tg_log_notice(
				"%s: detached, as the configuration does not name it any more",
				old->name);
			tg_attach_take_off(old->link_fd, pin);
			tg_books_slot_away(&loader->maps, old->name);
			old->link_fd = -1;
		}
	}
}

static int reload_prepare(const struct tg_loader *loader, struct reload *next, char *error,
			  size_t error_bytes)
{
	int err;

	if (strcmp(loader->config->pin_dir, next->config->pin_dir))
		return tg_error(-EINVAL, error, error_bytes,
				"pin_dir: cannot change while the agent runs; restart it");
	next->ifaces = ifaces_new(next->config);
	if (!next->ifaces)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	err = tg_books_http(next->config, &next->http, error, error_bytes);
	if (!err)
		err = tg_books_check_identity(next->config, &next->http, &loader->maps, error,
					      error_bytes);
	return err ? err : reload_programs(loader, next, error, error_bytes);
}

int tg_loader_reload(struct tg_loader *loader, const struct tg_config *config, char *error,
		     size_t error_bytes)
{
	struct reload next = {.config = config};
	int err = reload_prepare(loader, &next, error, error_bytes);

	if (!err)
		err = reload_swap(loader, &next, error, error_bytes);
	if (!err) {
		reload_links(loader, &next);
		ifaces_free(loader->ifaces, loader->ifaces_count);
		loader->ifaces = next.ifaces;
		loader->ifaces_count = config->interfaces_count;
		loader->http = next.http;
		loader->config = config;
		tg_books_warn_of_sizes(config, &loader->maps);
	} else {
		ifaces_free(next.ifaces, config->interfaces_count);
	}
	explicit_bzero(&next.http, sizeof(next.http));
	return err;
}

/* --- maintenance -------------------------------------------------------------------------- */

uint64_t tg_loader_jiffies(struct tg_loader *loader, uint64_t seconds)
{
	return seconds * tg_maintain_hz(&loader->maintain);
}

int tg_loader_sweep_flows(struct tg_loader *loader, struct tg_sweep *sweep)
{
	return tg_maintain_sweep_flows(&loader->maintain, sweep);
}

int tg_loader_retire_usage(struct tg_loader *loader, struct tg_sweep *sweep)
{
	return tg_maintain_retire(&loader->maintain, sweep);
}

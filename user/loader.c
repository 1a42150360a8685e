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
#include "egress.h"
#include "error.h"
#include "log.h"
#include "maintain.h"
#include "pins.h"
#include "program.h"
#include "repin.h"

#define WHY_BYTES sizeof(((struct tg_attachment *)0)->why)

struct program {
	int fd; /* -1: not loaded yet */
	uint32_t id;
};

/* What the loader has for config->interfaces[i]. */
struct iface {
	char name[TG_IFACE_NAME_BYTES];
	struct program meter;
	struct program egress; /* where servers are forwarded */
	int link_fd;	       /* -1: not attached */
	uint32_t link_id;
	char why[WHY_BYTES];
	char egress_why[WHY_BYTES]; /* it could not be attached */
	bool egress_stood;	    /* it was in force when a reload began */
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
		close_fd(&ifaces[i].meter.fd);
		close_fd(&ifaces[i].egress.fd);
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
		ifaces[i].meter.fd = -1;
		ifaces[i].egress.fd = -1;
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

static void say_ended(const char *ifname, int err)
{
	if (err)
		tg_log_error("%s: not configured any more, but it cannot be detached: %s; try "
			     "`tollgate detach %s`",
			     ifname, strerror(-err), ifname);
	else
		tg_log_notice("%s: detached, as the configuration does not name it any more",
			      ifname);
}

/* A link that an agent before us left on what is not configured any more. */
static int end_unconfigured(const char *ifname, const char *path, void *arg)
{
	const struct tg_loader *loader = arg;
	uint32_t ifindex;
	int fd, err;

	if (iface_named(loader->ifaces, loader->ifaces_count, ifname))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (tg_attach_elsewhere(fd, &ifindex)) {
		tg_log_warning("%s: its pinned link counts on an interface of another network "
			       "namespace (index %u) and is left alone; set a pin_dir of its own "
			       "for each namespace, or `tollgate detach %s`",
			       ifname, ifindex, ifname);
		close(fd);
		return 0;
	}
	err = tg_attach_forget(loader->config, ifname, fd);
	if (err <= 0)
		say_ended(ifname, err);
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
	err = tg_books_http(config, TG_SECRET_MAKE, &loader->http, error, error_bytes);
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

/* fd: as loading returned it. */
static int take_program(int fd, struct program *out, char *error, size_t error_bytes)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	if (err) {
		close(fd);
		return tg_error(err, error, error_bytes, "the program: cannot be looked at: %s",
				strerror(-err));
	}
	out->fd = fd;
	out->id = info.id;
	return 0;
}

/* What the programs of an interface are made from. */
struct source {
	const struct tg_config *config;
	const struct tg_http_config *http;
	const struct tg_maps *maps;
};

static int load_programs(struct iface *iface, const struct source *from, unsigned int which,
			 uint32_t slot, char *error, size_t error_bytes)
{
	const struct tg_config_interface *interface = &from->config->interfaces[which];
	int err = 0;

	if (iface->meter.fd < 0)
		err = take_program(tg_program_load_meter(from->config, interface, from->http, slot,
							 from->maps, error, error_bytes),
				   &iface->meter, error, error_bytes);
	if (!err && iface->egress.fd < 0 && interface->server == TG_SERVER_FORWARDED)
		err = take_program(tg_program_load_egress(from->config, interface, slot, from->maps,
							  error, error_bytes),
				   &iface->egress, error, error_bytes);
	return err;
}

/* `tollgate detach` may have removed pins under a running agent. */
static int ensure_pins(const struct tg_loader *loader, char *error, size_t error_bytes)
{
	const char *pin_dir = loader->config->pin_dir;
	int err = tg_pins_prepare(pin_dir, error, error_bytes);

	return err ? err : tg_pins_maps(&loader->maps, pin_dir, error, error_bytes);
}

/*
 * Without it nothing counts where servers are forwarded; but that is no reason to take the
 * meter off. One that an agent before us left is swapped, or taken off if none is wanted.
 */
static void attach_egress(struct iface *iface, uint32_t ifindex)
{
	*iface->egress_why = '\0';
	if (iface->egress.fd < 0)
		tg_egress_take_off(ifindex);
	else if (tg_egress_program(ifindex) != iface->egress.id)
		tg_egress_attach(ifindex, iface->name, iface->egress.fd, iface->egress_why,
				 sizeof(iface->egress_why));
}

static int attach(struct tg_loader *loader, unsigned int which, uint32_t ifindex, char *error,
		  size_t error_bytes)
{
	const struct source from = {loader->config, &loader->http, &loader->maps};
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
		err = load_programs(iface, &from, which, slot, error, error_bytes);
	if (err)
		return err;
	ask.program_fd = iface->meter.fd;
	ask.program_id = iface->meter.id;
	err = tg_attach(&ask, &attached, error, error_bytes);
	close_fd(&iface->link_fd);
	if (err)
		return err;
	iface->link_fd = attached.link_fd;
	if (iface->link_id != attached.link_id || attached.mode == TG_MODE_NATIVE)
		memcpy(iface->why, attached.why, sizeof(iface->why));
	iface->link_id = attached.link_id;
	attach_egress(iface, ifindex);
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

/* now: attached. */
static void look_at_egress(const struct iface *iface, struct tg_attachment *now)
{
	const char *off = "its egress program was taken off by someone; a reload (SIGHUP) attaches "
			  "it again";

	if (iface->egress.fd < 0)
		return;
	if (tg_egress_program(now->ifindex) == iface->egress.id)
		now->egress_id = iface->egress.id;
	else
		snprintf(now->why, sizeof(now->why), "%s",
			 *iface->egress_why ? iface->egress_why : off);
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
		if (now.attached)
			look_at_egress(iface, &now);
		else
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

static bool is_attached(struct tg_loader *loader, unsigned int which)
{
	struct tg_attachment now;

	return !tg_loader_refresh(loader, which, &now) && now.attached;
}

static bool any_attached(struct tg_loader *loader)
{
	for (unsigned int i = 0; i < loader->ifaces_count; i++)
		if (is_attached(loader, i))
			return true;
	return false;
}

/*
 * `tollgate detach` takes programs off, and then removes pins: one that was missing because
 * of it was missing when its program was off already, and so goes again.
 */
static int keep_maps(struct tg_loader *loader, char *error, size_t error_bytes)
{
	const char *pin_dir = loader->config->pin_dir;
	int again = tg_repin_maps(&loader->maps, pin_dir, error, error_bytes);

	if (again > 0 && !any_attached(loader))
		tg_pins_remove_maps(pin_dir);
	return again < 0 ? again : 0;
}

static int keep_link(struct tg_loader *loader, unsigned int which, char *error, size_t error_bytes)
{
	const struct iface *iface = &loader->ifaces[which];
	const char *pin_dir = loader->config->pin_dir;
	char pin[TG_PINS_PATH_BYTES];
	int again = tg_repin_link(iface->link_fd, iface->name, pin_dir, error, error_bytes);

	if (again > 0 && !is_attached(loader, which) &&
	    !tg_pins_link_path(pin, pin_dir, iface->name))
		unlink(pin);
	return again < 0 ? again : 0;
}

/* Not where nothing is attached: `tollgate detach` removes the pins, and is to be obeyed. */
int tg_loader_keep_pins(struct tg_loader *loader, char *error, size_t error_bytes)
{
	int err;

	if (!any_attached(loader))
		return 0;
	err = tg_repin_lock(loader->config->pin_dir, &loader->lock_fd, error, error_bytes);
	if (!err)
		err = keep_maps(loader, error, error_bytes);
	for (unsigned int i = 0; !err && i < loader->ifaces_count; i++)
		if (is_attached(loader, i))
			err = keep_link(loader, i, error, error_bytes);
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
	const struct source from = {next->config, &next->http, &loader->maps};
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
		err = load_programs(&next->ifaces[i], &from, i, slot, error, error_bytes);
	}
	return err;
}

/* -ENOLINK: the interface went, or the program was taken off: not the swap's business. */
static int swap_meter(int link_fd, int program_fd, const char *name, char *error,
		      size_t error_bytes)
{
	int err = bpf_link_update(link_fd, program_fd, NULL);

	return !err || err == -ENOLINK
		       ? 0
		       : tg_error(err, error, error_bytes, "%s: the program cannot be swapped: %s",
				  name, strerror(-err));
}

static uint32_t place_of(int link_fd)
{
	struct bpf_link_info info;
	enum tg_mode mode;

	return !tg_attach_info(link_fd, &info) && tg_attach_on(&info, info.xdp.ifindex, &mode)
		       ? info.xdp.ifindex
		       : 0;
}

static bool egress_stands(const struct iface *iface, uint32_t ifindex)
{
	return iface->egress.fd >= 0 && tg_egress_program(ifindex) == iface->egress.id;
}

/*
 * Refused only where something that works would be lost: an interface that had no egress
 * program though it wanted one goes on without, as it began.
 */
static int swap_egress(struct iface *next, const struct iface *old, char *error, size_t error_bytes)
{
	uint32_t ifindex = next->egress.fd < 0 ? 0 : place_of(old->link_fd);
	char why[512];
	int err;

	if (!ifindex)
		return 0;
	err = tg_egress_attach(ifindex, next->name, next->egress.fd, why, sizeof(why));
	if (!err)
		return 0;
	if (old->egress.fd < 0 || old->egress_stood)
		return tg_error(err, error, error_bytes, "%s", why);
	snprintf(next->egress_why, sizeof(next->egress_why), "%.*s",
		 (int)sizeof(next->egress_why) - 1, why);
	return 0;
}

/*
 * The egress program first: it must see the handshakes that the meter then waits for. One
 * that is wanted no more is taken off when all went well.
 */
static int swap_in(struct iface *next, struct iface *old, char *error, size_t error_bytes)
{
	int err;

	old->egress_stood = egress_stands(old, place_of(old->link_fd));
	err = swap_egress(next, old, error, error_bytes);
	return err ? err : swap_meter(old->link_fd, next->meter.fd, next->name, error, error_bytes);
}

/* Loads nothing: the programs that were in force are at hand. */
static void swap_back(const struct iface *old)
{
	uint32_t ifindex = place_of(old->link_fd);
	char why[512];

	if (ifindex && old->egress_stood &&
	    tg_egress_attach(ifindex, old->name, old->egress.fd, why, sizeof(why)))
		tg_log_error("the reload cannot be taken back: %s", why);
	if (swap_meter(old->link_fd, old->meter.fd, old->name, why, sizeof(why)))
		tg_log_error("the reload cannot be taken back: %s", why);
	if (!old->egress_stood)
		tg_egress_take_off(ifindex);
}

static struct iface *old_of(const struct tg_loader *loader, const struct iface *next)
{
	return iface_named(loader->ifaces, loader->ifaces_count, next->name);
}

static void swap_all_back(const struct tg_loader *loader, const struct reload *next,
			  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (next->ifaces[i].meter.fd >= 0)
			swap_back(old_of(loader, &next->ifaces[i]));
}

/* All or none: on failure those that were swapped get their programs back. */
static int swap_all(const struct tg_loader *loader, const struct reload *next, char *error,
		    size_t error_bytes)
{
	unsigned int count = next->config->interfaces_count, done;
	struct iface *one;
	int err = 0;

	for (done = 0; !err && done < count; done++) {
		one = &next->ifaces[done];
		if (one->meter.fd >= 0)
			err = swap_in(one, old_of(loader, one), error, error_bytes);
	}
	if (err)
		swap_all_back(loader, next, done);
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
			if (new->meter.fd >= 0 && new->egress.fd < 0 && old->egress.fd >= 0)
				tg_egress_take_off(place_of(new->link_fd));
		} else if (old->link_fd >= 0 &&
			   !tg_pins_link_path(pin, loader->config->pin_dir, old->name)) {
			say_ended(old->name, tg_attach_take_off(old->link_fd, old->name, pin));
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
	err = tg_books_http(next->config, TG_SECRET_REFUSE, &next->http, error, error_bytes);
	if (!err)
		err = tg_books_check_identity(next->config, &next->http, &loader->maps, error,
					      error_bytes);
	return err ? err : reload_programs(loader, next, error, error_bytes);
}

/* Cannot fail: whoever might have refused has agreed. */
static void put_in_force(struct tg_loader *loader, struct reload *next)
{
	reload_links(loader, next);
	ifaces_free(loader->ifaces, loader->ifaces_count);
	loader->ifaces = next->ifaces;
	loader->ifaces_count = next->config->interfaces_count;
	loader->http = next->http;
	loader->config = next->config;
	tg_books_warn_of_sizes(loader->config, &loader->maps);
}

/*
 * Until all agree, what is in force is only swapped, and the loader keeps what it had: no
 * link has ended, and to go back takes nothing that could fail, such as a program to load.
 */
int tg_loader_reload(struct tg_loader *loader, const struct tg_config *config,
		     tg_loader_agree agree, void *arg, char *error, size_t error_bytes)
{
	struct reload next = {.config = config};
	int err = reload_prepare(loader, &next, error, error_bytes);

	if (!err)
		err = swap_all(loader, &next, error, error_bytes);
	if (!err && agree) {
		err = agree(config, arg, error, error_bytes);
		if (err)
			swap_all_back(loader, &next, config->interfaces_count);
	}
	if (err)
		ifaces_free(next.ifaces, config->interfaces_count);
	else
		put_in_force(loader, &next);
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

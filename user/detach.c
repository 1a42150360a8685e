/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be seen and undone from the pins alone, whichever build made them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "bpf_log.h"
#include "egress.h"
#include "error.h"
#include "loader.h"
#include "pins.h"

/* --- see ---------------------------------------------------------------------------- */

struct listing {
	struct tg_attachment *out;
	unsigned int max, count;
	const struct tg_interface *interfaces; /* NULL: could not be read */
};

static void describe(const struct bpf_link_info *info, struct tg_attachment *out)
{
	out->link_id = info->id;
	out->program_id = info->prog_id;
	out->ifindex = info->xdp.ifindex;
	out->attached = info->xdp.ifindex;
	if (!out->attached)
		strcpy(out->why, "the interface is gone");
	else if (!tg_attach_on(info, info->xdp.ifindex, &out->mode))
		strcpy(out->why, "on an interface of another network namespace");
	else
		out->egress_id = tg_egress_program(info->xdp.ifindex);
}

static int list_link(const char *ifname, const char *path, void *arg)
{
	struct tg_attachment one = {.mode = TG_MODE_AUTO};
	struct listing *listing = arg;
	struct bpf_link_info info;
	int fd, err;

	if (listing->count == listing->max)
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = tg_attach_info(fd, &info);
	close(fd);
	if (err)
		return err == -EINVAL ? 0 : err;
	snprintf(one.name, sizeof(one.name), "%s", ifname);
	one.slot = listing->interfaces ? tg_maps_slot_named(listing->interfaces, ifname)
				       : TG_IFACES_MAX;
	describe(&info, &one);
	listing->out[listing->count++] = one;
	return 0;
}

int tg_loader_attachments(const char *pin_dir, struct tg_attachment *out, unsigned int max)
{
	struct tg_interface interfaces[TG_IFACES_MAX];
	struct listing listing = {.out = out, .max = max};
	struct tg_maps maps;
	int err;

	tg_bpf_log_start();
	if (!tg_maps_open(&maps, pin_dir, NULL, 0)) {
		if (!tg_maps_interfaces(&maps, interfaces))
			listing.interfaces = interfaces;
		tg_maps_close(&maps);
	}
	err = tg_pins_links(pin_dir, list_link, &listing);
	return err ? err : (int)listing.count;
}

/* --- undo ----------------------------------------------------------------------------- */

struct removal {
	char *const *names; /* count 0: all */
	unsigned int count;
	unsigned int removed, left;
	char failed[TG_IFACE_NAME_BYTES]; /* the interface that could not be detached */
};

static bool is_named(const struct removal *removal, const char *ifname)
{
	for (unsigned int i = 0; i < removal->count; i++)
		if (!strcmp(removal->names[i], ifname))
			return true;
	return !removal->count;
}

static int remove_link(const char *ifname, const char *path, void *arg)
{
	struct removal *removal = arg;
	int fd, err;

	if (!is_named(removal, ifname)) {
		removal->left++;
		return 0;
	}
	fd = bpf_obj_get(path);
	err = fd < 0 ? fd : tg_attach_take_off(fd, ifname, path);
	if (err)
		snprintf(removal->failed, sizeof(removal->failed), "%s", ifname);
	else
		removal->removed++;
	return err;
}

struct presence {
	const char *name;
	bool found;
};

static int is_present(const char *ifname, const char *path, void *arg)
{
	struct presence *presence = arg;

	(void)path;
	presence->found |= !strcmp(ifname, presence->name);
	return 0;
}

/* Nothing is done by halves: every name must be one of ours. */
static int check_names(const char *pin_dir, char *const *names, unsigned int count, char *error,
		       size_t error_bytes)
{
	for (unsigned int i = 0; i < count; i++) {
		struct presence presence = {.name = names[i]};
		int err = tg_pins_links(pin_dir, is_present, &presence);

		if (err)
			return tg_error(err, error, error_bytes, "%s: cannot be read: %s", pin_dir,
					strerror(-err));
		if (!presence.found)
			return tg_error(-ENOENT, error, error_bytes,
					"%s: no program of Tollgate is attached below %s; see "
					"`tollgate status`",
					names[i], pin_dir);
	}
	return 0;
}

/* With no link left nothing counts any more. A running agent keeps its directory, its lock. */
static int remove_rest(const char *pin_dir, char *error, size_t error_bytes)
{
	int err = tg_pins_remove_maps(pin_dir), lock;

	if (err)
		return tg_error(err, error, error_bytes, "%s: pins cannot be removed: %s%s",
				pin_dir, strerror(-err), err == -EACCES ? "; run as root" : "");
	lock = tg_pins_lock(pin_dir, 0);
	if (lock >= 0) {
		tg_pins_remove_dirs(pin_dir);
		close(lock);
	}
	return 0;
}

int tg_loader_detach(const char *pin_dir, char *const *names, unsigned int names_count,
		     unsigned int *removed, char *error, size_t error_bytes)
{
	struct removal removal = {.names = names, .count = names_count};
	int err = check_names(pin_dir, names, names_count, error, error_bytes);

	if (err)
		return err;
	tg_bpf_log_start();
	err = tg_pins_links(pin_dir, remove_link, &removal);
	*removed = removal.removed;
	if (err)
		return tg_error(err, error, error_bytes, "%s: cannot be detached: %s%s",
				*removal.failed ? removal.failed : pin_dir, strerror(-err),
				err == -EPERM || err == -EACCES ? "; run as root" : "");
	return removal.left ? 0 : remove_rest(pin_dir, error, error_bytes);
}

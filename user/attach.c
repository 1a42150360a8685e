/* SPDX-License-Identifier: BSD-2-Clause */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "egress.h"
#include "error.h"
#include "ethtool.h"
#include "log.h"
#include "netdev_genl.h"
#include "pins.h"
#include "xdp.h"

/* --- links --------------------------------------------------------------------- */

int tg_attach_info(int link_fd, struct bpf_link_info *info)
{
	__u32 bytes = sizeof(*info);
	int err;

	memset(info, 0, sizeof(*info));
	err = bpf_obj_get_info_by_fd(link_fd, info, &bytes);
	if (!err && info->type != BPF_LINK_TYPE_XDP)
		err = -EINVAL;
	return err;
}

/*
 * A link tells an ifindex, and not of which network namespace: only the
 * interface itself, asked here, tells that the program is on it.
 */
bool tg_attach_on(const struct bpf_link_info *info, uint32_t ifindex, enum tg_mode *mode)
{
	struct tg_xdp_state state;

	if (info->xdp.ifindex != ifindex || !ifindex || tg_xdp_query(ifindex, &state))
		return false;
	if (info->prog_id != state.native_id && info->prog_id != state.generic_id)
		return false;
	*mode = info->prog_id == state.native_id ? TG_MODE_NATIVE : TG_MODE_GENERIC;
	return true;
}

/* Where the link is or, if its program was taken off by someone, was. 0: not here. */
static uint32_t place_of(int link_fd, const char *ifname)
{
	struct bpf_link_info info;
	enum tg_mode mode;

	if (tg_attach_info(link_fd, &info))
		return 0;
	if (!info.xdp.ifindex)
		return if_nametoindex(ifname);
	return tg_attach_on(&info, info.xdp.ifindex, &mode) ? info.xdp.ifindex : 0;
}

bool tg_attach_elsewhere(int link_fd, uint32_t *ifindex)
{
	struct bpf_link_info info;
	enum tg_mode mode;

	if (tg_attach_info(link_fd, &info) || !info.xdp.ifindex ||
	    tg_attach_on(&info, info.xdp.ifindex, &mode))
		return false;
	*ifindex = info.xdp.ifindex;
	return true;
}

int tg_attach_take_off(int link_fd, const char *ifname, const char *pin)
{
	uint32_t ifindex = place_of(link_fd, ifname);
	int err = bpf_link_detach(link_fd);
	int left = ifindex ? tg_egress_take_off(ifindex) : 0;

	if (!left && unlink(pin) && errno != ENOENT && !err)
		err = -errno;
	close(link_fd);
	return err ? err : left;
}

static const char *mode_name(enum tg_mode mode)
{
	return mode == TG_MODE_NATIVE ? "native" : "generic";
}

/* --- a link that an agent before us pinned ---------------------------------------- */

static bool configured(const struct tg_config *config, const char *ifname)
{
	for (unsigned int i = 0; i < config->interfaces_count; i++)
		if (!strcmp(config->interfaces[i].name, ifname))
			return true;
	return false;
}

/* The name, other than ifname, that the link's interface has here now. */
static bool name_now(const struct bpf_link_info *info, const char *ifname, char now[IF_NAMESIZE])
{
	enum tg_mode mode;

	return info->xdp.ifindex && if_indextoname(info->xdp.ifindex, now) && strcmp(now, ifname) &&
	       tg_attach_on(info, info->xdp.ifindex, &mode);
}

/* Hand the pin on to the name that the interface has now. */
static bool hand_on(const struct tg_config *config, const struct bpf_link_info *info,
		    const char *ifname, const char *pin)
{
	char now[IF_NAMESIZE], path[TG_PINS_PATH_BYTES];

	return name_now(info, ifname, now) && configured(config, now) &&
	       !tg_pins_link_path(path, config->pin_dir, now) && access(path, F_OK) &&
	       !rename(pin, path);
}

int tg_attach_forget(const struct tg_config *config, const char *ifname, int link_fd)
{
	char pin[TG_PINS_PATH_BYTES];
	struct bpf_link_info info;
	int err = tg_pins_link_path(pin, config->pin_dir, ifname);

	if (!err && (tg_attach_info(link_fd, &info) || !hand_on(config, &info, ifname, pin)))
		return tg_attach_take_off(link_fd, ifname, pin);
	close(link_fd);
	return err ? err : 1;
}

/*
 * The pin of this name, if its link is on this interface. The link of an
 * interface that is gone is done away with, and so is one whose interface was
 * renamed to what nobody configured. One that lives on where we cannot see it,
 * in another network namespace, is not ours to end.
 */
static int open_own_pin(const struct tg_attach *ask, const char *pin, char *error,
			size_t error_bytes)
{
	const char *name = ask->interface->name;
	int fd = bpf_obj_get(pin), err;
	struct bpf_link_info info;
	char now[IF_NAMESIZE];
	enum tg_mode mode;

	if (fd < 0)
		return fd == -ENOENT ? fd
				     : tg_error(fd, error, error_bytes, "%s: cannot be opened: %s",
						pin, strerror(-fd));
	err = tg_attach_info(fd, &info);
	if (err) {
		close(fd);
		return tg_error(err, error, error_bytes,
				"%s: not a link of Tollgate; remove this file", pin);
	}
	if (tg_attach_on(&info, ask->ifindex, &mode))
		return fd;
	if (!info.xdp.ifindex || name_now(&info, name, now)) {
		tg_log_notice("%s: a link of an interface that was so called is forgotten", name);
		tg_attach_forget(ask->config, name, fd);
		return -ENOENT;
	}
	close(fd);
	return tg_error(-EBUSY, error, error_bytes,
			"%s: its pinned link counts on an interface of another network namespace "
			"(index %u); set a pin_dir of its own for each namespace, or `tollgate "
			"detach %s`",
			name, info.xdp.ifindex, name);
}

struct search { /* for the pin whose link is on this interface */
	const struct tg_attach *ask;
	const char *pin;
};

static int take_renamed(const char *ifname, const char *path, void *arg)
{
	const struct search *search = arg;
	struct bpf_link_info info;
	int fd = bpf_obj_get(path);
	enum tg_mode mode;

	if (fd < 0)
		return 0;
	if (tg_attach_info(fd, &info) || !tg_attach_on(&info, search->ask->ifindex, &mode) ||
	    rename(path, search->pin)) {
		close(fd);
		return 0;
	}
	tg_log_notice("%s: was %s; goes on with the program that was attached under that name",
		      search->ask->interface->name, ifname);
	return fd;
}

/* Our link on this interface, or -ENOENT, or another -errno with an error. */
static int find_link(const struct tg_attach *ask, const char *pin, char *error, size_t error_bytes)
{
	struct search search = {ask, pin};
	int fd = open_own_pin(ask, pin, error, error_bytes);

	if (fd != -ENOENT)
		return fd;
	fd = tg_pins_links(ask->config->pin_dir, take_renamed, &search);
	return fd > 0 ? fd : -ENOENT;
}

/* --- attach anew -------------------------------------------------------------------- */

static int say_other(const struct tg_attach *ask, const struct tg_xdp_program *other, char *error,
		     size_t error_bytes)
{
	char command[96], title[TG_XDP_TITLE_BYTES];

	tg_xdp_title(other, title);
	tg_xdp_off_command(other, ask->interface->name, command, sizeof(command));
	return tg_error(-EBUSY, error, error_bytes,
			"%s: XDP program %s is attached already; detach it with `%s`, or set "
			"replace: true on this interface",
			ask->interface->name, title, command);
}

static int clear_way(const struct tg_attach *ask, char *error, size_t error_bytes)
{
	struct tg_xdp_program others[2];
	int count = tg_xdp_programs(ask->ifindex, others), err;
	const char *name = ask->interface->name;
	char title[TG_XDP_TITLE_BYTES];

	if (count < 0)
		return tg_error(count, error, error_bytes,
				"%s: cannot be asked for its program: %s", name, strerror(-count));
	if (count && !ask->interface->replace)
		return say_other(ask, &others[0], error, error_bytes);
	for (int i = 0; i < count; i++) {
		tg_xdp_title(&others[i], title);
		err = tg_xdp_take_off(ask->ifindex, &others[i]);
		if (err)
			return tg_error(err, error, error_bytes,
					"%s: XDP program %s cannot be taken off: %s", name, title,
					strerror(-err));
		tg_log_notice("%s: XDP program %s was taken off, as replace says", name, title);
	}
	return 0;
}

static int create_link(const struct tg_attach *ask, enum tg_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);

	opts.flags = mode == TG_MODE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	return bpf_link_create(ask->program_fd, ask->ifindex, BPF_XDP, &opts);
}

/* Did the driver refuse, or would any mode fail alike? Drivers are free in their errors. */
static bool refused_by_driver(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
	case -ENODEV:
	case -EBUSY:
	case -EEXIST:
	case -EMFILE:
	case -ENFILE:
		return false;
	default:
		return true;
	}
}

static void say_refused(const struct tg_attach *ask, int err, char *out, size_t out_bytes)
{
	char driver[32] = "";

	tg_ethtool_driver(ask->interface->name, driver, sizeof(driver));
	snprintf(out, out_bytes, "native XDP refused%s%s: %s", *driver ? " by driver " : "", driver,
		 strerror(-err));
}

static int say_failed(const struct tg_attach *ask, enum tg_mode mode, int err, char *error,
		      size_t error_bytes)
{
	struct tg_xdp_program others[2];
	char refused[128];

	if ((err == -EBUSY || err == -EEXIST) && tg_xdp_programs(ask->ifindex, others) > 0)
		return say_other(ask, &others[0], error, error_bytes);
	if (mode != TG_MODE_NATIVE || !refused_by_driver(err))
		return tg_error(err, error, error_bytes, "%s: cannot be attached to: %s%s",
				ask->interface->name, strerror(-err),
				err == -EPERM ? "; run as root, or with CAP_NET_ADMIN and CAP_BPF"
					      : "");
	say_refused(ask, err, refused, sizeof(refused));
	return tg_error(err, error, error_bytes,
			"%s: %s; set mode: auto or generic on this interface, or see `tollgate "
			"doctor %s`",
			ask->interface->name, refused, ask->interface->name);
}

static int attach_new(const struct tg_attach *ask, struct tg_attached *out, char *error,
		      size_t error_bytes)
{
	enum tg_mode wish = ask->interface->mode;
	enum tg_mode mode = wish == TG_MODE_GENERIC ? TG_MODE_GENERIC : TG_MODE_NATIVE;
	int err = clear_way(ask, error, error_bytes), fd;

	if (err)
		return err;
	fd = create_link(ask, mode);
	if (fd < 0 && wish == TG_MODE_AUTO && refused_by_driver(fd)) {
		say_refused(ask, fd, out->why, sizeof(out->why));
		mode = TG_MODE_GENERIC;
		fd = create_link(ask, mode);
	}
	if (fd < 0)
		return say_failed(ask, mode, fd, error, error_bytes);
	out->mode = mode;
	return fd;
}

static int attach_and_pin(const struct tg_attach *ask, const char *pin, struct tg_attached *out,
			  char *error, size_t error_bytes)
{
	int fd = attach_new(ask, out, error, error_bytes), err;

	if (fd < 0)
		return fd;
	unlink(pin); /* of a link that ended, kept for the sake of its egress program */
	err = bpf_obj_pin(fd, pin);
	if (!err)
		return fd;
	bpf_link_detach(fd);
	close(fd);
	return tg_error(err, error, error_bytes, "%s: cannot be pinned: %s", pin, strerror(-err));
}

/* --- take over --------------------------------------------------------------------- */

/*
 * In auto, generic mode is kept too: to try native again would take the
 * program off for a moment, at each restart of the agent.
 */
static bool other_mode_wished(enum tg_mode wish, enum tg_mode mode)
{
	return wish != TG_MODE_AUTO && wish != mode;
}

static void say_kept_generic(const struct tg_attach *ask, struct tg_attached *out)
{
	uint64_t features;

	if (!tg_netdev_xdp_features(ask->ifindex, &features) && !(features & TG_NETDEV_XDP_BASIC))
		snprintf(out->why, sizeof(out->why), "the driver has no native XDP");
	else
		snprintf(out->why, sizeof(out->why),
			 "kept as it was attached; to try native: `tollgate detach %s`, restart",
			 ask->interface->name);
}

/* 0: the link now runs our program. -ENOENT: it had to go; attach anew. */
static int take_over(const struct tg_attach *ask, int fd, const char *pin, struct tg_attached *out,
		     char *error, size_t error_bytes)
{
	const char *name = ask->interface->name;
	struct bpf_link_info info;
	int err = tg_attach_info(fd, &info);

	if (err || !tg_attach_on(&info, ask->ifindex, &out->mode))
		err = -ENOLINK;
	if (!err && other_mode_wished(ask->interface->mode, out->mode)) {
		tg_log_notice("%s: taken off in %s mode, as the configuration asks for the other",
			      name, mode_name(out->mode));
		err = -ENOLINK;
	}
	if (!err && info.prog_id != ask->program_id)
		err = bpf_link_update(fd, ask->program_fd, NULL);
	if (err == -ENOLINK) {
		tg_attach_take_off(fd, name, pin);
		return -ENOENT;
	}
	if (err) {
		close(fd);
		return tg_error(err, error, error_bytes, "%s: the program cannot be swapped: %s",
				name, strerror(-err));
	}
	if (ask->interface->mode == TG_MODE_AUTO && out->mode == TG_MODE_GENERIC)
		say_kept_generic(ask, out);
	return 0;
}

int tg_attach(const struct tg_attach *ask, struct tg_attached *out, char *error, size_t error_bytes)
{
	struct tg_attached done = {.link_fd = -1};
	char pin[TG_PINS_PATH_BYTES];
	struct bpf_link_info info;
	int err = tg_pins_link_path(pin, ask->config->pin_dir, ask->interface->name), fd;

	if (err)
		return tg_error(err, error, error_bytes, "%s: path too long", ask->config->pin_dir);
	fd = find_link(ask, pin, error, error_bytes);
	err = fd < 0 ? fd : take_over(ask, fd, pin, &done, error, error_bytes);
	if (err == -ENOENT)
		fd = attach_and_pin(ask, pin, &done, error, error_bytes);
	else if (err)
		return err;
	if (fd < 0)
		return fd;
	err = tg_attach_info(fd, &info);
	if (err) {
		close(fd);
		return tg_error(err, error, error_bytes, "%s: its link cannot be looked at: %s",
				ask->interface->name, strerror(-err));
	}
	done.link_fd = fd;
	done.link_id = info.id;
	*out = done;
	return 0;
}

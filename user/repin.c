/* SPDX-License-Identifier: BSD-2-Clause */
#include "repin.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "pins.h"

/* --- the directory and its lock ---------------------------------------------------- */

static bool is_same(int fd, const char *path)
{
	struct stat held, there;

	return !fstat(fd, &held) && !stat(path, &there) && held.st_dev == there.st_dev &&
	       held.st_ino == there.st_ino;
}

int tg_repin_lock(const char *pin_dir, int *lock_fd, char *error, size_t error_bytes)
{
	int err = tg_pins_prepare(pin_dir, error, error_bytes), fd;

	if (err || is_same(*lock_fd, pin_dir))
		return err;
	fd = tg_pins_lock(pin_dir, 0);
	if (fd < 0)
		return tg_error(fd, error, error_bytes,
				"%s: was removed while the agent runs, and cannot be locked: %s",
				pin_dir,
				fd == -EBUSY ? "another agent works on it; stop one of them"
					     : strerror(-fd));
	tg_log_warning("%s: was removed while the agent runs; made again", pin_dir);
	close(*lock_fd);
	*lock_fd = fd;
	return 0;
}

/* --- one pin ------------------------------------------------------------------------ */

/* The ids of maps and links are numbers of their own: only like is held against like. */
struct object {
	uint32_t type; /* of a link; of a map: its type, and MAP */
	uint32_t id;
};
#define MAP (1U << 31)

static int map_object(int fd, struct object *out)
{
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &bytes);

	*out = (struct object){info.type | MAP, info.id};
	return err;
}

static int link_object(int fd, struct object *out)
{
	struct bpf_link_info info = {0};
	__u32 bytes = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &bytes);

	*out = (struct object){info.type, info.id};
	return err;
}

typedef int (*tell_object)(int fd, struct object *out);

/* -ENOENT: nothing is pinned there; -EEXIST: something else is. */
static int look(const char *path, int fd, tell_object tell)
{
	struct object ours, there;
	int pin = bpf_obj_get(path), err;

	if (pin == -ENOENT)
		return pin;
	if (pin < 0)
		return access(path, F_OK) ? -ENOENT : -EEXIST; /* a file, a directory */
	err = tell(fd, &ours);
	if (!err)
		err = tell(pin, &there) || ours.type != there.type || ours.id != there.id ? -EEXIST
											  : 0;
	close(pin);
	return err;
}

/* 1: it was made again. */
static int pin(const char *path, int fd, tell_object tell, char *error, size_t error_bytes)
{
	int err = look(path, fd, tell);
	bool other = err == -EEXIST;

	if (!err)
		return 0;
	if (other && unlink(path))
		err = -errno;
	else if (other || err == -ENOENT)
		err = bpf_obj_pin(fd, path);
	if (err)
		return tg_error(err, error, error_bytes, "%s: %s, and cannot be pinned again: %s",
				path, other ? "is not what the agent works on" : "is missing",
				strerror(-err));
	tg_log_warning("%s: %s while the agent runs; pinned again", path,
		       other ? "was replaced" : "was removed");
	return 1;
}

/* --- all ------------------------------------------------------------------------------ */

static int repin_map(const struct tg_maps *maps, enum tg_map map, const char *pin_dir, char *error,
		     size_t error_bytes)
{
	char path[TG_PINS_PATH_BYTES];
	int err = tg_pins_map_path(path, pin_dir, map);

	return err ? tg_error(err, error, error_bytes, "%s: path too long", pin_dir)
		   : pin(path, maps->fd[map], map_object, error, error_bytes);
}

/* meta last, as ever: where it is, the set is complete. */
int tg_repin_maps(const struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes)
{
	int again = 0, one = 0;

	for (int map = 0; one >= 0 && map < TG_MAPS; map++) {
		if (map == TG_MAP_META)
			continue;
		one = repin_map(maps, map, pin_dir, error, error_bytes);
		again += one;
	}
	if (one >= 0)
		one = repin_map(maps, TG_MAP_META, pin_dir, error, error_bytes);
	return one < 0 ? one : again + one;
}

int tg_repin_link(int link_fd, const char *ifname, const char *pin_dir, char *error,
		  size_t error_bytes)
{
	char path[TG_PINS_PATH_BYTES];
	int err = tg_pins_link_path(path, pin_dir, ifname);

	return err ? tg_error(err, error, error_bytes, "%s: path too long", pin_dir)
		   : pin(path, link_fd, link_object, error, error_bytes);
}

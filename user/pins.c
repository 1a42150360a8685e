/* SPDX-License-Identifier: BSD-2-Clause */
#include "pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define BPFFS	      "/sys/fs/bpf"
#define LOCK_RETRY_MS 20

/* --- names ------------------------------------------------------------------- */

static int path_of(char *out, const char *pin_dir, const char *below)
{
	return snprintf(out, TG_PINS_PATH_BYTES, "%s/%s", pin_dir, below) < TG_PINS_PATH_BYTES
		       ? 0
		       : -ENAMETOOLONG;
}

int tg_pins_map_path(char *out, const char *pin_dir, enum tg_map map)
{
	return path_of(out, pin_dir, tg_map_name(map));
}

int tg_pins_link_path(char *out, const char *pin_dir, const char *ifname)
{
	char below[sizeof("links/") + TG_IFACE_NAME_BYTES * 3] = "links/";
	size_t at = strlen(below);

	for (; *ifname; ifname++) {
		if (at + 4 > sizeof(below))
			return -ENAMETOOLONG;
		if (*ifname == '.' || *ifname == '%')
			at += sprintf(below + at, "%%%02X", *ifname);
		else
			below[at++] = *ifname;
	}
	below[at] = 0;
	return path_of(out, pin_dir, below);
}

/* Back again. false: not a name that tg_pins_link_path makes. */
static bool link_ifname(const char *file, char ifname[TG_IFACE_NAME_BYTES])
{
	size_t at = 0;

	for (; *file; file++) {
		if (at + 1 == TG_IFACE_NAME_BYTES)
			return false;
		ifname[at] = *file;
		if (*file == '%') {
			if (strncmp(file, "%2E", 3) && strncmp(file, "%25", 3))
				return false;
			ifname[at] = file[2] == 'E' ? '.' : '%';
			file += 2;
		}
		at++;
	}
	ifname[at] = 0;
	return at > 0;
}

/* --- directories ---------------------------------------------------------------- */

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* path, or the nearest directory above it that is there. */
static bool will_be_on_bpffs(const char *path)
{
	char part[TG_PINS_PATH_BYTES];
	char *slash;

	snprintf(part, sizeof(part), "%s", path);
	while (access(part, F_OK) && (slash = strrchr(part, '/')) && slash > part)
		*slash = 0;
	return on_bpffs(part);
}

static bool below_bpffs(const char *path)
{
	size_t bytes = strlen(BPFFS);

	return !strncmp(path, BPFFS, bytes) && (path[bytes] == '/' || !path[bytes]);
}

static int mount_bpffs(const char *pin_dir, char *error, size_t error_bytes)
{
	if (!below_bpffs(pin_dir) || on_bpffs(BPFFS))
		return 0;
	if (!mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return 0;
	return tg_error(-errno, error, error_bytes,
			"%s: no BPF file system is mounted there and it cannot be mounted: %s; as "
			"root: mount -t bpf bpf " BPFFS,
			pin_dir, strerror(errno));
}

static int make_dir(const char *path, char *error, size_t error_bytes)
{
	const char *hint = "";

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	if (errno == EPERM && strchr(path, '.'))
		hint = "; a BPF file system takes no dot in a name";
	else if (errno == EPERM || errno == EACCES)
		hint = "; run as root";
	return tg_error(-errno, error, error_bytes, "%s: cannot be made: %s%s", path,
			strerror(errno), hint);
}

static int make_dirs(const char *path, char *error, size_t error_bytes)
{
	char part[TG_PINS_PATH_BYTES];
	int err = 0;

	if (strlen(path) >= sizeof(part))
		return tg_error(-ENAMETOOLONG, error, error_bytes, "%s: path too long", path);
	for (size_t i = 1; !err && i <= strlen(path); i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, i + 1, "%s", path);
		if (access(part, F_OK))
			err = make_dir(part, error, error_bytes);
	}
	return err;
}

int tg_pins_prepare(const char *pin_dir, char *error, size_t error_bytes)
{
	char links[TG_PINS_PATH_BYTES];
	int err = mount_bpffs(pin_dir, error, error_bytes);

	if (err)
		return err;
	if (!will_be_on_bpffs(pin_dir))
		return tg_error(-EINVAL, error, error_bytes,
				"%s: pin_dir is not on a BPF file system; set it below " BPFFS
				", or: mount -t bpf bpf %s",
				pin_dir, pin_dir);
	err = path_of(links, pin_dir, "links");
	return err ? tg_error(err, error, error_bytes, "%s: path too long", pin_dir)
		   : make_dirs(links, error, error_bytes);
}

int tg_pins_lock(const char *pin_dir, unsigned int wait_ms)
{
	const struct timespec retry = {.tv_nsec = LOCK_RETRY_MS * 1000000L};
	int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (err != -EBUSY || wait_ms < LOCK_RETRY_MS) {
			close(fd);
			return err;
		}
		wait_ms -= LOCK_RETRY_MS;
		nanosleep(&retry, NULL);
	}
	return fd;
}

void tg_pins_remove_dirs(const char *pin_dir)
{
	char links[TG_PINS_PATH_BYTES];

	if (!path_of(links, pin_dir, "links"))
		rmdir(links);
	rmdir(pin_dir);
}

/* --- maps --------------------------------------------------------------------- */

static int pin_map(const struct tg_maps *maps, enum tg_map map, const char *pin_dir, char *error,
		   size_t error_bytes)
{
	char path[TG_PINS_PATH_BYTES];
	int err = tg_pins_map_path(path, pin_dir, map);

	if (!err && !access(path, F_OK))
		return 0;
	if (!err)
		err = bpf_obj_pin(maps->fd[map], path);
	return err ? tg_error(err, error, error_bytes, "%s: cannot be pinned: %s", path,
			      strerror(-err))
		   : 0;
}

int tg_pins_maps(const struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes)
{
	int err = 0;

	for (int map = 0; !err && map < TG_MAPS; map++)
		if (map != TG_MAP_META)
			err = pin_map(maps, map, pin_dir, error, error_bytes);
	return err ? err : pin_map(maps, TG_MAP_META, pin_dir, error, error_bytes);
}

static int unpin_map(const char *pin_dir, enum tg_map map)
{
	char path[TG_PINS_PATH_BYTES];
	int err = tg_pins_map_path(path, pin_dir, map);

	if (err)
		return err;
	return !unlink(path) || errno == ENOENT ? 0 : -errno;
}

int tg_pins_remove_maps(const char *pin_dir)
{
	int err = unpin_map(pin_dir, TG_MAP_META), one;

	for (int map = 0; map < TG_MAPS; map++) {
		one = unpin_map(pin_dir, map);
		err = err ? err : one;
	}
	return err;
}

/* --- links -------------------------------------------------------------------- */

static int see_link(const char *links, const char *file, tg_pins_link_seen seen, void *arg)
{
	char ifname[TG_IFACE_NAME_BYTES], path[TG_PINS_PATH_BYTES];

	if (!link_ifname(file, ifname) || path_of(path, links, file))
		return 0;
	return seen(ifname, path, arg);
}

int tg_pins_links(const char *pin_dir, tg_pins_link_seen seen, void *arg)
{
	char links[TG_PINS_PATH_BYTES];
	struct dirent *entry;
	int err = path_of(links, pin_dir, "links");
	DIR *dir;

	if (err)
		return err;
	dir = opendir(links);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = see_link(links, entry->d_name, seen, arg);
	closedir(dir);
	return err;
}

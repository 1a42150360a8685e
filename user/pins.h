/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies below pin_dir: the maps under their names, and links/<interface>.
 * meta is pinned last and unpinned first, so where it is, the set is complete.
 *
 * A BPF file system takes no dot in a name: in links/ a dot is written "%2E"
 * and a percent sign "%25".
 */
#ifndef TOLLGATE_PINS_H
#define TOLLGATE_PINS_H

#include <stdbool.h>
#include <stddef.h>

#include "maps.h"

#define TG_PINS_PATH_BYTES 512

/*
 * Make pin_dir and its links directory, 0700. Where /sys/fs/bpf is an empty
 * mount point, the BPF file system is mounted on it; a pin_dir elsewhere must
 * be on one already. 0, or -errno.
 */
int tg_pins_prepare(const char *pin_dir, char *error, size_t error_bytes);

/*
 * One agent at a time works on pin_dir. Returns a descriptor that holds the
 * lock until it is closed (or the process dies), -EBUSY: another one has it,
 * or -errno. wait_ms: how long to wait for it.
 */
int tg_pins_lock(const char *pin_dir, unsigned int wait_ms);

/* out: TG_PINS_PATH_BYTES. 0 or -ENAMETOOLONG. */
int tg_pins_map_path(char *out, const char *pin_dir, enum tg_map map);
int tg_pins_link_path(char *out, const char *pin_dir, const char *ifname);

/* Pin all maps but those whose pin is there. */
int tg_pins_maps(const struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes);

/* Remove the pins of the maps, all that are there. 0, or the first -errno. */
int tg_pins_remove_maps(const char *pin_dir);

/*
 * Call seen for each pinned link (path: its pin). Non-zero from seen ends it
 * and is returned. 0, too, when there is no pin_dir at all.
 */
typedef int (*tg_pins_link_seen)(const char *ifname, const char *path, void *arg);
int tg_pins_links(const char *pin_dir, tg_pins_link_seen seen, void *arg);

/* Remove the directories, as far as they are empty. */
void tg_pins_remove_dirs(const char *pin_dir);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins that someone removed, or put something else in place of, under a running agent:
 * they are made again, or the books would end with it.
 */
#ifndef TOLLGATE_REPIN_H
#define TOLLGATE_REPIN_H

#include "maps.h"

/*
 * Our lock is on a directory that is not pin_dir any more: lock the one that is, which
 * is made if it is not there. 0, or -errno (-EBUSY: another agent has it).
 */
int tg_repin_lock(const char *pin_dir, int *lock_fd, char *error, size_t error_bytes);

/*
 * Each says in the log what it found and did. How many pins were made again, or -errno with
 * an error.
 */
int tg_repin_maps(const struct tg_maps *maps, const char *pin_dir, char *error, size_t error_bytes);
int tg_repin_link(int link_fd, const char *ifname, const char *pin_dir, char *error,
		  size_t error_bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the spill maps that are made in advance: whom a policy names has a place to be
 * counted under its name, whatever else fills the maps before it is first seen.
 */
#ifndef TOLLGATE_RESERVE_H
#define TOLLGATE_RESERVE_H

#include "config.h"
#include "enforce.h"

/*
 * For each policy in force that names one token (token-id:) or one source, and each
 * interface of the configuration, one that is yet to come included. A policy that finds no
 * room is named in the log; for rows that are empty half of a map is the most.
 */
void tg_reserve(const struct tg_enforce *enforce, const struct tg_config *config);

/* A policy has no row of its own in map. quota NULL: it is the slot's row of nameless tokens. */
typedef void (*tg_reserve_lacking)(const struct tg_quota *quota, enum tg_map map, uint32_t slot,
				   void *arg);

/*
 * The same under these slots (bit n: slot n). lacking: once for each row that is not
 * there. 0, or -errno: some rows may be missing, nobody was told which.
 */
int tg_reserve_rows(const struct tg_enforce *enforce, uint64_t slots, unsigned int ipv6_prefix,
		    tg_reserve_lacking lacking, void *arg);

/* Slots under which this configuration's interfaces count, or will once they are attached. */
int tg_reserve_slots(const struct tg_maps *maps, const struct tg_config *config, uint64_t *slots);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots of map budgets that nobody has, after an agent was killed while it had some in
 * its hand. A queue cannot be looked through, so nothing else tells that one is missing.
 */
#ifndef TOLLGATE_SLOTS_H
#define TOLLGATE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "maps.h"

/* Was an agent killed between queue and budgets? */
bool tg_slots_in_hand(const struct tg_maps *maps);

/*
 * Each slot that nobody has stands in the queue once again. Beside running programs,
 * for the one agent that there is. found: how many were missing.
 */
int tg_slots_recover(const struct tg_maps *maps, uint32_t *found);

#endif

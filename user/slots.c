/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue is turned round once, slot by slot. What is free and was not met is missing,
 * unless a program has popped it meanwhile, or popped it and pushed it back behind us.
 * So all free slots are marked first, as dead. Whoever meets one takes the mark off: we,
 * in the queue; a program, as it says LIVE or FREE of what it popped. When all programs
 * that may hold one are through, those that still bear the mark are in nobody's hand.
 */
#include "slots.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "enforce.h"
#include "maintain.h"

bool tg_slots_in_hand(const struct tg_maps *maps)
{
	return __atomic_load_n(&maps->budgets[TG_BUDGETS_IN_HAND].state, __ATOMIC_SEQ_CST);
}

static bool change(const struct tg_maps *maps, uint32_t slot, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&maps->budgets[slot].state, &from, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void mark_free(const struct tg_maps *maps)
{
	for (uint32_t slot = TG_POLICIES_MAX; slot < maps->capacity[TG_MAP_BUDGETS]; slot++)
		change(maps, slot, TG_BUDGET_FREE, TG_BUDGET_DEAD);
}

/* To the end of the queue, without its mark. -ENOENT: the queue is empty. */
static int turn_one(const struct tg_maps *maps)
{
	int fd = maps->fd[TG_MAP_BUDGET_FREE];
	uint32_t slot;
	int err = bpf_map_lookup_and_delete_elem(fd, NULL, &slot);

	if (err)
		return err;
	if (slot < TG_POLICIES_MAX || slot >= maps->capacity[TG_MAP_BUDGETS])
		return -ERANGE;
	change(maps, slot, TG_BUDGET_DEAD, TG_BUDGET_FREE);
	return bpf_map_update_elem(fd, NULL, &slot, BPF_ANY);
}

/* As often as it has room: none of those that stand in it now is further from its head. */
static int turn_queue(const struct tg_maps *maps)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < maps->capacity[TG_MAP_BUDGET_FREE]; i++)
		err = turn_one(maps);
	return err == -ENOENT ? 0 : err;
}

int tg_slots_recover(const struct tg_maps *maps, uint32_t *found)
{
	int err;

	*found = 0;
	if (!tg_slots_in_hand(maps))
		return 0;
	mark_free(maps);
	err = tg_maintain_wait(); /* one that is being pushed back may have got its mark now */
	if (!err)
		err = turn_queue(maps);
	/* Dead ones of the agent before us are among them: see bpf/retire.bpf.h. */
	tg_enforce_raise_epoch(maps);
	if (!err)
		err = tg_maintain_wait();
	return err ? err : tg_maps_free_dead_budgets(maps, found);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The maintenance programs in the kernel, run from here. */
#ifndef TOLLGATE_MAINTAIN_H
#define TOLLGATE_MAINTAIN_H

#include "program.h"

struct tg_maintain {
	int fd[TG_PROGRAMS];
	uint64_t first_jiffies; /* the two clocks when it was opened */
	uint64_t first_ns;
	unsigned int hz;	    /* 0: not known yet */
	const struct tg_maps *maps; /* borrowed */
};

/* 0, or -errno with *out untouched. */
int tg_maintain_open(const struct tg_maps *maps, struct tg_maintain *out, char *error,
		     size_t error_bytes);
void tg_maintain_close(struct tg_maintain *maintain);

/* Jiffies a second. May sleep for a fraction of a second when first called. */
unsigned int tg_maintain_hz(struct tg_maintain *maintain);

int tg_maintain_sweep_flows(const struct tg_maintain *maintain, struct tg_sweep *sweep);

/*
 * Mark idle rows, wait until no packet in flight can still count in them, and
 * move them to the spill maps. Rows that an earlier run left marked go too.
 */
int tg_maintain_retire(const struct tg_maintain *maintain, struct tg_sweep *sweep);

/* Every run of the XDP program that began before the call is over after it. 0, or -errno. */
int tg_maintain_wait(void);

/* The kernel's jiffies now. */
int tg_maintain_jiffies(const struct tg_maintain *maintain, uint64_t *jiffies);

/*
 * Budgets that are as if new and idle, or whose policy is gone, leave the index
 * (sweep->removed). They are free for others from the next call on, before which
 * the epoch must have been raised and a grace period have passed. Budgets that an
 * earlier call, or agent, left behind are made free by this one: raise the epoch
 * and wait before the first call, too.
 */
int tg_maintain_retire_budgets(const struct tg_maintain *maintain, struct tg_sweep *sweep);

#endif

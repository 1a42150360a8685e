/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reader's side of struct tg_calendar: which period it is. user/calendar.c
 * writes the tables; what it does not know ahead goes on here, without an agent.
 */
#ifndef TOLLGATE_CALENDAR_H
#define TOLLGATE_CALENDAR_H

#include "abi.h"
#include "word.h"

/* Periods may have begun before boot: times are compared as signed numbers. */
tg_inline int tg_calendar_begun(const struct tg_calendar *c, __u64 at, __u64 now_ns)
{
	return (__s64)c->start_ns[at] <= (__s64)now_ns;
}

/*
 * The last period that has begun, or the first: a table begins with the period
 * that its writer was in. Looks from the hint on, or from 0 if that is beyond now.
 */
tg_inline __u64 tg_calendar_find(const struct tg_calendar *c, __u64 periods, __u64 now_ns)
{
	__u64 at = *(const volatile __u32 *)&c->hint, next;
	__u32 i;

	if (at >= periods || at >= TG_PERIODS_MAX || !tg_calendar_begun(c, at, now_ns))
		at = 0;
	for (i = 0; i < TG_PERIODS_MAX; i++) {
		next = at + 1;
		TG_FORGET(next); /* or its bounds are those of i, and the loop is unrolled */
		if (next >= periods || next >= TG_PERIODS_MAX ||
		    !tg_calendar_begun(c, next, now_ns))
			break;
		at = next;
	}
	return at;
}

/*
 * The period that now is in, and when it ends; id 0: the table is empty. From
 * the last known period on, all are of nominal length and ids grow by step. That
 * is what an agent would call them, too, until the zone's offset changes; then
 * an agent that comes back may name the period differently, and it starts anew.
 *
 * The hint is stored without care for other CPUs: whichever wins, it is right
 * enough, and a table that an agent writes starts with hint 0.
 */
tg_inline void tg_calendar_period(struct tg_calendar *c, __u64 now_ns, __u32 *id, __u64 *end_ns)
{
	__u64 periods = *(const volatile __u32 *)&c->periods, at, start_ns, beyond = 0;

	*id = 0;
	*end_ns = now_ns;
	if (!periods)
		return;
	at = tg_calendar_find(c, periods, now_ns);
	TG_FORGET(at);
	if (at >= TG_PERIODS_MAX)
		return;
	if (c->hint != at)
		c->hint = at;
	*id = c->id[at];
	start_ns = c->start_ns[at];
	if (at + 1 < periods && at + 1 < TG_PERIODS_MAX) {
		*end_ns = c->start_ns[at + 1];
		return;
	}
	if (tg_calendar_begun(c, at, now_ns))
		beyond = (now_ns - start_ns) / c->nominal_ns;
	*id += (__u32)beyond * c->step;
	*end_ns = start_ns + (beyond + 1) * c->nominal_ns;
}

#endif

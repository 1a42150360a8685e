/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Budgets: a request is taken from one word, by compare-and-swap, so that any
 * number of CPUs take exactly what there is. Integers only; now is passed in.
 *
 * A rate is a token bucket kept as the time at which it will be full again
 * (GCRA, ITU-T I.371 annex A, as a virtual schedule): no refill has to run, and
 * a bucket that nobody wrote to is full. A calendar quota is a counter that
 * says which period it counts: another period finds it empty. It keeps the last
 * two periods, so that a clock that is set back, or forth by mistake, neither
 * opens a period twice nor loses what was left of one.
 */
#ifndef TOLLGATE_BUCKET_H
#define TOLLGATE_BUCKET_H

#include "abi.h"
#include "word.h"

/* --- rates: the arithmetic ------------------------------------------------------ */

/*
 * How far ahead of now the bucket is full. Never further than a bucket is deep: a word
 * that is says what was taken under another limit, and counts as just empty.
 */
tg_inline __u64 tg_rate_ahead_ns(const struct tg_limit *limit, __u64 full_ns, __u64 now_ns)
{
	__u64 ahead = full_ns > now_ns ? full_ns - now_ns : 0;

	return ahead < limit->depth_ns ? ahead : limit->depth_ns;
}

/* What the word becomes when a request is taken at now_ns; 0: there is none to take. */
tg_inline __u64 tg_rate_next(const struct tg_limit *limit, __u64 full_ns, __u64 now_ns)
{
	__u64 ahead = tg_rate_ahead_ns(limit, full_ns, now_ns);

	if (ahead + limit->interval_ns > limit->depth_ns)
		return 0;
	return now_ns + ahead + limit->interval_ns;
}

/* How long until the next request can be taken; 0: now. */
tg_inline __u64 tg_rate_wait_ns(const struct tg_limit *limit, __u64 full_ns, __u64 now_ns)
{
	__u64 ahead = tg_rate_ahead_ns(limit, full_ns, now_ns);

	if (ahead + limit->interval_ns <= limit->depth_ns)
		return 0;
	return ahead + limit->interval_ns - limit->depth_ns;
}

/* Requests that can be taken at once. */
tg_inline __u64 tg_rate_remaining(const struct tg_limit *limit, __u64 full_ns, __u64 now_ns)
{
	if (!limit->interval_ns)
		return 0;
	return (limit->depth_ns - tg_rate_ahead_ns(limit, full_ns, now_ns)) / limit->interval_ns;
}

/* --- calendar quotas: the arithmetic ---------------------------------------------- */

/* A word: period id << 32 | requests taken in it. */
#define TG_PERIOD_WORD(id, used) ((__u64)(id) << 32 | (used))

/* Which of the two words counts period id: its own, or the one that makes room for it. */
tg_inline __u32 tg_period_slot(__u64 first, __u64 second, __u32 id)
{
	if (first >> 32 == id)
		return 0;
	if (second >> 32 == id)
		return 1;
	return first >> 32 > second >> 32;
}

tg_inline __u32 tg_period_used(__u64 word, __u32 id)
{
	return word >> 32 == id ? (__u32)word : 0;
}

tg_inline __u64 tg_period_remaining(const struct tg_limit *limit, __u64 first, __u64 second,
				    __u32 id)
{
	__u32 used = tg_period_used(tg_period_slot(first, second, id) ? second : first, id);

	return limit->amount > used ? limit->amount - used : 0;
}

/* --- taking, on any number of CPUs ------------------------------------------------- */

#define TG_TAKE_TRIES 64

enum tg_taken {
	TG_TAKEN,
	TG_EMPTY,
	TG_CONTENDED, /* others were faster, TG_TAKE_TRIES times over: treated as empty */
};

/* A word from under a deeper limit becomes that of a bucket that is just empty. */
tg_inline void tg_rate_settle(__u64 *word, const struct tg_limit *limit, __u64 now_ns)
{
	__u64 was = *(volatile __u64 *)word;

	if (was > now_ns && was - now_ns > limit->depth_ns)
		__sync_val_compare_and_swap(word, was, now_ns + limit->depth_ns);
}

tg_inline __u32 tg_rate_take(__u64 *word, const struct tg_limit *limit, __u64 now_ns)
{
	__u64 was = *(volatile __u64 *)word, next, seen;
	int i;

	for (i = 0; i < TG_TAKE_TRIES; i++) {
		next = tg_rate_next(limit, was, now_ns);
		if (!next)
			return TG_EMPTY;
		seen = __sync_val_compare_and_swap(word, was, next);
		if (seen == was)
			return TG_TAKEN;
		was = seen;
	}
	return TG_CONTENDED;
}

tg_inline void tg_rate_give_back(__u64 *word, const struct tg_limit *limit)
{
	__sync_fetch_and_add(word, -limit->interval_ns);
}

tg_inline __u32 tg_period_take(__u64 *words, const struct tg_limit *limit, __u32 id)
{
	int i;

	for (i = 0; i < TG_TAKE_TRIES; i++) {
		__u64 first = *(volatile __u64 *)&words[0], second = *(volatile __u64 *)&words[1];
		__u32 slot = tg_period_slot(first, second, id);
		__u64 was = slot ? second : first;
		__u32 used = tg_period_used(was, id);

		if (used >= limit->amount)
			return TG_EMPTY;
		if (slot ? __sync_val_compare_and_swap(&words[1], was,
						       TG_PERIOD_WORD(id, used + 1)) == was
			 : __sync_val_compare_and_swap(&words[0], was,
						       TG_PERIOD_WORD(id, used + 1)) == was)
			return TG_TAKEN;
	}
	return TG_CONTENDED;
}

/* Only what was taken in the same period. A word that has moved on keeps what it has. */
tg_inline void tg_period_give_back(__u64 *words, __u32 id)
{
	int i;

	for (i = 0; i < TG_TAKE_TRIES; i++) {
		__u64 first = *(volatile __u64 *)&words[0], second = *(volatile __u64 *)&words[1];
		__u32 slot = tg_period_slot(first, second, id);
		__u64 was = slot ? second : first;

		if (!tg_period_used(was, id))
			return;
		if (slot ? __sync_val_compare_and_swap(&words[1], was, was - 1) == was
			 : __sync_val_compare_and_swap(&words[0], was, was - 1) == was)
			return;
	}
}

#endif

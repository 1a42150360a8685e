/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drop map: what is dropped now, by source or token id, and never_block, which
 * stands in it as an exception. One writer: the agent. Time is passed in.
 */
#ifndef TOLLGATE_DROPS_H
#define TOLLGATE_DROPS_H

#include "maps.h"
#include "policy.h"

struct tg_drops {
	const struct tg_maps *maps;
	const struct tg_networks *never_block; /* borrowed */
	uint32_t sources, tokens;	       /* that are blocked */
	uint32_t lengths[129];		       /* entries by source of a prefix length */
};

/* What the kernel's clock says now, and how fast it goes. */
struct tg_drop_clock {
	uint64_t jiffies;
	uint64_t unix_ns;
	unsigned int hz;
	unsigned int open_s; /* so long after a block its connections may be followed still */
};

/*
 * never_block takes effect: its entries are written, those of an earlier list go,
 * and so do blocks within it. 0, or -errno.
 */
int tg_drops_open(struct tg_drops *drops, const struct tg_maps *maps,
		  const struct tg_networks *never_block, char *error, size_t error_bytes);

/*
 * Block a subject (kind SOURCE or TOKEN_ID); for_s 0: until it is lifted. One that
 * is blocked already: as said last, its counters kept. -EPERM: within never_block;
 * -ENOSPC; -E2BIG: too many different prefix lengths; with one line in error.
 */
int tg_drops_put(struct tg_drops *drops, const struct tg_subject *subject,
		 enum tg_drop_reason reason, uint64_t for_s, const char *text,
		 const struct tg_drop_clock *now, char *error, size_t error_bytes);

/* Is this very subject blocked? */
bool tg_drops_find(const struct tg_drops *drops, const struct tg_subject *subject,
		   struct tg_drop *out);

/* -ENOENT: it is not blocked. */
int tg_drops_remove(struct tg_drops *drops, const struct tg_subject *subject);

/* Remove what has expired. Calls gone for each. */
int tg_drops_expire(struct tg_drops *drops, const struct tg_drop_clock *now,
		    void (*gone)(const struct tg_subject *subject, const struct tg_drop *drop,
				 void *arg),
		    void *arg);

/* The subject of an entry. */
void tg_drops_subject(const struct tg_drop_key *key, struct tg_subject *out);
void tg_drops_key(const struct tg_subject *subject, struct tg_drop_key *out);

#endif

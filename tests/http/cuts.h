/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways in which a stream is cut into segments, each of which must give the
 * same answer: whole, in two at every byte, a byte at a time, and at random.
 */
#ifndef TOLLGATE_TESTS_CUTS_H
#define TOLLGATE_TESTS_CUTS_H

#include "cases.h"

struct tg_cuts {
	const struct tg_case *c;
	size_t bytes_max; /* of a segment */
	size_t cut;	  /* the next place to cut in two */
	int stage;
	uint64_t random;
	size_t *end; /* of each segment: end[segments - 1] is the stream's */
	size_t segments;
	char what[64]; /* for messages: "cut at 17" */
};

void tg_cuts_start(struct tg_cuts *cuts, const struct tg_case *c, size_t bytes_max);

/* The next way, or false. Streams beyond 2,000 bytes are cut in two at a choice of places only. */
bool tg_cuts_next(struct tg_cuts *cuts);

void tg_cuts_end(struct tg_cuts *cuts);

#endif

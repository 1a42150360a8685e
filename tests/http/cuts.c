/* SPDX-License-Identifier: BSD-2-Clause */
#include "cuts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_BYTE_MAX	   2000	 /* of a stream that is cut in two at every byte */
#define BYTE_AT_A_TIME_MAX 20000 /* of a stream that is fed a byte at a time */
#define NEAR		   24	 /* bytes around an event: cut at each of them */
#define SAMPLE		   53	 /* elsewhere: about one place in so many */
#define RANDOM_WAYS	   12

enum { WHOLE, IN_TWO, BYTES, RANDOM };

/* splitmix64: the same ways on every run. */
static uint64_t draw(struct tg_cuts *cuts)
{
	uint64_t z = cuts->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void tg_cuts_start(struct tg_cuts *cuts, const struct tg_case *c, size_t bytes_max)
{
	memset(cuts, 0, sizeof(*cuts));
	cuts->c = c;
	cuts->bytes_max = bytes_max;
	cuts->random = c->stream_bytes;
	cuts->end = calloc(c->stream_bytes + 1, sizeof(*cuts->end));
	if (!cuts->end)
		abort();
}

void tg_cuts_end(struct tg_cuts *cuts)
{
	free(cuts->end);
	cuts->end = NULL;
}

/* One more segment that ends at end, or several if it were too long. */
static void add(struct tg_cuts *cuts, size_t end)
{
	size_t begin = cuts->segments ? cuts->end[cuts->segments - 1] : 0;

	while (end - begin > cuts->bytes_max) {
		begin += cuts->bytes_max;
		cuts->end[cuts->segments++] = begin;
	}
	if (end > begin)
		cuts->end[cuts->segments++] = end;
}

static bool is_near(size_t at, size_t event)
{
	return at + NEAR > event && at < event + NEAR;
}

static bool is_chosen(struct tg_cuts *cuts, size_t at)
{
	const struct tg_case *c = cuts->c;

	if (c->stream_bytes <= EVERY_BYTE_MAX || is_near(at, 0) || is_near(at, c->stream_bytes) ||
	    is_near(at, c->config.header_bytes))
		return true;
	for (size_t i = 0; i < c->requests; i++) {
		if (is_near(at, c->request[i].begin) || is_near(at, c->request[i].header_end) ||
		    is_near(at, c->request[i].end))
			return true;
	}
	return draw(cuts) % SAMPLE == 0;
}

static bool cut_in_two(struct tg_cuts *cuts)
{
	do {
		if (++cuts->cut >= cuts->c->stream_bytes)
			return false;
	} while (!is_chosen(cuts, cuts->cut));
	add(cuts, cuts->cut);
	snprintf(cuts->what, sizeof(cuts->what), "cut in two at %zu", cuts->cut);
	return true;
}

static bool cut_to_bytes(struct tg_cuts *cuts)
{
	if (cuts->c->stream_bytes > BYTE_AT_A_TIME_MAX)
		return false;
	for (size_t at = 1; at < cuts->c->stream_bytes; at++)
		add(cuts, at);
	strcpy(cuts->what, "a byte at a time");
	return true;
}

/* Ever longer segments: 1..4 bytes at first, up to 1..16 Ki at last. */
static void cut_at_random(struct tg_cuts *cuts, int way)
{
	size_t at = 0, most = (size_t)4 << way;

	while ((at += 1 + draw(cuts) % most) < cuts->c->stream_bytes)
		add(cuts, at);
	snprintf(cuts->what, sizeof(cuts->what), "cut at random, way %d", way);
}

bool tg_cuts_next(struct tg_cuts *cuts)
{
	cuts->segments = 0;
	if (cuts->stage == WHOLE) {
		strcpy(cuts->what, "whole");
		cuts->stage++;
	} else if (cuts->stage == IN_TWO && cut_in_two(cuts)) {
		/* and again, at the next place */
	} else if (cuts->stage <= BYTES) {
		cuts->stage = RANDOM;
		if (!cut_to_bytes(cuts))
			return tg_cuts_next(cuts);
	} else if (cuts->stage < RANDOM + RANDOM_WAYS) {
		cut_at_random(cuts, cuts->stage - RANDOM);
		cuts->stage++;
	} else {
		return false;
	}
	add(cuts, cuts->c->stream_bytes);
	return true;
}

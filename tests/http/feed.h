/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream through the scanner natively, segment by segment, as the program in the kernel
 * takes it. Each segment lies at the end of a page with nothing behind it, so that a read
 * too far is a crash; or before bytes that are not the stream's, so that one that uses
 * them gives another answer.
 */
#ifndef TOLLGATE_TESTS_FEED_H
#define TOLLGATE_TESTS_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../include/tollgate/http_scan.h"

#define TG_FEED_SEGMENT_MAX 131000

enum tg_feed_way {
	TG_FEED_STEPS,
	TG_FEED_SHORT_CUTS,
	TG_FEED_PADDED, /* and the next two: what lies behind a segment would complete something */
	TG_FEED_PADDED_LF,
	TG_FEED_PADDED_CRLF,
	TG_FEED_WAYS
};
extern const char *const tg_feed_way_names[TG_FEED_WAYS];

struct tg_feed;

/* What is told of it. Nothing that is told of has been added to feed->at yet. */
struct tg_feed_ears {
	/* A step took so many bytes; before: the phase that it began in. */
	void (*step)(struct tg_feed *feed, uint8_t before, size_t taken);
	void (*request)(struct tg_feed *feed, size_t header_end);
	void (*error)(struct tg_feed *feed, uint32_t step, size_t at);
	/* The scanner breaks its own rules. Does not return. */
	void (*fault)(struct tg_feed *feed, const char *what);
};

struct tg_feed {
	const struct tg_feed_ears *ears;
	const struct tg_http_config *config;
	enum tg_feed_way way;
	struct tg_scan scan;
	struct tg_head head;
	size_t at; /* stream bytes fed */
};

/* Another stream begins. */
void tg_feed_start(struct tg_feed *feed);

/* The stream's bytes from feed->at to end. Returns the pause's step: TG_STEP_ERROR, or 0. */
uint32_t tg_feed_segment(struct tg_feed *feed, const uint8_t *stream, size_t end);

/* The scanner does not look at any more bytes. */
bool tg_feed_is_over(const struct tg_feed *feed);

#endif

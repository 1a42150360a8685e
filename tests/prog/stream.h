/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random streams of requests, and random ways in which TCP may carry them: cut anywhere,
 * in disorder, doubled, overlapping. What is right is known as they are made.
 */
#ifndef TOLLGATE_TESTS_STREAM_H
#define TOLLGATE_TESTS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_STREAM_ROOM	  65536
#define TG_STREAM_TOKENS  4 /* the last one: none */
#define TG_STREAM_SENDS	  400
#define TG_STREAM_RUNS	  32 /* that a connection can hold */
#define TG_STREAM_REORDER 10 /* pieces that overtake one at most */

extern const char *const tg_stream_tokens[TG_STREAM_TOKENS];

struct tg_stream_piece {
	uint32_t at;
	uint32_t bytes;
	uint32_t order; /* they are sent by it */
	bool extra;	/* its bytes are those of others */
};

struct tg_stream {
	uint64_t random;
	char text[TG_STREAM_ROOM];
	uint32_t bytes;
	struct {
		uint64_t requests;
		uint64_t bytes;
	} expected[TG_STREAM_TOKENS];
	struct tg_stream_piece piece[TG_STREAM_SENDS];
	size_t pieces;
	/* How far it has come. */
	bool there[TG_STREAM_ROOM];
	uint32_t next;
};

enum tg_stream_case {
	TG_STREAM_NEXT,	 /* it begins with what is missing, or before it */
	TG_STREAM_EARLY, /* it must wait */
	TG_STREAM_AGAIN, /* all of it was there */
	TG_STREAM_LATER, /* there would be too many runs: to be sent again later */
};

/* Requests, and the pieces in the order to send them. The same seed: the same stream. */
void tg_stream_make(struct tg_stream *stream, uint64_t seed);

/* What sending the piece now comes to; it has come then, unless LATER. */
enum tg_stream_case tg_stream_take(struct tg_stream *stream, const struct tg_stream_piece *piece);

/* 0..below-1 */
uint32_t tg_stream_random(struct tg_stream *stream, uint32_t below);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* None of them makes room for more than this. */
#define REQUEST_MAX 14000
#define REQUESTS    8

const char *const tg_stream_tokens[TG_STREAM_TOKENS] = {"token-aaa-1", "token-bbb-22-long-enough",
							"c", NULL};

uint32_t tg_stream_random(struct tg_stream *stream, uint32_t below)
{
	stream->random = stream->random * 6364136223846793005 + 1442695040888963407;
	return (stream->random >> 33) % below;
}

/* --- requests --------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void put(struct tg_stream *stream, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	stream->bytes += vsnprintf(stream->text + stream->bytes, TG_STREAM_ROOM - stream->bytes,
				   format, args);
	va_end(args);
	assert(stream->bytes < TG_STREAM_ROOM);
}

/* What would count, if it were read. */
static void put_content(struct tg_stream *stream, uint32_t bytes)
{
	static const char bait[] = "0\r\n\r\nGET / HTTP/1.1\r\nX-API-Key: nobody\r\n\r\n";
	uint32_t phase = tg_stream_random(stream, sizeof(bait) - 1);

	assert(stream->bytes + bytes < TG_STREAM_ROOM);
	for (uint32_t i = 0; i < bytes; i++)
		stream->text[stream->bytes++] = bait[(i + phase) % (sizeof(bait) - 1)];
}

/* Mostly short. */
static uint32_t length(struct tg_stream *stream, uint32_t most)
{
	static const uint32_t scales[] = {4, 40, 400, 4000};
	uint32_t scale = scales[tg_stream_random(stream, 4)];

	return tg_stream_random(stream, scale < most ? scale : most);
}

static void put_chunks(struct tg_stream *stream)
{
	for (uint32_t i = tg_stream_random(stream, 4); i > 0; i--) {
		uint32_t bytes = 1 + length(stream, 2000);

		put(stream, i % 2 ? "%x\r\n" : "%04X;a=b\r\n", bytes);
		put_content(stream, bytes);
		put(stream, "\r\n");
	}
	put(stream, tg_stream_random(stream, 2) ? "0\r\n\r\n" : "0\r\nTrailer: of it\r\n\r\n");
}

static void put_body(struct tg_stream *stream)
{
	uint32_t bytes;

	switch (tg_stream_random(stream, 3)) {
	case 0:
		put(stream, "\r\n");
		break;
	case 1:
		bytes = length(stream, 5000);
		put(stream, "Content-Length: %u\r\n\r\n", bytes);
		put_content(stream, bytes);
		break;
	case 2:
		put(stream, "Transfer-Encoding: chunked\r\n\r\n");
		put_chunks(stream);
		break;
	}
}

static void put_request(struct tg_stream *stream)
{
	uint32_t token = tg_stream_random(stream, TG_STREAM_TOKENS), begin = stream->bytes;

	put(stream, "POST /some/path HTTP/1.1\r\nHost: api.example.org\r\n");
	if (tg_stream_random(stream, 2))
		put(stream, "Cookie: %*s\r\n", 1 + (int)length(stream, 3000), "x");
	if (tg_stream_tokens[token])
		put(stream, "X-API-Key: %s\r\n", tg_stream_tokens[token]);
	if (tg_stream_random(stream, 2))
		put(stream, "Accept: */*\r\n");
	put_body(stream);
	stream->expected[token].requests++;
	stream->expected[token].bytes += stream->bytes - begin;
}

/* --- pieces ----------------------------------------------------------------------- */

static void add_piece(struct tg_stream *stream, uint32_t at, uint32_t bytes, bool extra)
{
	uint32_t turn = stream->pieces * 8 / 10 + tg_stream_random(stream, TG_STREAM_REORDER);

	assert(stream->pieces < TG_STREAM_SENDS);
	stream->piece[stream->pieces++] = (struct tg_stream_piece){at, bytes, turn, extra};
}

/* Some of a piece, and of what lies around it, again. */
static void add_extra(struct tg_stream *stream, uint32_t at, uint32_t bytes)
{
	uint32_t begin = at + tg_stream_random(stream, bytes);
	uint32_t back = tg_stream_random(stream, 2 * bytes);

	begin = back > begin ? 0 : begin - back;
	bytes = 1 + tg_stream_random(stream, 2 * bytes);
	if (bytes > stream->bytes - begin)
		bytes = stream->bytes - begin;
	add_piece(stream, begin, bytes, true);
}

static void cut(struct tg_stream *stream)
{
	static const uint32_t scales[] = {30, 300, 1500, 9000};
	uint32_t scale = scales[tg_stream_random(stream, 4)], at = 0;
	bool repeats = tg_stream_random(stream, 2);

	if (scale < stream->bytes / 100)
		scale = stream->bytes / 100;
	while (at < stream->bytes) {
		uint32_t bytes = 1 + tg_stream_random(stream, scale);

		if (bytes > stream->bytes - at || stream->pieces > TG_STREAM_SENDS - 3)
			bytes = stream->bytes - at;
		add_piece(stream, at, bytes, false);
		if (repeats && stream->pieces < TG_STREAM_SENDS - 8 && !tg_stream_random(stream, 3))
			add_extra(stream, at, bytes);
		at += bytes;
	}
}

static int by_order(const void *a, const void *b)
{
	const struct tg_stream_piece *one = a, *other = b;

	if (one->order != other->order)
		return one->order < other->order ? -1 : 1;
	return one->at < other->at ? -1 : one->at > other->at;
}

void tg_stream_make(struct tg_stream *stream, uint64_t seed)
{
	memset(stream, 0, sizeof(*stream));
	stream->random = seed * 0x9e3779b97f4a7c15 + 1;
	tg_stream_random(stream, 2);
	for (uint32_t i = 1 + tg_stream_random(stream, REQUESTS); i > 0; i--)
		if (stream->bytes < TG_STREAM_ROOM - REQUEST_MAX)
			put_request(stream);
	cut(stream);
	qsort(stream->piece, stream->pieces, sizeof(*stream->piece), by_order);
}

/* --- what comes of it ------------------------------------------------------------- */

/* Runs that would be held if the piece came. */
static unsigned int runs_with(const struct tg_stream *stream, const struct tg_stream_piece *piece)
{
	unsigned int runs = 0;
	bool was = true;

	for (uint32_t i = stream->next; i < stream->bytes; i++) {
		bool is = stream->there[i] || i - piece->at < piece->bytes;

		runs += is && !was;
		was = is;
	}
	return runs;
}

enum tg_stream_case tg_stream_take(struct tg_stream *stream, const struct tg_stream_piece *piece)
{
	bool fresh = false, early = piece->at > stream->next;

	for (uint32_t i = piece->at; i < piece->at + piece->bytes; i++)
		fresh |= !stream->there[i];
	if (early && fresh && runs_with(stream, piece) > TG_STREAM_RUNS)
		return TG_STREAM_LATER;
	memset(stream->there + piece->at, true, piece->bytes);
	while (stream->next < stream->bytes && stream->there[stream->next])
		stream->next++;
	return !fresh ? TG_STREAM_AGAIN : early ? TG_STREAM_EARLY : TG_STREAM_NEXT;
}

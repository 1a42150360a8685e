/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzzer's bytes mean to the scanner's targets: eight that choose, then
 * the stream.
 *
 *   0     bits 0..2: which places may hold a token; bit 3: limits.header_bytes is
 *         small; bit 4: the connection is picked up in its middle
 *   1..7  lengths of segments, taken in turn: n + 1 below 192, else 64 * (n - 191)
 */
#ifndef TOLLGATE_TESTS_FUZZ_STREAM_H
#define TOLLGATE_TESTS_FUZZ_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../include/tollgate/http_config.h"

#define FUZZ_CHOICE_BYTES    8
#define FUZZ_STREAM_MAX	     8192
#define FUZZ_PLACES	     8
#define FUZZ_CHOICE_SHORT    8	/* header limit */
#define FUZZ_CHOICE_PICKED   16 /* up in the middle */
#define FUZZ_HEADER_BYTES    16384
#define FUZZ_HEADER_BYTES_LO 256

struct fuzz_stream {
	const struct tg_http_config *config;
	const uint8_t *bytes;
	size_t count;
	const uint8_t *lengths; /* FUZZ_CHOICE_BYTES - 1 of them */
	bool picked_up;
};

extern const char *const fuzz_places[FUZZ_PLACES];

/* false: too short, or longer than a target takes. */
bool fuzz_stream_read(const uint8_t *data, size_t bytes, struct fuzz_stream *out);

/* Where the segment with this number ends that begins at begin. */
size_t fuzz_stream_segment(const struct fuzz_stream *stream, size_t number, size_t begin);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream through the scanner, in one of several ways -> all that it said. */
#ifndef TOLLGATE_TESTS_FUZZ_TRACE_H
#define TOLLGATE_TESTS_FUZZ_TRACE_H

#include "stream.h"
#include "tests/http/feed.h"

#define FUZZ_REQUESTS_MAX 1024 /* more than fit in FUZZ_STREAM_MAX bytes */

struct fuzz_request {
	size_t begin;
	size_t header_end;
	size_t end; /* of the message; 0: not reached */
	uint32_t header_bytes;
	uint16_t flags; /* enum tg_head_flag, those that outlive a header */
	uint8_t phase;	/* behind the header */
	uint64_t length;
	struct tg_token token;
	uint64_t start[TG_PREFIX_BYTES_MAX / 8];
	uint64_t origin_id;
	uint8_t host[TG_HOST_BYTES_MAX]; /* what is kept of it, zero-padded */
};

struct fuzz_trace {
	struct fuzz_request request[FUZZ_REQUESTS_MAX];
	size_t requests;
	size_t body;   /* bytes since the last one's header */
	uint8_t phase; /* at the end */
	uint8_t flags;
	uint8_t error;
	uint64_t skip;
	size_t begin;	 /* of the header or line that it ends in */
	size_t error_at; /* behind the byte at fault */
	bool too_long;	 /* the error is a length limit's: where it shows depends on the cuts */
	/* A line of chunked framing (size or end of data) ended in LF alone: behind it. 0: none. */
	size_t chunk_bare_lf;
};

/* whole: not cut. Aborts, and says why, if a step breaks the scanner's own rules. */
void fuzz_trace_make(const struct fuzz_stream *stream, enum tg_feed_way way, bool whole,
		     struct fuzz_trace *out);

#endif

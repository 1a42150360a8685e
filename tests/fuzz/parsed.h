/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream through http_parser, which knows nothing of this scanner -> its requests. */
#ifndef TOLLGATE_TESTS_FUZZ_PARSED_H
#define TOLLGATE_TESTS_FUZZ_PARSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_PARSED_MAX 1024

struct fuzz_parsed_request {
	size_t begin; /* first byte of the method */
	size_t header_end;
	size_t end;  /* of the message; 0: not reached */
	size_t body; /* bytes, without chunked framing */
	const char *method;
	const char *target;
	size_t target_bytes;
	bool chunked;
	bool has_length;
	uint64_t length;
};

struct fuzz_parsed {
	struct fuzz_parsed_request request[FUZZ_PARSED_MAX];
	size_t requests;  /* whose header is complete */
	bool stopped;	  /* at an error, or at a request to leave HTTP/1 */
	bool bad_framing; /* the error: what is body, and what is not, cannot be told */
	bool in_trailers;
	const char *why;
	size_t stopped_at; /* the byte at fault */
	uint64_t left;	   /* of the body or chunk that the stream ends in */
};

void fuzz_parsed_make(const uint8_t *bytes, size_t count, struct fuzz_parsed *out);

#endif

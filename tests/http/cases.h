/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP cases (tests/http/README.md) in memory: what the client sends, and
 * what the meter must make of it. Shared by the native runner and the one that
 * sends the same bytes through the loaded program.
 */
#ifndef TOLLGATE_TESTS_CASES_H
#define TOLLGATE_TESTS_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../include/tollgate/http_scan.h"

/* A request whose header is complete. Offsets are stream offsets. */
struct tg_case_request {
	size_t begin;	   /* first byte of the method */
	size_t header_end; /* behind the final LF of the header */
	size_t end;	   /* behind the last byte of the message that the stream has */
	bool chunked;
	uint64_t length; /* of the body, unless chunked */
	char *token;	 /* NULL: none. Unmasked: this never leaves a test */
	size_t token_bytes;
	char *origin; /* NULL: none; the whole host, however long */
	size_t origin_bytes;
};

/* Where the connection stands when the stream ends. */
enum tg_case_end {
	TG_CASE_OPEN,	/* between messages */
	TG_CASE_HEADER, /* within a request line or header */
	TG_CASE_BODY,	/* within a body */
	TG_CASE_TUNNEL, /* may have left HTTP/1: nothing told it yet */
	TG_CASE_OPAQUE, /* has left HTTP/1: no error */
	TG_CASE_ERROR,	/* reason says which */
};

struct tg_case_config { /* what differs from the defaults; compared as bytes */
	char tokens[256];
	uint32_t header_bytes;
	uint32_t prefix_bytes;
};

struct tg_case {
	char *name; /* "file: name" */
	unsigned int line;
	struct tg_case_config config;
	uint8_t *stream;
	size_t stream_bytes;
	struct tg_case_request *request;
	size_t requests;
	enum tg_case_end end;
	uint32_t reason;    /* ERROR: enum tg_packet_reason */
	bool broke_request; /* AMBIGUOUS: in what may be a request */
};

struct tg_cases {
	struct tg_case *row;
	size_t count;
};

/* The key that the runners hash tokens and hosts under, as the secret's bytes. */
extern const uint8_t tg_case_secret[16];

/*
 * All *.case files of a directory, in the order of their names. Says on stderr
 * what is wrong with a case, naming file and line, and returns -EINVAL.
 */
int tg_cases_load(const char *dir, struct tg_cases *out);
void tg_cases_free(struct tg_cases *cases);

/* The directory of the cases, whether run from the top or from elsewhere. */
const char *tg_cases_dir(void);

/* The scanner's table for the case's configuration. 0 or -errno, said on stderr. */
int tg_case_http_config(const struct tg_case_config *config, struct tg_http_config *out);

/* What the meter may keep of a request's token (all zero: none) and origin (id 0: none). */
struct tg_token tg_case_token(const struct tg_case *c, const struct tg_case_request *request);
uint64_t tg_case_origin_id(const struct tg_case_request *request);
void tg_case_host(const struct tg_case_request *request, uint8_t host[TG_HOST_BYTES_MAX]);

/* Where a scanner stands; *reason is set for TG_CASE_ERROR. */
enum tg_case_end tg_case_end_of(const struct tg_scan *scan, uint32_t *reason);

/* A body that is at fault: how much of it counted before depends on the cut. */
bool tg_case_breaks_body(const struct tg_case *c);

/* "open", or the reason's label. */
const char *tg_case_end_name(enum tg_case_end end, uint32_t reason);

/* The unattributed counter that the case's end raises by one, or -1. */
int tg_case_unattributed(const struct tg_case *c);

#endif

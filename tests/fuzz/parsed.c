/* SPDX-License-Identifier: BSD-2-Clause */
#include "parsed.h"

#include <http_parser.h>

#include "must.h"

struct run {
	struct fuzz_parsed *out;
	const char *bytes;
	size_t at; /* of the byte that is fed */
	struct fuzz_parsed_request now;
	bool has_begun;
};

static int message_begin(http_parser *parser)
{
	struct run *run = parser->data;

	run->now = (struct fuzz_parsed_request){.begin = run->at};
	return 0;
}

static int url(http_parser *parser, const char *at, size_t bytes)
{
	struct run *run = parser->data;

	if (!run->now.target)
		run->now.target = at;
	run->now.target_bytes += bytes;
	return 0;
}

static int headers_complete(http_parser *parser)
{
	struct run *run = parser->data;
	struct fuzz_parsed *out = run->out;

	must(out->requests < FUZZ_PARSED_MAX, "more requests than fit");
	run->now.header_end = run->at + 1;
	run->now.method = http_method_str(parser->method);
	run->now.chunked = parser->flags & F_CHUNKED;
	run->now.has_length = parser->flags & F_CONTENTLENGTH;
	run->now.length = run->now.has_length ? parser->content_length : 0;
	out->request[out->requests++] = run->now;
	return 0;
}

static int body(http_parser *parser, const char *at, size_t bytes)
{
	struct run *run = parser->data;

	(void)at;
	run->out->request[run->out->requests - 1].body += bytes;
	return 0;
}

static int message_complete(http_parser *parser)
{
	struct run *run = parser->data;

	run->out->request[run->out->requests - 1].end = run->at + 1;
	return 0;
}

static const http_parser_settings settings = {.on_message_begin = message_begin,
					      .on_url = url,
					      .on_headers_complete = headers_complete,
					      .on_body = body,
					      .on_message_complete = message_complete};

static bool is_framing(enum http_errno err)
{
	return err == HPE_INVALID_CONTENT_LENGTH || err == HPE_UNEXPECTED_CONTENT_LENGTH ||
	       err == HPE_INVALID_TRANSFER_ENCODING || err == HPE_INVALID_CHUNK_SIZE;
}

/* A byte at a time, so that an event's place is known. */
void fuzz_parsed_make(const uint8_t *bytes, size_t count, struct fuzz_parsed *out)
{
	struct run run = {.out = out, .bytes = (const char *)bytes};
	http_parser parser;

	out->requests = 0;
	out->stopped = out->bad_framing = false;
	out->why = "";
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &run;
	for (run.at = 0; run.at < count && !out->stopped; run.at++) {
		size_t taken = http_parser_execute(&parser, &settings, run.bytes + run.at, 1);

		out->stopped = taken != 1 || parser.http_errno || parser.upgrade;
	}
	out->left = parser.content_length;
	if (!out->stopped)
		return;
	out->in_trailers = parser.flags & F_TRAILING;
	out->stopped_at = run.at - 1;
	out->bad_framing = is_framing((enum http_errno)parser.http_errno);
	/* It leaves HTTP/1 with the header of a CONNECT, whatever body that announces. */
	if (parser.upgrade && out->requests)
		out->request[out->requests - 1].end = 0;
	out->why = http_errno_name(parser.http_errno);
	/* It tells of a header before it finds that it makes no sense. */
	if (parser.http_errno && out->requests &&
	    out->request[out->requests - 1].header_end == run.at)
		out->requests--;
}

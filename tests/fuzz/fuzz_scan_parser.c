/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/fuzz/stream.c tests/fuzz/trace.c tests/fuzz/parsed.c user/http_table.c */
/* links: user/places.c tests/http/cases_expect.c tests/http/siphash_plain.c tests/http/feed.c */
/*
 * The scanner against http_parser (node's, Debian's libhttp-parser), which other
 * people wrote: as long as neither has given up on the stream, both see the same
 * requests at the same places with the same bodies. Who gives up is stricter, and
 * says so; it must not have seen a request by then that the other did not see.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "must.h"
#include "parsed.h"
#include "trace.h"

/*
 * Why the two may differ from some place of the stream on. What nginx 1.22 and HAProxy
 * 2.6 do was tried.
 */
enum exception {
	NONE,
	/*
	 * Lines of chunked framing that end in LF alone: a line end for the scanner, nginx
	 * and HAProxy. http_parser takes it for text of a chunk extension, or steps over two
	 * bytes behind a chunk's data whatever they are.
	 */
	CHUNK_BARE_LF,
	/* A tab behind a chunk's size: white space for the scanner, nginx and HAProxy. */
	CHUNK_TAB,
	/* Trailer fields say nothing of the framing (RFC 9110 section 6.5.1), but there. */
	TRAILER_FIELD,
	/* A name that only begins with "Transfer-Encoding": another name, but not there. */
	CODING_LONGER_NAME,
	/*
	 * Open: the scanner is the lenient one. Transfer-Encoding lists an element beside
	 * "chunked" that is empty (nothing, by RFC 9110 section 5.6.1), or begins with no
	 * letter. nginx answers 501 and HAProxy mostly 422, and both close: what a client
	 * has sent behind it is counted, but was not served.
	 */
	ODD_CODING,
	/*
	 * Open, too: Transfer-Encoding has a tab as its white space (RFC 9110 section
	 * 5.6.3). HAProxy goes on; nginx answers 501 and closes.
	 */
	CODING_TAB,
};

static const char coding_name[] = "\nTransfer-Encoding";
#define CODING_NAME_BYTES (sizeof(coding_name) - 1)

static bool is_tchar(char c) /* RFC 9110 section 5.6.2 */
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A list of codings, up to the line's end: is one empty, or does it not begin as a name? */
static bool is_odd_coding(const char *at, const char *end)
{
	bool begun = false;

	for (; at < end && *at != '\n'; at++) {
		if (*at == ',' && !begun)
			return true;
		if (*at == ',')
			begun = false;
		if (*at == ',' || *at == ' ' || *at == '\t' || *at == '\r')
			continue;
		if (!begun && !is_tchar(*at))
			return true;
		begun = true;
	}
	return !begun;
}

/* What the request's Transfer-Encoding has that is judged in different ways. */
static enum exception coding_exception(const struct fuzz_stream *stream,
				       const struct fuzz_request *request)
{
	const char *at = (const char *)stream->bytes + request->begin;
	const char *end = (const char *)stream->bytes + request->header_end;

	for (; at + CODING_NAME_BYTES < end; at++) {
		const char *value = at + CODING_NAME_BYTES;

		if (strncasecmp(at, coding_name, CODING_NAME_BYTES))
			continue;
		if (*value != ':')
			return CODING_LONGER_NAME;
		if (memchr(value, '\t', strcspn(value, "\n")))
			return CODING_TAB;
		if (is_odd_coding(value + 1, end))
			return ODD_CODING;
	}
	return NONE;
}

static enum exception exception_of(const struct fuzz_stream *stream, const struct fuzz_trace *trace,
				   const struct fuzz_parsed *parsed)
{
	if (trace->chunk_bare_lf)
		return CHUNK_BARE_LF;
	if (parsed->bad_framing && stream->bytes[parsed->stopped_at] == '\t')
		return CHUNK_TAB;
	if (parsed->bad_framing && parsed->in_trailers)
		return TRAILER_FIELD;
	if (!parsed->bad_framing || trace->requests <= parsed->requests)
		return NONE;
	return coding_exception(stream, &trace->request[parsed->requests]);
}

static void compare_text(const struct fuzz_stream *stream, size_t number,
			 const struct fuzz_request *scanned,
			 const struct fuzz_parsed_request *parsed)
{
	const char *line = (const char *)stream->bytes + scanned->begin;
	size_t method = strlen(parsed->method), target = method;

	must(scanned->header_bytes > method && !memcmp(line, parsed->method, method) &&
		     line[method] == ' ',
	     "request %zu: method %s", number, parsed->method);
	target += strspn(line + target, " ");
	must(parsed->target == line + target && line[target + parsed->target_bytes] == ' ',
	     "request %zu: target", number);
}

static void compare_request(const struct fuzz_stream *stream, size_t number,
			    const struct fuzz_request *scanned,
			    const struct fuzz_parsed_request *parsed)
{
	bool chunked = scanned->flags & TG_HEAD_CODING;

	must(scanned->begin == parsed->begin && scanned->header_end == parsed->header_end,
	     "request %zu at %zu..%zu, parsed at %zu..%zu", number, scanned->begin,
	     scanned->header_end, parsed->begin, parsed->header_end);
	must(chunked == parsed->chunked && scanned->length == parsed->length,
	     "request %zu: chunked %d, length %llu; parsed %d, %llu", number, chunked,
	     (unsigned long long)scanned->length, parsed->chunked,
	     (unsigned long long)parsed->length);
	compare_text(stream, number, scanned, parsed);
}

/* The last request of both, whose message one of them may have given up in. */
static void compare_ends(const struct fuzz_trace *trace, const struct fuzz_parsed *parsed,
			 bool scan_stopped)
{
	size_t common = trace->requests < parsed->requests ? trace->requests : parsed->requests;

	for (size_t i = 0; i < common; i++) {
		size_t scanned = trace->request[i].end, other = parsed->request[i].end;

		must(scanned == other || (!scanned && scan_stopped) || (!other && parsed->stopped),
		     "request %zu ends at %zu, parsed to end at %zu (%s)", i, scanned, other,
		     parsed->why);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct fuzz_trace trace;
	static struct fuzz_parsed parsed;
	struct fuzz_stream stream;
	enum exception exception;
	bool stopped;
	size_t common;

	if (!fuzz_stream_read(data, bytes, &stream))
		return 0;
	stream.picked_up = false;
	fuzz_trace_make(&stream, TG_FEED_SHORT_CUTS, true, &trace);
	fuzz_parsed_make(stream.bytes, stream.count, &parsed);
	exception = exception_of(&stream, &trace, &parsed);
	stopped = trace.phase == TG_PHASE_DEAD;
	common = trace.requests < parsed.requests ? trace.requests : parsed.requests;
	while (exception == CHUNK_BARE_LF && common &&
	       trace.request[common - 1].header_end > trace.chunk_bare_lf)
		common--;
	for (size_t i = 0; i < common; i++)
		compare_request(&stream, i, &trace.request[i], &parsed.request[i]);
	if (exception != NONE)
		return 0;
	must(trace.requests == common || parsed.stopped, "%zu requests; %zu parsed (%s)",
	     trace.requests, common, parsed.why);
	must(parsed.requests == common || stopped, "%zu requests (error %u); %zu parsed", common,
	     trace.error, parsed.requests);
	compare_ends(&trace, &parsed, stopped);
	/* Told at the end of a header, so that it may not be told yet. */
	if (parsed.bad_framing)
		must(trace.requests == common && (stopped || tg_phase_in_head(trace.phase)),
		     "%zu requests, and on; parsed %zu: %s", trace.requests, common, parsed.why);
	if (tg_phase_skips(trace.phase) && !parsed.stopped)
		must(trace.skip == parsed.left, "%llu bytes left of a body; parsed: %llu",
		     (unsigned long long)trace.skip, (unsigned long long)parsed.left);
	return 0;
}

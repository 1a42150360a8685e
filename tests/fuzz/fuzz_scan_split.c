/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/fuzz/stream.c tests/fuzz/trace.c user/http_table.c user/places.c */
/* links: tests/http/cases_expect.c tests/http/siphash_plain.c tests/http/feed.c */
/*
 * The scanner says the same of a stream however it is cut into segments, by its
 * steps and by its short cuts. A connection that is picked up in its middle is
 * found again at the begin of a segment only: there just the ways are compared.
 */
#include <string.h>

#include "must.h"
#include "trace.h"

static void compare_requests(const struct fuzz_trace *a, const struct fuzz_trace *b,
			     const char *way)
{
	size_t common = a->requests < b->requests ? a->requests : b->requests;

	for (size_t i = 0; i < common; i++) {
		const struct fuzz_request *x = &a->request[i], *y = &b->request[i];

		must(x->begin == y->begin && x->header_end == y->header_end && x->end == y->end,
		     "%s, request %zu at %zu..%zu..%zu, not %zu..%zu..%zu", way, i, y->begin,
		     y->header_end, y->end, x->begin, x->header_end, x->end);
		must(x->header_bytes == y->header_bytes && x->length == y->length &&
			     x->phase == y->phase && x->flags == y->flags,
		     "%s, request %zu: framing", way, i);
		must(!memcmp(&x->token, &y->token, sizeof(x->token)) &&
			     !memcmp(x->start, y->start, sizeof(x->start)),
		     "%s, request %zu: token", way, i);
		must(x->origin_id == y->origin_id && !memcmp(x->host, y->host, sizeof(x->host)),
		     "%s, request %zu: origin", way, i);
	}
	must(a->requests == b->requests, "%s, %zu requests, not %zu", way, b->requests,
	     a->requests);
}

/*
 * The exception: a version's fault is put at its first byte where the whole of
 * "HTTP/1." is at hand. Nobody counts those bytes: the request is none.
 */
static bool fault_is_inexact(const struct fuzz_trace *trace)
{
	return trace->error == TG_PACKET_BAD_VERSION || trace->error == TG_PACKET_OPAQUE ||
	       trace->error == TG_PACKET_UNSYNCED;
}

static void compare(const struct fuzz_trace *a, const struct fuzz_trace *b, const char *way)
{
	compare_requests(a, b, way);
	must(a->phase == b->phase && a->error == b->error && a->flags == b->flags,
	     "%s, ends in phase %u (error %u, flags %x), not %u (%u, %x)", way, b->phase, b->error,
	     b->flags, a->phase, a->error, a->flags);
	must(a->skip == b->skip && a->begin == b->begin, "%s, skip or begin", way);
	if (!a->too_long && !b->too_long && !fault_is_inexact(a))
		must(a->error_at == b->error_at && a->body == b->body,
		     "%s, error at %zu, body %zu; not %zu, %zu", way, b->error_at, b->body,
		     a->error_at, a->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct fuzz_trace whole, cut;
	struct fuzz_stream stream;

	if (!fuzz_stream_read(data, bytes, &stream))
		return 0;
	fuzz_trace_make(&stream, TG_FEED_STEPS, !stream.picked_up, &whole);
	for (enum tg_feed_way way = TG_FEED_STEPS; way < TG_FEED_WAYS; way++) {
		if (way != TG_FEED_STEPS && !stream.picked_up) {
			fuzz_trace_make(&stream, way, true, &cut);
			compare(&whole, &cut, tg_feed_way_names[way]);
		}
		fuzz_trace_make(&stream, way, false, &cut);
		compare(&whole, &cut, tg_feed_way_names[way]);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/http/ through the scanner alone: by its steps, and with its short cuts.
 * Each segment lies at the end of a page with nothing behind it, so that a read
 * too far is a crash; or before bytes that are not the stream's, so that one
 * that uses them gives another answer.
 */
/* links: user/http_table.c user/places.c tests/http/[a-z]*.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/tollgate/http_fast.h"
#include "tests/http/cases_run.h"
#include "tests/http/cuts.h"

#define ROOM_BYTES (1 << 17) /* longer than any segment */

static uint8_t *room; /* ROOM_BYTES, then a page that may not be touched */

static const char *const ways[] = {"by steps", "by short cuts", "by short cuts, padded",
				   "by short cuts, padded with LF",
				   "by short cuts, padded with CR LF"};
enum { STEPS, SHORT_CUTS, PADDED, WAYS = PADDED + 3 };

/*
 * What short cuts may find behind a segment, as behind a short Ethernet frame:
 * each would complete something that the segment has begun.
 */
#define PADDING_BYTES 43
static const char padding[3][PADDING_BYTES + 1] = {
	"x: y\r\nX-API-Key: padding\r\n\r\nGET / HTTP/1.1\n",
	"\n\r\nGET / HTTP/1.1\r\nX-API-Key: padding\r\n\r\n  ",
	"\r\n\r\nGET / HTTP/1.1\r\nX-API-Key: padding\r\n\r\n ",
};

struct run {
	int way;
	const struct tg_case *c;
	struct tg_http_config config;
	const char *how;
	struct tg_scan scan;
	struct tg_head head;
	size_t at;	    /* stream bytes fed */
	size_t requests;    /* completed */
	size_t body;	    /* bytes since the last one's header */
	size_t broken;	    /* bytes of the header that an error ended */
	bool broke_request; /* which may be a request for some server */
};

#define check(run, ok, ...)                                                                        \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			print_error("%s (line %u), %s, %s, request %zu: ", (run)->c->name,         \
				    (run)->c->line, (run)->how, ways[(run)->way],                  \
				    (run)->requests + 1);                                          \
			print_error(__VA_ARGS__);                                                  \
			print_error("\n");                                                         \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static void check_body_end(const struct run *run)
{
	const struct tg_case_request *before;
	size_t expected;

	if (!run->requests)
		return;
	before = &run->c->request[run->requests - 1];
	expected = before->end - before->header_end;
	if (tg_case_breaks_body(run->c) && run->requests == run->c->requests)
		check(run, run->body >= expected, "body of %zu bytes, not even %zu", run->body,
		      expected);
	else
		check(run, run->body == expected, "body of %zu bytes before it, not %zu", run->body,
		      expected);
}

static void check_framing(const struct run *run, const struct tg_case_request *request)
{
	uint8_t phase = request->chunked  ? TG_PHASE_CHUNK_SIZE
			: request->length ? TG_PHASE_BODY
					  : TG_PHASE_START;

	check(run, run->scan.phase == phase, "phase %u behind the header, not %u", run->scan.phase,
	      phase);
	check(run, run->scan.skip == request->length, "length %llu, not %llu",
	      (unsigned long long)run->scan.skip, (unsigned long long)request->length);
}

static void check_request(struct run *run, size_t header_end)
{
	const struct tg_case_request *request;
	const struct tg_head *head = &run->head;
	struct tg_token token;
	uint8_t host[TG_HOST_BYTES_MAX];
	size_t host_bytes;

	check(run, run->requests < run->c->requests, "one too many");
	request = &run->c->request[run->requests];
	check_body_end(run);
	token = tg_case_token(run->c, request);
	check(run, header_end == request->header_end, "header ends at %zu, not %zu", header_end,
	      request->header_end);
	check(run, head->header_bytes == request->header_end - request->begin,
	      "header of %u bytes, not %zu", head->header_bytes,
	      request->header_end - request->begin);
	check(run, !memcmp(&head->token, &token, sizeof(token)),
	      "token '%.16s' %016llx, not '%.16s' %016llx", head->token.prefix,
	      (unsigned long long)head->token.id, token.prefix, (unsigned long long)token.id);
	check(run, head->origin_id == tg_case_origin_id(request), "another origin");
	if (request->origin) {
		tg_case_host(request, host);
		host_bytes =
			request->origin_bytes < sizeof(host) ? request->origin_bytes : sizeof(host);
		check(run, head->origin_bytes == request->origin_bytes, "host of %u bytes, not %zu",
		      head->origin_bytes, request->origin_bytes);
		check(run, !memcmp(head->host, host, host_bytes), "host '%.*s', not '%.*s'",
		      (int)host_bytes, (const char *)head->host, (int)host_bytes, host);
	}
	check_framing(run, request);
	run->requests++;
	run->body = 0;
}

/* The next 1 to 8 bytes, one at a time where fewer than a word are left. */
static struct tg_input input(const uint8_t *bytes, size_t left, size_t at)
{
	struct tg_input in = {.word = ~0ULL, .bytes = left < 8 ? left : 8, .at = at};

	memcpy(&in.word, bytes, in.bytes);
	return in;
}

/* The short cuts, in the program's order: 0 to all bytes. */
static size_t short_cut(struct run *run, const struct tg_view *view, size_t at)
{
	struct tg_fast fast = {.at = at, .phase = run->scan.phase};
	uint64_t base = run->at - at;
	uint32_t step = 0;

	tg_scan_fast(&run->scan, &run->head, &run->config, view, &fast, base);
	run->scan.phase = fast.phase;
	if (fast.at != at)
		return fast.at - at;
	if (fast.phase == TG_PHASE_LINE)
		step = tg_fast_header_end(&run->scan, &run->head, &run->config, view, &fast, base);
	run->scan.phase = fast.phase;
	if (step)
		check_request(run, base + fast.at);
	else if (tg_phase_in_row(fast.phase))
		fast.at = tg_scan_fast_row(&run->scan, &run->head, &run->config, view, at);
	return fast.at - at;
}

static size_t step(struct run *run, const struct tg_view *view, size_t at)
{
	struct tg_input in = input((uint8_t *)view->data + at, view->limit - at, run->at);
	uint8_t phase = run->scan.phase;
	uint32_t step;
	size_t taken;

	if (tg_phase_skips(phase)) {
		taken = tg_body_skip(&run->scan, view->limit - at);
		run->body += taken;
		return taken;
	}
	step = tg_scan_step(&run->scan, &run->head, &run->config, &in);
	taken = TG_STEP_BYTES(step);
	check(run, taken <= in.bytes, "a step took %zu bytes of %u", taken, in.bytes);
	if (tg_phase_in_body(phase))
		run->body += taken;
	if (step & TG_STEP_REQUEST)
		check_request(run, run->at + taken);
	if (step & TG_STEP_ERROR) {
		run->broken = run->at + taken - run->scan.begin;
		run->broke_request = TG_STEP_CODE(step) & TG_CODE_REQUEST;
	}
	return taken;
}

/* As much of the head as one may rely on between segments, and nothing else. */
static void forget_head(struct run *run)
{
	if (!tg_phase_in_head(run->scan.phase))
		memset(&run->head, 0xa5, sizeof(run->head));
}

static void feed(struct run *run, size_t end)
{
	size_t bytes = end - run->at, pad = run->way >= PADDED ? PADDING_BYTES : 0;
	uint8_t *segment = room + ROOM_BYTES - pad - bytes;
	const struct tg_view view = {segment, room + ROOM_BYTES, bytes};
	size_t at = 0, idle = 0, taken;

	memcpy(segment, run->c->stream + run->at, bytes);
	if (pad)
		memcpy(segment + bytes, padding[run->way - PADDED], pad);
	while (at < bytes && run->scan.phase != TG_PHASE_DEAD) {
		taken = run->way != STEPS && at <= TG_FAST_OFFSET_MAX ? short_cut(run, &view, at)
								      : 0;
		if (!taken)
			taken = step(run, &view, at);
		idle = taken ? 0 : idle + 1;
		check(run, idle < 3 && taken <= bytes - at, "%zu bytes taken at %zu in phase %u",
		      taken, run->at, run->scan.phase);
		at += taken;
		run->at += taken;
	}
	run->at = end;
	if (run->scan.phase != TG_PHASE_DEAD)
		tg_scan_pause(&run->scan, &run->config, run->at);
	forget_head(run);
}

static void check_end(struct run *run)
{
	uint32_t reason = 0;
	enum tg_case_end end = tg_case_end_of(&run->scan, &reason);

	check(run, run->requests == run->c->requests, "missing");
	check_body_end(run);
	check(run, end == run->c->end && reason == run->c->reason, "ends in state %s, not %s",
	      tg_case_end_name(end, reason), tg_case_end_name(run->c->end, run->c->reason));
	check(run, run->broke_request == run->c->broke_request, "%s a request",
	      run->broke_request ? "breaks off in" : "does not break off in");
}

static void run_cuts(struct run *run, const struct tg_cuts *cuts)
{
	run->how = cuts->what;
	run->at = run->requests = run->body = run->broken = 0;
	run->broke_request = false;
	tg_scan_start(&run->scan);
	forget_head(run);
	for (size_t i = 0; i < cuts->segments; i++)
		feed(run, cuts->end[i]);
	check_end(run);
}

static void test_case(void **state)
{
	const struct tg_case *c = *state;
	struct run run = {.c = c};
	struct tg_cuts cuts;
	size_t broken = 0;

	assert_int_equal(tg_case_http_config(&c->config, &run.config), 0);
	tg_cuts_start(&cuts, c, ROOM_BYTES - PADDING_BYTES);
	while (tg_cuts_next(&cuts)) {
		for (run.way = 0; run.way < WAYS; run.way++) {
			run_cuts(&run, &cuts);
			if (cuts.segments == 1 && run.way == STEPS)
				broken = run.broken;
			/* Where a length limit is noticed depends on the cut; all else does not. */
			if (c->reason == TG_PACKET_BAD_HEADER || c->reason == TG_PACKET_BAD_FRAMING)
				check(&run, run.broken == broken,
				      "broken after %zu bytes, whole after %zu", run.broken,
				      broken);
		}
	}
	tg_cuts_end(&cuts);
}

static int make_room(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	room = mmap(NULL, ROOM_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	return room == MAP_FAILED || mprotect(room + ROOM_BYTES, page, PROT_NONE);
}

int main(int argc, char **argv)
{
	if (make_room())
		return 1;
	return tg_cases_run(argc, argv, "http cases", test_case);
}

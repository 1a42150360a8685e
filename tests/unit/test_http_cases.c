/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/http/ through the scanner alone: by its steps, and with its short cuts. */
/* links: user/http_table.c user/places.c tests/http/[a-z]*.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/http/cases_run.h"
#include "tests/http/cuts.h"
#include "tests/http/feed.h"

struct run {
	struct tg_feed feed; /* the first: its ears get to the rest by it */
	const struct tg_case *c;
	const char *how;
	size_t requests;    /* completed */
	size_t body;	    /* bytes since the last one's header */
	size_t broken;	    /* bytes of the header that an error ended */
	bool broke_request; /* which may be a request for some server */
};

#define check(run, ok, ...)                                                                        \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			print_error("%s (line %u), %s, %s, request %zu: ", (run)->c->name,         \
				    (run)->c->line, (run)->how,                                    \
				    tg_feed_way_names[(run)->feed.way], (run)->requests + 1);      \
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

	check(run, run->feed.scan.phase == phase, "phase %u behind the header, not %u",
	      run->feed.scan.phase, phase);
	check(run, run->feed.scan.skip == request->length, "length %llu, not %llu",
	      (unsigned long long)run->feed.scan.skip, (unsigned long long)request->length);
}

static void check_request(struct tg_feed *feed, size_t header_end)
{
	struct run *run = (struct run *)feed;
	const struct tg_case_request *request;
	const struct tg_head *head = &feed->head;
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

static void hear_step(struct tg_feed *feed, uint8_t before, size_t taken)
{
	if (tg_phase_in_body(before))
		((struct run *)feed)->body += taken;
}

static void hear_error(struct tg_feed *feed, uint32_t step, size_t at)
{
	struct run *run = (struct run *)feed;

	run->broken = at - feed->scan.begin;
	run->broke_request = TG_STEP_CODE(step) & TG_CODE_REQUEST;
}

static void hear_fault(struct tg_feed *feed, const char *what)
{
	check((struct run *)feed, false, "%s", what);
}

static const struct tg_feed_ears ears = {hear_step, check_request, hear_error, hear_fault};

static void check_end(struct run *run)
{
	uint32_t reason = 0;
	enum tg_case_end end = tg_case_end_of(&run->feed.scan, &reason);

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
	run->requests = run->body = run->broken = 0;
	run->broke_request = false;
	tg_feed_start(&run->feed);
	for (size_t i = 0; i < cuts->segments; i++)
		tg_feed_segment(&run->feed, run->c->stream, cuts->end[i]);
	check_end(run);
}

static void test_case(void **state)
{
	const struct tg_case *c = *state;
	struct tg_http_config config;
	struct run run = {.feed = {.ears = &ears, .config = &config}, .c = c};
	struct tg_cuts cuts;
	size_t broken = 0;

	assert_int_equal(tg_case_http_config(&c->config, &config), 0);
	tg_cuts_start(&cuts, c, TG_FEED_SEGMENT_MAX);
	while (tg_cuts_next(&cuts)) {
		for (run.feed.way = 0; run.feed.way < TG_FEED_WAYS; run.feed.way++) {
			run_cuts(&run, &cuts);
			if (cuts.segments == 1 && run.feed.way == TG_FEED_STEPS)
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

int main(int argc, char **argv)
{
	return tg_cases_run(argc, argv, "http cases", test_case);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c */
/* Packets that are made: the text of a 429, its Retry-After, and frames of many kilobytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static struct tg_rig rig;

/* --- the text --------------------------------------------------------------------- */

/* What is said, by the room that there is with the longest number. */
#define FULL		 "HTTP/1.1 429 Too Many Requests\r\nRetry-After: "
#define SHORT		 "HTTP/1.1 429 \r\nRetry-After: "
#define ROOM(head, tail) (sizeof(head) - 1 + 7 + sizeof(tail) - 1)
#define TEXT(head, tail)                                                                           \
	{                                                                                          \
		ROOM(head, tail), head, tail                                                       \
	}
static const struct {
	size_t room;
	const char *head, *tail;
} texts[] = {
	TEXT(FULL, "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
	TEXT(SHORT, "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
	TEXT(SHORT, "\r\nContent-Length: 0\r\n\r\n"),
	TEXT(SHORT, "\r\n\r\n"),
};
#define TEXTS ((int)(sizeof(texts) / sizeof(*texts)))

/* A request of so many bytes, by its path. */
static size_t request_of(char *text, size_t bytes)
{
	memset(text, 'a', bytes);
	memcpy(text, "GET /", 5);
	memcpy(text + bytes - 13, " HTTP/1.1\r\n\r\n", 13);
	return bytes;
}

/* Which of texts the answer to a request of bytes has; -1: it is a reset. */
static int text_of(const struct tg_path *path, size_t bytes)
{
	struct tg_peer peer = tg_peer(path, path->ipv6 ? "2001:db8:7::9" : "198.51.100.9", 40000);
	char text[400];
	struct tg_sent sent = {TG_ACK, 1, 1, text, request_of(text, bytes)};
	struct tg_out out = tg_rig_send(&rig, &peer, &sent, NULL);
	char expected[200];

	tg_meter_clear(&rig.meter);
	if (out.kind == TG_OUT_ABORT)
		return -1;
	assert_int_equal(out.kind, TG_OUT_429);
	for (int which = 0; which < TEXTS; which++) {
		snprintf(expected, sizeof(expected), "%s%lu%s", texts[which].head,
			 tg_out_retry(&out), texts[which].tail);
		if (!strcmp(out.text, expected))
			return which;
	}
	fail_msg("an answer says: %s", out.text);
	return -1;
}

/* The longest text that room takes; -1: none. */
static int longest(size_t room)
{
	for (int which = 0; which < TEXTS; which++)
		if (room >= texts[which].room)
			return which;
	return -1;
}

/* Room for a text: the request, options and extensions, less the longest TCP header of an answer.
 */
static void test_texts(void **state)
{
	static const struct tg_rule rules[] = {TG_SHARED("any", "1/day"), {0}};

	(void)state;
	tg_rig_put(&rig, rules);
	tg_rig_ask(&rig, "192.0.2.99", NULL);
	for (const struct tg_path *path = tg_paths; path->what; path++) {
		for (size_t bytes = 18; bytes < 130; bytes++) {
			size_t room = bytes + path->option_bytes - (path->stamps ? 0 : 12);
			int expected = longest(room);

			if (text_of(path, bytes) != expected)
				fail_msg("%s: %zu bytes: not text %d", path->what, bytes, expected);
		}
	}
}

static unsigned long retry_of(const struct tg_rule *rule)
{
	struct tg_out out;

	tg_rig_reset(&rig);
	tg_rig_put(&rig, (struct tg_rule[]){*rule, {0}});
	do
		out = tg_rig_ask(&rig, "192.0.2.99", NULL);
	while (out.kind == TG_OUT_PASS);
	assert_int_equal(out.kind, TG_OUT_429);
	return tg_out_retry(&out);
}

/* The wait in whole seconds, up; the tests take less than one. */
static void test_retry(void **state)
{
	static const struct {
		struct tg_rule rule;
		unsigned long retry;
	} rows[] = {
		{TG_EACH("any", "1/s"), 1},
		{TG_EACH("any", "1000/s burst 1"), 1},
		{TG_EACH("any", "1/m"), 60},
		{TG_EACH("any", "2/m"), 30},
		{TG_EACH("any", "6/h burst 3"), 600},
		{TG_EACH("any", "1/h"), 3600},
		{TG_EACH("any", "1/h burst 3"), 3600},
		{TG_EACH("any", "1/minute"), 60},
		{TG_EACH("any", "1/hour"), 3600},
		{TG_EACH("any", "2/day"), 86400},
		{TG_EACH("any", "1/month"), 30 * 86400},
		{TG_EACH("any", "1/hour", "1/month", "1/m"), 30 * 86400}, /* the longest */
		{TG_EACH("any", "1/hour", "1/m", "9/month"), 3600},
		{TG_EACH("any", "1/h", "1/minute", "1/m"), 3600},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned long retry;

		tg_rig_next_period(&rig);
		retry = retry_of(&rows[i].rule);
		if (retry != rows[i].retry && retry + 1 != rows[i].retry)
			fail_msg("%s: Retry-After: %lu, not %lu", rows[i].rule.limits[0], retry,
				 rows[i].retry);
	}
}

/* Of several policies, the longest wait of those that refuse; one that observes does not count. */
static void test_retry_of_several(void **state)
{
	static const struct tg_rule refusing[] = {
		TG_EACH("any", "1/day"), TG_EACH("source:192.0.2.0/24", "1/hour"), {0}};
	static const struct tg_rule observing[] = {TG_ACTING("observe", "any", "1/day"),
						   TG_EACH("source:192.0.2.0/24", "1/hour"),
						   {0}};
	struct tg_out out;

	(void)state;
	tg_rig_next_period(&rig);
	tg_rig_put(&rig, refusing);
	assert_int_equal(tg_rig_ask(&rig, "192.0.2.99", NULL).kind, TG_OUT_PASS);
	out = tg_rig_ask(&rig, "192.0.2.99", NULL);
	assert_in_range(tg_out_retry(&out), 86399, 86400);
	tg_rig_put(&rig, observing);
	out = tg_rig_ask(&rig, "192.0.2.99", NULL);
	assert_in_range(tg_out_retry(&out), 3598, 3600);
}

/* --- frames of many kilobytes ------------------------------------------------------------------
 */

#define LARGE 60000

static char large[LARGE + 1];

static void send_large(const struct tg_path *path, size_t request_at)
{
	struct tg_peer peer = tg_peer(path, path->ipv6 ? "2001:db8:7::9" : "198.51.100.9", 40000);
	struct tg_sent sent = {TG_ACK | TG_PSH, -1000, 500, large, LARGE};
	struct tg_out out;
	uint32_t reason;
	int head;

	memset(large, 'b', LARGE);
	if (request_at) {
		head = snprintf(large, LARGE, "POST / HTTP/1.1\r\nContent-Length: %05zu\r\n\r\n",
				request_at - 42);
		assert_int_equal(head, 42);
		large[head] = 'b';
	}
	head = sprintf(large + request_at,
		       "POST /refused HTTP/1.1\r\nContent-Length: 65000\r\n\r\n");
	large[request_at + head] = 'b';
	out = tg_rig_send(&rig, &peer, &sent, &reason);
	assert_int_equal(reason, TG_PACKET_DENIED);
	tg_meter_clear(&rig.meter);
	rig.meter.maps.control->refused = 0;
	if (request_at) {
		assert_int_equal(out.kind, TG_OUT_CUT);
		assert_int_equal(out.bytes, request_at);
		return;
	}
	assert_int_equal(out.kind, TG_OUT_429); /* all that lies behind it is zeroed */
	assert_int_equal(out.seq, 500);
	assert_int_equal(out.ack, LARGE - 1000);
}

/* Cut at each place around the bounds of buffers, and an odd number of bytes. */
static void test_large(void **state)
{
	static const struct tg_rule rules[] = {TG_SHARED("any", "1/day"), {0}};
	static const size_t bounds[] = {300, 3500, 4096 + 3500, 2 * 4096 + 3500, 0xf000, 40001};

	(void)state;
	for (const struct tg_path *path = tg_paths; path->what; path++) {
		tg_rig_reset(&rig);
		tg_rig_put(&rig, rules);
		tg_rig_ask(&rig, "192.0.2.99", NULL);
		send_large(path, 0);
	}
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		for (size_t at = bounds[i] - 130; at < bounds[i] + 10 && at + 60 < LARGE; at += 7) {
			static const struct tg_rule two[] = {TG_SHARED("any", "1/day"), {0}};

			tg_rig_reset(&rig);
			tg_rig_put(&rig, two);
			send_large(&tg_paths[at % 4], at);
		}
	}
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_texts, tg_rig_start),
		cmocka_unit_test_setup(test_retry, tg_rig_start),
		cmocka_unit_test_setup(test_retry_of_several, tg_rig_start),
		cmocka_unit_test_setup(test_large, tg_rig_start),
	};

	return tg_rig_run(&rig, 64, "answers", tests, argc, argv);
}

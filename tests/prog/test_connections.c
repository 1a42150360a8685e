/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/scenarios.c tests/prog/scenarios_held.c tests/prog/tests.c */
/*
 * What TCP does to a stream of requests: segments again, too early, out of
 * place, twice the same connection. Each scenario runs over IPv4 and IPv6, and
 * with its sequence numbers wrapping around at each of its bytes.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"
#include "scenarios.h"
#include "tests.h"

#define SLOT	 1
#define ROWS_MAX 8

static struct tg_meter meter;
static struct tg_packet packet;
static int program;

struct run {
	const struct tg_scenario *scenario;
	struct tg_client client;
	uint32_t first_seq; /* of stream byte 0 */
	size_t event;
	struct tg_counters before;
};

/* What has been counted by now must be the reasons of the events so far. */
static void check_reasons(const struct run *run)
{
	struct tg_counters counted;

	tg_meter_counters(&meter, SLOT, &run->before, &counted);
	for (uint32_t i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
		uint64_t is = counted.packets[i].packets, expected = 0;

		for (size_t k = 0; k <= run->event; k++)
			expected += run->scenario->event[k].reason == i;
		if (is != expected)
			fail_msg("%s, IPv%d, first seq %08x, event %zu: %llu packets %s, not %llu",
				 run->scenario->what, run->client.ipv6 ? 6 : 4, run->first_seq,
				 run->event, (unsigned long long)is, tg_meter_reason(i),
				 (unsigned long long)expected);
	}
}

/* Whether that is so at each event matters once only, for what a failure says. */
static void send_event(struct run *run, bool check_each)
{
	const struct tg_event *event = &run->scenario->event[run->event];

	if (event->late)
		tg_meter_age_holds(&meter);
	run->client.seq = run->first_seq + event->at;
	tg_client_segment(&run->client, &packet, event->flags, event->text, strlen(event->text));
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
	if (check_each || !event[1].text)
		check_reasons(run);
}

static struct tg_usage_key key_of(const struct run *run, const char *token)
{
	struct tg_usage_key key = {.token = tg_meter_token(token), .iface = SLOT};

	tg_client_source(&run->client, key.source.bytes);
	return key;
}

static void check_usage(const struct run *run)
{
	const struct tg_scenario *scenario = run->scenario;
	struct tg_usage_key keys[ROWS_MAX];
	struct tg_usage rows[ROWS_MAX];
	size_t count = tg_meter_rows(&meter, TG_MAP_USAGE, keys, rows, ROWS_MAX), expected = 0;

	for (const struct tg_expected *want = scenario->expected; want->requests; want++) {
		struct tg_usage_key key = key_of(run, want->token);
		size_t i = 0;

		expected++;
		while (i < count && memcmp(&keys[i], &key, sizeof(key)))
			i++;
		if (i == count)
			fail_msg("%s: no usage of token %s", scenario->what, want->token);
		if (rows[i].counts.requests != want->requests ||
		    rows[i].counts.bytes != want->bytes)
			fail_msg("%s, IPv%d, first seq %08x: %llu requests of %llu bytes by %s, "
				 "not %u of %u",
				 scenario->what, run->client.ipv6 ? 6 : 4, run->first_seq,
				 rows[i].counts.requests, rows[i].counts.bytes, want->token,
				 want->requests, want->bytes);
	}
	if (count != expected)
		fail_msg("%s: %zu usage rows, not %zu", scenario->what, count, expected);
}

/* Nothing is held but what waits for what did not come. */
static void check_holds(const struct run *run)
{
	bool waits = run->scenario->event[run->event - 1].reason == TG_PACKET_HELD;
	size_t holds = tg_meter_rows(&meter, TG_MAP_HOLDS, NULL, NULL, 0);
	size_t held = tg_meter_rows(&meter, TG_MAP_HELD, NULL, NULL, 0);

	if (!!holds != waits || (held && !holds))
		fail_msg("%s, first seq %08x: %zu holds of %zu pages at the end",
			 run->scenario->what, run->first_seq, holds, held);
}

static void run_scenario(struct run *run, bool ipv6, uint32_t first_seq, bool check_each)
{
	static const struct tg_client clients[2] = {
		{.address = {198, 51, 100, 9}, .port = 50000, .server_port = TG_METER_PORT},
		{.ipv6 = true,
		 .address = {0x20, 0x01, 0x0d, 0xb8, 0, 2, [15] = 9},
		 .port = 50001,
		 .server_port = TG_METER_PORT},
	};

	run->client = clients[ipv6];
	run->first_seq = first_seq;
	tg_meter_clear(&meter);
	tg_meter_counters(&meter, SLOT, NULL, &run->before);
	for (run->event = 0; run->scenario->event[run->event].text; run->event++)
		send_event(run, check_each);
	check_usage(run);
	check_holds(run);
}

static uint32_t stream_bytes(const struct tg_scenario *scenario)
{
	uint32_t most = 0;

	for (const struct tg_event *event = scenario->event; event->text; event++) {
		uint32_t end = event->at + strlen(event->text);

		if ((int32_t)end > (int32_t)most)
			most = end;
	}
	return most;
}

static void test_scenario(void **state)
{
	struct run run = {.scenario = *state};
	uint32_t wraps = stream_bytes(run.scenario) + 2;

	run_scenario(&run, false, 1000, true);
	run_scenario(&run, true, 0x80000000 - 10, true); /* where a signed comparison would turn */
	for (uint32_t i = 0; i <= wraps; i++)
		run_scenario(&run, i % 2, 1 - i, false);
}

static int open_meter(void **state)
{
	(void)state;
	tg_meter_open(&meter);
	program = tg_meter_load_http(&meter, &tg_meter_http, SLOT);
	return 0;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX];

	for (const struct tg_scenario *scenario = tg_scenarios; scenario->what; scenario++)
		tg_tests_add(tests, scenario->what, test_scenario, NULL, scenario);
	for (const struct tg_scenario *scenario = tg_scenarios_held; scenario->what; scenario++)
		tg_tests_add(tests, scenario->what, test_scenario, NULL, scenario);
	return tg_tests_run("connections", tests, open_meter, argc, argv);
}

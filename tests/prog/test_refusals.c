/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c tests/prog/refusals.c */
/*
 * What both ends get to see when a request is refused. Each case runs for each
 * shape of packets (tg_paths), and with sequence numbers that wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refusals.h"
#include "rig.h"

static struct tg_rig rig;

/* --- cases ------------------------------------------------------------------------ */

struct run {
	const struct tg_refusal_case *c;
	struct tg_peer peer;
	uint32_t client_seq, server_seq; /* of the first bytes */
	uint64_t denied_ns[2];		 /* around the request's refusal */
	size_t at;
};

static uint64_t seconds_up(uint64_t ns)
{
	return (ns + 999999999) / 1000000000;
}

/* Retry-After is what is left of the day, as it was when the request was refused. */
static bool is_retry_right(const struct run *run, const struct tg_out *out)
{
	uint64_t end = tg_rig_end_ns(&rig, TG_UNIT_DAY);
	unsigned long retry = tg_out_retry(out);

	return retry <= seconds_up(end - run->denied_ns[0]) &&
	       retry >= seconds_up(end - run->denied_ns[1]);
}

static bool is_out_right(const struct run *run, const struct tg_out *out)
{
	const struct tg_step *step = &run->c->step[run->at];
	bool to_client = step->kind != TG_OUT_ABORT;
	uint32_t seq = step->out_seq + (to_client ? run->server_seq : run->client_seq);
	uint32_t ack = step->out_ack + (to_client ? run->client_seq : run->server_seq);

	if (out->kind != step->kind)
		return false;
	switch (out->kind) {
	case TG_OUT_PASS:
	case TG_OUT_DROP:
		return true;
	case TG_OUT_CUT:
		return out->bytes == step->keep;
	case TG_OUT_429:
		if (!is_retry_right(run, out))
			return false;
		break;
	default:
		break;
	}
	if (out->kind == TG_OUT_ABORT && !(step->flags & TG_ACK))
		ack = 0;
	return out->seq == seq && out->ack == ack;
}

static void run_step(struct run *run)
{
	const struct tg_step *step = &run->c->step[run->at];
	const struct tg_sent sent = {step->flags, run->client_seq + step->at,
				     step->flags & TG_ACK ? run->server_seq + step->ack : 0,
				     step->text, strlen(step->text)};
	struct tg_out out;
	uint32_t reason;
	uint64_t now = tg_rig_now_ns();

	out = tg_rig_send(&rig, &run->peer, &sent, &reason);
	if (step->reason == TG_PACKET_DENIED) {
		run->denied_ns[0] = now;
		run->denied_ns[1] = tg_rig_now_ns();
	}
	if (reason != step->reason)
		fail_msg("%s (%s): step %zu is counted as %s, not %s", run->c->what,
			 run->peer.path->what, run->at, tg_meter_reason(reason),
			 tg_meter_reason(step->reason));
	if (!is_out_right(run, &out))
		fail_msg("%s (%s): step %zu: %s, seq %d/%d, ack %d/%d, %zu bytes, not %s, %d, %d, "
			 "%zu\n%s",
			 run->c->what, run->peer.path->what, run->at, tg_out_name(out.kind),
			 out.seq - run->client_seq, out.seq - run->server_seq,
			 out.ack - run->client_seq, out.ack - run->server_seq, out.bytes,
			 tg_out_name(step->kind), step->out_seq, step->out_ack, step->keep,
			 out.text);
}

static void run_case(const struct tg_refusal_case *c, const struct tg_path *path,
		     uint32_t client_seq, uint32_t server_seq)
{
	char limit[20];
	const struct tg_rule rules[] = {
		{.subject = "any", .limits = {limit}, .action = c->action, .per = "shared"}, {0}};
	struct run run = {.c = c, .client_seq = client_seq, .server_seq = server_seq};

	snprintf(limit, sizeof(limit), "%u/day", c->left + 1);
	tg_rig_reset(&rig);
	tg_rig_put(&rig, rules);
	assert_int_equal(tg_rig_ask(&rig, "192.0.2.99", NULL).kind, TG_OUT_PASS);
	run.peer = tg_peer(path, path->ipv6 ? "2001:db8:7::9" : "198.51.100.9", 50000);
	for (; c->step[run.at].text; run.at++)
		run_step(&run);
	assert_int_equal(tg_rig_usage(&rig, NULL).requests, 1 + c->left + c->denied);
	assert_int_equal(tg_rig_usage(&rig, NULL).denied, c->denied);
	if (rig.meter.maps.control->refused != c->followed)
		fail_msg("%s: %lld refused connections, not %d", c->what,
			 rig.meter.maps.control->refused, c->followed);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_HOLDS, NULL, NULL, 0), 0);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_HELD, NULL, NULL, 0), 0);
	tg_rig_check_books(&rig);
}

static void test_case(void **state)
{
	const struct tg_refusal_case *c = *state;
	static const uint32_t wraps[][2] = {
		{0xfffffff0, 0xffffffa0}, {0x7ffffff0, 0x7fffffa0}, {-150, 1}, {1, -40}, {0, 0}};

	for (const struct tg_path *path = tg_paths; path->what; path++)
		if (!c->small || path->option_bytes < 40)
			run_case(c, path, 1000, 777000);
	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++)
		run_case(c, &tg_paths[i % 2], wraps[i][0], wraps[i][1]);
}

/* --- others ----------------------------------------------------------------------- */

static struct tg_out send_text(const struct tg_peer *peer, uint8_t flags, uint32_t seq,
			       uint32_t ack, const char *text, uint32_t *reason)
{
	const struct tg_sent sent = {flags, seq, ack, text, strlen(text)};

	return tg_rig_send(&rig, peer, &sent, reason);
}

/* While one is refused, the others' packets are what they were. */
static void test_others(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("source:192.0.2.99", "1/day"), {0}};
	struct tg_peer other = tg_peer(&tg_paths[0], "198.51.100.9", 40000);
	struct tg_peer refused = tg_peer(&tg_paths[0], "192.0.2.99", 40000);
	struct tg_sent sent = {TG_ACK, 100, 7, NULL, 0};
	char text[256];
	uint32_t reason;

	(void)state;
	sent.bytes = text;
	sent.count = tg_rig_request(text, NULL);
	tg_rig_put(&rig, rules);
	tg_rig_ask(&rig, "192.0.2.99", NULL);
	assert_int_equal(tg_rig_send(&rig, &refused, &sent, NULL).kind, TG_OUT_429);
	assert_int_equal(rig.meter.maps.control->refused, 1);
	assert_int_equal(send_text(&other, TG_ACK, 100, 7, "", &reason).kind, TG_OUT_PASS);
	assert_int_equal(reason, TG_PACKET_ACK);
	assert_int_equal(tg_rig_send(&rig, &other, &sent, &reason).kind, TG_OUT_PASS);
	assert_int_equal(reason, TG_PACKET_REQUEST);
	assert_int_equal(send_text(&other, TG_ACK, 100 + sent.count, 8, "", &reason).kind,
			 TG_OUT_PASS);
	assert_int_equal(reason, TG_PACKET_ACK);
	assert_int_equal(send_text(&other, TG_ACK | TG_FIN, 100 + sent.count, 8, "", &reason).kind,
			 TG_OUT_PASS);
	assert_int_equal(reason, TG_PACKET_FIN);
	assert_int_equal(rig.meter.maps.control->refused, 1);
}

static void test_swept(void **state)
{
	static const struct tg_rule rules[] = {TG_SHARED("any", "1/day"), {0}};
	struct tg_sweep sweep = {.idle_jiffies = 0};
	char text[256];
	struct tg_sent sent = {TG_ACK, 100, 7, text, tg_rig_request(text, NULL)};

	(void)state;
	tg_rig_put(&rig, rules);
	tg_rig_ask(&rig, "192.0.2.99", NULL);
	for (uint16_t port = 1; port <= 20; port++) {
		struct tg_peer peer = tg_peer(&tg_paths[port % 2], "198.51.100.9", port);

		assert_int_equal(tg_rig_send(&rig, &peer, &sent, NULL).kind, TG_OUT_429);
		assert_int_equal(rig.meter.maps.control->refused, port);
	}
	while (sweep.removed < 20) {
		struct tg_sweep once = {.idle_jiffies = 0};

		assert_int_equal(tg_maintain_sweep_flows(&rig.maintain, &once), 0);
		sweep.removed += once.removed;
	}
	assert_int_equal(rig.meter.maps.control->refused, 0);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_FLOWS, NULL, NULL, 0), 0);
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_others, tg_rig_start),
		cmocka_unit_test_setup(test_swept, tg_rig_start),
	};

	for (const struct tg_refusal_case *c = tg_refusal_cases; c->what; c++)
		tg_tests_add(tests, c->what, test_case, NULL, c);
	return tg_rig_run(&rig, 64, "refusals", tests, argc, argv);
}

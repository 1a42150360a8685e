/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/frames*.c tests/prog/packet.c */
/* links: tests/prog/meter*.c tests/prog/tests.c */
/*
 * One packet each, of every shape: what it is counted as, and whether the
 * request in it was found. A packet always passes.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "meter.h"
#include "tests.h"

#define SLOT 3 /* not 0, so that a forgotten slot is seen */

static struct tg_meter meter;
static int program;

static uint64_t requests_of_token(void)
{
	struct tg_usage_key keys[4];
	struct tg_usage rows[4];
	size_t count = tg_meter_rows(&meter, TG_MAP_USAGE, keys, rows, 4);
	struct tg_token token = tg_meter_token(TG_FRAME_TOKEN);

	if (!count)
		return 0;
	assert_int_equal(count, 1);
	assert_memory_equal(&keys[0].token, &token, sizeof(token));
	assert_int_equal(keys[0].iface, SLOT);
	return rows[0].counts.requests;
}

/* Sends it; exactly the reason and SEEN go up, by one packet and its bytes. */
static void send_as(const struct tg_packet *packet, uint32_t reason)
{
	struct tg_counters before, counted;

	tg_meter_counters(&meter, SLOT, NULL, &before);
	assert_int_equal(tg_meter_send(program, packet), XDP_PASS);
	tg_meter_counters(&meter, SLOT, &before, &counted);
	for (uint32_t i = 0; i < TG_PACKET_REASONS; i++) {
		bool counts = i == reason || i == TG_PACKET_SEEN;

		if (counted.packets[i].packets != counts)
			fail_msg("%zu bytes: reason %u counted %llu times, not %d", packet->count,
				 i, counted.packets[i].packets, counts);
		assert_int_equal(counted.packets[i].bytes, counts ? packet->count : 0);
	}
}

static void test_frame(void **state)
{
	const struct tg_frame *frame = *state;
	static struct tg_packet packet;

	tg_meter_clear(&meter);
	frame->build(&packet);
	send_as(&packet, frame->reason);
	assert_int_equal(requests_of_token(), frame->requests);
}

/* Cut off anywhere, a packet that would have counted ends as truncated. */
static void test_cut_off(void **state)
{
	const struct tg_frame *frame = *state;
	static struct tg_packet packet;

	frame->build(&packet);
	packet.count = packet.payload + sizeof(TG_FRAME_REQUEST) - 1; /* without padding */
	while (--packet.count >= ETH_HLEN) {
		tg_meter_clear(&meter);
		send_as(&packet, TG_PACKET_TRUNCATED);
		assert_int_equal(requests_of_token(), 0);
	}
}

/* Garbage behind a header that fits must never be taken for anything but what it is. */
static void test_noise(void **state)
{
	static struct tg_packet packet;
	struct tg_packets seen[TG_PACKET_REASONS];
	uint64_t sum = 0, random = 1;

	(void)state;
	tg_meter_clear(&meter);
	for (int i = 0; i < 20000; i++) {
		(i % 2 ? tg_frame_ip4_request : tg_frame_ip6_request)(&packet);
		for (int k = 0; k < 4; k++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			packet.bytes[12 + (random >> 33) % 70] ^= 1 << (random >> 60) % 8;
		}
		if (i % 4 == 1) /* or next to none would come further than its checksum */
			tg_packet_sum_ipv4(&packet);
		packet.count = ETH_HLEN + (random >> 40) % (packet.count - ETH_HLEN + 1);
		assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
	}
	tg_meter_packets(&meter, SLOT, seen);
	for (uint32_t i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++)
		sum += seen[i].packets;
	assert_int_equal(seen[TG_PACKET_SEEN].packets, sum);
}

static int open_meter(void **state)
{
	(void)state;
	tg_meter_open(&meter);
	program = tg_meter_load_http(&meter, &tg_meter_http, SLOT);
	return 0;
}

static void add_frames(struct CMUnitTest tests[TG_TESTS_MAX], const struct tg_frame *frame)
{
	static char names[TG_TESTS_MAX][80], (*name)[80] = names;

	for (; frame->what; frame++) {
		tg_tests_add(tests, frame->what, test_frame, NULL, frame);
		if (!frame->requests)
			continue;
		snprintf(*name, sizeof(*name), "cut off: %s", frame->what);
		tg_tests_add(tests, *name++, test_cut_off, NULL, frame);
	}
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX];

	add_frames(tests, tg_frames_link);
	add_frames(tests, tg_frames_ip4);
	add_frames(tests, tg_frames_ip6);
	add_frames(tests, tg_frames_tcp);
	tg_tests_add(tests, "test_noise", test_noise, NULL, NULL);
	return tg_tests_run("packets", tests, open_meter, argc, argv);
}

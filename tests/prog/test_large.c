/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * Packets of many kilobytes, as GRO and jumbo frames make them. What does not
 * fit in the first page reaches the program in fragments: a header may lie
 * across their bounds, and be read by a slower way.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter.h"
#include "tests/http/cases.h"

#define PAYLOAD_MAX 65000
#define PAGE	    4096
/* Linear part that BPF_PROG_TEST_RUN makes: a page less headroom and skb_shared_info. */
#define LINEAR	   (PAGE - 256 - 320)
#define FRAME_HEAD (14 + 20 + 32) /* Ethernet, IPv4, TCP with time stamps */

#define NEXT                                                                                       \
	"GET /path?a=b HTTP/1.1\r\nHost: api.example.org\r\nAuthorization: Bearer "                \
	"behind-the-body\r\nOrigin: https://app.example.org\r\nAccept: */*\r\n\r\n"

static struct tg_meter meter;
static struct tg_packet packet;
static struct tg_case_config config = {"Authorization:Bearer X-API-Key ?key", TG_HEADER_BYTES_MAX,
				       12};
static char payload[PAYLOAD_MAX + 1];
static int program;

static uint64_t counted(uint32_t reason)
{
	struct tg_packets packets[TG_PACKET_REASONS];

	tg_meter_packets(&meter, 0, packets);
	return packets[reason].packets;
}

/* A new connection whose first data packet this is; the packet's reason goes up by one. */
static void send_first(size_t bytes, uint32_t reason)
{
	static uint16_t port = 1024;
	struct tg_client client = {
		.address = {203, 0, 113, 5}, .port = ++port, .server_port = TG_METER_PORT};
	uint64_t before;

	tg_meter_clear(&meter);
	tg_client_segment(&client, &packet, TG_SYN, NULL, 0);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
	before = counted(reason);
	tg_client_segment(&client, &packet, TG_ACK, payload, bytes);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
	assert_int_equal(counted(reason) - before, 1);
}

static struct tg_counts usage_of(const char *text)
{
	struct tg_token token = tg_meter_token(text);

	return tg_meter_usage(&meter, &token);
}

/* A body, then a request that begins at a given offset of the frame. */
static void send_next_at(size_t frame_offset)
{
	static const char format[] = "POST / HTTP/1.1\r\nX-API-Key: before-the-body\r\n"
				     "Content-Length: %05zu\r\n\r\n";
	size_t head = snprintf(NULL, 0, format, (size_t)0);
	size_t body = frame_offset - FRAME_HEAD - head;
	struct tg_counts counts;

	memset(payload, 'b', PAYLOAD_MAX);
	snprintf(payload, head + 1, format, body);
	payload[head] = 'b';
	memcpy(payload + head + body, NEXT, sizeof(NEXT) - 1);
	send_first(head + body + sizeof(NEXT) - 1, TG_PACKET_REQUEST);
	counts = usage_of("before-the-body");
	assert_int_equal(counts.requests, 1);
	assert_int_equal(counts.bytes, head + body);
	counts = usage_of("behind-the-body");
	assert_int_equal(counts.requests, 1);
	assert_int_equal(counts.bytes, sizeof(NEXT) - 1);
	assert_int_equal(counts.origin_requests, 1);
}

static void across(size_t bound)
{
	for (size_t at = bound - sizeof(NEXT) - 8; at <= bound + 8; at++)
		send_next_at(at);
}

static void test_header_across_first_bound(void **state)
{
	(void)state;
	across(LINEAR);
}

static void test_header_across_later_bounds(void **state)
{
	(void)state;
	across(LINEAR + PAGE);
	across(LINEAR + 2 * PAGE);
}

/* 0xf000 and 0xff00: where the program changes its way of reading. */
static void test_header_far_behind(void **state)
{
	(void)state;
	across(0xf000);
	across(LINEAR + 14 * PAGE);
}

/* As many of a request as one packet takes: all count for the token. */
static void send_row(const char *request, const char *token)
{
	const size_t each = strlen(request), count = PAYLOAD_MAX / each;
	struct tg_counts counts;

	for (size_t i = 0; i < count; i++)
		memcpy(payload + i * each, request, each);
	send_first(count * each, TG_PACKET_REQUEST);
	counts = usage_of(token);
	assert_int_equal(counts.requests, count);
	assert_int_equal(counts.bytes, count * each);
}

/* The shortest requests that there are. */
static void test_most_requests(void **state)
{
	(void)state;
	send_row("A b HTTP/1.1\n\n", NULL);
}

static void test_many_usual_requests(void **state)
{
	(void)state;
	send_row("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer in-a-long-row\r\n\r\n",
		 "in-a-long-row");
}

/* What takes the scanner the most steps a byte, for a whole packet. */
static void test_slowest(void **state)
{
	static const char *const lines[][2] = {
		{"GET /?key=", "%"},
		{"GET /", " "},
		{"GET / HTTP/1.1\r\nX-API-Key: ", "a "},
		{"GET / HTTP/1.1\r\nOrigin: http://a:", "1"},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: ", ","},
		{"GET / HTTP/1.1\r\nX-Note:", "\t"},
		{"GET / HTTP/1.1\r\n", "a:\n"},
		{"GET / HTTP/1.1\r\n", "X-API-Key: a\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		size_t at = strlen(lines[i][0]), each = strlen(lines[i][1]);
		struct tg_scan scan;
		struct tg_client client;

		memcpy(payload, lines[i][0], at);
		for (; at + each <= PAYLOAD_MAX; at += each)
			memcpy(payload + at, lines[i][1], each);
		send_first(at, TG_PACKET_HEADER);
		client.port = tg_packet_get16(&packet, packet.tcp);
		assert_true(tg_meter_scan(&meter, &client, &scan));
		assert_true(tg_phase_in_head(scan.phase));
	}
}

/* Chunks of one byte: a state of the scanner changes at nearly every byte. */
static void test_shortest_chunks(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char chunk[] = "1\nx\n";
	size_t at = sizeof(head) - 1;
	struct tg_counts counts;

	(void)state;
	memcpy(payload, head, at);
	for (; at + 4 + 3 <= PAYLOAD_MAX; at += 4)
		memcpy(payload + at, chunk, 4);
	memcpy(payload + at, "0\n\n", 3);
	send_first(at + 3, TG_PACKET_REQUEST);
	counts = usage_of(NULL);
	assert_int_equal(counts.requests, 1);
	assert_int_equal(counts.bytes, at + 3);
}

static int open_meter(void **state)
{
	(void)state;
	tg_meter_open(&meter);
	program = tg_meter_load_http(&meter, &config, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_across_first_bound),
		cmocka_unit_test(test_header_across_later_bounds),
		cmocka_unit_test(test_header_far_behind),
		cmocka_unit_test(test_most_requests),
		cmocka_unit_test(test_many_usual_requests),
		cmocka_unit_test(test_slowest),
		cmocka_unit_test(test_shortest_chunks),
	};

	return cmocka_run_group_tests(tests, open_meter, NULL);
}

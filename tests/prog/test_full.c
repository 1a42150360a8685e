/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * Maps that are full: what finds no room is counted all the same, with a name
 * where there is one left, and no sum loses a request or a byte.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"
#include "tests/http/cases.h"

#define ROWS	 64 /* of each map, by meter.h */
#define PARTIALS 32
#define MANY	 300

static struct tg_meter meter;
static struct tg_packet packet;
static int program;

static struct tg_counters before, since;
static struct tg_usage_key usage_keys[MANY];
static struct tg_usage usage_rows[MANY];
static struct tg_counts spill_rows[MANY];
static struct tg_origin origin_rows[MANY];

static struct tg_client client_of(unsigned int number)
{
	return (struct tg_client){.address = {10, 1, number >> 8, number},
				  .port = 20000 + number,
				  .server_port = TG_METER_PORT,
				  .seq = number * 1000};
}

static void segment(struct tg_client *client, uint8_t flags, const char *text)
{
	tg_client_segment(client, &packet, flags, text, strlen(text));
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
}

static uint64_t counted(uint32_t reason)
{
	tg_meter_counters(&meter, 0, &before, &since);
	return since.packets[reason].packets;
}

static uint64_t unnamed(void)
{
	tg_meter_counters(&meter, 0, &before, &since);
	return since.unattributed[TG_UNATTRIBUTED_USAGE_FULL].requests;
}

static int start(void **state)
{
	(void)state;
	tg_meter_clear(&meter);
	tg_meter_counters(&meter, 0, NULL, &before);
	return 0;
}

/* A connection of its own: one request with a token and an origin of its own. Returns its bytes. */
static size_t whole_connection(unsigned int number, unsigned int token, unsigned int origin)
{
	struct tg_client client = client_of(number);
	char text[200];

	snprintf(text, sizeof(text),
		 "GET / HTTP/1.1\r\nX-API-Key: token-%04u\r\nOrigin: http://h%04u.example\r\n\r\n",
		 token, origin);
	segment(&client, TG_SYN, "");
	segment(&client, TG_ACK, text);
	segment(&client, TG_ACK | TG_FIN, "");
	return strlen(text);
}

static void add_spill(struct tg_counts *sum, enum tg_map map)
{
	size_t rows = tg_meter_rows(&meter, map, usage_keys, spill_rows, MANY);

	for (size_t i = 0; i < rows; i++) {
		sum->requests += spill_rows[i].requests;
		sum->bytes += spill_rows[i].bytes;
		sum->origin_requests += spill_rows[i].origin_requests;
	}
}

static size_t rows_of(enum tg_map map)
{
	return tg_meter_rows(&meter, map, NULL, NULL, 0);
}

/* As many tokens as usage has rows: the next ones go to the spill maps. */
static void test_usage_spills(void **state)
{
	struct tg_counts sum, spilled = {0}, by_source = {0};
	size_t bytes = 0;

	(void)state;
	for (unsigned int i = 0; i < ROWS + 20; i++)
		bytes += whole_connection(i, i, 0);
	sum = tg_meter_usage(&meter, NULL);
	assert_int_equal(rows_of(TG_MAP_USAGE), ROWS);
	assert_int_equal(sum.requests, ROWS);
	add_spill(&spilled, TG_MAP_TOKEN_SPILL);
	add_spill(&by_source, TG_MAP_SOURCE_SPILL);
	assert_int_equal(spilled.requests, 20);
	assert_memory_equal(&spilled, &by_source, sizeof(spilled));
	assert_int_equal(sum.requests + spilled.requests, ROWS + 20);
	assert_int_equal(sum.bytes + spilled.bytes, bytes);
	assert_int_equal(sum.origin_requests + spilled.origin_requests, ROWS + 20);
	assert_int_equal(unnamed(), 0);
}

/* A row that exists goes on, however full the map. */
static void test_known_rows_go_on(void **state)
{
	struct tg_counts spilled = {0};

	(void)state;
	for (unsigned int i = 0; i < ROWS + 20; i++)
		whole_connection(i, i, 0);
	for (unsigned int i = 0; i < ROWS; i++)
		whole_connection(i, i, 0);
	add_spill(&spilled, TG_MAP_TOKEN_SPILL);
	assert_int_equal(spilled.requests, 20);
	assert_int_equal(rows_of(TG_MAP_USAGE), ROWS);
	for (size_t i = 0; i < tg_meter_rows(&meter, TG_MAP_USAGE, usage_keys, usage_rows, MANY);
	     i++)
		assert_int_equal(usage_rows[i].counts.requests, 2);
}

/* And when the spill maps are full as well, without a name: but counted. */
static void test_nothing_is_lost(void **state)
{
	struct tg_counts sum, spilled = {0}, by_source = {0};
	uint64_t without;
	size_t bytes = 0;

	(void)state;
	for (unsigned int i = 0; i < 250; i++)
		bytes += whole_connection(i, i, i);
	sum = tg_meter_usage(&meter, NULL);
	add_spill(&spilled, TG_MAP_TOKEN_SPILL);
	add_spill(&by_source, TG_MAP_SOURCE_SPILL);
	without = unnamed();
	assert_int_equal(sum.requests, ROWS);
	assert_int_equal(spilled.requests, ROWS);
	assert_true(by_source.requests <= spilled.requests);
	assert_int_equal(without, 250 - 2 * ROWS);
	assert_int_equal(sum.bytes + spilled.bytes +
				 since.unattributed[TG_UNATTRIBUTED_USAGE_FULL].bytes,
			 bytes);
}

/* Many origins: those beyond the rows stand in usage's origin_requests. */
static void test_origins_full(void **state)
{
	struct tg_counts sum;
	uint64_t requests = 0;
	size_t rows;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		whole_connection(1, 1, i);
	rows = tg_meter_rows(&meter, TG_MAP_ORIGINS, usage_keys, origin_rows, MANY);
	assert_int_equal(rows, ROWS);
	for (size_t i = 0; i < rows; i++)
		requests += origin_rows[i].requests;
	sum = tg_meter_usage(&meter, NULL);
	assert_int_equal(requests, ROWS);
	assert_int_equal(sum.origin_requests, 100);
}

/* Connections that send data beyond the map's room are not followed, and said to be so. */
static void test_flows_full(void **state)
{
	struct tg_client clients[ROWS + 10];
	struct tg_counts sum;

	(void)state;
	for (unsigned int i = 0; i < ROWS + 10; i++) {
		clients[i] = client_of(0); /* one source: usage has room */
		clients[i].port += i;
		segment(&clients[i], TG_SYN, "");
		segment(&clients[i], TG_ACK, "GET / HTTP/1.1\r\n\r\n");
	}
	assert_int_equal(counted(TG_PACKET_REQUEST), ROWS);
	assert_int_equal(counted(TG_PACKET_FLOW_TABLE_FULL), 10);
	for (unsigned int i = 0; i < 5; i++)
		segment(&clients[i], TG_ACK | TG_FIN, "");
	for (unsigned int i = ROWS; i < ROWS + 10; i++)
		segment(&clients[i], TG_ACK, "GET / HTTP/1.1\r\n\r\n");
	/* Picked up where they are: what was sent before had no room, and is not waited for. */
	assert_int_equal(counted(TG_PACKET_REQUEST), ROWS + 5);
	assert_int_equal(counted(TG_PACKET_HELD), 0);
	assert_int_equal(counted(TG_PACKET_FLOW_TABLE_FULL), 15);
	sum = tg_meter_usage(&meter, NULL);
	assert_int_equal(sum.requests, ROWS + 5);
}

/* SYNs alone take no room from anybody. */
static void test_syn_flood(void **state)
{
	struct tg_client client = client_of(0);

	(void)state;
	segment(&client, TG_SYN, "");
	segment(&client, TG_ACK, "GET / HTTP/1.1\r\n");
	for (unsigned int i = 1; i < 5000; i++) {
		struct tg_client other = client_of(i);

		segment(&other, TG_SYN, "");
	}
	segment(&client, TG_ACK, "\r\nGET / HTTP/1.1\r\n\r\n");
	assert_int_equal(counted(TG_PACKET_SYN), 5000);
	assert_int_equal(counted(TG_PACKET_REQUEST), 1);
	assert_int_equal(rows_of(TG_MAP_FLOWS), 1);
}

/* More unfinished headers than are kept: those beyond find their place again at the next request.
 */
static void test_partials_full(void **state)
{
	struct tg_client clients[PARTIALS + 10];

	(void)state;
	for (unsigned int i = 0; i < PARTIALS + 10; i++) {
		clients[i] = client_of(i);
		segment(&clients[i], TG_SYN, "");
		segment(&clients[i], TG_ACK, "GET / HTTP/1.1\r\nX-API-Key: un");
	}
	assert_int_equal(counted(TG_PACKET_HEADER), PARTIALS);
	assert_int_equal(counted(TG_PACKET_PARTIAL_TABLE_FULL), 10);
	for (unsigned int i = 0; i < PARTIALS + 10; i++)
		segment(&clients[i], TG_ACK, "finished\r\n\r\n");
	assert_int_equal(counted(TG_PACKET_REQUEST), PARTIALS);
	assert_int_equal(counted(TG_PACKET_UNSYNCED), 10);
	assert_int_equal(rows_of(TG_MAP_PARTIALS), 0);
	for (unsigned int i = 0; i < PARTIALS + 10; i++)
		segment(&clients[i], TG_ACK, "GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(counted(TG_PACKET_REQUEST), 2 * PARTIALS + 10);
}

static int open_meter(void **state)
{
	(void)state;
	tg_meter_open(&meter);
	program = tg_meter_load_http(&meter, &tg_meter_http, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_usage_spills, start),
		cmocka_unit_test_setup(test_known_rows_go_on, start),
		cmocka_unit_test_setup(test_nothing_is_lost, start),
		cmocka_unit_test_setup(test_origins_full, start),
		cmocka_unit_test_setup(test_flows_full, start),
		cmocka_unit_test_setup(test_syn_flood, start),
		cmocka_unit_test_setup(test_partials_full, start),
	};

	return cmocka_run_group_tests(tests, open_meter, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * tests/http/ through the loaded program: each way of cutting a stream is a
 * TCP connection of its own, and the maps must say what the case says.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"
#include "tests/http/cases_run.h"
#include "tests/http/cuts.h"

#define SEGMENT_BYTES_MAX 60000
#define ROWS_MAX	  32 /* tokens, and origins, of one case */

static struct tg_meter meter;
static struct tg_packet packet;

/* One program a configuration, loaded when first asked for; its slot is its place here. */
static struct variant {
	struct tg_case_config config;
	int program;
} variant[TG_IFACES_MAX];
static uint32_t variants;

struct run {
	const struct tg_case *c;
	const struct tg_cuts *cuts;
	uint32_t slot;
	struct tg_client client;
	struct tg_counters before, counted;
	uint64_t frame_bytes;
};

#define check(run, ok, ...)                                                                        \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			print_error("%s (line %u), %s: ", (run)->c->name, (run)->c->line,          \
				    (run)->cuts->what);                                            \
			print_error(__VA_ARGS__);                                                  \
			print_error("\n");                                                         \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static uint32_t slot_of(const struct tg_case_config *config)
{
	uint32_t slot;

	for (slot = 0; slot < variants; slot++) {
		if (!memcmp(&variant[slot].config, config, sizeof(*config)))
			return slot;
	}
	assert_true(slot < TG_IFACES_MAX);
	variant[variants++].config = *config; /* a program that is refused is so once only */
	variant[slot].program = -1;
	variant[slot].program = tg_meter_load_http(&meter, config, slot);
	return slot;
}

/* Another address, port and sequence number each time; every other client speaks IPv6. */
static struct tg_client new_client(void)
{
	static uint32_t clients;
	struct tg_client client = {.server_port = TG_METER_PORT};

	clients++;
	client.ipv6 = clients % 2;
	client.port = 1024 + clients % 60000;
	client.seq = clients % 3 ? clients * 0x9e3779b9 : 0U - clients % 64; /* many wrap around */
	if (client.ipv6)
		memcpy(client.address, "\x20\x01\x0d\xb8\0\1", 6);
	else
		client.address[0] = 10;
	memcpy(client.address + (client.ipv6 ? 4 : 1), &clients, 3);
	return client;
}

static void send_segment(struct run *run, uint8_t flags, const void *bytes, size_t count)
{
	tg_client_segment(&run->client, &packet, flags, bytes, count);
	run->frame_bytes += packet.count;
	check(run, tg_meter_send(variant[run->slot].program, &packet) == XDP_PASS,
	      "a packet does not pass");
}

/* --- what is expected: the case's requests, summed up by token and by origin ---------------- */

struct sums {
	struct tg_usage_key usage_key[ROWS_MAX];
	struct tg_counts usage[ROWS_MAX];
	size_t usage_rows;
	struct tg_origin_key origin_key[ROWS_MAX];
	struct tg_origin origin[ROWS_MAX];
	size_t origin_rows;
};

static size_t find(const void *keys, size_t count, size_t bytes, const void *key)
{
	size_t i = 0;

	while (i < count && memcmp((const char *)keys + i * bytes, key, bytes))
		i++;
	return i;
}

static void sum_usage(const struct run *run, struct sums *sums,
		      const struct tg_case_request *request)
{
	struct tg_usage_key key = {.token = tg_case_token(run->c, request), .iface = run->slot};
	uint64_t bytes = request->end - request->begin;
	size_t i;

	tg_client_source(&run->client, key.source.bytes);
	i = find(sums->usage_key, sums->usage_rows, sizeof(key), &key);
	assert_true(i < ROWS_MAX);
	if (i == sums->usage_rows)
		sums->usage_key[sums->usage_rows++] = key;
	sums->usage[i].requests++;
	sums->usage[i].bytes += bytes;
	if (request->origin) {
		sums->usage[i].origin_requests++;
		sums->usage[i].origin_bytes += bytes;
	}
}

static void sum_origin(const struct run *run, struct sums *sums,
		       const struct tg_case_request *request)
{
	struct tg_origin_key key = {.token = tg_case_token(run->c, request),
				    .origin_id = tg_case_origin_id(request)};
	size_t i;

	if (!request->origin)
		return;
	i = find(sums->origin_key, sums->origin_rows, sizeof(key), &key);
	assert_true(i < ROWS_MAX);
	if (i == sums->origin_rows)
		sums->origin_key[sums->origin_rows++] = key;
	sums->origin[i].requests++;
	sums->origin[i].bytes += request->end - request->begin;
	sums->origin[i].host_bytes = request->origin_bytes;
	tg_case_host(request, (uint8_t *)sums->origin[i].host);
}

static void sum_up(const struct run *run, struct sums *sums)
{
	memset(sums, 0, sizeof(*sums));
	for (size_t i = 0; i < run->c->requests; i++) {
		sum_usage(run, sums, &run->c->request[i]);
		sum_origin(run, sums, &run->c->request[i]);
	}
}

/* A chunked body that breaks off: how much of it counted depends on where. */
static bool same_bytes(const struct run *run, uint64_t is, uint64_t expected)
{
	return tg_case_breaks_body(run->c) ? is >= expected && is <= run->c->stream_bytes
					   : is == expected;
}

static void check_usage(const struct run *run, const struct sums *sums)
{
	struct tg_usage_key keys[ROWS_MAX];
	struct tg_usage values[ROWS_MAX];
	size_t rows = tg_meter_rows(&meter, TG_MAP_USAGE, keys, values, ROWS_MAX);

	check(run, rows == sums->usage_rows, "%zu usage rows, not %zu", rows, sums->usage_rows);
	for (size_t i = 0; i < rows; i++) {
		const struct tg_counts *is = &values[i].counts, *expected;
		size_t row = find(sums->usage_key, rows, sizeof(*keys), &keys[i]);

		check(run, row < rows, "usage of token '%.16s' %016llx that none should have",
		      keys[i].token.prefix, (unsigned long long)keys[i].token.id);
		expected = &sums->usage[row];
		check(run, is->requests == expected->requests, "%llu requests of '%.16s', not %llu",
		      is->requests, keys[i].token.prefix, expected->requests);
		check(run, same_bytes(run, is->bytes, expected->bytes),
		      "%llu bytes of '%.16s', not %llu", is->bytes, keys[i].token.prefix,
		      expected->bytes);
		check(run, is->origin_requests == expected->origin_requests,
		      "%llu requests of '%.16s' with an origin, not %llu", is->origin_requests,
		      keys[i].token.prefix, expected->origin_requests);
		check(run, same_bytes(run, is->origin_bytes, expected->origin_bytes),
		      "%llu bytes of '%.16s' with an origin, not %llu", is->origin_bytes,
		      keys[i].token.prefix, expected->origin_bytes);
		check(run, !is->denied && !is->observed, "denied or observed");
	}
}

static void check_origins(const struct run *run, const struct sums *sums)
{
	struct tg_origin_key keys[ROWS_MAX];
	struct tg_origin values[ROWS_MAX];
	size_t rows = tg_meter_rows(&meter, TG_MAP_ORIGINS, keys, values, ROWS_MAX);

	check(run, rows == sums->origin_rows, "%zu origins, not %zu", rows, sums->origin_rows);
	for (size_t i = 0; i < rows; i++) {
		const struct tg_origin *expected;
		size_t row = find(sums->origin_key, rows, sizeof(*keys), &keys[i]);

		check(run, row < rows, "origin '%.64s' that none should have", values[i].host);
		expected = &sums->origin[row];
		check(run, values[i].requests == expected->requests,
		      "%llu requests from '%.64s', not %llu", values[i].requests, values[i].host,
		      expected->requests);
		check(run, same_bytes(run, values[i].bytes, expected->bytes),
		      "%llu bytes from '%.64s', not %llu", values[i].bytes, values[i].host,
		      expected->bytes);
		check(run, values[i].host_bytes == expected->host_bytes, "host of %u bytes, not %u",
		      values[i].host_bytes, expected->host_bytes);
		check(run, !memcmp(values[i].host, expected->host, TG_HOST_BYTES_MAX),
		      "host '%.64s', not '%.64s'", values[i].host, expected->host);
	}
}

static void check_unattributed(const struct run *run)
{
	int expected = tg_case_unattributed(run->c);

	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		uint64_t requests = run->counted.unattributed[i].requests;
		uint64_t bytes = run->counted.unattributed[i].bytes;

		check(run, requests == (i == expected), "%llu unattributed requests of reason %d",
		      (unsigned long long)requests, i);
		check(run, i == expected ? bytes && bytes <= run->c->stream_bytes : !bytes,
		      "%llu unattributed bytes of reason %d", (unsigned long long)bytes, i);
	}
}

/* --- packet reasons ----------------------------------------------------------------------- */

/*
 * What segment [begin, end) must be counted as, as far as the case's events
 * tell; TG_PACKET_SEEN: behind the last of them, where an error may be.
 */
static uint32_t segment_reason(const struct tg_case *c, size_t begin, size_t end)
{
	for (size_t i = 0; i < c->requests; i++) {
		if (c->request[i].header_end > begin && c->request[i].header_end <= end)
			return TG_PACKET_REQUEST;
	}
	for (size_t i = 0; i < c->requests; i++) {
		if (end > c->request[i].begin && end <= c->request[i].header_end)
			return TG_PACKET_HEADER;
		if (end <= c->request[i].end)
			return TG_PACKET_BODY; /* or empty lines before the header */
	}
	return TG_PACKET_SEEN;
}

static void check_packets(const struct run *run)
{
	const struct tg_case *c = run->c;
	uint64_t expected[TG_PACKET_REASONS] = {0}, rest, is;
	size_t begin = 0;

	for (size_t i = 0; i < run->cuts->segments; begin = run->cuts->end[i++])
		expected[segment_reason(c, begin, run->cuts->end[i])]++;
	rest = expected[TG_PACKET_SEEN];
	expected[TG_PACKET_SEEN] = run->cuts->segments + 2;
	expected[TG_PACKET_SYN] = expected[TG_PACKET_FIN] = 1;
	for (uint32_t i = 0; i < TG_PACKET_REASONS; i++) {
		bool open = i == TG_PACKET_HEADER || i == TG_PACKET_BODY ||
			    (i == TG_PACKET_OPAQUE && c->end >= TG_CASE_OPAQUE) ||
			    (i == c->reason && c->end == TG_CASE_ERROR);
		uint64_t most = i == c->reason && c->end == TG_CASE_ERROR ? 1 : rest;

		is = run->counted.packets[i].packets;
		check(run, is >= expected[i] && is <= expected[i] + (open ? most : 0),
		      "%llu packets of reason %u, not %llu (+ %llu)", (unsigned long long)is, i,
		      (unsigned long long)expected[i], (unsigned long long)(open ? most : 0));
		if (i != TG_PACKET_SEEN)
			expected[TG_PACKET_SEEN] -= is;
	}
	check(run, !expected[TG_PACKET_SEEN], "packets that were seen, but ended nowhere");
	is = run->counted.packets[TG_PACKET_SEEN].bytes;
	check(run, is == run->frame_bytes, "frames of %llu bytes, not %llu", (unsigned long long)is,
	      (unsigned long long)run->frame_bytes);
}

/* Requests by packet are counted apart from requests by whom: both must come to the same. */
static void check_requests(const struct run *run)
{
	uint64_t by_packet = 0, unattributed = 0;

	for (uint32_t i = 0; i < TG_PACKET_REASONS; i++)
		by_packet += run->counted.packets[i].requests;
	for (uint32_t i = 0; i < TG_UNATTRIBUTED_REASONS; i++)
		unattributed += run->counted.unattributed[i].requests;
	check(run, by_packet == run->c->requests + unattributed,
	      "packets brought %llu requests, not %zu and %llu", (unsigned long long)by_packet,
	      (size_t)run->c->requests, (unsigned long long)unattributed);
}

/* --- a run ---------------------------------------------------------------------------------- */

static void check_state(const struct run *run)
{
	struct tg_scan scan;
	uint32_t reason = 0;
	enum tg_case_end end;

	check(run, tg_meter_scan(&meter, &run->client, &scan), "the connection is not known");
	end = tg_case_end_of(&scan, &reason);
	check(run, end == run->c->end && reason == run->c->reason, "ends in state %s, not %s",
	      tg_case_end_name(end, reason), tg_case_end_name(run->c->end, run->c->reason));
}

static void check_nothing_left(const struct run *run)
{
	static const enum tg_map maps[] = {TG_MAP_FLOWS, TG_MAP_PARTIALS, TG_MAP_TOKEN_SPILL,
					   TG_MAP_SOURCE_SPILL};

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		check(run, !tg_meter_rows(&meter, maps[i], NULL, NULL, 0), "rows left in map %s",
		      tg_map_name(maps[i]));
}

static void run_cuts(struct run *run)
{
	struct sums sums;
	size_t begin = 0;

	run->client = new_client();
	run->frame_bytes = 0;
	tg_meter_counters(&meter, run->slot, NULL, &run->before);
	send_segment(run, TG_SYN, NULL, 0);
	for (size_t i = 0; i < run->cuts->segments; begin = run->cuts->end[i++])
		send_segment(run, TG_ACK | TG_PSH, run->c->stream + begin,
			     run->cuts->end[i] - begin);
	check_state(run);
	send_segment(run, TG_ACK | TG_FIN, NULL, 0);
	tg_meter_counters(&meter, run->slot, &run->before, &run->counted);
	sum_up(run, &sums);
	check_usage(run, &sums);
	check_origins(run, &sums);
	check_unattributed(run);
	check_packets(run);
	check_requests(run);
	check_nothing_left(run);
	tg_meter_clear(&meter);
}

static void test_case(void **state)
{
	struct run run = {.c = *state};
	struct tg_cuts cuts;

	tg_meter_clear(&meter);
	run.slot = slot_of(&run.c->config);
	tg_cuts_start(&cuts, run.c, SEGMENT_BYTES_MAX);
	run.cuts = &cuts;
	while (tg_cuts_next(&cuts))
		run_cuts(&run);
	tg_cuts_end(&cuts);
}

int main(int argc, char **argv)
{
	tg_meter_open(&meter);
	return tg_cases_run(argc, argv, "http cases through the program", test_case);
}

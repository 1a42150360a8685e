/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c */
/*
 * Ten million requests with a token each, from a million sources, over tables that have
 * room for a few thousand: what was there before goes on exactly, nothing is lost from the
 * sums, no more memory is taken. And requests that never end, or say absurd lengths.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

#define ENTRIES	    4096
#define THREADS	    2
#define CONNECTIONS 500000 /* of each thread */
#define REQUESTS    10	   /* of each connection */
#define OLD	    100
#define LIMIT	    5

#define HEAD "GET / HTTP/1.1\r\nX-API-Key: "
#define TAIL "\r\n\r\n"

static struct tg_rig rig;

struct flooder {
	pthread_t thread;
	unsigned int number;
	unsigned int failed;
	uint64_t random;
	struct tg_packet data, reset;
	size_t token_at[REQUESTS];
};

/* --- the flood ------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Another source and port; the IP header's checksum is made anew. */
static void set_client(struct tg_packet *packet, uint32_t source, uint16_t port)
{
	uint32_t sum = 0;

	tg_packet_set16(packet, packet->ip + 12, source >> 16);
	tg_packet_set16(packet, packet->ip + 14, source);
	tg_packet_set16(packet, packet->ip + 10, 0);
	for (size_t at = 0; at < 20; at += 2)
		sum += tg_packet_get16(packet, packet->ip + at);
	sum = (sum & 0xffff) + (sum >> 16);
	tg_packet_set16(packet, packet->ip + 10, ~(sum + (sum >> 16)));
	tg_packet_set16(packet, packet->tcp, port);
}

static void set_tokens(struct flooder *flooder)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < REQUESTS; i++) {
		uint64_t random = next_random(&flooder->random);

		for (unsigned int j = 0; j < 16; j++)
			flooder->data.bytes[flooder->token_at[i] + j] =
				digits[random >> (j * 4) & 15];
	}
}

static void put(struct flooder *flooder, const struct tg_packet *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet->bytes, .data_size_in = packet->count,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(rig.program, &run) || run.retval != XDP_PASS)
		flooder->failed++;
}

static void lay_down(struct flooder *flooder)
{
	static const char request[] = HEAD "0123456789abcdef" TAIL;
	struct tg_peer peer = tg_peer(&tg_paths[0], "10.0.0.1", 1);
	char text[REQUESTS * sizeof(request)];
	size_t bytes = sizeof(request) - 1;

	for (unsigned int i = 0; i < REQUESTS; i++)
		memcpy(text + i * bytes, request, bytes);
	tg_peer_segment(&peer, &(struct tg_sent){TG_ACK, 1, 1, text, REQUESTS * bytes},
			&flooder->data);
	tg_peer_segment(&peer, &(struct tg_sent){TG_RST, 1 + REQUESTS * bytes, 0, NULL, 0},
			&flooder->reset);
	for (unsigned int i = 0; i < REQUESTS; i++)
		flooder->token_at[i] = flooder->data.payload + i * bytes + sizeof(HEAD) - 1;
}

static void *flood(void *arg)
{
	struct flooder *flooder = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(flooder->number % sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		/* Scattered, and none of them twice: an odd factor. */
		uint32_t low = (i * THREADS + flooder->number) * 0x9e3779b1U & 0xffffff;

		set_client(&flooder->data, 10U << 24 | low, 1024 + i % 60000);
		set_client(&flooder->reset, 10U << 24 | low, 1024 + i % 60000);
		set_tokens(flooder);
		put(flooder, &flooder->data);
		put(flooder, &flooder->reset);
	}
	return NULL;
}

static void flood_all(void)
{
	struct flooder *flooders = calloc(THREADS, sizeof(*flooders));

	assert_non_null(flooders);
	for (unsigned int i = 0; i < THREADS; i++) {
		flooders[i].number = i;
		flooders[i].random = 0x9e3779b97f4a7c15ULL * (i + 1);
		lay_down(&flooders[i]);
		assert_int_equal(pthread_create(&flooders[i].thread, NULL, flood, &flooders[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(flooders[i].thread, NULL);
		assert_int_equal(flooders[i].failed, 0);
	}
	free(flooders);
}

/* --- what is there --------------------------------------------------------------- */

/* Bytes of kernel memory that a map says it takes. */
static unsigned long map_bytes(enum tg_map map)
{
	unsigned long bytes = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", rig.meter.maps.fd[map]);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "memlock: %lu", &bytes);
	fclose(file);
	assert_true(bytes);
	return bytes;
}

static unsigned long all_bytes(void)
{
	unsigned long sum = 0;

	for (int map = 0; map < TG_MAPS; map++)
		if (map != TG_MAP_POLICY_MATCH) /* by the entry, and these are the policies' */
			sum += map_bytes(map);
	return sum;
}

static int add_usage(const void *key, const void *value, void *sum)
{
	(void)key;
	*(uint64_t *)sum += ((const struct tg_usage *)value)->counts.requests;
	return 0;
}

static int add_spill(const void *key, const void *value, void *sum)
{
	(void)key;
	*(uint64_t *)sum += ((const struct tg_counts *)value)->requests;
	return 0;
}

static uint64_t unattributed(uint32_t reason)
{
	struct tg_unattributed out[TG_UNATTRIBUTED_REASONS];

	tg_meter_unattributed(&rig.meter, out);
	return out[reason].requests;
}

/* Requests in all books, with a name or without. */
static uint64_t booked(void)
{
	uint64_t sum = unattributed(TG_UNATTRIBUTED_USAGE_FULL);

	assert_int_equal(tg_maps_walk(&rig.meter.maps, TG_MAP_USAGE, add_usage, &sum), 0);
	assert_int_equal(tg_maps_walk(&rig.meter.maps, TG_MAP_TOKEN_SPILL, add_spill, &sum), 0);
	return sum;
}

static uint64_t ended(uint32_t reason)
{
	struct tg_packets packets[TG_PACKET_REASONS];

	tg_meter_packets(&rig.meter, TG_RIG_SLOT, packets);
	return packets[reason].packets;
}

static size_t entries(enum tg_map map)
{
	return tg_meter_rows(&rig.meter, map, NULL, NULL, 0);
}

static const char *old_token(unsigned int number)
{
	static char text[32];

	snprintf(text, sizeof(text), "old-token-%06u", number);
	return text;
}

/* --- tests ----------------------------------------------------------------------- */

static void put_rules(void)
{
	tg_rig_put(&rig, (const struct tg_rule[]){
				 TG_EACH("token:known_*", "5/month"),
				 TG_EACH("source:203.0.113.7", "5/month"),
				 TG_ACTING("observe", "any", "1000/month"),
				 {0},
			 });
}

static void ask_old(unsigned int requests)
{
	for (unsigned int i = 0; i < OLD; i++)
		assert_int_equal(tg_rig_allowed(&rig, "198.51.100.1", old_token(i), requests),
				 requests);
}

static void test_flood(void **state)
{
	uint64_t before, denied, connections = THREADS * CONNECTIONS;
	unsigned long bytes;

	(void)state;
	put_rules();
	ask_old(3);
	assert_int_equal(tg_rig_allowed(&rig, "198.51.100.2", "known_early-token", 2), 2);
	before = booked();
	bytes = all_bytes();
	flood_all();
	assert_int_equal(booked() - before, connections * REQUESTS);
	assert_int_equal(ended(TG_PACKET_REQUEST), before + connections);
	assert_int_equal(entries(TG_MAP_USAGE), ENTRIES);
	assert_int_equal(entries(TG_MAP_TOKEN_SPILL), ENTRIES);
	assert_int_equal(entries(TG_MAP_FLOWS), 0);
	assert_int_equal(entries(TG_MAP_PARTIALS), 0);
	assert_int_equal(all_bytes(), bytes);
	/* What was there goes on as if nothing had been. */
	ask_old(1);
	for (unsigned int i = 0; i < OLD; i++)
		assert_int_equal(tg_rig_usage(&rig, old_token(i)).requests, 4);
	denied = ended(TG_PACKET_DENIED);
	assert_int_equal(tg_rig_allowed(&rig, "198.51.100.2", "known_early-token", LIMIT),
			 LIMIT - 2);
	assert_int_equal(tg_rig_usage(&rig, "known_early-token").requests, 2 + LIMIT);
	assert_int_equal(tg_rig_usage(&rig, "known_early-token").denied, 2);
	assert_int_equal(ended(TG_PACKET_DENIED) - denied, 2);
}

/*
 * After the flood: who is named by a policy has its budget, of its own or shared.
 * (That it has its row, too: test_reserve.c.)
 */
static void test_named_newcomers_have_budgets(void **state)
{
	(void)state;
	assert_int_equal(tg_rig_allowed(&rig, "198.51.100.3", "known_late-token", LIMIT + 3),
			 LIMIT);
	assert_int_equal(tg_rig_allowed(&rig, "203.0.113.7", "no-policy-names-it", LIMIT + 3),
			 LIMIT);
}

/* A segment of a connection that goes on; seq moves on behind it. Its reason. */
static uint32_t say(const struct tg_peer *peer, uint32_t *seq, uint8_t flags, const char *text)
{
	struct tg_sent sent = {flags, *seq, 1, text, strlen(text)};
	uint32_t reason;

	tg_rig_send(&rig, peer, &sent, &reason);
	*seq += sent.count + !!(flags & TG_SYN);
	return reason;
}

static struct tg_peer client(unsigned int number)
{
	char address[32];

	snprintf(address, sizeof(address), "198.18.%u.%u", number >> 8 & 255, number & 255);
	return tg_peer(&tg_paths[0], address, 5000);
}

/* Headers that never end fill partials, and take nothing from headers that do. */
static void test_endless_headers(void **state)
{
	static uint32_t seqs[ENTRIES / 2 + 100];
	unsigned int kept = ENTRIES / 2, i;
	char token[] = "x";
	struct tg_peer peer;
	uint32_t seq = 1;

	(void)state;
	tg_rig_reset(&rig);
	for (i = 0; i < kept + 100; i++) {
		peer = client(i);
		seqs[i] = 1;
		say(&peer, &seqs[i], TG_SYN, "");
		assert_int_equal(say(&peer, &seqs[i], TG_ACK, HEAD "endless"),
				 i < kept ? TG_PACKET_HEADER : TG_PACKET_PARTIAL_TABLE_FULL);
	}
	assert_int_equal(entries(TG_MAP_PARTIALS), kept);
	assert_int_equal(tg_rig_allowed(&rig, "198.51.100.4", "whole-request-token", 50), 50);
	assert_int_equal(tg_rig_usage(&rig, "whole-request-token").requests, 50);
	/* Slowly, a byte a segment, where there is room. */
	peer = client(0);
	for (const char *at = "-and-slow" TAIL; *at; at++) {
		token[0] = *at;
		assert_int_equal(say(&peer, &seqs[0], TG_ACK, token),
				 at[1] ? TG_PACKET_HEADER : TG_PACKET_REQUEST);
	}
	assert_int_equal(tg_rig_usage(&rig, "endless-and-slow").requests, 1);
	/* One that is longer than is followed makes room again. */
	peer = client(1);
	for (i = 0; i < 2 * TG_HEADER_BYTES_DEFAULT / 100; i++)
		if (say(&peer, &seqs[1], TG_ACK,
			"0123456789012345678901234567890123456789012345678"
			"012345678901234567890123456789012345678901234567890") ==
		    TG_PACKET_HEADER_TOO_LONG)
			break;
	assert_true(i > 100 && i < 170);
	assert_int_equal(unattributed(TG_UNATTRIBUTED_HEADER_TOO_LONG), 1);
	assert_int_equal(entries(TG_MAP_PARTIALS), kept - 2);
	peer = client(kept + 200);
	say(&peer, &seq, TG_SYN, "");
	assert_int_equal(say(&peer, &seq, TG_ACK, HEAD "then-there"), TG_PACKET_HEADER);
	assert_int_equal(say(&peer, &seq, TG_ACK, "-is-room" TAIL), TG_PACKET_REQUEST);
}

/* Lengths at the edge of 64 bits: none wraps, so that none hides what follows. */
static void test_lengths(void **state)
{
	static const struct {
		const char *header, *body;
		uint32_t reason; /* of the packet that has the length */
	} cases[] = {
		{"Content-Length: 18446744073709551616", "", TG_PACKET_BAD_FRAMING},
		{"Content-Length: 18446744073709551615", "", TG_PACKET_BAD_FRAMING},
		{"Content-Length: 9223372036854775808", "", TG_PACKET_BAD_FRAMING},
		{"Content-Length: 99999999999999999999", "", TG_PACKET_BAD_FRAMING},
		{"Content-Length: -1", "", TG_PACKET_BAD_FRAMING},
		{"Transfer-Encoding: chunked", "8000000000000000\r\n", TG_PACKET_BAD_CHUNK},
		{"Transfer-Encoding: chunked", "ffffffffffffffff\r\n", TG_PACKET_BAD_CHUNK},
		{"Transfer-Encoding: chunked", "10000000000000001\r\n", TG_PACKET_BAD_CHUNK},
		{"Transfer-Encoding: chunked", "fffffffffffffffffffe\r\n", TG_PACKET_BAD_CHUNK},
		{"Transfer-Encoding: chunked", "1000000000000001\r\n", TG_PACKET_BAD_CHUNK},
	};
	char text[300];

	(void)state;
	tg_rig_reset(&rig);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tg_peer peer = client(i);
		uint32_t seq = 1, reason;

		say(&peer, &seq, TG_SYN, "");
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n%s\r\n\r\n", cases[i].header);
		reason = say(&peer, &seq, TG_ACK, text);
		if (*cases[i].body) {
			assert_int_equal(reason, TG_PACKET_REQUEST);
			reason = say(&peer, &seq, TG_ACK, cases[i].body);
		}
		if (reason != cases[i].reason)
			fail_msg("%s %s: %s", cases[i].header, cases[i].body,
				 tg_meter_reason(reason));
		/* The server gives up, too: what follows is not read, and not guessed at. */
		assert_int_equal(say(&peer, &seq, TG_ACK, HEAD "behind" TAIL), TG_PACKET_OPAQUE);
	}
	assert_int_equal(tg_rig_allowed(&rig, "198.51.100.5", "another-connection", 1), 1);
	assert_int_equal(tg_rig_usage(&rig, "another-connection").requests, 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test(test_flood), /* the next two go on from it */
		cmocka_unit_test(test_named_newcomers_have_budgets),
		cmocka_unit_test(test_endless_headers),
		cmocka_unit_test(test_lengths),
	};

	return tg_rig_run(&rig, ENTRIES, "exhaustion", tests, argc, argv);
}

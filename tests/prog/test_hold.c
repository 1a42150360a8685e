/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/stream.c */
/*
 * Segments that come too early: whatever the order, what is counted is what the same
 * bytes in order would be; and where there is no room, the books still agree. Small
 * cases stand in scenarios_held.c.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/maintain.h"
#include "meter.h"
#include "stream.h"
#include "tests/http/cases.h"

#define SLOT	  2
#define ENTRIES	  256 /* of each map: pages, too */
#define HOLDS	  64  /* connections that hold, for so many pages */
#define STREAMS	  4000
#define PAGE	  1024
#define PAGES_MAX 1023 /* from the one with what is missing to the one with the last byte */

#define REQUEST	      "GET / HTTP/1.1\r\nX-API-Key: one-two-three\r\n\r\n"
#define REQUEST_BYTES (sizeof(REQUEST) - 1)

static struct tg_meter meter;
static struct tg_packet packet;
static struct tg_stream stream;
static int program;
static struct tg_counters before, since;

static int start(void **state)
{
	(void)state;
	tg_meter_clear(&meter);
	tg_meter_counters(&meter, SLOT, NULL, &before);
	return 0;
}

static struct tg_client client_of(uint16_t port, uint32_t seq)
{
	return (struct tg_client){.ipv6 = port % 2,
				  .address = {0x20, 0x01, 0x0d, 0xb8, [15] = 7},
				  .port = port,
				  .server_port = TG_METER_PORT,
				  .seq = seq};
}

static void segment(struct tg_client *client, uint8_t flags, const void *bytes, size_t count)
{
	tg_client_segment(client, &packet, flags, bytes, count);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
}

static void segment_at(struct tg_client client, uint32_t seq, const void *bytes, size_t count)
{
	client.seq = seq;
	segment(&client, TG_ACK | TG_PSH, bytes, count);
}

static struct tg_client connection(uint16_t port, uint32_t first_seq)
{
	struct tg_client client = client_of(port, first_seq - 1);

	segment(&client, TG_SYN, "", 0);
	return client;
}

static uint64_t counted(uint32_t reason)
{
	tg_meter_counters(&meter, SLOT, &before, &since);
	return since.packets[reason].packets;
}

static size_t rows_of(enum tg_map map)
{
	return tg_meter_rows(&meter, map, NULL, NULL, 0);
}

static uint64_t unnamed(void)
{
	uint64_t requests = 0;

	tg_meter_counters(&meter, SLOT, &before, &since);
	for (uint32_t i = 0; i < TG_UNATTRIBUTED_REASONS; i++)
		requests += since.unattributed[i].requests;
	return requests;
}

/* Each packet has one reason, and each request stands in the books. */
static void check_books(void)
{
	uint64_t packets = 0, requests = 0;

	tg_meter_counters(&meter, SLOT, &before, &since);
	for (uint32_t i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
		packets += since.packets[i].packets;
		requests += since.packets[i].requests;
	}
	assert_int_equal(packets, since.packets[TG_PACKET_SEEN].packets);
	assert_int_equal(requests, tg_meter_usage(&meter, NULL).requests + unnamed());
}

static void check_nothing_held(void)
{
	assert_int_equal(rows_of(TG_MAP_HOLDS), 0);
	assert_int_equal(rows_of(TG_MAP_HELD), 0);
}

/* --- random streams --------------------------------------------------------------- */

struct sent {
	uint64_t next, early, again; /* packets */
};

static bool send_piece(struct tg_client client, uint32_t first_seq, size_t index, bool fin,
		       struct sent *sent)
{
	const struct tg_stream_piece piece = stream.piece[index];
	bool is_last = piece.at + piece.bytes == stream.bytes;

	switch (tg_stream_take(&stream, &piece)) {
	case TG_STREAM_LATER:
		return false;
	case TG_STREAM_NEXT:
		sent->next++;
		break;
	case TG_STREAM_EARLY:
		sent->early++;
		break;
	case TG_STREAM_AGAIN:
		sent->again++;
		break;
	}
	client.seq = first_seq + piece.at;
	segment(&client, TG_ACK | (fin && is_last ? TG_FIN : 0), stream.text + piece.at,
		piece.bytes);
	return true;
}

/* Those that found no room are sent again, when the others have come. */
static struct sent send_pieces(struct tg_client client, uint32_t first_seq, bool fin)
{
	struct sent sent = {0};
	size_t left = stream.pieces;

	while (left) {
		size_t kept = 0;

		for (size_t i = 0; i < left; i++)
			if (!send_piece(client, first_seq, i, fin, &sent))
				stream.piece[kept++] = stream.piece[i];
		left = kept;
	}
	assert_int_equal(stream.next, stream.bytes);
	return sent;
}

static void check_stream(uint64_t seed, const struct sent *sent)
{
	uint64_t next =
		counted(TG_PACKET_REQUEST) + counted(TG_PACKET_HEADER) + counted(TG_PACKET_BODY);

	for (size_t i = 0; i < TG_STREAM_TOKENS; i++) {
		struct tg_token token = tg_meter_token(tg_stream_tokens[i]);
		struct tg_counts counts = tg_meter_usage(&meter, &token);

		if (counts.requests != stream.expected[i].requests ||
		    counts.bytes != stream.expected[i].bytes)
			fail_msg("stream %llu, token %s: %llu requests of %llu bytes, not %llu of "
				 "%llu",
				 (unsigned long long)seed, tg_stream_tokens[i], counts.requests,
				 counts.bytes, (unsigned long long)stream.expected[i].requests,
				 (unsigned long long)stream.expected[i].bytes);
	}
	if (next != sent->next || counted(TG_PACKET_HELD) != sent->early ||
	    counted(TG_PACKET_RETRANSMIT) != sent->again)
		fail_msg("stream %llu: %llu, %llu, %llu packets in order, early, again, "
			 "not %llu, %llu, %llu",
			 (unsigned long long)seed, (unsigned long long)next,
			 (unsigned long long)counted(TG_PACKET_HELD),
			 (unsigned long long)counted(TG_PACKET_RETRANSMIT),
			 (unsigned long long)sent->next, (unsigned long long)sent->early,
			 (unsigned long long)sent->again);
	check_books();
	assert_int_equal(unnamed(), 0);
	check_nothing_held();
	assert_int_equal(rows_of(TG_MAP_FLOWS), 0);
	assert_int_equal(rows_of(TG_MAP_PARTIALS), 0);
}

static struct sent run_stream(uint64_t seed)
{
	struct tg_client client;
	uint32_t first_seq;
	struct sent sent;

	start(NULL);
	tg_stream_make(&stream, seed);
	first_seq = seed % 2 ? -tg_stream_random(&stream, stream.bytes)
			     : tg_stream_random(&stream, 1u << 31);
	client = connection(1024 + seed % 60000, first_seq);
	sent = send_pieces(client, first_seq, seed % 4 < 2);
	client.seq = first_seq + stream.bytes;
	segment(&client, TG_RST, "", 0);
	check_stream(seed, &sent);
	return sent;
}

static void test_streams(void **state)
{
	struct sent sum = {0};

	(void)state;
	for (uint64_t seed = 0; seed < STREAMS; seed++) {
		struct sent sent = run_stream(seed);

		sum.next += sent.next;
		sum.early += sent.early;
		sum.again += sent.again;
	}
	/* Or the streams do not test what they are for. */
	assert_true(sum.early > sum.next / 2 && sum.again > sum.next / 10);
}

/*
 * Pieces that never come, and are given up at some time. What is found behind them depends
 * on where; but the books agree, and nothing stays behind.
 */
static void lose_some(uint64_t seed)
{
	struct tg_client client;
	uint32_t first_seq;

	start(NULL);
	tg_stream_make(&stream, seed);
	first_seq = -tg_stream_random(&stream, stream.bytes);
	client = connection(1024 + seed % 60000, first_seq);
	for (size_t i = 0; i < stream.pieces; i++) {
		const struct tg_stream_piece *piece = &stream.piece[i];

		if (!tg_stream_random(&stream, 8))
			continue;
		if (!tg_stream_random(&stream, 8))
			tg_meter_age_holds(&meter);
		segment_at(client, first_seq + piece->at, stream.text + piece->at, piece->bytes);
		if (!rows_of(TG_MAP_HOLDS))
			assert_int_equal(rows_of(TG_MAP_HELD), 0);
	}
	check_books();
	/* All that came before its end is over then, however it ends. */
	segment_at(client, first_seq + stream.bytes + 1, "\n", 1);
	tg_meter_age_holds(&meter);
	segment_at(client, first_seq + stream.bytes + 1, "\n", 1);
	check_nothing_held();
	client.seq = first_seq + stream.bytes + 2;
	segment(&client, TG_RST, "", 0);
	assert_int_equal(rows_of(TG_MAP_FLOWS), 0);
	assert_int_equal(rows_of(TG_MAP_PARTIALS), 0);
	check_books();
}

static void test_lossy_streams(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < STREAMS / 4; seed++)
		lose_some(seed);
}

/* --- room ------------------------------------------------------------------------- */

/* One byte, the last one before end of the stream, early: is it held? */
static bool is_held(struct tg_client client, uint32_t first_seq, uint32_t end)
{
	uint64_t was = counted(TG_PACKET_HELD);

	segment_at(client, first_seq + end - 1, "x", 1);
	return counted(TG_PACKET_HELD) > was;
}

static void test_window(void **state)
{
	static const uint32_t firsts[] = {5 * PAGE, 5 * PAGE + 1, 6 * PAGE - 1, 0, -40, -PAGE};

	(void)state;
	for (uint16_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		/* What is left of the first page, and PAGES_MAX - 1 more. */
		uint32_t room = PAGES_MAX * PAGE - firsts[i] % PAGE;
		struct tg_client client = connection(2000 + i, firsts[i]);

		assert_true(is_held(client, firsts[i], room - 1));
		assert_true(is_held(client, firsts[i], room));
		assert_false(is_held(client, firsts[i], room + 1));
		assert_int_equal(counted(TG_PACKET_GAP), i + 1);
	}
	check_books();
	check_nothing_held(); /* given up, with all that was before it */
}

/* So far ahead is another stream: what is missing before it is given up at once. */
static void test_far_ahead(void **state)
{
	struct tg_client client = connection(2900, 500);
	uint32_t far = 500 + (1 << 20) + 1;

	(void)state;
	segment_at(client, 500 + 2 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	segment_at(client, far, REQUEST, REQUEST_BYTES);
	segment_at(client, 500 + REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	segment_at(client, far + REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_HELD), 1);
	assert_int_equal(counted(TG_PACKET_GAP), 1);
	assert_int_equal(counted(TG_PACKET_RETRANSMIT), 1);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 3);
	check_books();
	check_nothing_held();
}

/* Bodies are not kept: there is no window for them. */
static void test_no_window_in_bodies(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nX-API-Key: one-two-three\r\n"
				   "Content-Length: 1048000\r\n\r\n";
	static char body[60000];
	struct tg_client client = connection(3000, 77);
	uint32_t first = client.seq + sizeof(head) - 1;

	(void)state;
	segment(&client, TG_ACK, head, sizeof(head) - 1);
	segment_at(client, first + 17 * sizeof(body), body, 28000);
	for (uint32_t i = 16; i > 0; i--)
		segment_at(client, first + i * sizeof(body), body, sizeof(body));
	segment_at(client, first + 1048000, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_HELD), 17);
	assert_int_equal(rows_of(TG_MAP_HELD), 0);
	/* What is missing are body bytes alone, which need not be waited for. */
	assert_int_equal(counted(TG_PACKET_GAP), 0);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 2);
	assert_int_equal(tg_meter_usage(&meter, NULL).bytes,
			 sizeof(head) - 1 + 1048000 + REQUEST_BYTES);
	check_books();
	check_nothing_held();
}

/* As many requests as there is room for, and the beginning of another. */
static size_t fill(char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = REQUEST[i % REQUEST_BYTES];
	return count / REQUEST_BYTES;
}

/* Connections that hold until map held is full; the next one cannot. */
static void test_pages_full(void **state)
{
	static char early[64 * PAGE - 300];
	size_t requests = fill(early, sizeof(early));
	struct tg_client clients[ENTRIES / 64 + 1];
	uint32_t first = 7 * PAGE;

	(void)state;
	for (uint16_t i = 0; i < ENTRIES / 64; i++) {
		clients[i] = connection(4000 + i, first - REQUEST_BYTES);
		segment_at(clients[i], first, early, sizeof(early));
	}
	assert_int_equal(rows_of(TG_MAP_HELD), ENTRIES);
	clients[ENTRIES / 64] = connection(4100, first - REQUEST_BYTES);
	segment_at(clients[ENTRIES / 64], first, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_HELD), ENTRIES / 64);
	assert_int_equal(counted(TG_PACKET_GAP), 1);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 1);
	for (uint16_t i = 0; i < ENTRIES / 64; i++)
		segment(&clients[i], TG_ACK, REQUEST, REQUEST_BYTES);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 1 + ENTRIES / 64 * (1 + requests));
	check_books();
	check_nothing_held();
}

/* Where the room ends within a segment: what was kept of it goes, as what it is joins the stream.
 */
static void test_pages_full_within(void **state)
{
	static char early[60 * PAGE];
	size_t requests = fill(early, sizeof(early));
	uint32_t first = 7 * PAGE;

	(void)state;
	for (uint16_t i = 0; i < 5; i++) {
		struct tg_client client = connection(4200 + i, first - REQUEST_BYTES);

		segment_at(client, first, early, sizeof(early));
		assert_int_equal(counted(TG_PACKET_GAP), i == 4);
	}
	assert_int_equal(rows_of(TG_MAP_HOLDS), 4);
	assert_int_equal(rows_of(TG_MAP_HELD), 4 * 60);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, requests);
	check_books();
}

static void test_holds_full(void **state)
{
	struct tg_client clients[HOLDS + 10];

	(void)state;
	for (uint16_t i = 0; i < HOLDS + 10; i++) {
		clients[i] = connection(5000 + i, 100 * i);
		segment_at(clients[i], 100 * i + REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	}
	assert_int_equal(counted(TG_PACKET_HELD), HOLDS);
	assert_int_equal(counted(TG_PACKET_GAP), 10);
	assert_int_equal(rows_of(TG_MAP_HOLDS), HOLDS);
	for (uint16_t i = 0; i < HOLDS + 10; i++)
		segment(&clients[i], TG_ACK, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_RETRANSMIT), 10);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 2 * HOLDS + 10);
	check_books();
	check_nothing_held();
}

/* --- large frames ----------------------------------------------------------------- */

#define LARGE (65535 - 20 - 32) /* payload of the largest IPv4 packet */

/* Every place of its page borders in the frame; again, too, which compares all of it. */
static void test_largest_frame(void **state)
{
	static char early[LARGE];
	size_t requests = fill(early, sizeof(early)), sent = 0;

	(void)state;
	for (uint32_t i = 0; i < PAGE; i += i % 64 < 24 ? 1 : 40) {
		uint32_t first = 9 * PAGE + i;
		struct tg_client client = connection(2 * (10000 + i), first);

		segment_at(client, first + REQUEST_BYTES, early, sizeof(early));
		segment_at(client, first + REQUEST_BYTES, early, sizeof(early));
		segment(&client, TG_ACK, REQUEST, REQUEST_BYTES);
		segment_at(client, client.seq + sizeof(early),
			   REQUEST + sizeof(early) % REQUEST_BYTES,
			   REQUEST_BYTES - sizeof(early) % REQUEST_BYTES);
		sent++;
		check_nothing_held();
		client.seq = first + (requests + 2) * REQUEST_BYTES;
		segment(&client, TG_RST, "", 0);
	}
	assert_int_equal(counted(TG_PACKET_HELD), sent);
	assert_int_equal(counted(TG_PACKET_RETRANSMIT), sent);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, sent * (requests + 2));
	assert_int_equal(tg_meter_usage(&meter, NULL).bytes, sent * (requests + 2) * REQUEST_BYTES);
	check_books();
}

/* --- time, ends ------------------------------------------------------------------- */

/* What is missing is waited for, each time anew. */
static void test_progress_is_no_loss(void **state)
{
	struct tg_client client = connection(6000, 500);
	uint32_t seq = client.seq;

	(void)state;
	segment_at(client, seq + REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	segment_at(client, seq + 3 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	tg_meter_age_holds(&meter);
	segment(&client, TG_ACK, REQUEST, REQUEST_BYTES);
	segment_at(client, seq + 5 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_GAP), 0);
	segment_at(client, seq + 2 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	segment_at(client, seq + 4 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 6);
	check_nothing_held();
}

/* All that was held behind a gap counts, when the gap is given up. */
static void test_given_up(void **state)
{
	struct tg_client client = connection(6100, -3 * (int)REQUEST_BYTES);
	uint32_t seq = client.seq;

	(void)state;
	segment(&client, TG_ACK, "GET / HTTP/1.1\r\n", 16);
	for (uint32_t i = 1; i < 8; i += 2) /* 1, 3, 5, 7 */
		segment_at(client, seq + i * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	segment_at(client, seq + 8 * REQUEST_BYTES, "GET / HTTP/1.1\r\n", 16);
	tg_meter_age_holds(&meter);
	segment_at(client, seq + 8 * REQUEST_BYTES + 16, REQUEST + 16, REQUEST_BYTES - 16);
	assert_int_equal(counted(TG_PACKET_GAP), 1);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 5);
	segment_at(client, seq + 9 * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 6);
	assert_int_equal(tg_meter_usage(&meter, NULL).bytes, 6 * REQUEST_BYTES);
	check_books();
	check_nothing_held();
}

/* Something is always missing, for longer than there are numbers of pages. */
static void test_pages_come_round(void **state)
{
	static char text[2400 * 1000];
	size_t requests = fill(text, sizeof(text)), piece = 1000;
	struct tg_client client = connection(6200, -200000);
	uint32_t first = client.seq;

	(void)state;
	segment_at(client, first + piece, text + piece, piece);
	for (uint32_t i = 3; i < 2400; i += 2) {
		segment_at(client, first + i * piece, text + i * piece, piece);
		assert_int_equal(rows_of(TG_MAP_HOLDS), 1);
		assert_true(rows_of(TG_MAP_HELD) <= 6);
		segment_at(client, first + (i - 3) * piece, text + (i - 3) * piece, piece);
	}
	segment_at(client, first + 2398 * piece, text + 2398 * piece, piece);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, requests);
	assert_int_equal(counted(TG_PACKET_HELD), 1200);
	check_books();
	check_nothing_held();
}

static void test_runs_full(void **state)
{
	struct tg_client client = connection(6300, -5 * (int)REQUEST_BYTES);
	uint32_t seq = client.seq;

	(void)state;
	for (uint32_t i = 0; i < TG_STREAM_RUNS; i++)
		segment_at(client, seq + (2 * i + 1) * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_HELD), TG_STREAM_RUNS);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 0);
	/* What is missing is given up: all that was held counts, and this one. */
	segment_at(client, seq + (2 * TG_STREAM_RUNS + 1) * REQUEST_BYTES, REQUEST, REQUEST_BYTES);
	assert_int_equal(counted(TG_PACKET_GAP), 1);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, TG_STREAM_RUNS + 1);
	check_books();
	check_nothing_held();
}

static void test_swept(void **state)
{
	struct tg_sweep sweep = {.idle_jiffies = 0};
	struct tg_maintain maintain;
	char error[256] = "";

	(void)state;
	assert_int_equal(tg_maintain_open(&meter.maps, &maintain, error, sizeof(error)), 0);
	for (uint16_t i = 0; i < 20; i++) {
		struct tg_client client = connection(7000 + i, 100 * i);

		segment_at(client, 100 * i + 3000, REQUEST, REQUEST_BYTES);
	}
	assert_int_equal(rows_of(TG_MAP_HOLDS), 20);
	while (sweep.removed < 20) {
		struct tg_sweep once = {.idle_jiffies = 0};

		assert_int_equal(tg_maintain_sweep_flows(&maintain, &once), 0);
		sweep.removed += once.removed;
	}
	tg_maintain_close(&maintain);
	check_nothing_held();
	assert_int_equal(rows_of(TG_MAP_FLOWS), 0);
}

static int open_meter(void **state)
{
	(void)state;
	tg_meter_open_sized(&meter, ENTRIES);
	program = tg_meter_load_http(&meter, &tg_meter_http, SLOT);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_window, start),
		cmocka_unit_test_setup(test_far_ahead, start),
		cmocka_unit_test_setup(test_no_window_in_bodies, start),
		cmocka_unit_test_setup(test_pages_full, start),
		cmocka_unit_test_setup(test_pages_full_within, start),
		cmocka_unit_test_setup(test_holds_full, start),
		cmocka_unit_test_setup(test_largest_frame, start),
		cmocka_unit_test_setup(test_progress_is_no_loss, start),
		cmocka_unit_test_setup(test_given_up, start),
		cmocka_unit_test_setup(test_pages_come_round, start),
		cmocka_unit_test_setup(test_runs_full, start),
		cmocka_unit_test_setup(test_swept, start),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_lossy_streams),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, open_meter, NULL);
}

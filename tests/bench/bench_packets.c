/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs: nanoseconds above a program that does nothing, by
 * BPF_PROG_TEST_RUN, beside parse + LRU count of the source. The programs take
 * turns, so that a machine whose speed drifts does not favour one.
 *
 *	bench_packets [packets | quotas | forged | order | crowd]...
 *	bench_packets before OBJECT	(see before.sh)
 */
/* links: user/[a-z]*.c tests/bench/quotas.c tests/bench/segment.c tests/bench/object.c
 * tests/bench/sockets.c tests/bench/stream.c tests/bench/forged.c tests/bench/order.c
 * tests/bench/crowd.c */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "crowd.h"
#include "forged.h"
#include "object.h"
#include "order.h"
#include "quotas.h"
#include "segment.h"
#include "sockets.h"
#include "stream.h"

#define REPEAT	    100000
#define TURNS	    25
#define FLOWS	    262144
#define CLIENT_PORT 6000

static struct bench_object local, forwarded, unseen;

/* --- packets ---------------------------------------------------------------------------- */

static void print_row(const char *name, double meter, int goal, double count)
{
	printf("| %-34s | %6.0f | %6d | %6.0f | %5.2f |\n", name, meter, goal, count,
	       meter / count);
}

/* Packets that make no state: the same one again and again. */
static void measure(const char *name, struct packet *packet, int goal)
{
	double noop[TURNS], meter[TURNS], count[TURNS], base;
	struct packet copy = *packet;

	local.knobs->advance = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		noop[turn] = bench_run(bench_program(&local, "bench_noop"), &copy, REPEAT);
		count[turn] = bench_run(bench_program(&local, "bench_count_source"), &copy, REPEAT);
		meter[turn] = bench_run(bench_program(&local, "bench_meter"), packet, REPEAT);
	}
	base = bench_lowest(noop, TURNS);
	print_row(name, bench_lowest(meter, TURNS) - base, goal, bench_lowest(count, TURNS) - base);
}

/* Segments of one size, in order, of a connection that a socket of this host has. */
static void measure_data(const char *name, const char *first, const char *payload, size_t bytes,
			 unsigned int reason, int goal)
{
	double noop[TURNS], meter[TURNS], count[TURNS], base;
	struct packet packet, copy;

	bench_build(&packet, CLIENT_PORT, BENCH_PORT, BENCH_PSH | BENCH_ACK, payload, bytes);
	copy = packet;
	for (int turn = 0; turn < TURNS; turn++) {
		noop[turn] = bench_run(bench_program(&local, "bench_noop"), &copy, REPEAT);
		count[turn] = bench_run(bench_program(&local, "bench_count_source"), &copy, REPEAT);
		meter[turn] = bench_stream_turn(&local, TG_SERVER_LOCAL, CLIENT_PORT, first,
						&packet, reason, REPEAT);
	}
	base = bench_lowest(noop, TURNS);
	print_row(name, bench_lowest(meter, TURNS) - base, goal, bench_lowest(count, TURNS) - base);
}

static void packets(void)
{
	static const char post[] = "POST /v1/upload HTTP/1.1\r\nHost: api.example.com\r\n"
				   "X-API-Key: sk_live_acme0123456789abcdef\r\n"
				   "Content-Length: 999999999999999\r\n\r\n";
	struct packet packet;
	char text[2048];
	size_t bytes;

	bench_sockets_accept(CLIENT_PORT);
	printf("| packet                             |     ns |   goal | count* | ratio |\n"
	       "| ---------------------------------- | -----: | -----: | -----: | ----: |\n");
	bench_build(&packet, 5000, 8443, BENCH_PSH | BENCH_ACK, "x", 1);
	measure("other port", &packet, 10);
	bench_build(&packet, 5000, BENCH_PORT, BENCH_ACK, "", 0);
	measure("bare ACK", &packet, 10);
	memset(text, 'b', 1400);
	measure_data("body segment, 1,400 bytes", post, text, 1400, TG_PACKET_BODY, 70);
	bytes = bench_get(text, 500);
	measure_data("GET of 500 bytes, bearer token", NULL, text, bytes, TG_PACKET_REQUEST, 250);
	bytes = bench_get(text, 1200);
	measure_data("GET of 1,200 bytes, bearer token", NULL, text, bytes, TG_PACKET_REQUEST, 400);
	printf("\n* parse + LRU count of the source, the least that a meter by address does.\n"
	       "ns: above a program that does nothing; lowest of %d turns of %d runs.\n",
	       TURNS, REPEAT);
}

/* --- the others ------------------------------------------------------------------------- */

static void quotas(void)
{
	struct bench_quotas bench = {
		.noop = bench_program(&unseen, "bench_noop"),
		.meter = bench_program(&unseen, "bench_meter"),
		.cycle_noop = bench_program(&unseen, "bench_cycle_noop"),
		.cycle_meter = bench_program(&unseen, "bench_cycle_meter"),
		.templates =
			bpf_map__fd(bpf_object__find_map_by_name(unseen.obj, "bench_templates")),
		.knobs = unseen.knobs,
		.maps = unseen.maps,
	};

	bench_quotas(&bench);
}

static void forged(void)
{
	bench_forged(&local, &forwarded);
}

static void order(void)
{
	bench_order(&local, &forwarded, &unseen, NULL);
}

static const struct table {
	const char *name;
	void (*print)(void);
} tables[] = {
	{"packets", packets},	{"order", order},   {"forged", forged},
	{"crowd", bench_crowd}, {"quotas", quotas},
};

static int wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct bench_object before;

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_sockets_namespace();
	bench_load(&local, NULL, TG_SERVER_LOCAL, FLOWS);
	bench_load(&forwarded, NULL, TG_SERVER_FORWARDED, FLOWS);
	bench_load(&unseen, NULL, TG_SERVER_UNSEEN, FLOWS);
	if (argc == 3 && !strcmp(argv[1], "before")) {
		bench_load(&before, argv[2], TG_SERVER_UNSEEN, FLOWS);
		bench_order(&local, &forwarded, &unseen, &before);
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (!wanted(argc, argv, tables[i].name))
			continue;
		tables[i].print();
		printf("\n");
	}
	return 0;
}

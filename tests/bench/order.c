/* SPDX-License-Identifier: BSD-2-Clause */
#include "order.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "segment.h"
#include "sockets.h"
#include "stream.h"

#define REPEAT	    20000
#define TURNS	    60
#define CYCLES	    2000 /* connections a turn */
#define CYCLE_TURNS 40
#define GET_BYTES   500
#define CLIENT_PORT 5100
#define GOAL	    40

enum side { BEFORE, UNSEEN, LOCAL, FORWARDED, SIDES };
enum step { FIRST, NEXT, AHEAD, CLOSING, STEPS }; /* segments of a connection, as they come */

struct side_ {
	struct bench_object *object;
	enum tg_server_place place;
	const char *name;
};

/* --- in order ------------------------------------------------------------------------- */

static void in_order(const struct side_ *sides)
{
	double noop[TURNS], ns[SIDES][TURNS], base, above;
	enum side oldest = sides[BEFORE].object ? BEFORE : UNSEEN;
	struct packet packet, copy;
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	bench_build(&packet, CLIENT_PORT, BENCH_PORT, BENCH_PSH | BENCH_ACK, text, bytes);
	copy = packet;
	for (int turn = 0; turn < TURNS; turn++) {
		noop[turn] =
			bench_run(bench_program(sides[LOCAL].object, "bench_noop"), &copy, REPEAT);
		for (int i = 0; i < SIDES; i++) {
			int side = turn & 1 ? SIDES - 1 - i : i;

			if (sides[side].object)
				ns[side][turn] = bench_stream_turn(
					sides[side].object, sides[side].place, CLIENT_PORT, NULL,
					&packet, TG_PACKET_REQUEST, REPEAT);
		}
	}
	base = bench_lowest(noop, TURNS);
	printf("| request of 500 bytes, in order |     ns |  above |   goal |\n"
	       "| ------------------------------ | -----: | -----: | -----: |\n");
	for (int side = oldest; side < SIDES; side++) {
		above = bench_lowest(ns[side], TURNS) - bench_lowest(ns[oldest], TURNS);
		printf("| %-30s | %6.0f | ", sides[side].name,
		       bench_lowest(ns[side], TURNS) - base);
		if (side == (int)oldest)
			printf("%6s | %6s |\n", "", "");
		else
			printf("%6.0f | %6d |\n", above, GOAL);
	}
}

/* --- out of order --------------------------------------------------------------------- */

static void templates(const struct bench_object *object)
{
	static const unsigned int places[STEPS] = {
		[FIRST] = 0, [NEXT] = 1, [AHEAD] = 3, [CLOSING] = 2};
	struct bpf_map *map = bpf_object__find_map_by_name(object->obj, "bench_templates");
	struct bench_template template;
	struct packet packet;
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	for (unsigned int step = 0; step < STEPS; step++) {
		bench_build(&packet, CLIENT_PORT, BENCH_PORT, BENCH_PSH | BENCH_ACK, text, bytes);
		bench_set_seq(&packet, BENCH_SEQ + places[step] * bytes, BENCH_ACK_SEQ);
		memset(&template, 0, sizeof(template));
		template.length = packet.length;
		memcpy(template.bytes, packet.bytes, packet.length);
		if (bpf_map_update_elem(bpf_map__fd(map), &step, &template, BPF_ANY))
			bench_die("template", "cannot be written");
	}
}

static void cycle(const struct bench_object *object, unsigned int which, double ns[STEPS])
{
	static const char *const programs[] = {"bench_cycle_noop", "bench_cycle_meter"};
	struct packet packet;

	bench_build(&packet, CLIENT_PORT, BENCH_PORT, 0, "", 0);
	object->knobs->turn[which] = 0;
	memset((void *)object->knobs->ns[which], 0, sizeof(object->knobs->ns[which]));
	bench_run(bench_program(object, programs[which]), &packet, CYCLES * STEPS);
	for (int step = 0; step < STEPS; step++)
		ns[step] = (double)object->knobs->ns[which][step] / CYCLES;
}

static void out_of_order(const struct side_ *side, double out[STEPS])
{
	double ns[BENCH_CYCLES][STEPS][CYCLE_TURNS], once[STEPS];
	unsigned long long requests = bench_packets_of(side->object, TG_PACKET_REQUEST);
	unsigned long long held = bench_packets_of(side->object, TG_PACKET_HELD);

	templates(side->object);
	side->object->knobs->steps = STEPS;
	side->object->knobs->ends = BENCH_SAME;
	for (int turn = 0; turn < CYCLE_TURNS; turn++) {
		for (unsigned int which = 0; which < BENCH_CYCLES; which++) {
			cycle(side->object, which, once);
			for (int step = 0; step < STEPS; step++)
				ns[which][step][turn] = once[step];
		}
	}
	if (bench_packets_of(side->object, TG_PACKET_REQUEST) - requests !=
		    3ULL * CYCLES * CYCLE_TURNS ||
	    bench_packets_of(side->object, TG_PACKET_HELD) - held != 1ULL * CYCLES * CYCLE_TURNS)
		bench_die("out of order", "packets did not end as they should");
	for (int step = 0; step < STEPS; step++)
		out[step] = bench_lowest(ns[BENCH_CYCLE_METER][step], CYCLE_TURNS) -
			    bench_lowest(ns[BENCH_CYCLE_NOOP][step], CYCLE_TURNS);
}

void bench_order(struct bench_object *local, struct bench_object *forwarded,
		 struct bench_object *unseen, struct bench_object *before)
{
	const struct side_ sides[SIDES] = {
		[BEFORE] = {before, TG_SERVER_UNSEEN, "before"},
		[UNSEEN] = {unseen, TG_SERVER_UNSEEN, "server: unseen"},
		[LOCAL] = {local, TG_SERVER_LOCAL, "server: local"},
		[FORWARDED] = {forwarded, TG_SERVER_FORWARDED, "server: forwarded"},
	};
	static const char *const names[STEPS] = {
		[FIRST] = "first of its connection",
		[NEXT] = "the next one, in order",
		[AHEAD] = "the one after the next: held",
		[CLOSING] = "the one between: two requests",
	};
	double ns[2][STEPS];

	bench_sockets_accept(CLIENT_PORT);
	in_order(sides);
	if (before)
		return;
	out_of_order(&sides[LOCAL], ns[0]);
	out_of_order(&sides[FORWARDED], ns[1]);
	printf("\n| request of 500 bytes           |  local | forwarded |\n"
	       "| ------------------------------ | -----: | --------: |\n");
	for (int step = 0; step < STEPS; step++)
		printf("| %-30s | %6.0f | %9.0f |\n", names[step], ns[0][step], ns[1][step]);
}

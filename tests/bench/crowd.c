/* SPDX-License-Identifier: BSD-2-Clause */
#include "crowd.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include "object.h"
#include "segment.h"

#define MANY	  1000000
#define FEW	  1000
#define TURNS	  9
#define GET_BYTES 500
#define GOAL	  2.5

struct crowd {
	struct bench_object object;
	unsigned int connections;
	struct packet packet, copy;
	double noop[TURNS], meter[TURNS];
	double ns;
};

/* Each sends its first request. */
static void gather(struct crowd *crowd, unsigned int connections)
{
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	bench_load(&crowd->object, NULL, TG_SERVER_FORWARDED, MANY);
	crowd->connections = connections;
	crowd->object.knobs->crowd = connections;
	crowd->object.knobs->advance = bytes;
	bench_build(&crowd->packet, 0, BENCH_PORT, BENCH_PSH | BENCH_ACK, text, bytes);
	bench_set_seq(&crowd->packet, 0, BENCH_ACK_SEQ);
	crowd->copy = crowd->packet;
	bench_run(bench_program(&crowd->object, "bench_crowd_open"), &crowd->packet, connections);
}

static void turn(struct crowd *crowd, int number)
{
	const struct bench_object *object = &crowd->object;

	crowd->noop[number] =
		bench_run(bench_program(object, "bench_crowd_noop"), &crowd->copy, MANY);
	crowd->meter[number] =
		bench_run(bench_program(object, "bench_crowd_meter"), &crowd->packet, MANY);
}

static unsigned int rows(const struct bench_object *object, enum tg_map map)
{
	char key[64], *before = NULL;
	unsigned int count = 0;

	while (!bpf_map_get_next_key(object->maps.fd[map], before, key)) {
		before = key;
		count++;
	}
	return count;
}

static void settle(struct crowd *crowd)
{
	if (bench_packets_of(&crowd->object, TG_PACKET_REQUEST) !=
	    (unsigned long long)TURNS * MANY + crowd->connections)
		bench_die("a crowd", "packets did not end as they should");
	if (rows(&crowd->object, TG_MAP_FLOWS) != crowd->connections)
		bench_die("a crowd", "connections are missing");
	crowd->ns = bench_lowest(crowd->meter, TURNS) - bench_lowest(crowd->noop, TURNS);
}

void bench_crowd(void)
{
	static struct crowd few, many;
	double bytes;

	gather(&few, FEW);
	gather(&many, MANY);
	for (int number = 0; number < TURNS; number++) {
		turn(&few, number);
		turn(&many, number);
	}
	settle(&few);
	settle(&many);
	bytes = bench_map_bytes(&many.object, TG_MAP_FLOWS);
	printf("| open connections, each in its turn | ns a request | ratio |  goal |\n"
	       "| ---------------------------------- | -----------: | ----: | ----: |\n"
	       "| %34d | %12.0f | %5s | %5s |\n| %34d | %12.0f | %5.2f | %5.1f |\n",
	       FEW, few.ns, "", "", MANY, many.ns, many.ns / few.ns, GOAL);
	printf("\nRoom for %d connections: %.0f MiB of map flows, %.0f bytes each.\n", MANY,
	       bytes / (1024 * 1024), bytes / MANY);
	bench_unload(&few.object);
	bench_unload(&many.object);
}

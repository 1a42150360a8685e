/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#define TRIES 20

void bench_stream_begin(const struct bench_object *object, enum tg_server_place place,
			unsigned int client_port)
{
	struct tg_flow_key key = {.client_port = htons(client_port),
				  .server_port = htons(BENCH_PORT)};
	struct packet packet;

	memcpy(key.client.bytes + 10, "\xff\xff" BENCH_SOURCE, 6);
	memcpy(key.server.bytes + 10, "\xff\xff" BENCH_SERVER, 6);
	bpf_map_delete_elem(object->maps.fd[TG_MAP_FLOWS], &key); /* if it is there */
	object->knobs->clients = 0;
	object->knobs->advance = 0;
	if (place == TG_SERVER_UNSEEN) {
		bench_build(&packet, client_port, BENCH_PORT, BENCH_SYN, "", 0);
		bench_set_seq(&packet, BENCH_SEQ - 1, 0);
		bench_run(bench_program(object, "bench_meter"), &packet, 1);
	} else if (place == TG_SERVER_FORWARDED) {
		bench_build(&packet, client_port, BENCH_PORT, BENCH_ACK, "", 0);
		bench_set_seq(&packet, BENCH_SEQ, BENCH_ACK_SEQ);
		bench_run(bench_program(object, "bench_open"), &packet, 1);
	}
}

double bench_stream_turn(const struct bench_object *object, enum tg_server_place place,
			 unsigned int client_port, const char *first, const struct packet *next,
			 unsigned int reason, unsigned int repeat)
{
	int meter = bench_program(object, "bench_meter");
	size_t before = first ? strlen(first) : 0;
	unsigned long long was;
	struct packet packet;
	double ns;

	for (int i = 0; i < TRIES; i++) {
		bench_stream_begin(object, place, client_port);
		bench_build(&packet, client_port, BENCH_PORT, BENCH_PSH | BENCH_ACK,
			    first ? first : "", before);
		bench_set_seq(&packet, BENCH_SEQ, BENCH_ACK_SEQ);
		if (first)
			bench_run(meter, &packet, 1);
		packet = *next;
		/* bench_next moves on before the packet is looked at. */
		bench_set_seq(&packet, BENCH_SEQ + before - next->payload, BENCH_ACK_SEQ);
		object->knobs->advance = next->payload;
		was = bench_packets_of(object, reason);
		bench_run(meter, &packet, 1);
		ns = bench_run(meter, &packet, repeat);
		if (bench_packets_of(object, reason) - was == repeat + 1)
			return ns;
	}
	bench_die("a connection in order", "packets did not end as they should");
	return 0;
}

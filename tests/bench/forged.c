/* SPDX-License-Identifier: BSD-2-Clause */
#include "forged.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "segment.h"
#include "sockets.h"
#include "stream.h"

#define REPEAT	  50000
#define TURNS	  25
#define GET_BYTES 500
#define GOAL	  150
/* Beyond the window, and not near its edge, where the socket is asked twice. */
#define WRONG_SEQ (3 << 29)

/* Ports of clients whose connections are open. */
#define FOLLOWED   5001
#define UNFOLLOWED 5002

struct forged {
	const char *name;
	unsigned int reason; /* that it must end with */
	unsigned char flags;
	bool data;
	unsigned int client_port; /* 0: any address and port, another one each time */
	unsigned int port;
	unsigned int seq, ack; /* less what they should be */
};

static const struct forged cases[] = {
	{"data without a connection, where nobody listens", TG_PACKET_NO_CONNECTION,
	 BENCH_PSH | BENCH_ACK, true, 0, BENCH_PORT + 1, 0, 0},
	{"data without a connection, where a server listens", TG_PACKET_NO_CONNECTION,
	 BENCH_PSH | BENCH_ACK, true, 0, BENCH_PORT, 0, 0},
	{"data of an open connection, wrong sequence number", TG_PACKET_UNACCEPTABLE,
	 BENCH_PSH | BENCH_ACK, true, FOLLOWED, BENCH_PORT, WRONG_SEQ, 0},
	{"  wrong acknowledgement", TG_PACKET_UNACCEPTABLE, BENCH_PSH | BENCH_ACK, true, FOLLOWED,
	 BENCH_PORT, GET_BYTES, 1 << 30},
	{"  of which no data were seen yet, wrong number", TG_PACKET_UNACCEPTABLE,
	 BENCH_PSH | BENCH_ACK, true, UNFOLLOWED, BENCH_PORT, WRONG_SEQ, 0},
	{"SYN of a flood", TG_PACKET_SYN, BENCH_SYN, false, 0, BENCH_PORT, 0, 0},
	{"bare ACK of a flood", TG_PACKET_ACK, BENCH_ACK, false, 0, BENCH_PORT, 0, 0},
};

static void open_connections(struct bench_object *object, enum tg_server_place place)
{
	struct packet packet;
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	bench_stream_begin(object, place, UNFOLLOWED);
	bench_stream_begin(object, place, FOLLOWED);
	bench_build(&packet, FOLLOWED, BENCH_PORT, BENCH_PSH | BENCH_ACK, text, bytes);
	bench_set_seq(&packet, BENCH_SEQ, BENCH_ACK_SEQ);
	bench_run(bench_program(object, "bench_meter"), &packet, 1);
}

/* Nanoseconds above what does nothing. */
static double measure(struct bench_object *object, const struct forged *forged)
{
	int noop = bench_program(object, forged->client_port ? "bench_noop" : "bench_stray_noop");
	int meter =
		bench_program(object, forged->client_port ? "bench_meter" : "bench_stray_meter");
	unsigned long long was = bench_packets_of(object, forged->reason);
	double without[TURNS], with[TURNS];
	struct packet packet, copy;
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	bench_build(&packet, forged->client_port, forged->port, forged->flags, text,
		    forged->data ? bytes : 0);
	bench_set_seq(&packet, BENCH_SEQ + forged->seq, BENCH_ACK_SEQ + forged->ack);
	copy = packet;
	object->knobs->advance = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		without[turn] = bench_run(noop, &copy, REPEAT);
		with[turn] = bench_run(meter, &packet, REPEAT);
	}
	if (bench_packets_of(object, forged->reason) - was != (unsigned long long)TURNS * REPEAT)
		bench_die(forged->name, "packets did not end as they should");
	return bench_lowest(with, TURNS) - bench_lowest(without, TURNS);
}

void bench_forged(struct bench_object *local, struct bench_object *forwarded)
{
	static const struct forged cookies = {
		"data without a connection, while SYN cookies are sent",
		TG_PACKET_NO_CONNECTION,
		BENCH_PSH | BENCH_ACK,
		true,
		0,
		BENCH_PORT,
		0,
		0};

	bench_sockets_listen(BENCH_PORT);
	bench_sockets_accept(FOLLOWED);
	bench_sockets_accept(UNFOLLOWED);
	open_connections(local, TG_SERVER_LOCAL);
	open_connections(forwarded, TG_SERVER_FORWARDED);
	printf("| a segment that no server takes                        |  local | forwarded | "
	       "goal |\n"
	       "| ----------------------------------------------------- | -----: | --------: | "
	       "---: |\n");
	for (const struct forged *forged = cases; forged < cases + sizeof(cases) / sizeof(*cases);
	     forged++)
		printf("| %-53s | %6.0f | %9.0f | %4d |\n", forged->name, measure(local, forged),
		       measure(forwarded, forged), GOAL);
	bench_sockets_cookies(BENCH_PORT);
	printf("| %-53s | %6.0f | %9s | %4d |\n", cookies.name, measure(local, &cookies), "", GOAL);
}

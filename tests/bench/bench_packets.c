/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs: nanoseconds above a program that does nothing, by
 * BPF_PROG_TEST_RUN, beside parse + LRU count of the source. The programs take
 * turns, so that a machine whose speed drifts does not favour one.
 */
/* links: user/[a-z]*.c tests/bench/quotas.c tests/bench/segment.c */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_table.h"
#include "quotas.h"
#include "segment.h"
#include "build/tests/bench/packets.skel.h"

#define REPEAT 100000
#define TURNS  25

static const unsigned char secret[16] = "not a secret 16";

static void measure(struct packets *bench, const char *name, struct packet *packet, int limit)
{
	double noop[TURNS], meter[TURNS], count[TURNS], m, c;
	struct packet copy = *packet;
	int turn;

	bench->bss->bench_knobs.advance = packet->payload;
	for (turn = 0; turn < TURNS; turn++) {
		noop[turn] = bench_run(bpf_program__fd(bench->progs.bench_noop), &copy, REPEAT);
		count[turn] =
			bench_run(bpf_program__fd(bench->progs.bench_count_source), &copy, REPEAT);
		meter[turn] = bench_run(bpf_program__fd(bench->progs.bench_meter), packet, REPEAT);
	}
	m = bench_lowest(meter, TURNS) - bench_lowest(noop, TURNS);
	c = bench_lowest(count, TURNS) - bench_lowest(noop, TURNS);
	printf("| %-34s | %6.0f | %6d | %6.0f | %5.2f |\n", name, m, limit, c, m / c);
}

/* How many packets ended with this reason, and how many requests came. */
static unsigned long long packets_of(struct packets *bench, unsigned int reason)
{
	struct tg_packets values[256];
	unsigned long long sum = 0;
	int i, cpus = libbpf_num_possible_cpus();

	if (bpf_map__lookup_elem(bench->maps.packets, &reason, sizeof(reason), values,
				 sizeof(*values) * cpus, 0))
		return 0;
	for (i = 0; i < cpus; i++)
		sum += values[i].packets;
	return sum;
}

static void expect(struct packets *bench, unsigned int reason, unsigned long long before,
		   const char *what)
{
	unsigned long long got = packets_of(bench, reason) - before;

	if (got != (unsigned long long)REPEAT * TURNS) {
		fprintf(stderr, "%s: %llu packets of %d ended as they should\n", what, got,
			REPEAT * TURNS);
		exit(1);
	}
}

static struct packets *load(void)
{
	struct tg_config_place places[] = {{.header = "Authorization", .scheme = "Bearer"},
					   {.header = "X-API-Key"}};
	struct tg_config config = {.identity = {.token_prefix_bytes = 12,
						.ipv6_prefix = 64,
						.tokens = places,
						.tokens_count = 2},
				   .limits = {.header_bytes = 16384}};
	struct packets *bench = packets__open();
	char error[256];

	if (!bench)
		return NULL;
	if (tg_http_config_build(&config, secret, (struct tg_http_config *)&bench->rodata->tg_http,
				 error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return NULL;
	}
	bench->rodata->tg_ports[BENCH_PORT >> 3] = 1 << (BENCH_PORT & 7);
	return packets__load(bench) ? NULL : bench;
}

/* A new connection, its SYN seen; then packets of one size, in order. */
static void measure_data(struct packets *bench, const char *name, unsigned int client_port,
			 const char *payload, size_t bytes, unsigned int reason, int limit)
{
	unsigned long long before = packets_of(bench, reason);
	struct packet packet;

	bench_build(&packet, client_port, BENCH_PORT, 0x02, "", 0);
	bench->bss->bench_knobs.advance = 0;
	bench_run(bpf_program__fd(bench->progs.bench_meter), &packet, 1);
	bench_build(&packet, client_port, BENCH_PORT, 0x18, payload, bytes);
	/* The SYN took sequence number 0; bench_next moves on before the packet is looked at. */
	bench_set_seq(&packet, 1 - (unsigned int)bytes, 0);
	measure(bench, name, &packet, limit);
	expect(bench, reason, before, name);
}

static void measure_body(struct packets *bench, const char *name, size_t bytes, int limit)
{
	static const char post[] = "POST /v1/upload HTTP/1.1\r\nHost: api.example.com\r\n"
				   "X-API-Key: sk_live_acme0123456789abcdef\r\n"
				   "Content-Length: 999999999999999\r\n\r\n";
	unsigned long long before;
	struct packet packet;
	char body[1400];

	memset(body, 'b', sizeof(body));
	bench->bss->bench_knobs.advance = 0;
	bench_build(&packet, 7000, BENCH_PORT, 0x02, "", 0);
	bench_run(bpf_program__fd(bench->progs.bench_meter), &packet, 1);
	bench_build(&packet, 7000, BENCH_PORT, 0x18, post, sizeof(post) - 1);
	bench_set_seq(&packet, 1, 0);
	bench_run(bpf_program__fd(bench->progs.bench_meter), &packet, 1);
	before = packets_of(bench, TG_PACKET_BODY);
	bench_build(&packet, 7000, BENCH_PORT, 0x18, body, bytes);
	bench_set_seq(&packet, 1 + (sizeof(post) - 1) - bytes, 0);
	measure(bench, name, &packet, limit);
	expect(bench, TG_PACKET_BODY, before, name);
}

static void measure_quotas(struct packets *bench)
{
	struct bench_quotas quotas = {
		.noop = bpf_program__fd(bench->progs.bench_noop),
		.meter = bpf_program__fd(bench->progs.bench_meter),
		.cycle_noop = bpf_program__fd(bench->progs.bench_cycle_noop),
		.cycle_meter = bpf_program__fd(bench->progs.bench_cycle_meter),
		.templates = bpf_map__fd(bench->maps.bench_templates),
		.knobs = (volatile struct bench_knobs *)&bench->bss->bench_knobs,
	};

	tg_maps_init(&quotas.maps, libbpf_num_possible_cpus());
	for (int i = 0; i < TG_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(bench->obj, tg_map_name(i));

		quotas.maps.fd[i] = bpf_map__fd(map);
		quotas.maps.capacity[i] = bpf_map__max_entries(map);
	}
	bench_quotas(&quotas);
}

int main(void)
{
	struct packets *bench = load();
	struct packet packet;
	char text[2048];
	size_t bytes;

	if (!bench) {
		fprintf(stderr, "cannot load the program\n");
		return 1;
	}
	printf("| packet                             |     ns |   goal | count* | ratio |\n"
	       "| ---------------------------------- | -----: | -----: | -----: | ----: |\n");
	bench_build(&packet, 5000, 8443, 0x18, "x", 1);
	measure(bench, "other port", &packet, 10);
	bench_build(&packet, 5000, BENCH_PORT, 0x10, "", 0);
	measure(bench, "bare ACK", &packet, 10);
	measure_body(bench, "body segment, 1,400 bytes", 1400, 70);
	bytes = bench_get(text, 500);
	measure_data(bench, "GET of 500 bytes, bearer token", 6000, text, bytes, TG_PACKET_REQUEST,
		     250);
	bytes = bench_get(text, 1200);
	measure_data(bench, "GET of 1,200 bytes, bearer token", 6001, text, bytes,
		     TG_PACKET_REQUEST, 400);
	printf("\n* parse + LRU count of the source, the least that a meter by address does.\n"
	       "ns: above a program that does nothing; lowest of %d turns of %d runs.\n",
	       TURNS, REPEAT);
	printf("\n");
	measure_quotas(bench);
	packets__destroy(bench);
	return 0;
}

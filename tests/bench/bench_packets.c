/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs: nanoseconds above a program that does nothing, by
 * BPF_PROG_TEST_RUN, beside parse + LRU count of the source. The programs take
 * turns, so that a machine whose speed drifts does not favour one.
 */
/* links: user/http_table.c user/places.c user/error.c */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_table.h"
#include "build/tests/bench/packets.skel.h"

#define REPEAT 100000
#define TURNS  25
#define PORT   80

struct packet {
	unsigned char bytes[2048];
	size_t length;
	size_t payload;
};

static const unsigned char secret[16] = "not a secret 16";

static void put16(unsigned char *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* Ethernet, IPv4, TCP, then payload. */
static void build(struct packet *packet, unsigned int client_port, unsigned int port,
		  unsigned char flags, const char *payload, size_t bytes)
{
	unsigned char *p = packet->bytes;

	memset(p, 0, sizeof(packet->bytes));
	put16(p + 12, 0x0800);
	p[14] = 0x45;
	put16(p + 16, 40 + bytes);
	p[22] = 64;
	p[23] = 6;
	memcpy(p + 26, "\xc0\x00\x02\x07\xc0\x00\x02\x01", 8);
	put16(p + 34, client_port);
	put16(p + 36, port);
	p[46] = 0x50;
	p[47] = flags;
	memcpy(p + 54, payload, bytes);
	packet->payload = bytes;
	packet->length = 54 + bytes < 60 ? 60 : 54 + bytes;
}

/* A GET with a bearer token and a browser's or library's usual headers, of that many bytes. */
static size_t get(char *out, size_t bytes)
{
	static const char *const lines[] = {
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n",
		"Accept: application/json, text/plain, */*\r\n",
		"Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n",
		"Accept-Encoding: gzip, deflate, br, zstd\r\n",
		"Cache-Control: no-cache\r\nConnection: keep-alive\r\n",
	};
	size_t n =
		sprintf(out, "GET /v1/accounts/4711/orders?limit=50&after=2026-01-01 HTTP/1.1\r\n"
			     "Host: api.example.com\r\n"
			     "Authorization: Bearer sk_live_acme0123456789abcdefghijklmnopqr\r\n");
	size_t i, pad;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		n += sprintf(out + n, "%s", lines[i]);
	pad = bytes - n - strlen("Cookie: session=\r\n\r\n");
	n += sprintf(out + n, "Cookie: session=");
	memset(out + n, 'c', pad);
	n += pad;
	n += sprintf(out + n, "\r\n\r\n");
	return n;
}

static double run(const struct bpf_program *program, struct packet *packet, int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->bytes,
		    .data_size_in = packet->length, .data_out = packet->bytes,
		    .data_size_out = sizeof(packet->bytes), .repeat = repeat);
	int error = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	if (error) {
		fprintf(stderr, "test run: %s\n", strerror(-error));
		exit(1);
	}
	return opts.duration;
}

/* The machine is shared: whatever else runs only ever adds time. */
static double lowest(const double *values, int count)
{
	double low = values[0];
	int i;

	for (i = 1; i < count; i++)
		low = values[i] < low ? values[i] : low;
	return low;
}

static void measure(struct packets *bench, const char *name, struct packet *packet, int limit)
{
	double noop[TURNS], meter[TURNS], count[TURNS], m, c;
	struct packet copy = *packet;
	int turn;

	bench->bss->bench_advance = packet->payload;
	for (turn = 0; turn < TURNS; turn++) {
		noop[turn] = run(bench->progs.bench_noop, &copy, REPEAT);
		count[turn] = run(bench->progs.bench_count_source, &copy, REPEAT);
		meter[turn] = run(bench->progs.bench_meter, packet, REPEAT);
	}
	m = lowest(meter, TURNS) - lowest(noop, TURNS);
	c = lowest(count, TURNS) - lowest(noop, TURNS);
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
	bench->rodata->tg_ports[PORT >> 3] = 1 << (PORT & 7);
	return packets__load(bench) ? NULL : bench;
}

/* A new connection, its SYN seen; then packets of one size, in order. */
static void measure_data(struct packets *bench, const char *name, unsigned int client_port,
			 const char *payload, size_t bytes, unsigned int reason, int limit)
{
	unsigned long long before = packets_of(bench, reason);
	struct packet packet;

	build(&packet, client_port, PORT, 0x02, "", 0);
	bench->bss->bench_advance = 0;
	run(bench->progs.bench_meter, &packet, 1);
	build(&packet, client_port, PORT, 0x18, payload, bytes);
	packet.bytes[41] = 1; /* the SYN took sequence number 0 */
	packet.bytes[38] = packet.bytes[39] = packet.bytes[40] = 0;
	{ /* bench_next moves on before the packet is looked at */
		unsigned int seq = htonl(1 - (unsigned int)bytes);

		memcpy(packet.bytes + 38, &seq, 4);
	}
	measure(bench, name, &packet, limit);
	expect(bench, reason, before, name);
}

static void measure_body(struct packets *bench, const char *name, size_t bytes, int limit)
{
	static const char post[] = "POST /v1/upload HTTP/1.1\r\nHost: api.example.com\r\n"
				   "X-API-Key: sk_live_acme0123456789abcdef\r\n"
				   "Content-Length: 999999999999999\r\n\r\n";
	unsigned long long before;
	unsigned int seq;
	struct packet packet;
	char body[1400];

	memset(body, 'b', sizeof(body));
	bench->bss->bench_advance = 0;
	build(&packet, 7000, PORT, 0x02, "", 0);
	run(bench->progs.bench_meter, &packet, 1);
	build(&packet, 7000, PORT, 0x18, post, sizeof(post) - 1);
	packet.bytes[41] = 1;
	run(bench->progs.bench_meter, &packet, 1);
	before = packets_of(bench, TG_PACKET_BODY);
	build(&packet, 7000, PORT, 0x18, body, bytes);
	seq = htonl(1 + (sizeof(post) - 1) - bytes);
	memcpy(packet.bytes + 38, &seq, 4);
	measure(bench, name, &packet, limit);
	expect(bench, TG_PACKET_BODY, before, name);
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
	build(&packet, 5000, 8443, 0x18, "x", 1);
	measure(bench, "other port", &packet, 10);
	build(&packet, 5000, PORT, 0x10, "", 0);
	measure(bench, "bare ACK", &packet, 10);
	measure_body(bench, "body segment, 1,400 bytes", 1400, 70);
	bytes = get(text, 500);
	measure_data(bench, "GET of 500 bytes, bearer token", 6000, text, bytes, TG_PACKET_REQUEST,
		     250);
	bytes = get(text, 1200);
	measure_data(bench, "GET of 1,200 bytes, bearer token", 6001, text, bytes,
		     TG_PACKET_REQUEST, 400);
	printf("\n* parse + LRU count of the source, the least that a meter by address does.\n"
	       "ns: above a program that does nothing; lowest of %d turns of %d runs.\n",
	       TURNS, REPEAT);
	packets__destroy(bench);
	return 0;
}

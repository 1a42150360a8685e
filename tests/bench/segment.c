/* SPDX-License-Identifier: BSD-2-Clause */
#include "segment.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(unsigned char *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void sum_ip(unsigned char *ip)
{
	unsigned int sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~((sum & 0xffff) + (sum >> 16)));
}

void bench_build(struct packet *packet, unsigned int client_port, unsigned int port,
		 unsigned char flags, const char *payload, size_t bytes)
{
	unsigned char *p = packet->bytes;

	memset(p, 0, sizeof(packet->bytes));
	put16(p + 12, 0x0800);
	p[14] = 0x45;
	put16(p + 16, 40 + bytes);
	p[22] = 64;
	p[23] = 6;
	memcpy(p + 26, BENCH_SOURCE BENCH_SERVER, 8);
	sum_ip(p + 14);
	put16(p + 34, client_port);
	put16(p + 36, port);
	p[46] = 0x50;
	p[47] = flags;
	memcpy(p + 54, payload, bytes);
	packet->payload = bytes;
	packet->length = 54 + bytes < 60 ? 60 : 54 + bytes;
}

void bench_set_seq(struct packet *packet, unsigned int seq, unsigned int ack)
{
	seq = htonl(seq);
	ack = htonl(ack);
	memcpy(packet->bytes + 38, &seq, 4);
	memcpy(packet->bytes + 42, &ack, 4);
}

size_t bench_get(char *out, size_t bytes)
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
			     "Authorization: Bearer " BENCH_TOKEN "\r\n");
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

double bench_run(int program, struct packet *packet, int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->bytes,
		    .data_size_in = packet->length, .data_out = packet->bytes,
		    .data_size_out = sizeof(packet->bytes), .repeat = repeat);
	int error = bpf_prog_test_run_opts(program, &opts);

	if (error) {
		fprintf(stderr, "test run: %s\n", strerror(-error));
		exit(1);
	}
	packet->length = opts.data_size_out;
	return opts.duration;
}

double bench_lowest(const double *values, int count)
{
	double low = values[0];
	int i;

	for (i = 1; i < count; i++)
		low = values[i] < low ? values[i] : low;
	return low;
}

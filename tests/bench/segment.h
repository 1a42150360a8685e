/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments as bytes, and how long a program takes for one: BPF_PROG_TEST_RUN. */
#ifndef TOLLGATE_BENCH_SEGMENT_H
#define TOLLGATE_BENCH_SEGMENT_H

#include <stddef.h>

#define BENCH_PORT   80			/* the metered one */
#define BENCH_SOURCE "\xc0\x00\x02\x07" /* 192.0.2.7 */
#define BENCH_SERVER "\xc0\x00\x02\x01" /* 192.0.2.1 */
#define BENCH_TOKEN  "sk_live_acme0123456789abcdefghijklmnopqr"

#define BENCH_FIN 0x01
#define BENCH_SYN 0x02
#define BENCH_PSH 0x08
#define BENCH_ACK 0x10

struct packet {
	unsigned char bytes[2048];
	size_t length;
	size_t payload;
};

/* Ethernet, IPv4, TCP, then payload; sequence number 0. */
void bench_build(struct packet *packet, unsigned int client_port, unsigned int port,
		 unsigned char flags, const char *payload, size_t bytes);
void bench_set_seq(struct packet *packet, unsigned int seq, unsigned int ack);

/* A GET with a bearer token and a browser's or library's usual headers, of that many bytes. */
size_t bench_get(char *out, size_t bytes);

/* Nanoseconds a run, the test's own cost included. The packet stays as the program leaves it. */
double bench_run(int program, struct packet *packet, int repeat);

/* The machine is shared: whatever else runs only ever adds time. */
double bench_lowest(const double *values, int count);

#endif

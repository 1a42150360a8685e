/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame -> the reason it ends with, or where its payload is: written from the
 * RFCs and docs/, a byte at a time, without a line in common with bpf/packet.bpf.h.
 */
#ifndef TOLLGATE_TESTS_FUZZ_FRAME_H
#define TOLLGATE_TESTS_FUZZ_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rules that the program may have or not. */
#define FRAME_IPV4_CHECKSUM 1 /* RFC 791: a header whose checksum is wrong is bad_checksum */

struct frame { /* what is set depends on how far the frame was understood */
	size_t ip, tcp, payload;
	uint32_t payload_bytes;
	bool ipv6;
	uint8_t client[16], server[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t client_port, server_port;
	uint32_t seq, ack;
	bool syn, fin, rst;
};

/*
 * bytes: what can be read; total: of the whole frame, which may have more parts.
 * Returns enum tg_packet_reason; TG_PACKET_SEEN: a segment for a metered port.
 */
int frame_read(const uint8_t *bytes, size_t count, size_t total, struct frame *out);

/* A TCP port that counts. */
bool frame_port_is_metered(uint16_t port);

/* Of 20 to 60 bytes with their checksum: 0 if that is right. */
uint16_t frame_ipv4_sum(const uint8_t *header, size_t bytes);

#endif

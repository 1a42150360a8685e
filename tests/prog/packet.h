/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ethernet frames, laid down a header at a time: tg_packet_ethernet, then
 * tags, then IP, then TCP, then payload, and tg_packet_finish writes lengths
 * and checksums. Fixtures break single fields afterwards.
 */
#ifndef TOLLGATE_TESTS_PACKET_H
#define TOLLGATE_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_PACKET_ROOM 66000

#define TG_FIN 0x01
#define TG_SYN 0x02
#define TG_RST 0x04
#define TG_PSH 0x08
#define TG_ACK 0x10
#define TG_URG 0x20

struct tg_packet {
	uint8_t bytes[TG_PACKET_ROOM];
	size_t count;
	/* Offsets of the last of each kind; 0: none yet. */
	size_t ip;
	size_t tcp;
	size_t payload;
	bool ipv6;
};

/* All numbers in host byte order. */
void tg_packet_ethernet(struct tg_packet *packet, uint16_t type);
void tg_packet_vlan(struct tg_packet *packet, uint16_t tag, uint16_t type);

/* addresses: 4 bytes each. option_bytes: a multiple of 4, filled with no-ops. */
void tg_packet_ipv4(struct tg_packet *packet, const uint8_t *from, const uint8_t *to,
		    uint8_t protocol, size_t option_bytes);

/* addresses: 16 bytes each. */
void tg_packet_ipv6(struct tg_packet *packet, const uint8_t *from, const uint8_t *to, uint8_t next);

/* An extension header of bytes (a multiple of 8): options that are padding. */
void tg_packet_extension(struct tg_packet *packet, uint8_t next, size_t bytes);

/* The fragment header: offset in units of 8 bytes. */
void tg_packet_fragment(struct tg_packet *packet, uint8_t next, uint16_t offset, bool more);

/* option_bytes: a multiple of 4: no-ops, or time stamps where there are 12. */
void tg_packet_tcp(struct tg_packet *packet, uint16_t from, uint16_t to, uint32_t seq,
		   uint8_t flags, size_t option_bytes);
void tg_packet_payload(struct tg_packet *packet, const void *bytes, size_t count);

/* Lengths and checksums. Nothing may be laid down afterwards but padding. */
void tg_packet_finish(struct tg_packet *packet);
void tg_packet_padding(struct tg_packet *packet, size_t count);

/* The IPv4 header's checksum alone, when a field of it was changed afterwards. */
void tg_packet_sum_ipv4(struct tg_packet *packet);

/* What a 16-bit field at an offset holds, and what it shall hold. */
uint16_t tg_packet_get16(const struct tg_packet *packet, size_t at);
void tg_packet_set16(struct tg_packet *packet, size_t at, uint16_t value);

/* One direction of a connection: the client's. */
struct tg_client {
	bool ipv6;
	uint8_t address[16]; /* IPv4: the first 4 */
	uint16_t port;
	uint16_t server_port;
	uint32_t seq; /* of the next byte */
};

/* The whole segment; seq is moved on behind it. */
void tg_client_segment(struct tg_client *client, struct tg_packet *packet, uint8_t flags,
		       const void *bytes, size_t count);

/* The address as the meter's keys have it: ::ffff:a.b.c.d, or the /64. */
void tg_client_source(const struct tg_client *client, uint8_t out[16]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of every shape with what the meter must count them as: the fixtures
 * of test_packets.c, by the header that makes them special.
 */
#ifndef TOLLGATE_TESTS_FRAMES_H
#define TOLLGATE_TESTS_FRAMES_H

#include "../../include/tollgate/abi.h"
#include "meter.h"
#include "packet.h"

#define TG_FRAME_TOKEN	 "packet-token-0001"
#define TG_FRAME_REQUEST "GET / HTTP/1.1\r\nX-API-Key: " TG_FRAME_TOKEN "\r\n\r\n"

struct tg_frame {
	const char *what;
	void (*build)(struct tg_packet *packet);
	uint32_t reason;
	unsigned int requests; /* 1: the request in it counts */
};

#define TG_PASSES(what, build, reason)                                                             \
	{                                                                                          \
		what, build, TG_PACKET_##reason, 0                                                 \
	}
#define TG_COUNTS(what, build)                                                                     \
	{                                                                                          \
		what, build, TG_PACKET_REQUEST, 1                                                  \
	}

/* Each ends with a row without a name. */
extern const struct tg_frame tg_frames_link[], tg_frames_ip4[], tg_frames_ip6[], tg_frames_tcp[];

/* Headers between the usual two addresses. */
void tg_frame_ip4(struct tg_packet *packet, uint8_t protocol, size_t option_bytes);
void tg_frame_ip6(struct tg_packet *packet, uint8_t next);
void tg_frame_tcp(struct tg_packet *packet, uint16_t port, uint8_t flags, size_t option_bytes,
		  const char *text);

/* The request as a segment, behind whatever was laid down. */
void tg_frame_request(struct tg_packet *packet);

/* Whole frames. */
void tg_frame_ip4_request(struct tg_packet *packet);
void tg_frame_ip6_request(struct tg_packet *packet);

#endif

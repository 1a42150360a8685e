/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client's segments in all their shapes, and what the program made of them: read
 * back, and held against everything that a made packet must keep to.
 */
#ifndef TOLLGATE_TESTS_WIRE_H
#define TOLLGATE_TESTS_WIRE_H

#include "meter.h"

/* How the packets of a connection look. */
struct tg_path {
	const char *what;
	bool ipv6;
	bool stamps;	     /* TCP time stamps */
	unsigned int vlans;  /* tags */
	size_t option_bytes; /* IPv4: options; IPv6: an extension header */
};

struct tg_peer {
	const struct tg_path *path;
	uint8_t address[16]; /* IPv4: the first 4 */
	uint16_t port;
	uint16_t server_port;
};

struct tg_sent {
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	const void *bytes;
	size_t count;
};

enum tg_out_kind {
	TG_OUT_PASS, /* as it was */
	TG_OUT_DROP,
	TG_OUT_429,
	TG_OUT_ACK,   /* to the client */
	TG_OUT_RST,   /* to the client */
	TG_OUT_ABORT, /* RST to the server */
	TG_OUT_CUT,   /* to the server, with less payload and without FIN */
};

struct tg_out {
	enum tg_out_kind kind;
	uint32_t seq;
	uint32_t ack;
	size_t bytes; /* of payload */
	char text[200];
};

/* IPv4 and IPv6, with and without time stamps, tags, options. Ends with one without a name. */
extern const struct tg_path tg_paths[];

/* address: as text; its family is the path's. */
struct tg_peer tg_peer(const struct tg_path *path, const char *address, uint16_t port);

void tg_peer_segment(const struct tg_peer *peer, const struct tg_sent *sent,
		     struct tg_packet *packet);

/* What became of in: of the kinds above, with everything right about it, or the test fails. */
void tg_out_read(const struct tg_packet *in, uint32_t action, const struct tg_packet *out,
		 struct tg_out *read);
const char *tg_out_name(enum tg_out_kind kind);

/* The number in Retry-After of a 429, which is checked to be HTTP. */
unsigned long tg_out_retry(const struct tg_out *out);

#endif

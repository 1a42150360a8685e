/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loaded XDP program as a function of packets: BPF_PROG_TEST_RUN in, maps
 * out. Nothing is attached or pinned. Every call must succeed, or the test fails.
 */
#ifndef TOLLGATE_TESTS_METER_H
#define TOLLGATE_TESTS_METER_H

#include "../../include/tollgate/http_scan.h"
#include "../../user/config.h"
#include "../../user/maps.h"
#include "packet.h"
#include "tests/http/cases.h"

#define TG_METER_PORT 8080 /* the one that is metered; others are not */

struct tg_meter {
	struct tg_maps maps;
	uint16_t ports[1];
	struct tg_config config;
	struct tg_config_interface
		interface;   /* servers unseen, unless changed before tg_meter_load */
	size_t scan_offset;  /* of struct tg_scan in the value of map flows */
	size_t since_offset; /* of since_jiffies in the value of map holds */
};

/* Small maps, and room for few connections: 64 entries each, partials 32. */
void tg_meter_open(struct tg_meter *meter);
void tg_meter_open_sized(struct tg_meter *meter, unsigned int entries);
void tg_meter_close(struct tg_meter *meter);

/* A program over the maps that counts its packets under slot. Returns its descriptor. */
int tg_meter_load(struct tg_meter *meter, const struct tg_http_config *http, uint32_t slot);

/* HTTP as most tests have it, and a program for it or for another. */
extern const struct tg_case_config tg_meter_http;
int tg_meter_load_http(struct tg_meter *meter, const struct tg_case_config *config, uint32_t slot);

/* Returns the XDP action. */
uint32_t tg_meter_send(int program, const struct tg_packet *packet);

/* The same; out: what became of the packet (bytes and count only). */
uint32_t tg_meter_answer(int program, const struct tg_packet *packet, struct tg_packet *out);

/* Packets of a slot by reason, TG_PACKET_SEEN among them. */
void tg_meter_packets(const struct tg_meter *meter, uint32_t slot,
		      struct tg_packets out[TG_PACKET_REASONS]);
void tg_meter_unattributed(const struct tg_meter *meter,
			   struct tg_unattributed out[TG_UNATTRIBUTED_REASONS]);

/* All counters of a slot: as they are, or what they have gone up by (before: not NULL). */
struct tg_counters {
	struct tg_packets packets[TG_PACKET_REASONS];
	struct tg_unattributed unattributed[TG_UNATTRIBUTED_REASONS];
};
void tg_meter_counters(const struct tg_meter *meter, uint32_t slot,
		       const struct tg_counters *before, struct tg_counters *out);
const char *tg_meter_reason(uint32_t reason);

/* What tg_meter_http leaves of a token (NULL: none). */
struct tg_token tg_meter_token(const char *text);

/* Requests, bytes and requests with an origin: all rows of usage, or those of a token. */
struct tg_counts tg_meter_usage(const struct tg_meter *meter, const struct tg_token *token);

/* Rows of a HASH map; up to max of them are copied out. */
size_t tg_meter_rows(const struct tg_meter *meter, enum tg_map map, void *keys, void *values,
		     size_t max);

/* Remove all rows of usage, spill, origins, flows, partials, embryos, holds and held. */
void tg_meter_clear(const struct tg_meter *meter);

/* What is held has been so for long: what is missing before it is not waited for any more. */
void tg_meter_age_holds(const struct tg_meter *meter);

/* Where the scanner of a connection stands. false: the connection is not known. */
bool tg_meter_scan(const struct tg_meter *meter, const struct tg_client *client,
		   struct tg_scan *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segments as nobody's TCP would send them: every field is the caller's. Text in,
 * frame out; what is said to be random is another one in each frame.
 */
#ifndef TOLLGATE_TESTS_FRAME_H
#define TOLLGATE_TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_FORGE_PAYLOAD_MAX 1400
#define TG_FORGE_FRAME_MAX   1514

enum tg_forge_stamps {
	TG_FORGE_NO_STAMPS,
	TG_FORGE_STAMPS,     /* as RFC 7323 appendix A lays them out */
	TG_FORGE_STAMPS_LAST /* the same options, the no-ops behind them */
};

struct tg_forge {
	bool ipv6;
	uint8_t from[16], to[16]; /* IPv4: the first 4 */
	uint16_t from_port, to_port;
	uint32_t seq, ack;
	uint8_t flags;
	enum tg_forge_stamps stamps;
	uint32_t stamp;
	uint8_t payload[TG_FORGE_PAYLOAD_MAX];
	size_t payload_bytes;
	bool wrong_ip_sum, wrong_tcp_sum;
	/* In each frame another one: */
	uint32_t random_hosts; /* mask of the source's last 32 bits */
	bool random_port, random_seq, random_ack;
	unsigned long count; /* frames */
};

/*
 * One packet a line: "from=192.0.2.1 to=192.0.2.2 ports=4000,8080 seq=1 ack=2 flags=AP
 * payload=474554...", and count=N, stamp=N, stamp_last=N, wrong=ip, wrong=tcp,
 * random=hosts,port,seq,ack. false: not understood.
 */
bool tg_forge_read(struct tg_forge *forge, char *line);

/* Returns the frame's length. random: of one sender; any number to begin with but 0. */
size_t tg_forge_frame(const struct tg_forge *forge, const uint8_t to[6], const uint8_t from[6],
		      uint64_t *random, uint8_t frame[TG_FORGE_FRAME_MAX]);

#endif

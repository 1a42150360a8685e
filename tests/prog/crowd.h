/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients on several CPUs at once. They neither check nor fail: they count. */
#ifndef TOLLGATE_TESTS_CROWD_H
#define TOLLGATE_TESTS_CROWD_H

#include <pthread.h>

#include "rig.h"

#define TG_CROWD_THREADS     2
#define TG_CROWD_TOKEN_BYTES 16

struct tg_crowd_sum {
	uint64_t passed;
	uint64_t refused;
	uint64_t failed; /* BPF_PROG_TEST_RUN did */
};

struct tg_crowd {
	const struct tg_rig *rig;
	bool own_tokens;       /* thread n uses token n; otherwise all of them token 0 */
	unsigned int tokens;   /* not 0: each thread uses so many, one after another */
	unsigned int packets;  /* that each thread sends; with tokens: until it is stopped */
	unsigned int requests; /* in each packet */
	long pause_ns;	       /* between rounds over the tokens */
	bool mixed;	       /* a packet has as many tokens as requests */
	bool by_source;	       /* tokens are sources, each with token 0 */
	bool ends;	       /* a connection for each packet, from SYN to RST */
	/* Of the crowd itself. */
	struct tg_crowd_member {
		struct tg_crowd *crowd;
		unsigned int number;
		pthread_t thread;
		uint64_t rounds; /* over all tokens */
		struct tg_crowd_sum sum;
		struct tg_packet *packet;
		char *text;
	} member[TG_CROWD_THREADS];
	pthread_barrier_t start;
	bool stop;
};

/* All threads begin at once, each on a CPU of its own. */
void tg_crowd_start(struct tg_crowd *crowd);
struct tg_crowd_sum tg_crowd_stop(struct tg_crowd *crowd);
struct tg_crowd_sum tg_crowd_run(const struct tg_crowd *crowd); /* until all are through */

/* How many rounds over its tokens each thread has made since it was started. */
uint64_t tg_crowd_rounds(const struct tg_crowd *crowd);

void tg_crowd_token(char text[TG_CROWD_TOKEN_BYTES], unsigned int number);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of the link: takes frames, and gives out what is left of them, late, twice,
 * in pieces or not at all. It knows no sockets and no clock; both are handed to it.
 */
#ifndef TOLLGATE_CHAOS_LANE_H
#define TOLLGATE_CHAOS_LANE_H

#include "segment.h"

#define CHAOS_HELD_MAX	 64
#define CHAOS_TAILS	 512
#define CHAOS_BEHIND_MAX 8	 /* a held frame waits for so many at most, */
#define CHAOS_WAIT_NS	 4000000 /* and for so long */

/* In hundredths of a percent. */
struct chaos_rates {
	unsigned int loss;
	unsigned int reorder;
	unsigned int duplicate;
	unsigned int resegment;
	unsigned int overlap; /* of a segment that is cut, and of one that follows another */
};

/*
 * Of frames with TCP, if nothing else is said:
 * sent = taken - resegmented + pieces + overlaps + bridges - lost + duplicated, once none is held.
 */
struct chaos_counts {
	uint64_t taken;
	uint64_t other;	  /* no TCP: passed on at once; not in taken, nor in sent */
	uint64_t unsound; /* came with a wrong checksum: passed on as they are */
	uint64_t resegmented;
	uint64_t pieces;   /* that they became */
	uint64_t overlaps; /* pieces that say again what others of their segment say */
	uint64_t bridges;  /* that say again the end of one segment, and go on into the next */
	uint64_t lost;
	uint64_t duplicated;
	uint64_t held;
	uint64_t overtaken; /* held, and a later one of its connection went first */
	uint64_t sent;
};

struct chaos_lane {
	uint64_t seed;
	struct chaos_rates rates;
	void (*send)(void *to, const uint8_t *frame, size_t bytes);
	void *to;

	struct chaos_counts counts;
	uint64_t number; /* of frames that came, of any kind */
	struct chaos_held {
		uint64_t flow;
		uint64_t until_ns;
		unsigned int behind; /* so many are still to go first */
		bool overtaken;
		size_t bytes;
		uint8_t frame[CHAOS_FRAME_MAX];
	} held[CHAOS_HELD_MAX]; /* the oldest first */
	size_t held_count;
	struct chaos_tail { /* how a connection's last segment ended */
		uint64_t flow;
		uint32_t next_seq;
		size_t count;
		uint8_t bytes[CHAOS_BRIDGE_MAX];
	} tails[CHAOS_TAILS];
};

/* bytes: at most CHAOS_FRAME_MAX. */
void chaos_lane_take(struct chaos_lane *lane, const uint8_t *frame, size_t bytes, uint64_t now_ns);

/* Send what has waited long enough; UINT64_MAX: all that is held. */
void chaos_lane_tick(struct chaos_lane *lane, uint64_t now_ns);

/* When tick must be called; UINT64_MAX: nothing is held. */
uint64_t chaos_lane_due(const struct chaos_lane *lane);

#endif

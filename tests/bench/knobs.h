/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bench_packets and its programs (packets.bpf.c) share. */
#ifndef TOLLGATE_BENCH_KNOBS_H
#define TOLLGATE_BENCH_KNOBS_H

#define BENCH_STEPS_MAX	  8
#define BENCH_FRAME_MAX	  1024 /* of bench_template; a power of 2 */
#define BENCH_CYCLE_NOOP  0
#define BENCH_CYCLE_METER 1
#define BENCH_CYCLES	  2
#define BENCH_CYCLE_PORTS 60000
#define BENCH_CROWD_PORTS 64 /* connections of a source */

/* Where streams begin: the client's, and the server's. */
#define BENCH_SEQ     1000000
#define BENCH_ACK_SEQ 2000000

enum bench_ends {
	BENCH_NEW_PORT,
	BENCH_NEW_SOURCE,
	BENCH_SAME
}; /* from connection to connection */

struct bench_knobs {
	__u32 advance; /* sequence numbers from a client's run to its next */
	__u32 clients; /* that take turns, less 1; they are a power of 2 */
	/* bench_cycle_*: whole connections, a segment a run. */
	__u32 steps; /* segments of a connection */
	__u32 ends;  /* enum bench_ends */
	__u64 turn[BENCH_CYCLES];
	__u64 ns[BENCH_CYCLES][BENCH_STEPS_MAX]; /* spent on each kind of segment */
	/* bench_crowd_*: connections, from 10.0.0.0 and port 1024 on, that take turns. */
	__u32 crowd;
	__u32 pad;
	__u64 visits[BENCH_CYCLES]; /* so far; of bench_stray_*, too */
};

struct bench_template {
	__u32 length;
	__u8 bytes[BENCH_FRAME_MAX];
};

#endif

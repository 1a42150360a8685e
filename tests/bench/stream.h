/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of BENCH_SOURCE with BENCH_PORT that a meter follows, wherever it takes servers
 * to be. Streams begin at BENCH_SEQ. TG_SERVER_LOCAL: the socket must be there (sockets.h).
 */
#ifndef TOLLGATE_BENCH_STREAM_H
#define TOLLGATE_BENCH_STREAM_H

#include "object.h"
#include "segment.h"

/* As if the meter had not seen it yet: its first data are next. */
void bench_stream_begin(const struct bench_object *object, enum tg_server_place place,
			unsigned int client_port);

/*
 * Begin, see first (NULL: nothing), then repeat segments of payload in order. Nanoseconds for
 * each, at the lowest of these turns. All must end with reason; a turn in which the process
 * was away for so long that the meter did not trust the connection any more is done again.
 */
double bench_stream_turn(const struct bench_object *object, enum tg_server_place place,
			 unsigned int client_port, const char *first, const struct packet *next,
			 unsigned int reason, unsigned int repeat);

#endif

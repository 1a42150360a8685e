/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request costs in order and out of order, where the server is asked: tables of
 * bench_packets. */
#ifndef TOLLGATE_BENCH_ORDER_H
#define TOLLGATE_BENCH_ORDER_H

#include "object.h"

/* In a namespace of sockets.h. before: an older meter, or NULL. */
void bench_order(struct bench_object *local, struct bench_object *forwarded,
		 struct bench_object *unseen, struct bench_object *before);

#endif

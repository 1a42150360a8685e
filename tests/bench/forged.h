/* SPDX-License-Identifier: BSD-2-Clause */
/* What a segment costs that no server takes: a table of bench_packets. */
#ifndef TOLLGATE_BENCH_FORGED_H
#define TOLLGATE_BENCH_FORGED_H

#include "object.h"

/* In a namespace of sockets.h. */
void bench_forged(struct bench_object *local, struct bench_object *forwarded);

#endif

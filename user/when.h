/* SPDX-License-Identifier: BSD-2-Clause */
/* A point in time as people write it: the argument of --since. */
#ifndef TOLLGATE_WHEN_H
#define TOLLGATE_WHEN_H

#include <stdint.h>

/*
 * A duration before now ("5m", "1h30m", "90": seconds), or RFC 3339: a date
 * ("2026-01-31", midnight) or a date and time ("2026-01-31T23:59:59.5Z",
 * "2026-01-31 23:59+02:00"). Without an offset: UTC, as Tollgate prints
 * times. 0, -EINVAL: neither; -ERANGE: in the future or before 1970.
 */
int tg_when_parse(const char *text, uint64_t now_unix_ns, uint64_t *unix_ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations as people write them: "90", "90s", "10m", "24h", "7d", "1h30m". */
#ifndef TOLLGATE_DURATION_H
#define TOLLGATE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define TG_DURATION_TEXT_BYTES 32 /* enough for tg_duration_print */

/*
 * Numbers with units d, h, m, s, largest first, each at most once; one bare
 * number is seconds. 0, -EINVAL, or -ERANGE: more than fits.
 */
int tg_duration_parse(const char *text, uint64_t *seconds);

/* The shortest text that tg_duration_parse reads back: "10m", "24h", "90s", "1h30m". */
void tg_duration_print(uint64_t seconds, char out[TG_DURATION_TEXT_BYTES]);

#endif

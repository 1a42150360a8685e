/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and sparklines as `tollgate top` writes them. Pure. */
#ifndef TOLLGATE_TOP_TEXT_H
#define TOLLGATE_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TG_TOP_NUMBER_BYTES 16

/* At most 6 characters: "0", "7", "7.3", "42", "9999", "12.3k", "1.2M", "345G". */
void tg_top_number(char out[TG_TOP_NUMBER_BYTES], double number);

/*
 * cells characters for the samples, oldest first, as high as their share of
 * the greatest cell; a cell is the mean of its samples. Blocks (3 bytes each
 * in UTF-8), or ASCII. out: 3 * cells + 1 bytes. samples: a multiple of cells.
 */
void tg_top_sparkline(char *out, const float *samples, size_t count, size_t cells, bool utf8);

/*
 * text in at most width characters (they are ASCII), the end replaced by "~"
 * where it is longer. out: width + 1 bytes.
 */
void tg_top_fit(char *out, const char *text, size_t width);

#endif

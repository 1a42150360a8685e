/* SPDX-License-Identifier: BSD-2-Clause */
/* A foreign text as an error shows it: one line, in quotes, cut. */
#ifndef TOLLGATE_QUOTE_H
#define TOLLGATE_QUOTE_H

#include <stddef.h>

#define TG_QUOTE_MAX   40 /* bytes of a text that are shown */
#define TG_QUOTE_BYTES 56 /* enough for tg_quote */

/* text in quotes, at most max (to TG_QUOTE_MAX) bytes of it, control bytes as '?'. Returns out. */
const char *tg_quote(char out[TG_QUOTE_BYTES], const char *text, size_t max);

/* Bytes of text up to max that end with a whole character of UTF-8. */
int tg_quote_whole(const char *text, size_t max);

static inline char tg_quote_printable(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

#endif

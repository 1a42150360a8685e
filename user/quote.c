/* SPDX-License-Identifier: BSD-2-Clause */
#include "quote.h"

#include <stdio.h>
#include <string.h>

int tg_quote_whole(const char *text, size_t max)
{
	size_t bytes = strnlen(text, max + 1);

	if (bytes <= max)
		return (int)bytes;
	for (bytes = max; bytes && (text[bytes] & 0xc0) == 0x80;)
		bytes--;
	return (int)bytes;
}

const char *tg_quote(char out[TG_QUOTE_BYTES], const char *text, size_t max)
{
	int bytes = tg_quote_whole(text, max < TG_QUOTE_MAX ? max : TG_QUOTE_MAX);

	snprintf(out, TG_QUOTE_BYTES, "\"%.*s%s\"", bytes, text, text[bytes] ? "..." : "");
	for (char *c = out; *c; c++)
		*c = tg_quote_printable(*c);
	return out;
}

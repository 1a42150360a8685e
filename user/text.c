/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for bytes more and a NUL. */
static bool reserve(struct tg_text *text, size_t bytes)
{
	size_t need = text->bytes + bytes + 1;
	size_t capacity = text->capacity ? text->capacity : 256;
	char *data;

	if (text->failed)
		return false;
	if (need <= text->capacity)
		return true;
	while (capacity < need)
		capacity *= 2;
	data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void tg_text_put(struct tg_text *text, const void *data, size_t bytes)
{
	if (!reserve(text, bytes))
		return;
	memcpy(text->data + text->bytes, data, bytes);
	text->bytes += bytes;
	text->data[text->bytes] = '\0';
}

void tg_text_puts(struct tg_text *text, const char *string)
{
	tg_text_put(text, string, strlen(string));
}

void tg_text_printf(struct tg_text *text, const char *format, ...)
{
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (bytes < 0)
		text->failed = true;
	if (!reserve(text, bytes < 0 ? 0 : bytes))
		return;
	va_start(args, format);
	vsnprintf(text->data + text->bytes, bytes + 1, format, args);
	va_end(args);
	text->bytes += bytes;
}

void tg_text_reset(struct tg_text *text, size_t keep_bytes)
{
	if (text->capacity > keep_bytes)
		tg_text_free(text);
	text->bytes = 0;
	text->failed = false;
	if (text->data)
		text->data[0] = '\0';
}

void tg_text_free(struct tg_text *text)
{
	free(text->data);
	*text = (struct tg_text){0};
}

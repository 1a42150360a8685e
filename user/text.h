/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A string that grows. Failure sticks: after ENOMEM every call does nothing,
 * and the one who hands the text on asks `failed` once, at the end.
 */
#ifndef TOLLGATE_TEXT_H
#define TOLLGATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct tg_text {    /* {0} is an empty one */
	char *data; /* NUL-terminated once anything was put; else NULL */
	size_t bytes;
	size_t capacity;
	bool failed;
};

void tg_text_put(struct tg_text *text, const void *data, size_t bytes);
void tg_text_puts(struct tg_text *text, const char *string);
void tg_text_printf(struct tg_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Forget the contents; keep the memory unless it is more than keep_bytes. */
void tg_text_reset(struct tg_text *text, size_t keep_bytes);
void tg_text_free(struct tg_text *text);

#endif

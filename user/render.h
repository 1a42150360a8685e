/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON rows -> a table for people, or CSV. */
#ifndef TOLLGATE_RENDER_H
#define TOLLGATE_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_object;

struct tg_column {
	const char *key;   /* of the row's member; also the heading in CSV */
	const char *title; /* of the table */
	bool right;	   /* numbers */
};

/* Columns as wide as their contents, two blanks between, a heading line. */
void tg_render_table(struct json_object *rows, const struct tg_column *columns, size_t count,
		     FILE *to);

/* RFC 4180, but for line ends of one LF; a heading line. */
void tg_render_csv(struct json_object *rows, const struct tg_column *columns, size_t count,
		   FILE *to);

/* The document on one line. */
void tg_render_json(struct json_object *document, FILE *to);

#endif

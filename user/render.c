/* SPDX-License-Identifier: BSD-2-Clause */
#include "render.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#define COLUMNS_MAX 16

/* A cell's text: valid until the row goes. */
static const char *cell(struct json_object *row, const char *key)
{
	struct json_object *value = json_object_object_get(row, key);
	const char *text;

	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? "yes" : "no";
	text = json_object_get_string(value);
	return text ? text : "";
}

static void measure(struct json_object *rows, const struct tg_column *columns, size_t count,
		    int *widths)
{
	size_t rows_count = json_object_array_length(rows);

	for (size_t c = 0; c < count; c++)
		widths[c] = (int)strlen(columns[c].title);
	for (size_t r = 0; r < rows_count; r++) {
		struct json_object *row = json_object_array_get_idx(rows, r);

		for (size_t c = 0; c < count; c++) {
			int width = (int)strlen(cell(row, columns[c].key));

			widths[c] = width > widths[c] ? width : widths[c];
		}
	}
}

/* One line; blanks are held back until something stands behind them. */
static void print_line(const char *const *texts, const struct tg_column *columns, const int *widths,
		       size_t count, FILE *to)
{
	int blanks = 0;

	for (size_t c = 0; c < count; c++) {
		int padding = widths[c] - (int)strlen(texts[c]);

		if (columns[c].right)
			blanks += padding;
		if (*texts[c]) {
			fprintf(to, "%*s%s", blanks, "", texts[c]);
			blanks = 0;
		}
		blanks += columns[c].right ? 2 : padding + 2;
	}
	fputc('\n', to);
}

void tg_render_table(struct json_object *rows, const struct tg_column *columns, size_t count,
		     FILE *to)
{
	size_t rows_count = json_object_array_length(rows);
	const char *texts[COLUMNS_MAX];
	int widths[COLUMNS_MAX];

	measure(rows, columns, count, widths);
	for (size_t c = 0; c < count; c++)
		texts[c] = columns[c].title;
	print_line(texts, columns, widths, count, to);
	for (size_t r = 0; r < rows_count; r++) {
		for (size_t c = 0; c < count; c++)
			texts[c] = cell(json_object_array_get_idx(rows, r), columns[c].key);
		print_line(texts, columns, widths, count, to);
	}
}

/*
 * A spreadsheet takes such a cell for a formula, and tokens and hosts are what
 * strangers sent: "'" in front makes it text. Numbers and a lone "-" are ours.
 */
static bool looks_like_formula(struct json_object *value, const char *text)
{
	return json_object_is_type(value, json_type_string) && *text && strchr("=+-@\t\r", *text) &&
	       strcmp(text, "-") != 0;
}

static void print_quoted(const char *guard, const char *text, FILE *to)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fprintf(to, "%s%s", guard, text);
		return;
	}
	fprintf(to, "\"%s", guard);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void print_csv_cell(struct json_object *row, const char *key, FILE *to)
{
	const char *text = cell(row, key);
	const char *guard = looks_like_formula(json_object_object_get(row, key), text) ? "'" : "";

	print_quoted(guard, text, to);
}

void tg_render_csv(struct json_object *rows, const struct tg_column *columns, size_t count,
		   FILE *to)
{
	size_t rows_count = json_object_array_length(rows);

	for (size_t c = 0; c < count; c++)
		fprintf(to, "%s%s", c ? "," : "", columns[c].key);
	fputc('\n', to);
	for (size_t r = 0; r < rows_count; r++) {
		struct json_object *row = json_object_array_get_idx(rows, r);

		for (size_t c = 0; c < count; c++) {
			if (c)
				fputc(',', to);
			print_csv_cell(row, columns[c].key, to);
		}
		fputc('\n', to);
	}
}

void tg_render_json(struct json_object *document, FILE *to)
{
	fprintf(to, "%s\n",
		json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "export_state.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "text.h"

/*
 * A line each, in this order, bytes as hex:
 *   tollgate-series 1 BOOKS
 *   token PREFIX
 *   source ADDRESS VALUE SEEN
 *   other REQUESTS
 */
#define HEAD	   "tollgate-series 1"
#define BYTES	   16 /* of a prefix and of an address */
#define LINE_BYTES 128

_Static_assert(TG_PREFIX_BYTES_MAX == BYTES && sizeof(struct tg_addr) == BYTES, "both are BYTES");

/* --- save ---------------------------------------------------------------------------- */

static void put_hex(struct tg_text *text, const char *word, const uint8_t bytes[BYTES])
{
	tg_text_printf(text, "%s ", word);
	for (int i = 0; i < BYTES; i++)
		tg_text_printf(text, "%02x", bytes[i]);
}

static void print(const struct tg_export_series *series, uint64_t books_unix_ns,
		  struct tg_text *text)
{
	const struct tg_tally *known = tg_export_series_known(series);
	const struct tg_source_series *source;
	unsigned int sources;
	uint64_t other;

	tg_text_printf(text, HEAD " %" PRIu64 "\n", books_unix_ns);
	for (uint32_t i = 0; i < tg_tally_count(known); i++) {
		const struct tg_token_series *token = tg_tally_key(known, i);

		put_hex(text, "token", token->prefix);
		tg_text_puts(text, "\n");
	}
	source = tg_export_series_sources(series, &sources, &other);
	for (unsigned int i = 0; i < sources; i++) {
		put_hex(text, "source", source[i].source.bytes);
		tg_text_printf(text, " %" PRIu64 " %" PRIu64 "\n", source[i].value, source[i].seen);
	}
	tg_text_printf(text, "other %" PRIu64 "\n", other);
}

int tg_export_state_save(const char *path, const struct tg_export_series *series,
			 uint64_t books_unix_ns)
{
	struct tg_text text = {0};
	char *dir = strdup(path); /* dirname() writes into it */
	int err = -ENOMEM;

	print(series, books_unix_ns, &text);
	if (dir && !text.failed)
		err = tg_file_replace(dirname(dir), path, text.data, text.bytes);
	free(dir);
	tg_text_free(&text);
	return err;
}

/* --- load ---------------------------------------------------------------------------- */

struct loading {
	struct tg_tally *known;
	struct tg_source_series *source;
	unsigned int sources;
	uint64_t other;
	bool complete; /* the last line was there */
};

static bool take_hex(const char *text, uint8_t bytes[BYTES])
{
	if (strspn(text, "0123456789abcdef") != 2 * BYTES)
		return false;
	for (int i = 0; i < BYTES; i++)
		sscanf(text + 2 * i, "%2hhx", &bytes[i]);
	return true;
}

static int take_token(struct loading *loading, const char *text)
{
	static const struct tg_counts nothing;
	struct tg_token_series token = {.label = TG_LABEL_TOKEN};

	if (!take_hex(text, token.prefix))
		return -EINVAL;
	return tg_tally_add(loading->known, &token, &nothing);
}

static int take_source(struct loading *loading, const char *text)
{
	struct tg_source_series one, *all;

	if (!take_hex(text, one.source.bytes) ||
	    sscanf(text + 2 * BYTES, " %" SCNu64 " %" SCNu64, &one.value, &one.seen) != 2)
		return -EINVAL;
	all = realloc(loading->source, (loading->sources + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	loading->source = all;
	loading->source[loading->sources++] = one;
	return 0;
}

static int take_line(struct loading *loading, const char *line)
{
	if (!strchr(line, '\n') || loading->complete)
		return -EINVAL;
	if (!strncmp(line, "token ", 6))
		return take_token(loading, line + 6);
	if (!strncmp(line, "source ", 7))
		return take_source(loading, line + 7);
	if (sscanf(line, "other %" SCNu64, &loading->other) != 1)
		return -EINVAL;
	loading->complete = true;
	return 0;
}

static int read_file(FILE *file, struct loading *loading, uint64_t books_unix_ns)
{
	char line[LINE_BYTES];
	uint64_t books;
	int err = 0;

	if (!fgets(line, sizeof(line), file) || sscanf(line, HEAD " %" SCNu64, &books) != 1)
		return -EINVAL;
	if (books != books_unix_ns)
		return -ESTALE;
	while (!err && fgets(line, sizeof(line), file))
		err = take_line(loading, line);
	if (!err && !loading->complete)
		err = -EINVAL;
	return err;
}

int tg_export_state_load(const char *path, struct tg_export_series *series, uint64_t books_unix_ns)
{
	struct loading loading = {.known = tg_tally_new(sizeof(struct tg_token_series))};
	FILE *file = tg_file_read(path);
	int err = file ? 0 : -errno;

	if (!err && !loading.known)
		err = -ENOMEM;
	err = err ? err : read_file(file, &loading, books_unix_ns);
	if (!err)
		err = tg_export_series_restore(series, loading.known, loading.source,
					       loading.sources, loading.other);
	if (file)
		fclose(file);
	tg_tally_free(loading.known);
	free(loading.source);
	return err;
}

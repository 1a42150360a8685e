/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "places.h"

#define FIRST_TOKEN_ROW 5 /* the fixed rows stand before it */

static const struct fixed {
	const char *name;
	enum tg_row_kind kind;
} fixed[FIRST_TOKEN_ROW] = {
	{"content-length", TG_ROW_CONTENT_LENGTH},
	{"transfer-encoding", TG_ROW_TRANSFER_ENCODING},
	{"upgrade", TG_ROW_UPGRADE},
	{"origin", TG_ROW_ORIGIN},
	{"referer", TG_ROW_REFERER},
};
_Static_assert(FIRST_TOKEN_ROW + TG_PLACES_MAX <= TG_ROWS_MAX, "every place finds a row");
_Static_assert(FIRST_TOKEN_ROW + TG_PLACES_MAX <= TG_ROW_CHAIN_MAX, "and is found in its chain");

/* Words of 8 bytes, first byte lowest, zero-padded, whatever the host's byte order. */
static void to_words(__u64 *words, const char *text)
{
	for (size_t i = 0; text[i]; i++)
		words[i / 8] |= (__u64)(__u8)text[i] << 8 * (i % 8);
}

/* ASCII only, and letters only: | 0x20 on all would make '^' and '~' the same. */
static void to_lower_words(__u64 *words, const char *text)
{
	char lower[TG_NAME_BYTES_MAX + 1] = "";

	for (size_t i = 0; text[i]; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i];
	to_words(words, lower);
}

/* A new row at the end of its slot's chain, so that the fixed rows are met first. */
static struct tg_row *add_row(struct tg_http_config *table, const char *name, enum tg_row_kind kind)
{
	struct tg_row *row = &table->row[table->rows];
	__u8 *link;

	to_lower_words(row->name, name);
	row->name_bytes = (__u8)strlen(name);
	row->kind = kind;
	row->whole_place = TG_PLACE_NONE;
	link = &table->slot[tg_row_slot(row->name[0])];
	while (*link)
		link = &table->row[*link - 1].next;
	*link = ++table->rows;
	return row;
}

static struct tg_row *find_token_row(struct tg_http_config *table, const char *name)
{
	__u64 words[TG_NAME_BYTES_MAX / 8] = {0};

	to_lower_words(words, name);
	for (unsigned int i = FIRST_TOKEN_ROW; i < table->rows; i++) {
		if (!memcmp(table->row[i].name, words, sizeof(words)))
			return &table->row[i];
	}
	return NULL;
}

static void add_header(struct tg_http_config *table, const struct tg_config_place *place, __u8 p)
{
	struct tg_row *row = find_token_row(table, place->header);
	struct tg_scheme *scheme = &table->scheme[p];

	if (!row)
		row = add_row(table, place->header, TG_ROW_TOKEN);
	if (!place->scheme) {
		row->whole_place = p;
		return;
	}
	row->schemes |= (__u8)(1u << p);
	to_lower_words(scheme->text, place->scheme);
	scheme->text_bytes = (__u8)strlen(place->scheme);
	scheme->kind = strcasecmp(place->scheme, "basic") ? TG_PLACE_PLAIN : TG_PLACE_BASIC;
}
_Static_assert(TG_PLACES_MAX <= 8, "tg_row.schemes has a bit for each place");

static void add_query(struct tg_http_config *table, const struct tg_config_place *place, __u8 p)
{
	struct tg_query *query = &table->query[table->queries++];

	to_words(query->name, place->query);
	query->name_bytes = (__u8)strlen(place->query);
	query->place = p;
}

static __u64 load_le64(const uint8_t *bytes)
{
	__u64 word = 0;

	for (int i = 7; i >= 0; i--)
		word = word << 8 | bytes[i];
	return word;
}

/*
 * The first bytes of every line whose name has a row. A name shorter than 4
 * bytes ends in its colon; what comes then is anything, and is masked off.
 */
static void make_filter(struct tg_http_config *table)
{
	__u32 shortest = 4;

	for (unsigned int i = 0; i < table->rows; i++) {
		if (table->row[i].name_bytes + 1u < shortest)
			shortest = table->row[i].name_bytes + 1u;
	}
	table->filter_mask = shortest >= 4 ? 0xffffffff : (1u << 8 * shortest) - 1;
	for (unsigned int i = 0; i < table->rows; i++) {
		const struct tg_row *row = &table->row[i];
		__u64 line = row->name[0];
		__u32 bit;

		if (row->name_bytes < 8)
			line |= (__u64)':' << 8 * row->name_bytes;
		bit = tg_row_filter((__u32)line, table->filter_mask);
		table->filter[bit / 64] |= 1ULL << bit % 64;
	}
}

int tg_http_config_build(const struct tg_config *config, const uint8_t secret[16],
			 struct tg_http_config *out, char *error, size_t error_bytes)
{
	struct tg_http_config table = {
		.key = {load_le64(secret), load_le64(secret + 8)},
		.header_bytes_max = config->limits.header_bytes,
		.prefix_bytes = (__u8)config->identity.token_prefix_bytes,
	};
	struct tg_places_fault fault;

	if (tg_places_check(config->identity.tokens, config->identity.tokens_count, &fault)) {
		snprintf(error, error_bytes, "identity.tokens[%u]: %s", fault.place, fault.what);
		return -EINVAL;
	}
	for (size_t i = 0; i < FIRST_TOKEN_ROW; i++)
		add_row(&table, fixed[i].name, fixed[i].kind);
	for (unsigned int p = 0; p < config->identity.tokens_count; p++) {
		const struct tg_config_place *place = &config->identity.tokens[p];

		if (place->query)
			add_query(&table, place, (__u8)p);
		else
			add_header(&table, place, (__u8)p);
	}
	make_filter(&table);
	*out = table;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/http_table.c user/places.c */
/* The scanner's table, read the way that the scanner reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http_table.h"

/* clang-format off */
#define HEADER(h)	    {.header = (char *)(h)}
#define HEADER_SCHEME(h, s) {.header = (char *)(h), .scheme = (char *)(s)}
#define QUERY(q)	    {.query = (char *)(q)}
/* clang-format on */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t secret[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static struct tg_http_config table;

static int build(const struct tg_config_place *places, unsigned int count, char error[256])
{
	struct tg_config config = {0};

	config.limits.header_bytes = 12345;
	config.identity.token_prefix_bytes = 9;
	config.identity.tokens = (struct tg_config_place *)places;
	config.identity.tokens_count = count;
	return tg_http_config_build(&config, secret, &table, error, 256);
}

static void built(const struct tg_config_place *places, unsigned int count)
{
	char error[256] = "";

	if (build(places, count, error))
		fail_msg("refused: %s", error);
}

static __u64 word_at(const char *text, size_t word)
{
	__u64 out = 0;

	for (size_t i = 0; i < 8 && word * 8 + i < strlen(text); i++)
		out |= (__u64)(__u8)tolower((unsigned char)text[word * 8 + i]) << 8 * i;
	return out;
}

/* The row of a name in any case, as the program finds it; NULL: none. */
static const struct tg_row *find(const char *name)
{
	unsigned int steps = 0;

	for (__u8 at = table.slot[tg_row_slot(word_at(name, 0))]; at; at = table.row[at - 1].next) {
		const struct tg_row *row = &table.row[at - 1];
		bool same = row->name_bytes == strlen(name);

		assert_true(at <= table.rows);
		assert_true(++steps <= table.rows);
		for (size_t i = 0; i < TG_NAME_BYTES_MAX / 8; i++)
			same = same && row->name[i] == word_at(name, i);
		if (same)
			return row;
	}
	return NULL;
}

static const struct tg_row *token_row(const char *name)
{
	const struct tg_row *row = find(name);

	if (!row)
		fail_msg("%s: no row", name);
	assert_int_equal(row->kind, TG_ROW_TOKEN);
	return row;
}

static void check_fixed_rows(void)
{
	static const struct {
		const char *name;
		enum tg_row_kind kind;
	} fixed[] = {
		{"Content-Length", TG_ROW_CONTENT_LENGTH},
		{"transfer-ENCODING", TG_ROW_TRANSFER_ENCODING},
		{"Upgrade", TG_ROW_UPGRADE},
		{"Origin", TG_ROW_ORIGIN},
		{"Referer", TG_ROW_REFERER},
	};

	for (size_t i = 0; i < COUNT(fixed); i++) {
		const struct tg_row *row = find(fixed[i].name);

		assert_non_null(row);
		assert_int_equal(row->kind, fixed[i].kind);
		assert_int_equal(row->whole_place, TG_PLACE_NONE);
		assert_int_equal(row->schemes, 0);
	}
}

static void test_plain(void **state)
{
	static const struct tg_config_place places[] = {HEADER_SCHEME("Authorization", "Bearer"),
							HEADER("X-API-Key"), QUERY("Key")};
	const struct tg_row *row;

	(void)state;
	built(places, COUNT(places));
	assert_true(table.key[0] == 0x0706050403020100ULL);
	assert_true(table.key[1] == 0x0f0e0d0c0b0a0908ULL);
	assert_int_equal(table.header_bytes_max, 12345);
	assert_int_equal(table.prefix_bytes, 9);
	assert_int_equal(table.rows, 7);
	check_fixed_rows();

	row = token_row("authorization");
	assert_int_equal(row->schemes, 1 << 0);
	assert_int_equal(row->whole_place, TG_PLACE_NONE);
	assert_true(table.scheme[0].text[0] == word_at("bearer", 0));
	assert_true(table.scheme[0].text[1] == 0);
	assert_int_equal(table.scheme[0].text_bytes, 6);
	assert_int_equal(table.scheme[0].kind, TG_PLACE_PLAIN);

	row = token_row("X-Api-Key");
	assert_int_equal(row->schemes, 0);
	assert_int_equal(row->whole_place, 1);

	assert_int_equal(table.queries, 1);
	assert_int_equal(table.query[0].place, 2);
	assert_int_equal(table.query[0].name_bytes, 3);
	assert_true(table.query[0].name[0] == 0x79654bULL); /* "Key": its case is kept */
	assert_null(find("x-api-ke"));
	assert_null(find("x-api-keys"));
}

static void test_one_header_several_places(void **state)
{
	static const struct tg_config_place places[] = {
		HEADER_SCHEME("Authorization", "Bearer"), HEADER("X-Other"),
		HEADER_SCHEME("AUTHORIZATION", "BASIC"), HEADER("authorization")};
	const struct tg_row *row;

	(void)state;
	built(places, COUNT(places));
	assert_int_equal(table.rows, 7);
	row = token_row("Authorization");
	assert_int_equal(row->schemes, 1 << 0 | 1 << 2);
	assert_int_equal(row->whole_place, 3);
	assert_int_equal(table.scheme[0].kind, TG_PLACE_PLAIN);
	assert_int_equal(table.scheme[1].text_bytes, 0);
	assert_int_equal(table.scheme[2].kind, TG_PLACE_BASIC);
	assert_true(table.scheme[2].text[0] == word_at("basic", 0));
	assert_int_equal(token_row("x-other")->whole_place, 1);
}

static void test_chain(void **state)
{
	/* Equal in their first word, so in their slot. */
	static const struct tg_config_place places[] = {
		HEADER("X-API-Key"), HEADER("X-API-Key-Two"), HEADER("X-API-Ke"),
		HEADER("Content-Token"), HEADER("Transfer-Encodinh")};

	(void)state;
	built(places, COUNT(places));
	check_fixed_rows();
	for (unsigned int p = 0; p < COUNT(places); p++)
		assert_int_equal(token_row(places[p].header)->whole_place, p);
	assert_int_equal(token_row("x-api-key")->next, token_row("x-api-key-two") - table.row + 1);
	assert_int_equal(token_row("x-api-ke")->next, 0);
	/* The fixed row is met first. */
	assert_int_equal(table.slot[tg_row_slot(word_at("content-", 0))],
			 find("content-length") - table.row + 1);
}

/* A slot that two different first words share. */
static void test_chain_of_differing_words(void **state)
{
	__u32 slot = tg_row_slot(word_at("origin", 0));
	char name[16];
	struct tg_config_place place = HEADER(name);

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "x-%d", i);
		if (tg_row_slot(word_at(name, 0)) == slot)
			break;
	}
	assert_int_equal(tg_row_slot(word_at(name, 0)), slot);
	built(&place, 1);
	check_fixed_rows();
	assert_int_equal(token_row(name)->whole_place, 0);
	assert_int_equal(find("origin")->next, token_row(name) - table.row + 1);
}

static void test_bounds(void **state)
{
	static const char longest[] = "X-2345678901234567890123456789~^";
	static const struct tg_config_place places[] = {
		HEADER_SCHEME("Authorization", "sixteen-letters-"),
		HEADER(longest),
		QUERY("12345678901234567890123456789012"),
		QUERY("b"),
		QUERY("c"),
		QUERY("d"),
		HEADER("Y2"),
		HEADER("Z3")};

	(void)state;
	built(places, COUNT(places));
	assert_int_equal(strlen(longest), TG_NAME_BYTES_MAX);
	assert_int_equal(token_row(longest)->whole_place, 1);
	assert_true(token_row(longest)->name[3] >> 48 == ('~' | '^' << 8)); /* not letters */
	assert_int_equal(table.scheme[0].text_bytes, 16);
	assert_true(table.scheme[0].text[1] == word_at("sixteen-letters-", 1));
	assert_int_equal(table.queries, 4);
	assert_int_equal(table.query[0].name_bytes, 32);
	assert_true(table.query[0].name[3] == word_at(places[2].query, 3));
	assert_int_equal(token_row("z3")->whole_place, 7);
}

static void test_no_places(void **state)
{
	(void)state;
	built(NULL, 0);
	assert_int_equal(table.rows, 5);
	assert_int_equal(table.queries, 0);
	check_fixed_rows();
}

static void test_refuses(void **state)
{
	static const struct {
		struct tg_config_place places[2];
		const char *says;
	} bad[] = {
		{{HEADER("X-A"), HEADER("x-a")}, "tokens[1]: the same place as tokens[0]"},
		{{QUERY("k"), QUERY("k")}, "tokens[1]: the same place as tokens[0]"},
		{{HEADER_SCHEME("A1", "Bearer"), HEADER_SCHEME("a1", "bearer")},
		 "tokens[1]: the same place as tokens[0]"},
		{{HEADER("X-A"), HEADER_SCHEME("X-a", "Basic")}, "tokens[1]: can never win"},
		{{HEADER("X-A"), HEADER("Origin")}, "tokens[1]: Origin has a meaning of its own"},
		{{HEADER("X-A"), HEADER("content-length")}, "meaning of its own"},
		{{HEADER("X-A"), HEADER("X A")}, "not a header name"},
		{{HEADER("X-A"), HEADER("Y")}, "2 to 32 characters"},
		{{HEADER("X-A"), HEADER("X-23456789012345678901234567890123")}, "2 to 32"},
		{{HEADER("X-A"), HEADER_SCHEME("X-B", "seventeen-letters")}, "1 to 16"},
		{{HEADER("X-A"), QUERY("123456789012345678901234567890123")}, "1 to 32"},
		{{HEADER("X-A"), {0}}, "neither header nor query"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char error[256] = "";

		memset(&table, 0x5a, sizeof(table));
		assert_int_equal(build(bad[i].places, 2, error), -EINVAL);
		if (!strstr(error, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", error, bad[i].says);
		assert_int_equal(table.rows, 0x5a); /* untouched */
	}
}

/* The case of a query's name matters: these are two places. */
static void test_query_case(void **state)
{
	static const struct tg_config_place places[] = {QUERY("key"), QUERY("KEY")};

	(void)state;
	built(places, COUNT(places));
	assert_int_equal(table.queries, 2);
	assert_true(table.query[0].name[0] != table.query[1].name[0]);
}

static void test_refuses_too_many(void **state)
{
	struct tg_config_place places[TG_PLACES_MAX + 1];
	char names[TG_PLACES_MAX + 1][8], error[256] = "";

	(void)state;
	for (unsigned int i = 0; i < COUNT(places); i++) {
		snprintf(names[i], sizeof(names[i]), "x-%u", i);
		places[i] = (struct tg_config_place)HEADER(names[i]);
	}
	built(places, TG_PLACES_MAX);
	assert_int_equal(build(places, TG_PLACES_MAX + 1, error), -EINVAL);
	assert_non_null(strstr(error, "more than 8 places"));
	for (unsigned int i = 0; i < TG_QUERIES_MAX + 1; i++)
		places[i] = (struct tg_config_place)QUERY(names[i]);
	built(places, TG_QUERIES_MAX);
	assert_int_equal(build(places, TG_QUERIES_MAX + 1, error), -EINVAL);
	assert_non_null(strstr(error, "more than 4 query parameters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_one_header_several_places),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_of_differing_words),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_places),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_query_case),
		cmocka_unit_test(test_refuses_too_many),
	};

	return cmocka_run_group_tests_name("http_table", tests, NULL, NULL);
}

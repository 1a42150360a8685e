/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/view.c user/view_group.c user/view_names.c user/tally.c user/format.c user/text.c */
/* links: user/collect.c user/clock.c user/maps.c user/error.c tests/unit/snapshot.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../../user/view.h"
#include "snapshot.h"

/* The document, parsed back. */
static struct json_object *view(const struct tg_snapshot *snapshot, const char *by, uint32_t top)
{
	struct tg_view_query query = {.top = top, .ipv6_prefix = 64};
	struct tg_text text = {0};
	struct json_object *document;
	char error[160];

	assert_int_equal(tg_view_parse_fields(by, &query, error, sizeof(error)), 0);
	assert_int_equal(tg_view_print(snapshot, &query, &text), 0);
	assert_null(strchr(text.data, '\n'));
	document = json_tokener_parse(text.data);
	assert_non_null(document);
	tg_text_free(&text);
	return document;
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	assert_non_null(value);
	return value;
}

static const char *string(struct json_object *object, const char *name)
{
	return json_object_get_string(member(object, name));
}

static uint64_t number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member(object, name));
}

static size_t rows(struct json_object *document)
{
	return json_object_array_length(member(document, "rows"));
}

static struct json_object *row(struct json_object *document, size_t i)
{
	return json_object_array_get_idx(member(document, "rows"), i);
}

static void check_identity(struct json_object *document, const struct tg_snapshot *snapshot)
{
	struct tg_counts expected = tg_snapshot_total(snapshot);
	struct json_object *total = member(document, "total");
	uint64_t requests = number(member(document, "unattributed"), "requests");
	uint64_t bytes = number(member(document, "unattributed"), "bytes");

	for (size_t i = 0; i < rows(document); i++) {
		requests += number(row(document, i), "requests");
		bytes += number(row(document, i), "bytes");
	}
	assert_int_equal(number(total, "requests"), requests);
	assert_int_equal(number(total, "bytes"), bytes);
	assert_int_equal(requests, expected.requests);
	assert_int_equal(bytes, expected.bytes);
}

/* Two tokens with one prefix, no token, IPv6, spilled and unattributed requests. */
static struct tg_snapshot *sample(void)
{
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token a = snapshot_token("sk_live_acme", 0xa);
	struct tg_token b = snapshot_token("sk_live_acme", 0xb);
	struct tg_token none = snapshot_token(NULL, 0);

	snapshot_usage(snapshot, "192.0.2.1", a, 0, 10)->usage.counts.origin_requests = 6;
	snapshot_usage(snapshot, "192.0.2.1", b, 0, 20);
	snapshot_usage(snapshot, "192.0.2.2", a, 1, 30);
	snapshot_usage(snapshot, "2001:db8::", none, 0, 5);
	snapshot->usage[0].usage.counts.origin_bytes = 600;
	snapshot_token_spill(snapshot, a, 0, 7)->counts.origin_requests = 7;
	snapshot->token_spill[0].counts.origin_bytes = 700;
	snapshot_source_spill(snapshot, "192.0.2.1", 0, 4);
	snapshot_origin(snapshot, a, "app.example.com", 9);
	snapshot->unattributed[TG_UNATTRIBUTED_BAD_FRAMING].requests = 3;
	snapshot->unattributed[TG_UNATTRIBUTED_BAD_FRAMING].bytes = 90;
	return snapshot;
}

static void by_source_and_token(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, TG_VIEW_BY_DEFAULT, 0);

	(void)state;
	assert_int_equal(rows(document), 5);
	assert_string_equal(string(row(document, 0), "source"), "192.0.2.2");
	assert_string_equal(string(row(document, 0), "token"), "sk_live_acme");
	assert_string_equal(string(row(document, 0), "token_id"), "000000000000000a");
	assert_int_equal(number(row(document, 0), "requests"), 30);
	assert_int_equal(number(row(document, 0), "allowed"), 30);
	assert_int_equal(number(row(document, 0), "bytes"), 3000);
	assert_null(json_object_object_get(row(document, 0), "interface"));
	assert_int_equal(number(row(document, 1), "requests"), 20);
	assert_int_equal(number(row(document, 2), "requests"), 10);
	/* spilled: the token is known, the source is not */
	assert_string_equal(string(row(document, 3), "source"), "other");
	assert_string_equal(string(row(document, 3), "token"), "sk_live_acme");
	assert_string_equal(string(row(document, 4), "source"), "2001:db8::/64");
	assert_string_equal(string(row(document, 4), "token"), "-");
	assert_string_equal(string(row(document, 4), "token_id"), "-");
	check_identity(document, snapshot);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void unattributed_is_named(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, "token", 0);
	struct json_object *unattributed = member(document, "unattributed");

	(void)state;
	assert_int_equal(number(unattributed, "requests"), 3);
	assert_int_equal(json_object_object_length(member(unattributed, "reasons")), 1);
	assert_int_equal(number(member(unattributed, "reasons"), "bad_framing"), 3);
	assert_string_equal(string(document, "since"), "2026-01-01T00:00:00.000Z");
	assert_string_equal(string(document, "until"), "2026-01-01T01:00:00.000Z");
	json_object_put(document);
	snapshot_free(snapshot);
}

/* A row that was made when only the token's id was known, and one of tokens without a row. */
static void rows_made_in_advance(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct tg_token nameless = snapshot_token("", 0xa), unknown = snapshot_token("", 0xc);
	struct tg_token unplaced = {.id = 0};
	struct json_object *document;

	(void)state;
	memset(unplaced.prefix, TG_PREFIX_UNPLACED, sizeof(unplaced.prefix));
	snapshot_token_spill(snapshot, nameless, 0, 100);
	snapshot_token_spill(snapshot, unknown, 0, 50);
	snapshot_token_spill(snapshot, unplaced, 0, 8);
	snapshot_source_spill(snapshot, "192.0.2.9", 0, 8);
	document = view(snapshot, "token", 0);
	assert_int_equal(rows(document), 5);
	assert_string_equal(string(row(document, 0), "token"), "sk_live_acme");
	assert_string_equal(string(row(document, 0), "token_id"), "000000000000000a");
	assert_int_equal(number(row(document, 0), "requests"), 10 + 30 + 7 + 100);
	assert_string_equal(string(row(document, 1), "token"), "*");
	assert_string_equal(string(row(document, 1), "token_id"), "000000000000000c");
	assert_int_equal(number(row(document, 1), "requests"), 50);
	assert_string_equal(string(row(document, 4), "token"), "other");
	assert_string_equal(string(row(document, 4), "token_id"), "other");
	assert_int_equal(number(row(document, 4), "requests"), 8);
	check_identity(document, snapshot);
	json_object_put(document);
	document = view(snapshot, "prefix", 0);
	assert_int_equal(number(row(document, 0), "requests"), 10 + 20 + 30 + 7 + 100);
	assert_string_equal(string(row(document, 3), "prefix"), "other");
	check_identity(document, snapshot);
	json_object_put(document);
	document = view(snapshot, "token,origin", 0);
	check_identity(document, snapshot);
	json_object_put(document);
	document = view(snapshot, "source", 0);
	assert_string_equal(string(row(document, 2), "source"), "192.0.2.9");
	assert_int_equal(number(row(document, 2), "requests"), 8);
	check_identity(document, snapshot);
	json_object_put(document);
	document = view(snapshot, TG_VIEW_BY_DEFAULT, 0);
	check_identity(document, snapshot);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void by_source_uses_the_source_spill(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, "source", 0);

	(void)state;
	assert_int_equal(rows(document), 4);
	assert_string_equal(string(row(document, 0), "source"), "192.0.2.1");
	assert_int_equal(number(row(document, 0), "requests"), 10 + 20 + 4);
	/* 7 spilled by token, 4 by source: 3 have lost their source; that row is last */
	assert_string_equal(string(row(document, 3), "source"), "other");
	assert_int_equal(number(row(document, 3), "requests"), 3);
	check_identity(document, snapshot);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void a_prefix_sums_its_tokens(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *by_prefix = view(snapshot, "prefix", 0);
	struct json_object *by_token = view(snapshot, "token", 0);

	(void)state;
	assert_int_equal(rows(by_prefix), 2);
	assert_string_equal(string(row(by_prefix, 0), "prefix"), "sk_live_acme");
	assert_null(json_object_object_get(row(by_prefix, 0), "token_id"));
	assert_int_equal(number(row(by_prefix, 0), "requests"), 67);
	assert_int_equal(rows(by_token), 3);
	assert_int_equal(number(row(by_token, 0), "requests"), 47);
	assert_int_equal(number(row(by_token, 1), "requests"), 20);
	json_object_put(by_prefix);
	json_object_put(by_token);
	snapshot_free(snapshot);
}

static void by_origin(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, "origin", 0);

	(void)state;
	/* 72 requests in rows, 13 of them with an origin, 9 of these in map origins */
	assert_int_equal(rows(document), 3);
	assert_string_equal(string(row(document, 0), "origin"), "-");
	assert_int_equal(number(row(document, 0), "requests"), 59);
	assert_string_equal(string(row(document, 1), "origin"), "app.example.com");
	assert_int_equal(number(row(document, 1), "requests"), 9);
	assert_string_equal(string(row(document, 2), "origin"), "other");
	assert_int_equal(number(row(document, 2), "requests"), 4);
	check_identity(document, snapshot);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void by_token_and_origin(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, "token,origin", 0);

	(void)state;
	assert_int_equal(rows(document), 5);
	assert_string_equal(string(row(document, 2), "token_id"), "000000000000000a");
	assert_string_equal(string(row(document, 2), "origin"), "app.example.com");
	check_identity(document, snapshot);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void the_rest_of_the_top_is_one_row(void **state)
{
	struct tg_snapshot *snapshot = sample();
	struct json_object *document = view(snapshot, "source,token", 2);

	(void)state;
	assert_int_equal(rows(document), 3);
	assert_int_equal(number(row(document, 1), "requests"), 20);
	assert_string_equal(string(row(document, 2), "source"), "other");
	assert_string_equal(string(row(document, 2), "token"), "other");
	assert_string_equal(string(row(document, 2), "token_id"), "other");
	assert_int_equal(number(row(document, 2), "requests"), 22);
	check_identity(document, snapshot);
	json_object_put(document);

	/* by source, the row of lost sources and the rest are one */
	document = view(snapshot, "source", 1);
	assert_int_equal(rows(document), 2);
	assert_string_equal(string(row(document, 1), "source"), "other");
	assert_int_equal(number(row(document, 1), "requests"), 38);
	json_object_put(document);

	document = view(snapshot, "source,token", 5);
	assert_int_equal(rows(document), 5);
	json_object_put(document);
	snapshot_free(snapshot);
}

/* Whatever is asked for, the total is the same. */
static void every_view_has_the_total(void **state)
{
	struct tg_snapshot *snapshot = sample();

	(void)state;
	for (unsigned int set = 1; set < 1u << TG_FIELDS; set++) {
		char by[80] = "";

		if (set & 1u << TG_FIELD_ORIGIN &&
		    set & (1u << TG_FIELD_SOURCE | 1u << TG_FIELD_INTERFACE))
			continue;
		if (set & 1u << TG_FIELD_POLICY && set != 1u << TG_FIELD_POLICY)
			continue;
		for (int field = 0; field < TG_FIELDS; field++) {
			if (!(set & 1u << field))
				continue;
			strcat(by, *by ? "," : "");
			strcat(by, tg_view_field_name(field));
		}
		for (uint32_t top = 0; top < 4; top++) {
			struct json_object *document = view(snapshot, by, top);

			check_identity(document, snapshot);
			assert_true(!top || rows(document) <= top + 1);
			json_object_put(document);
		}
	}
	snapshot_free(snapshot);
}

static void verdicts_add_up(void **state)
{
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_usage_row *usage =
		snapshot_usage(snapshot, "192.0.2.1", snapshot_token("t", 1), 0, 12);
	struct json_object *document;

	(void)state;
	usage->usage.counts.denied = 2;
	usage->usage.counts.observed = 3;
	document = view(snapshot, "token", 0);
	assert_int_equal(number(row(document, 0), "allowed"), 7);
	assert_int_equal(number(row(document, 0), "denied"), 2);
	assert_int_equal(number(row(document, 0), "observed"), 3);
	assert_int_equal(number(member(document, "total"), "allowed"), 7);
	json_object_put(document);
	snapshot_free(snapshot);
}

static void nothing_is_a_document_too(void **state)
{
	struct tg_snapshot *snapshot = snapshot_new();
	struct json_object *document = view(snapshot, "source,token", 10);

	(void)state;
	assert_int_equal(rows(document), 0);
	assert_int_equal(number(member(document, "total"), "requests"), 0);
	json_object_put(document);
	snapshot_free(snapshot);
}

/* A token may hold anything; the document stays one line of JSON, with that text in it. */
static void hostile_prefixes_stay_text(void **state)
{
	struct tg_snapshot *snapshot = snapshot_new();
	struct json_object *document;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("\"},{\n\t\x7f\xc3\xa9/", 1), 0, 1);
	document = view(snapshot, "token", 0);
	assert_string_equal(string(row(document, 0), "token"), "\"},{\\x0a\\x09\\x7f\\xc3\\xa9/");
	json_object_put(document);
	snapshot_free(snapshot);
}

static void bad_fields(void **state)
{
	static const char *const bad[] = {"",
					  ",",
					  "source,",
					  "sources",
					  "source,source",
					  "Token",
					  "token, id",
					  "origin,source",
					  "interface,origin",
					  "token,policy",
					  "policy,policy"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tg_view_query query = {.fields = 99};
		char error[160] = "";

		assert_int_equal(tg_view_parse_fields(bad[i], &query, error, sizeof(error)),
				 -EINVAL);
		assert_int_equal(query.fields, 99);
		assert_memory_equal(error, "--by: ", 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_source_and_token),
		cmocka_unit_test(unattributed_is_named),
		cmocka_unit_test(rows_made_in_advance),
		cmocka_unit_test(by_source_uses_the_source_spill),
		cmocka_unit_test(a_prefix_sums_its_tokens),
		cmocka_unit_test(by_origin),
		cmocka_unit_test(by_token_and_origin),
		cmocka_unit_test(the_rest_of_the_top_is_one_row),
		cmocka_unit_test(every_view_has_the_total),
		cmocka_unit_test(verdicts_add_up),
		cmocka_unit_test(nothing_is_a_document_too),
		cmocka_unit_test(hostile_prefixes_stay_text),
		cmocka_unit_test(bad_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

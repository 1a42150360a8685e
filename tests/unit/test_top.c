/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/top_model.c user/top_text.c user/when.c user/duration.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../../user/top_model.h"
#include "../../user/top_text.h"

static const char *const fields[TG_TOP_LABELS] = {"source", "token"};

/* rows: "source token requests; ..." at second until. */
static int take(struct tg_top_model *model, int until, const char *rows)
{
	struct json_object *document, *array;
	char source[32], token[32], text[400];
	int requests, total = 0, used, err;

	snprintf(text, sizeof(text),
		 "{\"until\":\"2026-01-01T00:00:%02d.000Z\",\"rows\":[],\"total\":{},"
		 "\"unattributed\":{\"requests\":3}}",
		 until);
	document = json_tokener_parse(text);
	array = json_object_object_get(document, "rows");
	for (; sscanf(rows, " %31s %31s %d;%n", source, token, &requests, &used) == 3;
	     rows += used) {
		snprintf(text, sizeof(text),
			 "{\"source\":\"%s\",\"token\":\"%s\",\"token_id\":\"1\",\"requests\":%d,"
			 "\"bytes\":%d}",
			 source, token, requests, requests * 100);
		json_object_array_add(array, json_tokener_parse(text));
		total += requests;
	}
	json_object_object_add(json_object_object_get(document, "total"), "requests",
			       json_object_new_int(total));
	err = tg_top_model_take(model, document, fields);
	json_object_put(document);
	return err;
}

static void rates_are_differences(void **state)
{
	struct tg_top_model model = {0};

	(void)state;
	assert_int_equal(take(&model, 0, "a x 100; b x 50;"), 0);
	assert_true(model.rows[0].requests_rate == 0); /* nothing to compare with yet */
	tg_top_model_sort(&model, TG_TOP_BY_REQUESTS_RATE);
	assert_int_equal(take(&model, 2, "b x 70; c x 8; a x 100;"), 0);
	tg_top_model_sort(&model, TG_TOP_BY_REQUESTS_RATE);
	assert_int_equal(model.rows_count, 3);
	assert_string_equal(model.rows[0].label[0], "b");
	assert_true(model.rows[0].requests_rate == 10);
	assert_true(model.rows[0].bytes_rate == 1000);
	assert_true(model.rows[0].samples[TG_TOP_SAMPLES - 1] == 10);
	assert_string_equal(model.rows[1].label[0], "c"); /* new: all of it came since */
	assert_true(model.rows[1].requests_rate == 4);
	assert_true(model.rows[2].requests_rate == 0);
	assert_true(model.total.requests_rate == 14);
	assert_int_equal(model.unattributed, 3);
	tg_top_model_clear(&model);
}

/* Of each row and of all, as the document says. */
static void verdicts_are_taken_over(void **state)
{
	struct json_object *document = json_tokener_parse(
		"{\"until\":\"2026-01-01T00:00:01Z\",\"rows\":["
		"{\"source\":\"a\",\"token\":\"x\",\"requests\":9,\"denied\":4,\"observed\":2},"
		"{\"source\":\"b\",\"token\":\"x\",\"requests\":1,\"denied\":0,\"observed\":0}],"
		"\"total\":{\"requests\":10,\"denied\":4,\"observed\":2}}");
	struct tg_top_model model = {0};

	(void)state;
	assert_int_equal(tg_top_model_take(&model, document, fields), 0);
	tg_top_model_sort(&model, TG_TOP_BY_REQUESTS);
	assert_int_equal(model.rows[0].denied, 4);
	assert_int_equal(model.rows[0].observed, 2);
	assert_int_equal(model.rows[1].denied, 0);
	assert_int_equal(model.total.denied, 4);
	assert_int_equal(model.total.observed, 2);
	tg_top_model_clear(&model);
	json_object_put(document);
}

static void samples_move_on(void **state)
{
	struct tg_top_model model = {0};
	char rows[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(rows, sizeof(rows), "a x %d;", i * i);
		assert_int_equal(take(&model, i, rows), 0);
	}
	for (int i = 1; i < 20; i++)
		assert_true(model.rows[0].samples[TG_TOP_SAMPLES - 20 + i] == 2 * i - 1);
	assert_true(model.rows[0].samples[TG_TOP_SAMPLES - 20] == 0);
	/* five seconds without an answer: their mean stands for each of them */
	assert_int_equal(take(&model, 24, "a x 371;"), 0);
	for (int i = 1; i <= 5; i++)
		assert_true(model.rows[0].samples[TG_TOP_SAMPLES - i] == 2);
	assert_true(model.rows[0].samples[TG_TOP_SAMPLES - 6] == 37);
	tg_top_model_clear(&model);
}

/* The agent had read nothing new: the same document must not make a rate of 0. */
static void the_same_document_changes_nothing(void **state)
{
	struct tg_top_model model = {0};

	(void)state;
	assert_int_equal(take(&model, 1, "a x 1;"), 0);
	assert_int_equal(take(&model, 2, "a x 9;"), 0);
	assert_int_equal(take(&model, 2, "a x 9;"), 0);
	assert_true(model.rows[0].requests_rate == 8);
	assert_true(model.rows[0].samples[TG_TOP_SAMPLES - 2] == 0);
	tg_top_model_clear(&model);
}

static void a_row_that_shrinks_has_no_rate(void **state)
{
	struct tg_top_model model = {0};

	(void)state;
	assert_int_equal(take(&model, 1, "a x 1000;"), 0);
	assert_int_equal(take(&model, 2, "a x 5;"), 0);
	assert_true(model.rows[0].requests_rate == 0);
	tg_top_model_clear(&model);
}

static void sorting(void **state)
{
	struct tg_top_model model = {0};

	(void)state;
	assert_int_equal(take(&model, 1, "a x 10; b x 10; b w 10; c x 50;"), 0);
	tg_top_model_sort(&model, TG_TOP_BY_REQUESTS);
	assert_string_equal(model.rows[0].label[0], "c");
	assert_string_equal(model.rows[1].label[0], "a");
	assert_string_equal(model.rows[2].label[1], "w");
	assert_string_equal(model.rows[3].label[1], "x");
	tg_top_model_clear(&model);
}

static void what_is_no_document(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"until\":\"soon\",\"rows\":[]}",
		"{\"until\":\"2026-01-01T00:00:09Z\"}",
		"{\"until\":\"2026-01-01T00:00:09Z\",\"rows\":7}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_object *document = json_tokener_parse(bad[i]);
		struct tg_top_model model = {0};

		assert_int_equal(take(&model, 1, "a x 1;"), 0);
		assert_int_equal(tg_top_model_take(&model, document, fields), -EPROTO);
		assert_int_equal(model.rows_count, 0);
		json_object_put(document);
	}
}

static void numbers(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{0, "0"},	   {0.04, "0.0"},     {7.26, "7.3"},	  {9.96, "10"},
		{7, "7"},	   {42, "42"},	      {9999, "9999"},	  {10000, "10.0k"},
		{12345, "12.3k"},  {123456, "123k"},  {9999499, "9999k"}, {1.2e7, "12.0M"},
		{3.45e11, "345G"}, {1.8e19, "18.0E"},
	};
	char out[TG_TOP_NUMBER_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tg_top_number(out, cases[i].number);
		assert_string_equal(out, cases[i].text);
	}
}

static void sparklines(void **state)
{
	float samples[TG_TOP_SAMPLES] = {0};
	char out[3 * TG_TOP_SAMPLES + 1];

	(void)state;
	tg_top_sparkline(out, samples, TG_TOP_SAMPLES, 6, true);
	assert_string_equal(out, "      ");
	for (int i = 0; i < TG_TOP_SAMPLES; i++)
		samples[i] = (float)(i / 10);
	tg_top_sparkline(out, samples, TG_TOP_SAMPLES, 6, true);
	assert_string_equal(out, " ▂▃▅▆█");
	tg_top_sparkline(out, samples, TG_TOP_SAMPLES, 6, false);
	assert_string_equal(out, " :-+*@");
	memset(samples, 0, sizeof(samples));
	samples[0] = 1e9f;
	samples[59] = 1; /* little, but not nothing */
	tg_top_sparkline(out, samples, TG_TOP_SAMPLES, 60, false);
	assert_int_equal(strlen(out), 60);
	assert_int_equal(out[0], '@');
	assert_int_equal(out[59], '.');
}

static void labels_are_fitted(void **state)
{
	char out[8];

	(void)state;
	tg_top_fit(out, "192.0.2", 7);
	assert_string_equal(out, "192.0.2");
	tg_top_fit(out, "192.0.2.1", 7);
	assert_string_equal(out, "192.0.~");
	tg_top_fit(out, "192", 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences),
		cmocka_unit_test(verdicts_are_taken_over),
		cmocka_unit_test(samples_move_on),
		cmocka_unit_test(the_same_document_changes_nothing),
		cmocka_unit_test(a_row_that_shrinks_has_no_rate),
		cmocka_unit_test(sorting),
		cmocka_unit_test(what_is_no_document),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sparklines),
		cmocka_unit_test(labels_are_fitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

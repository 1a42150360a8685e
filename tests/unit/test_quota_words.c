/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
/* links: user/quota_words.c user/policy.c user/policy_json.c user/subject.c user/network.c
 * user/limit.c user/block_rule.c user/words.c user/quote.c user/duration.c user/error.c */
/* clang-format on */
/* The words of `tollgate quota set`: how they make limits, the request, what is said of mistakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "quota_words.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX 24

/* line: the words of the limits, between "|". */
static int parse(struct tg_quota_words words, const char *line, struct tg_quota *quota, char *error,
		 size_t error_bytes)
{
	static char copy[1024];
	static char *limits[WORDS_MAX];

	snprintf(copy, sizeof(copy), "%s", line);
	words.limits = limits;
	words.subject = words.subject ? words.subject : "token:free_*";
	for (char *word = strtok(copy, "|"); word; word = strtok(NULL, "|"))
		limits[words.limits_count++] = word;
	return tg_quota_words_parse(&words, quota, error, error_bytes);
}

static void test_join(void **state)
{
	static const char *const lines[] = {
		"100/m burst 20|10000/day",
		"100/m|burst|20|10000/day",
		"100/m burst|20|10000/day",
		"100/m|burst 20|10000/day",
	};
	char error[512], text[TG_QUOTA_TEXT_BYTES];
	struct tg_quota quota;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_int_equal(
			parse((struct tg_quota_words){0}, lines[i], &quota, error, sizeof(error)),
			0);
		tg_quota_describe(&quota, text);
		assert_string_equal(text, "token:free_*: 100/m burst 20, 10000/day, per each, "
					  "action reject");
	}
	assert_int_equal(parse((struct tg_quota_words){0},
			       "5/s|burst|9|6/m|burst|8|7/h|burst|7|1/month", &quota, error,
			       sizeof(error)),
			 0);
	assert_int_equal(quota.limits_count, 4);
}

static void test_mistakes(void **state)
{
	static const struct {
		struct tg_quota_words words;
		const char *line, *says;
	} bad[] = {
		{{0}, "", "LIMIT: none"},
		{{0}, "burst|20", "LIMIT: \"burst"},
		{{0}, "100/m|burst", "LIMIT: \"100/m burst\""},
		{{0}, "100/m|20", "LIMIT: \"20\""},
		{{0}, "100/m|burst|20|burst|30", "LIMIT: \"100/m burst 20 burst 30\""},
		{{0}, "100/day|burst|20", "LIMIT: \"100/day burst 20\""},
		{{0},
		 "1/s|1/m|1/h|1/day|1/hour",
		 "LIMIT: 1/hour: one too many; a policy has at most 4"},
		{{0}, "1/s|1/m|1/h|1/day|1\n/\x1bhour", "LIMIT: 1?/?hour: one too many"},
		{{0}, "1/s|2/s", "\"1/s\" and \"2/s\" are limits of one unit"},
		{{.subject = "tokn:x*"}, "1/s", "SUBJECT: \"tokn:x*\""},
		{{.subject = "source:192.0.2.1/24"}, "1/s", "SUBJECT: \"source:192.0.2.1/24\""},
		{{.action = "burn"}, "1/s", "--action: \"burn\" is not an action"},
		{{.per = "all"}, "1/s", "--per: \"all\""},
		{{.block = "after lunch"}, "1/s", "--block: \"after lunch\""},
		{{.per = "shared", .block = "after 9 denials in 1m for 1h"}, "1/s", "a block rule"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct tg_quota quota = {.limits_count = 77};
		char error[512] = "";
		int err = parse(bad[i].words, bad[i].line, &quota, error, sizeof(error));

		if (err != -EINVAL || !strstr(error, bad[i].says))
			fail_msg("%s: %s", bad[i].line, error);
		assert_null(strchr(error, '\n'));
		assert_int_equal(quota.limits_count, 77);
	}
}

static void test_too_long(void **state)
{
	struct tg_quota quota;
	char word[400], error[512];

	(void)state;
	memset(word, '1', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(parse((struct tg_quota_words){0}, word, &quota, error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "...: too long"));
}

/* Of one IPv6 network all share one budget: whether it is one source, the agent knows. */
static void test_left_to_the_agent(void **state)
{
	const struct tg_quota_words words = {.subject = "source:2001:db8::/64",
					     .per = "shared",
					     .block = "after 9 denials in 1m for 1h"};
	struct tg_quota quota;
	char error[512];

	(void)state;
	assert_int_equal(parse(words, "1/s", &quota, error, sizeof(error)), 0);
}

static void request_equals(const struct tg_quota *quota, const char *json)
{
	struct json_object *request = tg_quota_request(quota), *wanted = json_tokener_parse(json);

	assert_true(json_object_equal(request, wanted));
	json_object_put(request);
	json_object_put(wanted);
}

static void test_request(void **state)
{
	const struct tg_quota_words words = {.subject = "source:198.51.100.0/24",
					     .action = "drop",
					     .block = "after 9 denials in 1m for 1h"};
	struct tg_quota quota;
	char error[512], text[TG_QUOTA_TEXT_BYTES];

	(void)state;
	assert_int_equal(parse((struct tg_quota_words){0}, "100/m|burst|20|9/day", &quota, error,
			       sizeof(error)),
			 0);
	request_equals(&quota, "{\"verb\":\"quota-set\",\"subject\":\"token:free_*\",\"limits\":"
			       "[\"100/m burst 20\",\"9/day\"],\"action\":\"reject\",\"per\":"
			       "\"each\"}");
	assert_int_equal(parse(words, "50/s", &quota, error, sizeof(error)), 0);
	request_equals(&quota, "{\"verb\":\"quota-set\",\"subject\":\"source:198.51.100.0/24\","
			       "\"limits\":[\"50/s\"],\"action\":\"drop\",\"per\":\"each\","
			       "\"block\":\"after 9 denials in 1m for 1h\"}");
	tg_quota_describe(&quota, text);
	assert_string_equal(text,
			    "source:198.51.100.0/24: 50/s, per each, action drop, block after "
			    "9 denials in 1m for 1h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),	 cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_left_to_the_agent),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests_name("quota words", tests, NULL, NULL);
}

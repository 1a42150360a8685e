/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/policy_json.c user/quote.c user/words.c user/duration.c user/error.c */
/* Policies as texts: what is read, what is refused and how, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"
#include "policy_json.h"
#include "tollgate/bucket.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct bad {
	const char *text;
	const char *says; /* what the error begins with */
};

static void check_error(const struct bad *row, int err, const char *error)
{
	if (err != -EINVAL)
		fail_msg("%s: not refused but %d", row->text, err);
	if (strncmp(error, row->says, strlen(row->says)))
		fail_msg("%s\n  says \"%s\"\n  not  \"%s\"", row->text, error, row->says);
	for (const char *c = error; *c; c++)
		assert_true((unsigned char)*c >= ' ');
}

static struct tg_subject subject(const char *text)
{
	struct tg_subject out;
	char error[256] = "";

	if (tg_subject_parse(text, &out, error, sizeof(error)))
		fail_msg("%s: refused: %s", text, error);
	return out;
}

static struct tg_limit limit(const char *text)
{
	struct tg_limit out;
	char error[256] = "";

	if (tg_limit_parse(text, &out, error, sizeof(error)))
		fail_msg("%s: refused: %s", text, error);
	return out;
}

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d                               \
	}

static void test_subjects(void **state)
{
	static const struct {
		const char *text;
		enum tg_kind kind;
		uint32_t bits;
		uint8_t bytes[16];
		const char *printed; /* NULL: as text */
	} good[] = {
		{"any", TG_KIND_ANY, 0, {0}, NULL},
		{"source:192.0.2.7", TG_KIND_SOURCE, 128, V4(192, 0, 2, 7), NULL},
		{"source:192.0.2.7/32", TG_KIND_SOURCE, 128, V4(192, 0, 2, 7), "source:192.0.2.7"},
		{"source:198.51.100.0/24", TG_KIND_SOURCE, 120, V4(198, 51, 100, 0), NULL},
		{"source:192.0.2.6/31", TG_KIND_SOURCE, 127, V4(192, 0, 2, 6), NULL},
		{"source:0.0.0.0/0", TG_KIND_SOURCE, 96, V4(0, 0, 0, 0), NULL},
		{"source:::/0", TG_KIND_SOURCE, 0, {0}, NULL},
		{"source:::1", TG_KIND_SOURCE, 128, {[15] = 1}, NULL},
		{"source:2001:DB8::/32",
		 TG_KIND_SOURCE,
		 32,
		 {0x20, 1, 0xd, 0xb8},
		 "source:2001:db8::/32"},
		{"source:2001:db8:8000::/33", TG_KIND_SOURCE, 33, {0x20, 1, 0xd, 0xb8, 0x80}, NULL},
		{"source:2001:db8:0:1::/128",
		 TG_KIND_SOURCE,
		 128,
		 {0x20, 1, 0xd, 0xb8, [7] = 1},
		 "source:2001:db8:0:1::"},
		{"source:::ffff:192.0.2.0/120", TG_KIND_SOURCE, 120, V4(192, 0, 2, 0),
		 "source:192.0.2.0/24"},
		{"source:::ffff:0:0/96", TG_KIND_SOURCE, 96, V4(0, 0, 0, 0), "source:0.0.0.0/0"},
		{"token:*", TG_KIND_TOKEN, 0, {0}, NULL},
		{"token:a*", TG_KIND_TOKEN, 8, "a", NULL},
		{"token:free_*", TG_KIND_TOKEN, 40, "free_", NULL},
		{"token:!~:\"\\/%s*", TG_KIND_TOKEN, 64, "!~:\"\\/%s", NULL},
		{"token:0123456789abcdef*", TG_KIND_TOKEN, 128, "0123456789abcdef", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *expected = good[i].printed ? good[i].printed : good[i].text;
		struct tg_subject got = subject(good[i].text), again;
		char text[TG_SUBJECT_TEXT_BYTES];

		if (got.kind != good[i].kind || got.bits != good[i].bits)
			fail_msg("%s: kind %d, %u bits", good[i].text, got.kind, got.bits);
		assert_memory_equal(got.bytes, good[i].bytes, sizeof(got.bytes));
		tg_subject_print(&got, text);
		assert_string_equal(text, expected);
		again = subject(text);
		assert_true(tg_subject_equal(&got, &again));
	}
}

static void test_token_id(void **state)
{
	struct tg_subject got = subject("token-id:07F5c017f1b12822");
	uint64_t id, zeros;
	char text[TG_SUBJECT_TEXT_BYTES];

	(void)state;
	memcpy(&id, got.bytes, sizeof(id));
	memcpy(&zeros, got.bytes + sizeof(id), sizeof(zeros));
	assert_true(id == 0x07f5c017f1b12822ULL);
	assert_true(zeros == 0);
	assert_int_equal(got.kind, TG_KIND_TOKEN_ID);
	assert_int_equal(got.bits, 64);
	tg_subject_print(&got, text);
	assert_string_equal(text, "token-id:07f5c017f1b12822");
}

#define NO_ADDRESS " has no valid address; write for example source:192.0.2.0/24 or source:2001"

static void test_bad_subjects(void **state)
{
	static const struct bad bad[] = {
		{"", "\"\" is not a subject; write source:ADDR[/LEN], token:PREFIX*, token-id:HEX"},
		{"Any", "\"Any\" is not a subject; "},
		{" any", "\" any\" is not a subject; "},
		{"any ", "\"any \" is not a subject; "},
		{"192.0.2.1", "\"192.0.2.1\" is not a subject; "},
		{"source", "\"source\" is not a subject; "},
		{"a\nb", "\"a?b\" is not a subject; "},
		{"source:", "\"source:\"" NO_ADDRESS},
		{"source: 192.0.2.1", "\"source: 192.0.2.1\"" NO_ADDRESS},
		{"source:192.0.2", "\"source:192.0.2\"" NO_ADDRESS},
		{"source:192.0.2.256", "\"source:192.0.2.256\"" NO_ADDRESS},
		{"source:192.0.2.01", "\"source:192.0.2.01\"" NO_ADDRESS},
		{"source:example.com", "\"source:example.com\"" NO_ADDRESS},
		{"source:[2001:db8::]/32", "\"source:[2001:db8::]/32\"" NO_ADDRESS},
		{"source:fe80::1%eth0", "\"source:fe80::1%eth0\"" NO_ADDRESS},
		{"source:/24", "\"source:/24\"" NO_ADDRESS},
		{"source:192.0.2.0/33",
		 "\"source:192.0.2.0/33\" has no valid prefix length; it is 0 to 32"},
		{"source:192.0.2.0/", "\"source:192.0.2.0/\" has no valid prefix length; "},
		{"source:192.0.2.0/024", "\"source:192.0.2.0/024\" has no valid prefix length; "},
		{"source:192.0.2.0/-1", "\"source:192.0.2.0/-1\" has no valid prefix length; "},
		{"source:192.0.2.0/24/8", "\"source:192.0.2.0/24/8\" has no valid prefix length; "},
		{"source:192.0.2.0/255.255.255.0",
		 "\"source:192.0.2.0/255.255.255.0\" has no valid prefix length; "},
		{"source:2001:db8::/129",
		 "\"source:2001:db8::/129\" has no valid prefix length; it is 0 to 128"},
		{"source:192.0.2.7/24",
		 "\"source:192.0.2.7/24\" has bits behind its prefix; write source:192.0.2.0/24"},
		{"source:192.0.2.7/0",
		 "\"source:192.0.2.7/0\" has bits behind its prefix; write source:0.0.0.0/0"},
		{"source:2001:db8::1/64", "\"source:2001:db8::1/64\" has bits behind its prefix; "
					  "write source:2001:db8::/64"},
		{"token:", "\"token:\" names no token; write token:PREFIX*, or token:* for all"},
		{"token:free_",
		 "\"token:free_\" has no * at its end; a prefix is meant: add the *"},
		{"token:a*b*", "\"token:a*b*\" has a * that is not its end; "},
		{"token:**", "\"token:**\" has a * that is not its end; "},
		{"token:a b*", "\"token:a b*\" has a byte that no token has; "},
		{"token:a\tb*", "\"token:a?b*\" has a byte that no token has; "},
		{"token:a\177*", "\"token:a?*\" has a byte that no token has; "},
		{"token:\303\204*", "\"token:\303\204*\" has a byte that no token has; "},
		/* Perhaps a whole token: no more of it is shown than of any other. */
		{"token:0123456789abcdefg*", "\"token:0123456789ab...\" is too long; "},
		{"token:0123456789abcdefghijklmnopqrst", "\"token:0123456789ab...\" is too long; "},
		{"token-id:", "\"token-id:\" is not a token id; it has 16 hex digits"},
		{"token-id:07f5c017f1b1282", "\"token-id:07f5c017f...\" is not a token id; "},
		{"token-id:07f5c017f1b12822*", "\"token-id:07f5c017f...\" is not a token id; "},
		{"token-id:0x07f5c017f1b128", "\"token-id:0x07f5c01...\" is not a token id; "},
		{"token-id:0000000000000000", "\"token-id:000000000...\" is no token's id; "},
		{"origin:example.com", "\"origin:example.com\" cannot be used: origin policies are "
				       "not enforced by this version yet; "},
		{"origin:*.example.com", "\"origin:*.example.c...\" cannot be used: origin po"},
	};
	struct tg_subject out, before;
	char error[256];

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	for (size_t i = 0; i < COUNT(bad); i++) {
		out = before;
		check_error(&bad[i], tg_subject_parse(bad[i].text, &out, error, sizeof(error)),
			    error);
		assert_memory_equal(&out, &before, sizeof(out));
	}
}

static void test_networks(void **state)
{
	static const char *const good[] = {"192.0.2.0/24", "192.0.2.1",	    "0.0.0.0/0",
					   "::/0",	   "2001:db8::/32", "2001:db8::1"};
	static const struct bad bad[] = {
		{"", "\"\" has no valid address; write for example 192.0.2.0/24 or 2001:db8::/32"},
		{"source:192.0.2.1", "\"source:192.0.2.1\" has no valid address; "},
		{"192.0.2.1/24", "\"192.0.2.1/24\" has bits behind its prefix; write 192.0.2.0/24"},
		{"any", "\"any\" has no valid address; "},
	};
	struct tg_subject network;
	char error[256], text[TG_SUBJECT_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(tg_network_parse(good[i], &network, error, sizeof(error)), 0);
		assert_int_equal(network.kind, TG_KIND_SOURCE);
		tg_network_print(&network, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		check_error(&bad[i], tg_network_parse(bad[i].text, &network, error, sizeof(error)),
			    error);
}

static void test_containment(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool contains;
	} rows[] = {
		{"source:192.0.2.0/24", "source:192.0.2.0/24", true},
		{"source:192.0.2.0/24", "source:192.0.2.255", true},
		{"source:192.0.2.0/24", "source:192.0.3.0", false},
		{"source:192.0.2.0/24", "source:192.0.2.0/23", false},
		{"source:192.0.2.128/25", "source:192.0.2.127", false},
		{"source:192.0.2.128/25", "source:192.0.2.129", true},
		{"source:0.0.0.0/0", "source:255.255.255.255", true},
		{"source:0.0.0.0/0", "source:2001:db8::1", false},
		{"source:0.0.0.0/0", "source:::/0", false},
		{"source:::/0", "source:192.0.2.1", true},
		{"source:::/0", "source:2001:db8::/32", true},
		{"source:2001:db8::/33", "source:2001:db8:8000::/33", false},
		{"source:2001:db8::1", "source:2001:db8::1", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tg_subject outer = subject(rows[i].outer), inner = subject(rows[i].inner);

		if (tg_network_contains(&outer, &inner) != rows[i].contains)
			fail_msg("%s in %s", rows[i].inner, rows[i].outer);
	}
}

static void test_limits(void **state)
{
	static const struct {
		const char *text;
		enum tg_unit unit;
		uint64_t amount, interval_ns, depth_ns;
		const char *printed; /* NULL: as text */
	} good[] = {
		{"1/s", TG_UNIT_S, 1, 1000000000, 1000000000, NULL},
		{"3/s", TG_UNIT_S, 3, 333333334, 1000000002, NULL},
		{"50/s burst 1", TG_UNIT_S, 50, 20000000, 20000000, NULL},
		{"1000000/s", TG_UNIT_S, 1000000, 1000, 1000000000, NULL},
		{"100/m burst 20", TG_UNIT_M, 100, 600000000, 12000000000, NULL},
		{"  100/m   burst  20 ", TG_UNIT_M, 100, 600000000, 12000000000, "100/m burst 20"},
		{"100/m burst 100", TG_UNIT_M, 100, 600000000, 60000000000, "100/m"},
		{"60000000/m", TG_UNIT_M, 60000000, 1000, 60000000000, NULL},
		{"7/h", TG_UNIT_H, 7, 514285714286, 3600000000002, NULL},
		{"3600000000/h", TG_UNIT_H, 3600000000, 1000, 3600000000000, NULL},
		{"1/h burst 1000000", TG_UNIT_H, 1, 3600000000000, 3600000000000000000, NULL},
		{"1/minute", TG_UNIT_MINUTE, 1, 0, 0, NULL},
		{"60/hour", TG_UNIT_HOUR, 60, 0, 0, NULL},
		{"10000/day", TG_UNIT_DAY, 10000, 0, 0, NULL},
		{"4294967294/month", TG_UNIT_MONTH, 4294967294, 0, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct tg_limit got = limit(good[i].text), again;
		char text[TG_LIMIT_TEXT_BYTES];

		if (got.unit != good[i].unit || got.amount != good[i].amount ||
		    got.interval_ns != good[i].interval_ns || got.depth_ns != good[i].depth_ns)
			fail_msg("%s: %u, %llu, %llu, %llu", good[i].text, got.unit, got.amount,
				 got.interval_ns, got.depth_ns);
		assert_true(got.depth_ns < 1ULL << 62);
		tg_limit_print(&got, text);
		assert_string_equal(text, good[i].printed ? good[i].printed : good[i].text);
		again = limit(text);
		assert_memory_equal(&got, &again, sizeof(got));
	}
}

/* What the program makes of it: a full bucket has the burst, and then one an interval. */
static void test_limit_in_bucket(void **state)
{
	static const char *const texts[] = {"3/s", "7/h", "1000000/s burst 1", "1/h burst 1000000"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct tg_limit got = limit(texts[i]);

		assert_true(tg_rate_remaining(&got, 0, 1) == tg_limit_burst(&got));
		assert_true(tg_rate_wait_ns(&got, 1 + got.depth_ns, 1) == got.interval_ns);
	}
}

#define NO_LIMIT " is not a limit; write N/UNIT or N/UNIT burst B, for example 100/m burst 20"

static void test_bad_limits(void **state)
{
	static const struct bad bad[] = {
		{"", "\"\"" NO_LIMIT},
		{"   ", "\"   \"" NO_LIMIT},
		{"100", "\"100\"" NO_LIMIT},
		{"/s", "\"/s\"" NO_LIMIT},
		{"s/100", "\"s/100\"" NO_LIMIT},
		{"-1/s", "\"-1/s\"" NO_LIMIT},
		{"+1/s", "\"+1/s\"" NO_LIMIT},
		{"1.5/s", "\"1.5/s\"" NO_LIMIT},
		{"010/s", "\"010/s\"" NO_LIMIT},
		{"1k/s", "\"1k/s\"" NO_LIMIT},
		{"100 / m", "\"100 / m\"" NO_LIMIT},
		{"100/ m", "\"100/ m\"" NO_LIMIT},
		{"100/m\tburst\t2", "\"100/m?burst?2\" has an unknown unit; "},
		{"100/m 20", "\"100/m 20\"" NO_LIMIT},
		{"100/m burst", "\"100/m burst\"" NO_LIMIT},
		{"100/m bursts 20", "\"100/m bursts 20\"" NO_LIMIT},
		{"100/m burst 20 30", "\"100/m burst 20 30\"" NO_LIMIT},
		{"1/", "\"1/\" has an unknown unit; write s, m or h for a rate, minute, hour, day "
		       "or month for a calendar quota"},
		{"1/sec", "\"1/sec\" has an unknown unit; "},
		{"1/S", "\"1/S\" has an unknown unit; "},
		{"1/d", "\"1/d\" has an unknown unit; "},
		{"1/s/s", "\"1/s/s\" has an unknown unit; "},
		{"0/s", "\"0/s\" allows nothing; N is 1 or more (to refuse everything, use "
			"tollgate block)"},
		{"0/day", "\"0/day\" allows nothing; "},
		{"1000001/s", "\"1000001/s\" is too much; at most 1000000/s"},
		{"60000001/m", "\"60000001/m\" is too much; at most 60000000/m"},
		{"3600000001/h", "\"3600000001/h\" is too much; at most 3600000000/h"},
		{"4294967295/day", "\"4294967295/day\" is too much; at most 4294967294/day"},
		{"99999999999999999999/s", "\"99999999999999999999/s\" is too much; at most 10000"},
		{"1/s burst 0", "\"1/s burst 0\" has no valid burst; it is 1 to 1000000"},
		{"1/s burst 1000001", "\"1/s burst 1000001\" has no valid burst; "},
		{"1/s burst -1", "\"1/s burst -1\" has no valid burst; "},
		{"1/s burst many", "\"1/s burst many\" has no valid burst; "},
		{"1/day burst 5", "\"1/day burst 5\" is a calendar quota, which has no burst; "},
	};
	struct tg_limit out, before;
	char error[256];

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	for (size_t i = 0; i < COUNT(bad); i++) {
		out = before;
		check_error(&bad[i], tg_limit_parse(bad[i].text, &out, error, sizeof(error)),
			    error);
		assert_memory_equal(&out, &before, sizeof(out));
	}
}

static void test_block_rules(void **state)
{
	static const struct {
		const char *text;
		struct tg_block_rule rule;
		const char *printed; /* NULL: as text */
	} good[] = {
		{"after 100 denials in 1m for 10m", {100, 60, 600}, NULL},
		{"after 1 denial in 1s for 366d",
		 {1, 1, 366 * 86400},
		 "after 1 denials in 1s for 366d"},
		{"after 4294967295 denials in 86400 for 1h30m",
		 {UINT32_MAX, 86400, 5400},
		 "after 4294967295 denials in 24h for 1h30m"},
		{" after  5 denials in 1m  for 1m ", {5, 60, 60}, "after 5 denials in 1m for 1m"},
	};
	static const struct bad bad[] = {
		{"", "\"\" is not a block rule; write for example after 100 denials in 1m for 10m"},
		{"after 5 in 1m for 1m", "\"after 5 in 1m for 1m\" is not a block rule; "},
		{"after 5 denials in 1m", "\"after 5 denials in 1m\" is not a block rule; "},
		{"after 5 denials in 1m for 1m now", "\"after 5 denials in 1m for 1m now\" is not"},
		{"after 0 denials in 1m for 1m",
		 "\"after 0 denials in 1m for 1m\" has no valid number of denials; it is 1 to "},
		{"after x denials in 1m for 1m", "\"after x denials in 1m for 1m\" has no valid n"},
		{"after 4294967296 denials in 1m for 1m", "\"after 4294967296 denials in 1m for 1m"
							  "\" has no valid number of denials; "},
		{"after 5 denials in 0 for 1m",
		 "\"after 5 denials in 0 for 1m\" has no valid duration behind \"in\"; it is 1s to "
		 "24h"},
		{"after 5 denials in 25h for 1m",
		 "\"after 5 denials in 25h for 1m\" has no valid d"},
		{"after 5 denials in 1m for ever",
		 "\"after 5 denials in 1m for ever\" has no valid "
		 "duration behind \"for\"; it is 1s to 366d"},
		{"after 5 denials in 1m for 367d",
		 "\"after 5 denials in 1m for 367d\" has no valid"},
		{"after 5 denials in 1m for 111111111111111111111111111111111s",
		 "\"after 5 denials in 1m for 11111111111111...\" has no valid duration behind"},
	};
	char error[256], text[TG_BLOCK_RULE_TEXT_BYTES];
	struct tg_block_rule rule;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(tg_block_rule_parse(good[i].text, &rule, error, sizeof(error)), 0);
		assert_memory_equal(&rule, &good[i].rule, sizeof(rule));
		tg_block_rule_print(&rule, text);
		assert_string_equal(text, good[i].printed ? good[i].printed : good[i].text);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		check_error(&bad[i], tg_block_rule_parse(bad[i].text, &rule, error, sizeof(error)),
			    error);
	tg_block_rule_print(&(struct tg_block_rule){0}, text);
	assert_string_equal(text, "");
}

static void test_words(void **state)
{
	enum tg_action action = TG_ACTION_NONE;
	enum tg_per per = TG_PER_EACH;
	char error[256];

	(void)state;
	for (int i = TG_ACTION_OBSERVE; i < TG_ACTIONS; i++) {
		assert_int_equal(tg_action_parse(tg_action_name(i), &action, error, sizeof(error)),
				 0);
		assert_int_equal(action, i);
	}
	assert_int_equal(tg_action_parse("none", &action, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "\"none\" is not an action; write observe, reject, reset or "
				   "drop");
	assert_int_equal(action, TG_ACTION_DROP);
	assert_int_equal(tg_per_parse("shared", &per, error, sizeof(error)), 0);
	assert_int_equal(per, TG_PER_SHARED);
	assert_int_equal(tg_per_parse("each", &per, error, sizeof(error)), 0);
	assert_int_equal(per, TG_PER_EACH);
	assert_int_equal(tg_per_parse("", &per, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "\"\" is not known here; write each or shared");
	assert_string_equal(tg_unit_name(TG_UNIT_MONTH), "month");
	assert_string_equal(tg_unit_name(TG_UNIT_S), "s");
}

static struct tg_quota quota(const char *subject_text, enum tg_per per, const char *block)
{
	static const char *const limits[] = {"10/s burst 3", "100/day"};
	const struct tg_quota_text text = {.subject = subject_text,
					   .limits = limits,
					   .limits_count = 2,
					   .per = tg_per_name(per),
					   .block = block};
	char at[TG_QUOTA_KEY_BYTES], error[256] = "";
	struct tg_quota out;

	if (tg_quota_parse(&text, &out, at, error, sizeof(error)))
		fail_msg("%s: %s: %s", subject_text, at, error);
	return out;
}

static void test_quota_check(void **state)
{
	static const char block[] = "after 5 denials in 1m for 1h";
	static const char whom[] = "a block rule does not know whom to block where all share a ";
	static const struct {
		const char *subject;
		enum tg_per per;
		const char *block;
		const char *says; /* NULL: good */
	} rows[] = {
		{"any", TG_PER_EACH, block, NULL},
		{"any", TG_PER_SHARED, NULL, NULL},
		{"any", TG_PER_SHARED, block, whom},
		{"token:*", TG_PER_SHARED, block, whom},
		{"token:0123456789abcdef*", TG_PER_SHARED, block, whom},
		{"token-id:0000000000000001", TG_PER_SHARED, block, NULL},
		{"source:198.51.100.7", TG_PER_SHARED, block, NULL},
		{"source:198.51.100.6/31", TG_PER_SHARED, block, whom},
		{"source:198.51.100.6/31", TG_PER_EACH, block, NULL},
		{"source:2001:db8:2::/56", TG_PER_SHARED, block, NULL}, /* one source */
		{"source:2001:db8:2::/55", TG_PER_SHARED, block, whom},
		{"source:2001:db8:2::/57", TG_PER_EACH, NULL,
		 "source:2001:db8:2::/57 is longer than identity.ipv6_prefix, by which sources are "
		 "told apart; write source:2001:db8:2::/56"},
		{"source:192.0.2.1", TG_PER_EACH, NULL,
		 "source:192.0.2.1 is within 192.0.2.0/24 of never_block; remove one of them"},
		{"source:192.0.2.0/23", TG_PER_EACH, NULL, NULL},
		{"source:2001:db8:1:200::/56", TG_PER_EACH, NULL,
		 "source:2001:db8:1:200::/56 is within 2001:db8:1::/48 of never_block; "},
	};
	struct tg_subject network[] = {subject("source:2001:db8:1::/48"),
				       subject("source:192.0.2.0/24")};
	const struct tg_networks never = {.network = network, .count = COUNT(network)};
	char error[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tg_quota q = quota(rows[i].subject, rows[i].per, rows[i].block);
		const struct bad bad = {rows[i].subject, rows[i].says};
		int err = tg_quota_check(&q, 56, &never, error, sizeof(error));

		if (rows[i].says)
			check_error(&bad, err, error);
		else if (err)
			fail_msg("%s: refused: %s", rows[i].subject, error);
	}
}

static void test_quota_check_units(void **state)
{
	struct tg_quota q = quota("any", TG_PER_EACH, NULL);
	char error[256];

	(void)state;
	assert_int_equal(tg_quota_check(&q, 64, NULL, error, sizeof(error)), 0);
	q.limit[1] = limit("20/m");
	assert_int_equal(tg_quota_check(&q, 64, NULL, error, sizeof(error)), 0);
	q.limit[1] = limit("20/s");
	assert_int_equal(tg_quota_check(&q, 64, NULL, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "\"10/s burst 3\" and \"20/s\" are limits of one unit; remove "
				   "one");
}

static void test_twins(void **state)
{
	struct tg_subject list[] = {subject("any"),	 subject("token:b*"), subject("token:a*"),
				    subject("token:b*"), subject("any"),      subject("token:b*")};
	unsigned int earlier = 99, later = 99;

	(void)state;
	assert_int_equal(tg_subject_find_twins(list, sizeof(*list), 0, &earlier, &later), 0);
	assert_int_equal(tg_subject_find_twins(list, sizeof(*list), 3, &earlier, &later), 0);
	assert_int_equal(tg_subject_find_twins(list, sizeof(*list), 6, &earlier, &later), -EEXIST);
	assert_int_equal(earlier, 1);
	assert_int_equal(later, 3);
}

static void test_json(void **state)
{
	struct tg_quota q = quota("token:a\"\\/*", TG_PER_SHARED, NULL), again;
	struct json_object *object;
	char at[TG_QUOTA_KEY_BYTES], error[256] = "";

	(void)state;
	q.action = TG_ACTION_OBSERVE;
	q.block = (struct tg_block_rule){5, 60, 600};
	object = tg_quota_to_json(&q);
	assert_string_equal(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE),
		"{\"subject\":\"token:a\\\"\\\\/*\",\"limits\":[\"10/s burst 3\",\"100/day\"],"
		"\"action\":\"observe\",\"per\":\"shared\",\"block\":\"after 5 denials in 1m for "
		"10m\"}");
	assert_int_equal(tg_quota_from_json(object, &again, at, error, sizeof(error)), 0);
	assert_memory_equal(&q, &again, sizeof(q));
	json_object_put(object);
}

static void test_bad_json(void **state)
{
	static const struct {
		const char *text, *at, *says;
	} bad[] = {
		{"[]", "", "not an object; "},
		{"{}", "subject", "missing; "},
		{"{\"subject\":\"any\"}", "limits", "none; write at least one"},
		{"{\"subject\":1,\"limits\":[]}", "subject", "not a text; "},
		{"{\"subject\":\"any\\u0000\",\"limits\":[\"1/s\"]}", "subject", "not a text; "},
		{"{\"subject\":\"any\",\"limits\":\"1/s\"}", "limits", "not a list; "},
		{"{\"subject\":\"any\",\"limits\":[1]}", "limits", "holds what is not a text; "},
		{"{\"subject\":\"any\",\"limits\":[\"1/s\",\"x\"]}", "limits[1]", "\"x\" is not a"},
		{"{\"subject\":\"any\",\"limits\":[\"\",\"\",\"\",\"\",1]}", "limits",
		 "5 are too many; 1 to 4"},
		{"{\"subject\":\"any\",\"limits\":[\"1/s\"],\"per\":null}", "per", "not a text; "},
		{"{\"subject\":\"any\",\"limits\":[\"1/s\"],\"a\\nb\":1}", "a?b", "unknown key; "},
	};
	char at[TG_QUOTA_KEY_BYTES], error[256];
	struct tg_quota out;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct json_object *object = json_tokener_parse(bad[i].text);
		const struct bad row = {bad[i].text, bad[i].says};

		assert_non_null(object);
		check_error(&row, tg_quota_from_json(object, &out, at, error, sizeof(error)),
			    error);
		assert_string_equal(at, bad[i].at);
		json_object_put(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subjects),	cmocka_unit_test(test_token_id),
		cmocka_unit_test(test_bad_subjects),	cmocka_unit_test(test_networks),
		cmocka_unit_test(test_containment),	cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limit_in_bucket), cmocka_unit_test(test_bad_limits),
		cmocka_unit_test(test_block_rules),	cmocka_unit_test(test_words),
		cmocka_unit_test(test_quota_check),	cmocka_unit_test(test_quota_check_units),
		cmocka_unit_test(test_twins),		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bad_json),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/format.c user/when.c user/duration.c tests/unit/snapshot.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/format.h"
#include "../../user/when.h"
#include "snapshot.h"

static void sources(void **state)
{
	static const struct {
		const char *addr;
		unsigned int prefix;
		const char *text;
	} cases[] = {
		{"192.0.2.7", 64, "192.0.2.7"},
		{"0.0.0.0", 64, "0.0.0.0"},
		{"2001:db8:1:2::", 64, "2001:db8:1:2::/64"},
		{"2001:db8::1", 128, "2001:db8::1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 127,
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127"},
		{"::", 64, "::/64"},
	};
	char out[TG_FORMAT_SOURCE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tg_addr addr = snapshot_addr(cases[i].addr);

		tg_format_source(out, &addr, cases[i].prefix);
		assert_string_equal(out, cases[i].text);
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *prefix;
		const char *text;
	} cases[] = {
		{NULL, "-"},
		{"", "*"},
		{"sk_live_acme", "sk_live_acme"},
		{"\x1b[2J\n", "\\x1b[2J\\x0a"},
		{"a\\x41", "a\\x5cx41"},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		 "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xf"
		 "f"},
		/* nobody names himself into our own words */
		{"-", "\\x2d"},
		{"*", "\\x2a"},
		{"other", "\\x6fther"},
		{"others", "others"},
		{"--", "--"},
	};
	char out[TG_FORMAT_PREFIX_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tg_token token = snapshot_token(cases[i].prefix, 1);

		tg_format_prefix(out, &token);
		assert_string_equal(out, cases[i].text);
	}
}

static void a_zero_within_a_prefix_is_shown(void **state)
{
	struct tg_token token = {.prefix = {'a', 0, 'b'}, .id = 1};
	char out[TG_FORMAT_PREFIX_BYTES];

	(void)state;
	tg_format_prefix(out, &token);
	assert_string_equal(out, "a\\x00b");
}

static void token_ids(void **state)
{
	struct tg_token token = snapshot_token("x", 0x1234);
	struct tg_token none = snapshot_token(NULL, 0);
	char out[TG_FORMAT_ID_BYTES];

	(void)state;
	tg_format_token_id(out, &token);
	assert_string_equal(out, "0000000000001234");
	token.id = UINT64_MAX;
	tg_format_token_id(out, &token);
	assert_string_equal(out, "ffffffffffffffff");
	tg_format_token_id(out, &none);
	assert_string_equal(out, "-");
}

static void hosts(void **state)
{
	struct tg_origin origin = {.host = "app.example.com", .host_bytes = 15};
	char out[TG_FORMAT_HOST_BYTES];

	(void)state;
	tg_format_host(out, &origin);
	assert_string_equal(out, "app.example.com");
	memset(origin.host, 0xff, sizeof(origin.host));
	origin.host_bytes = 200;
	tg_format_host(out, &origin);
	assert_int_equal(strlen(out), 4 * TG_HOST_BYTES_MAX + 3);
	assert_string_equal(out + strlen(out) - 7, "\\xff...");
	memset(&origin, 0, sizeof(origin));
	tg_format_host(out, &origin);
	assert_string_equal(out, "-");
	memcpy(origin.host, "other", 5);
	tg_format_host(out, &origin);
	assert_string_equal(out, "\\x6fther");
}

static void interfaces(void **state)
{
	struct tg_interface interface = {.name = "eth0"};
	char out[TG_FORMAT_INTERFACE_BYTES];

	(void)state;
	tg_format_interface(out, &interface, 3);
	assert_string_equal(out, "eth0");
	memset(interface.name, 0x80, sizeof(interface.name));
	tg_format_interface(out, &interface, 3);
	assert_int_equal(strlen(out), 4 * TG_IFACE_NAME_BYTES);
	interface.name[0] = '\0';
	tg_format_interface(out, &interface, 3);
	assert_string_equal(out, "slot3");
}

static void times(void **state)
{
	char out[TG_FORMAT_TIME_BYTES];

	(void)state;
	tg_format_time(out, 0);
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	tg_format_time(out, 1767225599999999999ULL);
	assert_string_equal(out, "2025-12-31T23:59:59.999Z");
}

#define NOW 1767225600000000000ULL /* 2026-01-01T00:00:00Z */

static void points_in_time(void **state)
{
	static const struct {
		const char *text;
		uint64_t unix_ns;
	} cases[] = {
		{"5m", NOW - 300000000000ULL},
		{"1h30m", NOW - 5400000000000ULL},
		{"0", NOW},
		{"2025-12-31", NOW - 86400000000000ULL},
		{"2025-12-31T23:59:59.999Z", NOW - 1000000},
		{"2025-12-31 23:59", NOW - 60000000000ULL},
		{"2025-12-31t23:59:00z", NOW - 60000000000ULL},
		{"2026-01-01T01:00:00+02:00", NOW - 3600000000000ULL},
		{"2025-12-31T18:30:00-05:00", NOW - 1800000000000ULL},
		{"2025-12-31T23:59:59.1234567899Z", NOW - 1000000000ULL + 123456789},
		{"1970-01-01", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t unix_ns = 1;

		assert_int_equal(tg_when_parse(cases[i].text, NOW, &unix_ns), 0);
		assert_int_equal(unix_ns, cases[i].unix_ns);
	}
}

static void no_points_in_time(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", -EINVAL},
		{"yesterday", -EINVAL},
		{"5 m", -EINVAL},
		{"2025-13-01", -EINVAL},
		{"2025-02-29", -EINVAL},
		{"2025-12-31T", -EINVAL},
		{"2025-12-31T24:00", -EINVAL},
		{"2025-12-31T10:00x", -EINVAL},
		{"2025-12-31T10:00:00+2", -EINVAL},
		{"2025-12-31T10:00:00Zx", -EINVAL},
		{"25-12-31", -EINVAL},
		{"2026-01-01T00:00:00.001Z", -ERANGE},
		{"9999-12-31", -ERANGE},
		{"1969-12-31", -ERANGE},
		{"0000-01-01", -ERANGE},
		{"99999999d", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t unix_ns = 42;

		assert_int_equal(tg_when_parse(cases[i].text, NOW, &unix_ns), cases[i].err);
		assert_int_equal(unix_ns, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(a_zero_within_a_prefix_is_shown),
		cmocka_unit_test(token_ids),
		cmocka_unit_test(hosts),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(times),
		cmocka_unit_test(points_in_time),
		cmocka_unit_test(no_points_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/duration.c user/listen.c user/log.c */
/* Small parsers: durations, listen addresses; and the logger's limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "duration.h"
#include "listen.h"
#include "log.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {
		{"0", 0},
		{"90", 90},
		{"90s", 90},
		{"10m", 600},
		{"24h", 86400},
		{"7d", 604800},
		{"1h30m", 5400},
		{"1d2h3m4s", 93784},
		{"1d4s", 86404},
		{"007s", 7},
		{"18446744073709551615", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t seconds = 12345;

		if (tg_duration_parse(good[i].text, &seconds))
			fail_msg("%s: refused", good[i].text);
		if (seconds != good[i].seconds)
			fail_msg("%s: %llu", good[i].text, (unsigned long long)seconds);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"", -EINVAL},
		{"s", -EINVAL},
		{"-1", -EINVAL},
		{"+1", -EINVAL},
		{" 1", -EINVAL},
		{"1 ", -EINVAL},
		{"1.5h", -EINVAL},
		{"10x", -EINVAL},
		{"10M", -EINVAL},
		{"1h30", -EINVAL},
		{"30m1h", -EINVAL},
		{"1m1m", -EINVAL},
		{"1s1", -EINVAL},
		{"10ms", -EINVAL},
		{"18446744073709551616", -ERANGE},
		{"999999999999999999999d", -ERANGE},
		{"213503982334602d", -ERANGE},
		{"213503982334601d23h", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t seconds = 12345;
		int err = tg_duration_parse(bad[i].text, &seconds);

		if (err != bad[i].err)
			fail_msg("\"%s\": %d instead of %d", bad[i].text, err, bad[i].err);
		assert_int_equal(seconds, 12345);
	}
}

static void test_print(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{0, "0s"},	 {1, "1s"},
		{90, "1m30s"},	 {600, "10m"},
		{86400, "24h"},	 {90000, "25h"},
		{172800, "2d"},	 {604800, "7d"},
		{5400, "1h30m"}, {176461, "2d1h1m1s"},
	};
	char text[TG_DURATION_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		tg_duration_print(rows[i].seconds, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_round_trip(void **state)
{
	char text[TG_DURATION_TEXT_BYTES];
	uint64_t seconds = 1, back;

	(void)state;
	for (int i = 0; i < 500; i++) {
		seconds = i < 400 ? seconds + seconds / 9 + 7 : UINT64_MAX - (uint64_t)i;
		tg_duration_print(seconds, text);
		assert_int_equal(tg_duration_parse(text, &back), 0);
		assert_true(back == seconds);
	}
}

static void check_listen(const char *text, int family, const char *host, uint16_t port)
{
	struct sockaddr_storage address = {0};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
	char shown[INET6_ADDRSTRLEN];
	socklen_t bytes = 0;

	assert_int_equal(tg_listen_parse(text, &address, &bytes), 0);
	assert_int_equal(address.ss_family, family);
	assert_int_equal(bytes, family == AF_INET ? sizeof(*v4) : sizeof(*v6));
	assert_int_equal(ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port), port);
	inet_ntop(family, family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr, shown,
		  sizeof(shown));
	assert_string_equal(shown, host);
}

static void test_listen(void **state)
{
	(void)state;
	check_listen("127.0.0.1:9464", AF_INET, "127.0.0.1", 9464);
	check_listen("0.0.0.0:1", AF_INET, "0.0.0.0", 1);
	check_listen("[::1]:65535", AF_INET6, "::1", 65535);
	check_listen("[2001:db8::7]:80", AF_INET6, "2001:db8::7", 80);
}

static void test_listen_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		":9464",
		"9464",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:99999999999999999999",
		"127.0.0.1:80x",
		"127.0.0.1:-1",
		"127.0.0.1: 80",
		"127.0.0.1:80:80",
		"localhost:9464",
		"*:9464",
		"::1:9464",
		"[::1]",
		"[::1]9464",
		"[::1:9464",
		"[127.0.0.1]:9464",
		"[]:9464",
		"256.0.0.1:9464",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
	};
	struct sockaddr_storage address;
	socklen_t bytes = 99;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (tg_listen_parse(bad[i], &address, &bytes) != -EINVAL)
			fail_msg("\"%s\": taken", bad[i]);
		assert_int_equal(bytes, 99);
	}
}

static void test_listen_same_port(void **state)
{
	(void)state;
	assert_true(tg_listen_same_port("127.0.0.1:9464", "0.0.0.0:9464"));
	assert_true(tg_listen_same_port("127.0.0.1:9464", "[::]:9464"));
	assert_false(tg_listen_same_port("127.0.0.1:9464", "127.0.0.1:9465"));
	assert_false(tg_listen_same_port("[::9464]:80", "[::9464]:81"));
	assert_false(tg_listen_same_port("", ""));
	assert_false(tg_listen_same_port("127.0.0.1:9464", ""));
}

static void test_log_limit(void **state)
{
	struct tg_log_limit limit = {.period_ns = 1000, .burst = 2};
	unsigned int held_back = 99;

	(void)state;
	assert_true(tg_log_allow(&limit, 5, &held_back));
	assert_int_equal(held_back, 0);
	assert_true(tg_log_allow(&limit, 500, NULL));
	assert_false(tg_log_allow(&limit, 600, NULL));
	assert_false(tg_log_allow(&limit, 1004, &held_back));
	assert_int_equal(held_back, 0);
	assert_true(tg_log_allow(&limit, 1005, &held_back));
	assert_int_equal(held_back, 2);
	assert_true(tg_log_allow(&limit, 1006, &held_back));
	assert_int_equal(held_back, 0);
	assert_false(tg_log_allow(&limit, 1007, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_refuses),
		cmocka_unit_test(test_listen_same_port),
		cmocka_unit_test(test_log_limit),
	};

	return cmocka_run_group_tests_name("duration, listen, log", tests, NULL, NULL);
}

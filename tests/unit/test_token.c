/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/token.c tests/http/siphash_plain.c */
/* A token's text becomes what the scanner makes of it: id, prefix, first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/token.h"
#include "tests/http/siphash_plain.h"

static const uint8_t key[16] = "sixteen bytes ok";

static struct tg_http_config config(unsigned int prefix_bytes)
{
	struct tg_http_config http = {.prefix_bytes = (uint8_t)prefix_bytes};

	memcpy(http.key, key, sizeof(http.key));
	return http;
}

static void check(const char *text, size_t bytes, unsigned int prefix_bytes, size_t shown)
{
	const struct tg_http_config http = config(prefix_bytes);
	uint8_t start[TG_PREFIX_BYTES_MAX], first[TG_PREFIX_BYTES_MAX] = {0};
	char prefix[TG_PREFIX_BYTES_MAX] = {0};
	struct tg_token token;

	tg_token_identify(&http, text, bytes, &token, start);
	memcpy(prefix, text, shown);
	memcpy(first, text, bytes < sizeof(first) ? bytes : sizeof(first));
	assert_int_equal(token.id, tg_siphash_plain(key, (const uint8_t *)text, bytes));
	assert_memory_equal(token.prefix, prefix, sizeof(prefix));
	assert_memory_equal(start, first, sizeof(first));
}

static void every_length(void **state)
{
	static const char text[] = "sk_live_0123456789abcdefghijklmnopqrstuvwxyz";

	(void)state;
	for (size_t bytes = 1; bytes < sizeof(text); bytes++)
		for (unsigned int most = 1; most <= TG_PREFIX_BYTES_MAX; most++) {
			size_t shown =
				bytes > TG_PREFIX_HIDDEN_MIN ? bytes - TG_PREFIX_HIDDEN_MIN : 0;

			check(text, bytes, most, shown < most ? shown : most);
		}
}

static void no_token(void **state)
{
	static const struct tg_token none;
	const struct tg_http_config http = config(12);
	uint8_t start[TG_PREFIX_BYTES_MAX];
	struct tg_token token;

	(void)state;
	tg_token_identify(&http, "", 0, &token, start);
	assert_memory_equal(&token, &none, sizeof(none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(no_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

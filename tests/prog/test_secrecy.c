/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * What the maps give away of a token: its prefix, and nothing else; while its
 * header is still on the way, not even that.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter.h"
#include "tests/http/cases.h"

#define SHOWN 12 /* identity.token_prefix_bytes of the meter's configuration */
/* Shorter runs of a token's bytes may stand anywhere by chance. */
#define RUN 6

static struct tg_meter meter;
static struct tg_packet packet;
static int program;

static int open_meter(void **state)
{
	static const struct tg_case_config config = {"Authorization:Bearer Authorization X-API-Key",
						     TG_HEADER_BYTES_DEFAULT, SHOWN};

	(void)state;
	tg_meter_open(&meter);
	program = tg_meter_load_http(&meter, &config, 0);
	return 0;
}

/* The values of a map, one behind the other; how many bytes. */
static size_t dump(enum tg_map map, uint8_t *out, size_t room)
{
	struct bpf_map_info info = {};
	__u32 info_bytes = sizeof(info);
	int fd = meter.maps.fd[map];
	uint8_t key[64], *before = NULL;
	size_t bytes = 0;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &info_bytes), 0);
	assert_true(info.key_size <= sizeof(key) && info.value_size > 0);
	while (!bpf_map_get_next_key(fd, before, key)) {
		assert_true(bytes + info.value_size <= room);
		assert_int_equal(bpf_map_lookup_elem(fd, key, out + bytes), 0);
		bytes += info.value_size;
		before = key;
	}
	assert_true(bytes > 0);
	return bytes;
}

/* Does the map hold RUN bytes of text in a row, in whatever case? */
static bool shows(enum tg_map map, const char *text)
{
	static uint8_t values[64 * 1024];
	size_t bytes = dump(map, values, sizeof(values));

	for (size_t at = 0; at + RUN <= bytes; at++)
		for (size_t i = 0; i + RUN <= strlen(text); i++)
			if (!strncasecmp((char *)values + at, text + i, RUN))
				return true;
	return false;
}

static void send_cut(const char *before, const char *token, size_t bytes, uint16_t port)
{
	struct tg_client client = {
		.address = {10, 2, 0, 1}, .port = port, .server_port = TG_METER_PORT, .seq = 77};
	char text[256];
	int length =
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%.*s", before, (int)bytes, token);

	tg_client_segment(&client, &packet, 0x02, "", 0);
	tg_meter_send(program, &packet);
	tg_client_segment(&client, &packet, 0x18, text, (size_t)length);
	tg_meter_send(program, &packet);
}

/* Cut behind every byte of the token, after either place that it may stand in. */
static void test_unfinished_token(void **state)
{
	static const char token[] = "Zq7Xw9Kj3Vb5Hn1Tg8Rd6Lm2Pc4";
	static const char *const places[] = {"Authorization: Bearer ",
					     "X-API-Key: ", "Authorization: "};
	uint16_t port = 30000;

	(void)state;
	for (size_t place = 0; place < sizeof(places) / sizeof(*places); place++) {
		for (size_t bytes = 1; bytes < sizeof(token); bytes++) {
			tg_meter_clear(&meter);
			send_cut(places[place], token, bytes, port++);
			assert_int_equal(tg_meter_rows(&meter, TG_MAP_PARTIALS, NULL, NULL, 0), 1);
			assert_false(shows(TG_MAP_PARTIALS, token));
			assert_false(shows(TG_MAP_FLOWS, token));
		}
	}
}

/* A whole token whose header goes on: its first 16 bytes wait for the policies. */
static void test_token_of_unfinished_header(void **state)
{
	static const char token[] = "Zq7Xw9Kj3Vb5Hn1Tg8Rd6Lm2Pc4", rest[] = "\r\nHost: a";
	char line[sizeof(token) + sizeof(rest)];

	(void)state;
	snprintf(line, sizeof(line), "%s%s", token, rest);
	tg_meter_clear(&meter);
	send_cut("X-API-Key: ", line, strlen(line), 31000);
	assert_int_equal(tg_meter_rows(&meter, TG_MAP_PARTIALS, NULL, NULL, 0), 1);
	assert_true(shows(TG_MAP_PARTIALS, "Zq7Xw9Kj3Vb5")); /* the prefix may */
	assert_false(shows(TG_MAP_PARTIALS, token + SHOWN));
}

/* --- what came too early ----------------------------------------------------------- */

static const char early_token[] = "Zq7Xw9Kj3Vb5Hn1Tg8Rd6Lm2Pc4";

static void send_at(uint16_t port, uint32_t at, const char *text, size_t bytes)
{
	struct tg_client client = {.address = {10, 2, 0, 1},
				   .port = port,
				   .server_port = TG_METER_PORT,
				   .seq = 5000 + at};

	tg_client_segment(&client, &packet, at == UINT32_MAX ? TG_SYN : TG_ACK, text, bytes);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
}

/* The meter's scratch, of all CPUs: wiped, or is RUN bytes of text in it? */
static bool scratch_has(const char *text)
{
	struct bpf_map_info info = {};
	struct bpf_prog_info of = {};
	__u32 ids[32], bytes = sizeof(of), index = 0;
	int scratch = -1;
	bool has = false;
	char *values;
	size_t room;

	of.nr_map_ids = 32;
	of.map_ids = (uintptr_t)ids;
	assert_int_equal(bpf_obj_get_info_by_fd(program, &of, &bytes), 0);
	for (__u32 i = 0; i < of.nr_map_ids && i < 32 && scratch < 0; i++) {
		scratch = bpf_map_get_fd_by_id(ids[i]);
		bytes = sizeof(info);
		assert_int_equal(bpf_obj_get_info_by_fd(scratch, &info, &bytes), 0);
		if (strcmp(info.name, "scratch_map")) {
			close(scratch);
			scratch = -1;
		}
	}
	assert_true(scratch >= 0);
	room = meter.maps.cpus * ((info.value_size + 7) / 8 * 8);
	values = calloc(1, room);
	assert_non_null(values);
	if (text)
		assert_int_equal(bpf_map_lookup_elem(scratch, &index, values), 0);
	else
		assert_int_equal(bpf_map_update_elem(scratch, &index, values, BPF_ANY), 0);
	for (size_t at = 0; text && at + RUN <= room; at++)
		for (size_t i = 0; i + RUN <= strlen(text); i++)
			has |= !memcmp(values + at, text + i, RUN);
	free(values);
	close(scratch);
	return has;
}

/* A header's end that waits for its beginning, at every place in its page; again; and more. */
static void test_held_token(void **state)
{
	char text[2200];

	(void)state;
	for (uint32_t at = 1060; at < 1180; at++) {
		uint16_t port = 41000 + at;
		int bytes = snprintf(text, sizeof(text), "X-API-Key: %s\r\nHost: a\r\n\r\n",
				     early_token);

		tg_meter_clear(&meter);
		scratch_has(NULL);
		send_at(port, UINT32_MAX, "", 0);
		send_at(port, at, text, bytes);
		assert_int_equal(tg_meter_rows(&meter, TG_MAP_HOLDS, NULL, NULL, 0), 1);
		assert_false(shows(TG_MAP_HELD, early_token));
		assert_false(shows(TG_MAP_HOLDS, early_token));
		assert_false(scratch_has(early_token));
		send_at(port, at, text, bytes); /* is compared */
		assert_false(shows(TG_MAP_HELD, early_token));
		assert_false(scratch_has(early_token));
	}
}

/* While its header is on the way, what waited is read: and leaves nothing, but in a mask. */
static void test_held_token_is_read(void **state)
{
	char text[200];

	(void)state;
	for (size_t shown = 1; shown < sizeof(early_token); shown++) {
		uint16_t port = 45000 + shown;
		int bytes =
			snprintf(text, sizeof(text), "X-API-Key: %.*s", (int)shown, early_token);

		tg_meter_clear(&meter);
		scratch_has(NULL);
		send_at(port, UINT32_MAX, "", 0);
		send_at(port, 16, text, bytes);
		send_at(port, 500, early_token, sizeof(early_token) - 1);
		send_at(port, 0, "GET / HTTP/1.1\r\n", 16);
		assert_int_equal(tg_meter_rows(&meter, TG_MAP_PARTIALS, NULL, NULL, 0), 1);
		assert_false(shows(TG_MAP_PARTIALS, early_token));
		assert_false(shows(TG_MAP_FLOWS, early_token));
		assert_false(shows(TG_MAP_HELD, early_token));
		assert_false(scratch_has(early_token));
	}
}

/* Two pages of the same bytes have nothing in common. */
static void test_pages_differ(void **state)
{
	static const char same[512];
	uint8_t pages[3][1032];

	(void)state;
	tg_meter_clear(&meter);
	send_at(46000, UINT32_MAX, "", 0);
	send_at(46001, UINT32_MAX, "", 0);
	/* From the beginning of a page on: of 1 KiB, in numbers from 0 on. */
	send_at(46000, 120, same, sizeof(same));
	send_at(46000, 120 + 1024, same, sizeof(same));
	send_at(46001, 120, same, sizeof(same));
	assert_int_equal(tg_meter_rows(&meter, TG_MAP_HELD, NULL, NULL, 0), 3);
	for (size_t i = 0; i < 3; i++) {
		uint8_t key[64], *before = NULL;

		for (size_t k = 0; k <= i; k++) {
			assert_int_equal(
				bpf_map_get_next_key(meter.maps.fd[TG_MAP_HELD], before, key), 0);
			before = key;
		}
		assert_int_equal(bpf_map_lookup_elem(meter.maps.fd[TG_MAP_HELD], key, pages[i]), 0);
	}
	for (size_t i = 0; i < 3; i++)
		for (size_t at = 0; at + 8 <= sizeof(pages[i]); at += 8)
			for (size_t other = 0; other < 3; other++)
				for (size_t k = 0; k + 8 <= sizeof(pages[i]); k += 8)
					assert_true((other == i && k == at) ||
						    memcmp(pages[i] + at, pages[other] + k, 8) !=
							    0);
}

/* The check itself: a method stands there as it is. */
static void test_check_sees(void **state)
{
	(void)state;
	tg_meter_clear(&meter);
	send_cut("X-Some: ", "", 0, 40000);
	assert_true(tg_meter_rows(&meter, TG_MAP_PARTIALS, NULL, NULL, 0));
	tg_meter_clear(&meter);
	send_cut("X-A-Very-Long-Name-That-Is-Kept-In-Words", "", 0, 40001);
	assert_true(shows(TG_MAP_PARTIALS, "me-that-")); /* its third word: not masked */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unfinished_token),
		cmocka_unit_test(test_token_of_unfinished_header),
		cmocka_unit_test(test_held_token),
		cmocka_unit_test(test_held_token_is_read),
		cmocka_unit_test(test_pages_differ),
		cmocka_unit_test(test_check_sees),
	};

	return cmocka_run_group_tests(tests, open_meter, NULL);
}

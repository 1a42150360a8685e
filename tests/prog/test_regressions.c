/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * What a cold review found broken, and must stay mended: secrets that the maps
 * gave away, and requests or bytes that were not counted, or for another.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter.h"
#include "tests/http/cases.h"

#define SHOWN 12 /* identity.token_prefix_bytes, as in tg_meter_http */
#define TOKEN "Zq7Xw9Kj3Vb5Hn1Tg8Rd6Lm2Pc4"
#define RUN   5 /* shorter runs of a token's bytes may stand anywhere by chance */

#define REQUEST "GET / HTTP/1.1\r\nX-API-Key: one-two-three\r\n\r\n"

/* Payload of the largest IPv4 packet: less IP and TCP with time stamps. */
#define PAYLOAD_MAX (65535 - 20 - 32)
#define FRAME_MAX   65549

static struct tg_meter meter;
static struct tg_packet packet;
static struct tg_http_config plain_http;
static int plain, basic; /* programs */
static int program;	 /* the one of these that is in use */
static struct tg_counters before;

static void segment(struct tg_client *client, uint8_t flags, const void *bytes, size_t count)
{
	tg_client_segment(client, &packet, flags, bytes, count);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
}

static void send_text(struct tg_client *client, const char *text)
{
	segment(client, TG_ACK | TG_PSH, text, strlen(text));
}

static struct tg_client connection(void)
{
	static uint16_t port = 20000;
	struct tg_client client = {
		.address = {10, 2, 0, 1}, .port = port++, .server_port = TG_METER_PORT, .seq = 77};

	segment(&client, TG_SYN, "", 0);
	return client;
}

static uint64_t counted(uint32_t reason)
{
	struct tg_counters since;

	tg_meter_counters(&meter, 0, &before, &since);
	return since.packets[reason].packets;
}

static struct tg_head only_partial(void)
{
	struct tg_flow_key key;
	struct tg_head head;

	assert_int_equal(tg_meter_rows(&meter, TG_MAP_PARTIALS, &key, &head, 1), 1);
	return head;
}

static int start(void **state)
{
	(void)state;
	program = plain;
	tg_meter_clear(&meter);
	tg_meter_counters(&meter, 0, NULL, &before);
	return 0;
}

static int start_basic(void **state)
{
	start(state);
	program = basic;
	return 0;
}

static bool holds(const void *bytes, size_t count, __u64 word)
{
	return memmem(bytes, count, &word, sizeof(word));
}

/* Neither the key nor a hash state that nothing went into, which is the key in disguise. */
static void assert_no_key(const struct tg_head *head)
{
	const __u64 *key = plain_http.key;
	struct tg_sip sip;

	tg_sip_start(&sip, key);
	for (size_t i = 0; i < 2; i++)
		assert_false(holds(head, sizeof(*head), key[i]));
	for (size_t i = 0; i < 4; i++)
		assert_false(holds(head, sizeof(*head), sip.v[i]));
}

/* Cut behind every byte of a header. */
static void test_partials_never_hold_the_key(void **state)
{
	static const char *const headers[] = {
		"GET / HTTP/1.1\r\nX-API-Key: abcdefghijklmnopq \t x\r\nHost: a",
		"GET / HTTP/1.1\r\nAuthorization: Bearer abcdefghijklmnopq\r\nHost: a",
		"GET / HTTP/1.1\r\nOrigin: https://abcdefghij.example\r\nHost: a",
	};

	(void)state;
	assert_true(plain_http.key[0] && plain_http.key[1]);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		for (size_t bytes = 1; bytes <= strlen(headers[i]); bytes++) {
			struct tg_client client;
			struct tg_head head;

			tg_meter_clear(&meter);
			client = connection();
			segment(&client, TG_ACK, headers[i], bytes);
			head = only_partial();
			assert_no_key(&head);
		}
	}
}

/* Three bytes of text in a row, at whatever bit of the word. */
static bool word_shows(uint32_t word, const char *text)
{
	for (size_t i = 0; i + 3 <= strlen(text); i++) {
		uint32_t run =
			(uint8_t)text[i] << 16 | (uint8_t)text[i + 1] << 8 | (uint8_t)text[i + 2];

		for (int bit = 0; bit <= 8; bit++) {
			if ((word >> bit & 0xffffff) == run)
				return true;
		}
	}
	return false;
}

/* Cut behind every byte: in the user name, and behind its end. */
static void test_partials_hide_the_end_of_a_basic_user(void **state)
{
	static const char user[] = "Zq7Xw9Kj3Vb5SECR";
	static const char header[] = "GET / HTTP/1.1\r\nAuthorization: Basic "
				     "WnE3WHc5S2ozVmI1U0VDUg==\r\nX-Some: value";
	size_t first = strstr(header, "WnE3") - header + 1;

	(void)state;
	for (size_t bytes = first; bytes < sizeof(header); bytes++) {
		struct tg_client client;
		struct tg_head head;

		tg_meter_clear(&meter);
		client = connection();
		segment(&client, TG_ACK, header, bytes);
		head = only_partial();
		assert_null(memmem(&head, sizeof(head), user + SHOWN, strlen(user) - SHOWN));
		assert_false(word_shows(head.base64, user));
	}
}

static int scratch_open(struct bpf_map_info *info)
{
	struct bpf_prog_info of = {};
	__u32 ids[32], bytes = sizeof(of);

	of.nr_map_ids = 32;
	of.map_ids = (uintptr_t)ids;
	assert_int_equal(bpf_obj_get_info_by_fd(program, &of, &bytes), 0);
	for (__u32 i = 0; i < of.nr_map_ids && i < 32; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		bytes = sizeof(*info);
		memset(info, 0, sizeof(*info));
		assert_true(fd >= 0);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, info, &bytes), 0);
		if (!strcmp(info->name, "scratch_map"))
			return fd;
		close(fd);
	}
	fail_msg("the program has no scratch_map");
	return -1;
}

/* What a connection of its own leaves of TOKEN there, on whichever CPU: RUN bytes, any case? */
static bool scratch_shows(const char *text, size_t text_bytes)
{
	struct bpf_map_info info;
	struct tg_client client;
	int fd = scratch_open(&info);
	size_t bytes = meter.maps.cpus * ((info.value_size + 7) / 8 * 8);
	char *values = calloc(1, bytes);
	__u32 index = 0;
	bool shows = false;

	assert_non_null(values);
	assert_int_equal(bpf_map_update_elem(fd, &index, values, BPF_ANY), 0);
	client = connection();
	segment(&client, TG_ACK | TG_PSH, text, text_bytes);
	assert_int_equal(bpf_map_lookup_elem(fd, &index, values), 0);
	for (size_t at = 0; at + RUN <= bytes; at++) {
		for (size_t i = 0; i + RUN < sizeof(TOKEN); i++)
			shows |= !strncasecmp(values + at, TOKEN + i, RUN);
	}
	free(values);
	close(fd);
	return shows;
}

/* Literals, as they may hold NUL. */
#define SCRATCH_SHOWS(text) scratch_shows(text, sizeof(text) - 1)

/* NUL: the one byte that breaks a value within the token. */
static void test_scratch_forgets_a_broken_header(void **state)
{
	(void)state;
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nX-API-Key: " TOKEN "\0\r\n\r\n"));
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nX-API-Key: Zq7Xw9\0\r\n\r\n"));
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nAuthorization: Bearer " TOKEN "\0\r\n\r\n"));
	assert_int_equal(counted(TG_PACKET_AMBIGUOUS), 3);
}

static void test_scratch_forgets_an_unknown_scheme(void **state)
{
	(void)state;
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nAuthorization: " TOKEN "\r\n\r\n"));
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nAuthorization: Zq7Xw9Kj3Vb5\r\n\r\n"));
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nAuthorization: Zq7Xw9Kj3 Vb5\r\n\r\n"));
	assert_false(SCRATCH_SHOWS("GET / HTTP/1.1\r\nAuthorization: Some " TOKEN "\r\n\r\n"));
	assert_int_equal(counted(TG_PACKET_REQUEST), 4);
}

/* The check itself: the prefix of a token that was found may be shown. */
static void test_scratch_is_looked_at(void **state)
{
	(void)state;
	assert_true(SCRATCH_SHOWS("GET / HTTP/1.1\r\nX-API-Key: " TOKEN "\r\n\r\n"));
}

/* A body, and behind it a request that ends that many bytes before the frame does. */
static void send_largest(struct tg_client *client, size_t before_end)
{
	static const char format[] = "POST / HTTP/1.1\r\nX-API-Key: before-it\r\n"
				     "Content-Length: %05zu\r\n\r\n";
	static char payload[PAYLOAD_MAX];
	size_t head = snprintf(NULL, 0, format, (size_t)0);
	size_t next = PAYLOAD_MAX - strlen(REQUEST) - before_end;

	memset(payload, 'b', sizeof(payload));
	snprintf(payload, head + 1, format, next - head);
	payload[head] = 'b';
	memcpy(payload + next, REQUEST, strlen(REQUEST));
	for (size_t i = 0; i < before_end; i++) /* empty lines before a request are let pass */
		payload[sizeof(payload) - before_end + i] = "\r\n"[i % 2];
	segment(client, TG_ACK, payload, sizeof(payload));
	assert_int_equal(packet.count, FRAME_MAX);
}

static void test_largest_frame_is_read_to_its_end(void **state)
{
	(void)state;
	for (size_t before_end = 0; before_end <= 40; before_end += 2) {
		struct tg_client client;

		tg_meter_clear(&meter);
		client = connection();
		send_largest(&client, before_end);
		send_text(&client, REQUEST);
		assert_int_equal(tg_meter_usage(&meter, NULL).requests, 3);
	}
	assert_int_equal(counted(TG_PACKET_UNREADABLE), 0);
}

/* At most a MiB and a segment of a body wait to be billed. */
static void test_long_upload_is_billed_while_it_runs(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nX-API-Key: one-two-three\r\n"
				   "Content-Length: 100000000\r\n\r\n";
	static const char body[60000];
	struct tg_client client = connection();
	size_t sent = sizeof(head) - 1;

	(void)state;
	send_text(&client, head);
	for (unsigned int i = 0; i < 200; i++) {
		struct tg_counts counts;

		segment(&client, TG_ACK, body, sizeof(body));
		sent += sizeof(body);
		counts = tg_meter_usage(&meter, NULL);
		assert_int_equal(counts.requests, 1);
		assert_true(counts.bytes <= sent);
		assert_true(counts.bytes + (1 << 20) + sizeof(body) >= sent);
	}
}

static void test_requests_after_upgrade_and_gap_count(void **state)
{
	struct tg_client client = connection();

	(void)state;
	send_text(&client, "GET / HTTP/1.1\r\nUpgrade: h2c\r\nX-API-Key: one-two-three\r\n\r\n");
	client.seq += 20;
	send_text(&client, "st: a\r\nX-API-Key: one-two-three\r\n\r\n");
	assert_int_equal(counted(TG_PACKET_HELD), 1);
	tg_meter_age_holds(&meter);
	for (unsigned int i = 0; i < 5; i++)
		send_text(&client, REQUEST);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 6);
	assert_int_equal(counted(TG_PACKET_OPAQUE), 0);
}

/* The lost header's rest must not end the one that this CPU saw last. */
static void test_lost_partial_bills_nobody(void **state)
{
	struct tg_client client = connection(), other;
	struct tg_flow_key key;
	int partials = meter.maps.fd[TG_MAP_PARTIALS];

	(void)state;
	send_text(&client, "GET / HTTP/1.1\r\nHost: a\r\n");
	assert_int_equal(bpf_map_get_next_key(partials, NULL, &key), 0);
	assert_int_equal(bpf_map_delete_elem(partials, &key), 0);
	other = connection();
	send_text(&other, REQUEST);
	send_text(&client, "Accept: c\r\n\r\n");
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 1);
	assert_int_equal(tg_meter_usage(&meter, NULL).bytes, strlen(REQUEST));
	assert_int_equal(counted(TG_PACKET_UNSYNCED), 1);
}

static void test_old_byte_with_fin_ends_nothing(void **state)
{
	struct tg_client client = connection(), old = client;

	(void)state;
	send_text(&client, REQUEST);
	send_text(&client, "GET / HTTP/1.1\r\nX-API-Key: one-two-three\r\nHos");
	segment(&old, TG_ACK | TG_FIN, "G", 1);
	send_text(&client, "t: a\r\n\r\n");
	send_text(&client, REQUEST);
	assert_int_equal(tg_meter_usage(&meter, NULL).requests, 3);
}

static int open_meter(void **state)
{
	static const struct tg_case_config for_basic = {"Authorization:Basic",
							TG_HEADER_BYTES_DEFAULT, SHOWN};

	(void)state;
	tg_meter_open(&meter);
	assert_int_equal(tg_case_http_config(&tg_meter_http, &plain_http), 0);
	plain = tg_meter_load(&meter, &plain_http, 0);
	basic = tg_meter_load_http(&meter, &for_basic, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_partials_never_hold_the_key, start),
		cmocka_unit_test_setup(test_partials_hide_the_end_of_a_basic_user, start_basic),
		cmocka_unit_test_setup(test_scratch_forgets_a_broken_header, start),
		cmocka_unit_test_setup(test_scratch_forgets_an_unknown_scheme, start),
		cmocka_unit_test_setup(test_scratch_is_looked_at, start),
		cmocka_unit_test_setup(test_largest_frame_is_read_to_its_end, start),
		cmocka_unit_test_setup(test_long_upload_is_billed_while_it_runs, start),
		cmocka_unit_test_setup(test_requests_after_upgrade_and_gap_count, start),
		cmocka_unit_test_setup(test_lost_partial_bills_nobody, start),
		cmocka_unit_test_setup(test_old_byte_with_fin_ends_nothing, start),
	};

	return cmocka_run_group_tests(tests, open_meter, NULL);
}

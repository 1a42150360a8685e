/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * Which policy decides a request, held against a plain model that compares texts: random
 * sets of policies, random requests. The model knows nothing of bits, tries or caches.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/enforce.h"
#include "../../user/maintain.h"
#include "meter.h"
#include "tests/http/cases.h"

#define ROUNDS	 12
#define POLICIES 40
#define REQUESTS 60

struct model { /* of a policy, as texts */
	bool is_source, is_any;
	char text[64]; /* a token's beginning; an address in binary digits as far as it counts */
};

static struct tg_meter meter;
static struct tg_enforce enforce;
static struct tg_packet packet;
static struct model model[POLICIES];
static struct tg_quota quotas[POLICIES];
static unsigned int count, seed = 11;
static int program;
static uint16_t port;
static char error[512];

static int wait_for_nobody(void)
{
	return tg_maintain_wait();
}

static unsigned int pick(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

/* Few letters, so that beginnings are shared. */
static void random_token(char *out, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		out[i] = "ab"[pick(2)];
	out[bytes] = '\0';
}

static void binary(char out[33], const uint8_t address[4])
{
	for (int bit = 0; bit < 32; bit++)
		out[bit] = address[bit / 8] >> (7 - bit % 8) & 1 ? '1' : '0';
	out[32] = '\0';
}

/* Few networks, so that they lie within each other. */
static void random_address(uint8_t out[4])
{
	out[0] = 10;
	out[1] = (uint8_t)(pick(2) * 128);
	out[2] = (uint8_t)(pick(4) * 64);
	out[3] = (uint8_t)(1 + pick(8) * 31);
}

static void subject_text(struct model *at, char out[80])
{
	uint8_t address[4];
	unsigned int bits = pick(33);

	memset(at, 0, sizeof(*at));
	at->is_any = !pick(12);
	at->is_source = !at->is_any && pick(2);
	if (at->is_any) {
		strcpy(out, "any");
	} else if (at->is_source) {
		random_address(address);
		for (unsigned int bit = bits; bit < 32; bit++)
			address[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
		binary(at->text, address);
		at->text[bits] = '\0';
		snprintf(out, 80, "source:%d.%d.%d.%d/%u", address[0], address[1], address[2],
			 address[3], bits);
	} else {
		random_token(at->text, pick(9));
		snprintf(out, 80, "token:%s*", at->text);
	}
}

static bool is_twin(const struct model *a)
{
	for (unsigned int i = 0; i < count; i++)
		if (model[i].is_source == a->is_source && model[i].is_any == a->is_any &&
		    !strcmp(model[i].text, a->text))
			return true;
	return false;
}

static void random_set(void)
{
	static const char *const limits[] = {"1000000/h"};
	char text[80], at[TG_QUOTA_KEY_BYTES];

	count = 0;
	for (unsigned int i = 0; i < POLICIES; i++) {
		const struct tg_quota_text quota = {.subject = text,
						    .limits = limits,
						    .limits_count = 1,
						    .per = pick(2) ? "shared" : "each"};
		struct model one;

		subject_text(&one, text);
		if (is_twin(&one))
			continue;
		if (tg_quota_parse(&quota, &quotas[count], at, error, sizeof(error)))
			fail_msg("%s: %s", text, error);
		model[count++] = one;
	}
	if (tg_enforce_put(&enforce, quotas, count, NULL, wait_for_nobody, error, sizeof(error)))
		fail_msg("%s", error);
}

/* The longest that the text begins with, of a kind; -1: none. */
static int longest(const char *text, bool is_source)
{
	int best = -1;

	for (unsigned int i = 0; i < count; i++) {
		size_t bytes = strlen(model[i].text);

		if (model[i].is_any || model[i].is_source != is_source ||
		    strncmp(text, model[i].text, bytes))
			continue;
		if (best < 0 || bytes > strlen(model[best].text))
			best = (int)i;
	}
	return best;
}

/* Who decides what all allow: token before source before any. */
static int expected(const char *token, const uint8_t address[4])
{
	char digits[33];
	int found = *token ? longest(token, false) : -1;

	binary(digits, address);
	if (found < 0)
		found = longest(digits, true);
	for (unsigned int i = 0; found < 0 && i < count; i++)
		if (model[i].is_any)
			found = (int)i;
	return found;
}

static uint64_t decided(int which)
{
	const struct tg_enforced *policy = tg_enforce_find(&enforce, &quotas[which].subject);
	struct tg_counts counts;

	assert_non_null(policy);
	assert_int_equal(tg_maps_policy_counts(&meter.maps, policy->owner, &counts), 0);
	return counts.requests;
}

static uint64_t decided_in_all(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += decided((int)i);
	return sum;
}

static void ask(const char *token, const uint8_t address[4])
{
	struct tg_client client = {.port = ++port, .server_port = TG_METER_PORT, .seq = 5};
	char text[160];
	int bytes = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%s%s\r\n",
			     *token ? "X-API-Key: " : "", token, *token ? "\r\n" : "");

	memcpy(client.address, address, 4);
	tg_client_segment(&client, &packet, TG_SYN, "", 0);
	tg_meter_send(program, &packet);
	tg_client_segment(&client, &packet, TG_ACK, text, (size_t)bytes);
	assert_int_equal(tg_meter_send(program, &packet), XDP_PASS);
	tg_client_segment(&client, &packet, TG_RST, "", 0);
	tg_meter_send(program, &packet);
}

static void check_request(void)
{
	uint64_t before_all = decided_in_all(), before = 0;
	uint8_t address[4];
	char token[24];
	int which;

	random_token(token, pick(4) ? 1 + pick(20) : 0);
	random_address(address);
	which = expected(token, address);
	before = which < 0 ? 0 : decided(which);
	ask(token, address);
	if (which >= 0 && decided(which) != before + 1)
		fail_msg("seed 11: token \"%s\" of %d.%d.%d.%d: not decided by policy %s%s", token,
			 address[0], address[1], address[2], address[3],
			 model[which].is_source ? "source " : "token ", model[which].text);
	assert_int_equal(decided_in_all(), before_all + (which >= 0));
}

static void the_model_agrees(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		random_set();
		for (int i = 0; i < REQUESTS; i++)
			check_request();
	}
}

static int setup(void **state)
{
	static const struct tg_case_config config = {"X-API-Key", TG_HEADER_BYTES_DEFAULT, 12};

	(void)state;
	tg_meter_open_sized(&meter, 4096);
	program = tg_meter_load_http(&meter, &config, 0);
	return tg_enforce_open(&meter.maps, true, &enforce, error, sizeof(error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_model_agrees)};

	return cmocka_run_group_tests(tests, setup, NULL);
}

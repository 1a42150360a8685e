/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/*
 * The agent's side of quotas over real maps: policies set and removed, kept from
 * agent to agent and over maps that are made anew, blocks, block rules, and
 * `explain`, which must foretell what the program then does.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/explain.h"
#include "../../user/quotas.h"
#include "meter.h"
#include "tests/http/cases.h"

#define ERROR error, sizeof(error)
#define SLOT  3

static struct tg_meter meter;
static struct tg_http_config http;
static struct tg_maintain maintain;
static struct tg_quotas *quotas;
static struct tg_packet packet;
static char error[512];
static int program;
static uint16_t port;

/* --- set-up: maps, an agent's quotas over them, a state_dir ------------------------------- */

static struct tg_quota quota(const char *subject, const char *limit, const char *action,
			     const char *per)
{
	const struct tg_quota_text text = {.subject = subject,
					   .limits = &limit,
					   .limits_count = 1,
					   .action = action,
					   .per = per};
	char at[TG_QUOTA_KEY_BYTES];
	struct tg_quota out;

	if (tg_quota_parse(&text, &out, at, ERROR))
		fail_msg("%s: %s", at, error);
	return out;
}

static void open_quotas(void)
{
	if (tg_quotas_open(&meter.config, &meter.maps, &maintain, &quotas, ERROR))
		fail_msg("%s", error);
}

static void reopen_quotas(void)
{
	tg_quotas_close(quotas);
	quotas = NULL;
	open_quotas();
}

static void open_maps(void)
{
	static char state_dir[64];

	if (tg_case_http_config(&tg_meter_http, &http))
		fail_msg("no table");
	tg_meter_open(&meter);
	if (!*state_dir) {
		strcpy(state_dir, "/tmp/tg-quotas.XXXXXX");
		assert_non_null(mkdtemp(state_dir));
	}
	meter.config.state_dir = state_dir;
	meter.config.path = (char *)"test.yaml";
	meter.config.time_zone = (char *)"UTC";
	assert_int_equal(tg_maintain_open(&meter.maps, &maintain, ERROR), 0);
	program = tg_meter_load(&meter, &http, SLOT);
}

static void close_maps(void)
{
	close(program);
	tg_maintain_close(&maintain);
	tg_meter_close(&meter);
}

static int setup(void **state)
{
	(void)state;
	open_maps();
	open_quotas();
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	tg_quotas_close(quotas);
	quotas = NULL;
	snprintf(command, sizeof(command), "rm -rf %s/*", meter.config.state_dir);
	assert_int_equal(system(command), 0);
	close_maps();
	return 0;
}

static int leave(void **state)
{
	(void)state;
	return rmdir(meter.config.state_dir);
}

/* --- requests: each on a connection of its own. What became of it. ------------------------- */

static uint32_t request_from(const uint8_t address[4], const char *token)
{
	struct tg_client client = {.port = ++port, .server_port = TG_METER_PORT, .seq = 100};
	char text[200];
	int bytes = snprintf(text, sizeof(text),
			     "GET /a/path/long/enough HTTP/1.1\r\nHost: api.example\r\n%s%s%s\r\n",
			     token ? "X-API-Key: " : "", token ? token : "", token ? "\r\n" : "");

	uint32_t action;

	memcpy(client.address, address, 4);
	tg_client_segment(&client, &packet, TG_SYN, "", 0);
	tg_meter_send(program, &packet);
	tg_client_segment(&client, &packet, TG_ACK | TG_PSH, text, (size_t)bytes);
	action = tg_meter_send(program, &packet);
	tg_client_segment(&client, &packet, TG_RST | TG_ACK, "", 0); /* makes room in map flows */
	tg_meter_send(program, &packet);
	return action;
}

static const uint8_t client_a[4] = {192, 0, 2, 1}, client_b[4] = {198, 51, 100, 7};

static unsigned int allowed_of(unsigned int count, const char *token)
{
	unsigned int allowed = 0;

	while (count--)
		allowed += request_from(client_a, token) == XDP_PASS;
	return allowed;
}

static uint64_t denied_and_observed(uint64_t *observed)
{
	struct tg_usage_key keys[64];
	struct tg_usage rows[64];
	size_t count = tg_meter_rows(&meter, TG_MAP_USAGE, keys, rows, 64);
	uint64_t denied = 0;

	assert_true(count <= 64);
	*observed = 0;
	for (size_t i = 0; i < count; i++) {
		denied += rows[i].counts.denied;
		*observed += rows[i].counts.observed;
	}
	return denied;
}

static void set(const char *subject, const char *limit, const char *action, const char *per)
{
	struct tg_quota policy = quota(subject, limit, action, per);
	bool replaced;

	if (tg_quotas_set(quotas, &policy, &replaced, ERROR))
		fail_msg("%s", error);
}

static struct tg_subject subject(const char *text)
{
	struct tg_subject out;

	if (tg_subject_parse(text, &out, ERROR))
		fail_msg("%s", error);
	return out;
}

/* --- policies ----------------------------------------------------------------------------------
 */

static void run_time_policies_are_kept(void **state)
{
	(void)state;
	set("token:free_*", "3/day", "reject", "each");
	assert_int_equal(allowed_of(2, "free_11112222"), 2);
	reopen_quotas();
	assert_int_equal(tg_quotas_enforce(quotas)->count, 1);
	assert_int_equal(allowed_of(5, "free_11112222"), 1);
}

static void removed_policies_are_gone(void **state)
{
	struct tg_subject free_tokens = subject("token:free_*");

	(void)state;
	set("token:free_*", "1/day", "reject", "each");
	assert_int_equal(allowed_of(3, "free_11112222"), 1);
	assert_int_equal(tg_quotas_remove(quotas, &free_tokens, ERROR), 0);
	assert_int_equal(allowed_of(3, "free_11112222"), 3);
	assert_int_equal(tg_quotas_remove(quotas, &free_tokens, ERROR), -ENOENT);
	assert_non_null(strstr(error, "token:free_*: no such policy"));
	reopen_quotas();
	assert_int_equal(tg_quotas_enforce(quotas)->count, 0);
	/* Set again it begins anew: it is another policy. */
	set("token:free_*", "1/day", "reject", "each");
	assert_int_equal(allowed_of(3, "free_11112222"), 1);
}

static void files_policies_are_the_files(void **state)
{
	struct tg_quota in_file = quota("token:free_*", "2/day", "reject", "each");
	struct tg_config config = meter.config;
	struct tg_subject free_tokens = subject("token:free_*");

	(void)state;
	config.policies = &in_file;
	config.policies_count = 1;
	assert_int_equal(tg_quotas_reload(quotas, &config, ERROR), 0);
	assert_int_equal(allowed_of(1, "free_11112222"), 1);
	assert_int_equal(tg_quotas_remove(quotas, &free_tokens, ERROR), -EPERM);
	assert_non_null(strstr(error, "test.yaml"));
	/* One of the run time stands in its place, and what was taken stays taken. */
	set("token:free_*", "4/day", "reject", "each");
	assert_int_equal(allowed_of(6, "free_11112222"), 3);
	assert_int_equal(tg_quotas_remove(quotas, &free_tokens, ERROR), 0);
	assert_int_equal(tg_quotas_enforce(quotas)->policies[0].quota.limit[0].amount, 2);
	assert_int_equal(allowed_of(3, "free_11112222"), 0);
	assert_int_equal(tg_quotas_reload(quotas, &meter.config, ERROR), 0);
}

static void bad_sets_change_nothing(void **state)
{
	struct tg_subject never = {0};
	struct tg_config config = meter.config;
	struct tg_quota long_source = quota("source:2001:db8::1/128", "2/day", "reject", "each");
	bool replaced;

	(void)state;
	set("source:192.0.2.0/24", "2/day", "reject", "each");
	assert_int_equal(allowed_of(1, NULL), 1);
	assert_int_equal(tg_quotas_set(quotas, &long_source, &replaced, ERROR), -EINVAL);
	assert_non_null(strstr(error, "2001:db8::1"));
	assert_int_equal(tg_network_parse("192.0.0.0/16", &never, ERROR), 0);
	config.never_block = (struct tg_networks){.network = &never, .count = 1};
	assert_int_equal(tg_quotas_reload(quotas, &config, ERROR), -EINVAL);
	assert_non_null(strstr(error, "source:192.0.2.0/24"));
	assert_int_equal(allowed_of(4, NULL), 1);
}

static void what_cannot_be_kept_is_not_in_force(void **state)
{
	struct tg_quota policy = quota("any", "1/day", "reject", "shared");
	struct tg_config config = meter.config;
	bool replaced;

	(void)state;
	config.state_dir = (char *)"/proc/tg-no-such-dir";
	assert_int_equal(tg_quotas_reload(quotas, &config, ERROR), 0);
	assert_true(tg_quotas_set(quotas, &policy, &replaced, ERROR) < 0);
	assert_non_null(strstr(error, "/proc/tg-no-such-dir"));
	assert_int_equal(tg_quotas_enforce(quotas)->count, 0);
	assert_int_equal(allowed_of(3, NULL), 3);
	assert_int_equal(tg_quotas_reload(quotas, &meter.config, ERROR), 0);
}

static void spent_quotas_outlive_the_maps(void **state)
{
	(void)state;
	set("token:free_*", "5/month", "reject", "each");
	set("any", "100/day", "reject", "shared");
	assert_int_equal(allowed_of(3, "free_11112222"), 3);
	assert_int_equal(allowed_of(1, "free_other999"), 1);
	tg_quotas_close(quotas);
	quotas = NULL;
	close_maps();
	open_maps();
	open_quotas();
	assert_int_equal(allowed_of(4, "free_11112222"), 2);
	assert_int_equal(allowed_of(9, "free_other999"), 4);
	/* Read once more over maps that know more: nothing is given back, or taken. */
	reopen_quotas();
	assert_int_equal(allowed_of(2, "free_11112222"), 0);
	assert_int_equal(allowed_of(85, NULL), 85);
	/* Refused requests took nothing of the 100. */
	assert_int_equal(allowed_of(10, NULL), 5);
}

static void larger_limits_take_effect(void **state)
{
	(void)state;
	set("token:free_*", "1/m burst 60", "reject", "each");
	assert_int_equal(allowed_of(70, "free_11112222"), 60);
	/* An hour ahead under the old limit: 1 s is the most that the new one may wait. */
	set("token:free_*", "60/m burst 1", "reject", "each");
	assert_int_equal(allowed_of(1, "free_11112222"), 0);
	usleep(1100000);
	assert_int_equal(allowed_of(1, "free_11112222"), 1);
}

/* --- blocks --------------------------------------------------------------------------------------
 */

static void blocks_are_kept_and_lifted(void **state)
{
	struct tg_subject source = subject("source:192.0.2.0/24");
	uint64_t expires;

	(void)state;
	assert_int_equal(tg_quotas_block(quotas, &source, 0, "test", &expires, ERROR), 0);
	assert_int_equal(expires, 0);
	assert_int_equal(request_from(client_a, NULL), XDP_DROP);
	assert_int_equal(request_from(client_b, NULL), XDP_PASS);
	reopen_quotas();
	assert_int_equal(request_from(client_a, NULL), XDP_DROP);
	/* Over maps that are made anew, too. */
	tg_quotas_close(quotas);
	quotas = NULL;
	close_maps();
	open_maps();
	open_quotas();
	assert_int_equal(request_from(client_a, NULL), XDP_DROP);
	assert_int_equal(tg_quotas_unblock(quotas, &source, ERROR), 0);
	assert_int_equal(request_from(client_a, NULL), XDP_PASS);
	assert_int_equal(tg_quotas_unblock(quotas, &source, ERROR), -ENOENT);
	reopen_quotas();
	assert_int_equal(request_from(client_a, NULL), XDP_PASS);
}

/* A block stays where it cannot be kept from coming back: in force, in the list, on disk. */
static void unblock_is_all_or_nothing(void **state)
{
	struct tg_subject source = subject("source:192.0.2.0/24");
	char in_the_way[100];
	uint64_t expires;

	(void)state;
	snprintf(in_the_way, sizeof(in_the_way), "%s/runtime.json.new", meter.config.state_dir);
	assert_int_equal(tg_quotas_block(quotas, &source, 0, "test", &expires, ERROR), 0);
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(tg_quotas_unblock(quotas, &source, ERROR) < 0);
		assert_non_null(strstr(error, "runtime.json: cannot be written"));
		assert_int_equal(request_from(client_a, NULL), XDP_DROP);
	}
	assert_int_equal(rmdir(in_the_way), 0);
	assert_int_equal(tg_quotas_unblock(quotas, &source, ERROR), 0);
	tg_quotas_close(quotas);
	quotas = NULL;
	close_maps();
	open_maps();
	open_quotas();
	assert_int_equal(request_from(client_a, NULL), XDP_PASS);
}

static void never_block_beats_blocks(void **state)
{
	struct tg_subject never, wide = subject("source:192.0.0.0/16"),
				 narrow = subject("source:192.0.2.1");
	struct tg_config config = meter.config;
	uint64_t expires;

	(void)state;
	assert_int_equal(tg_quotas_block(quotas, &narrow, 0, "", &expires, ERROR), 0);
	assert_int_equal(request_from(client_a, NULL), XDP_DROP);
	assert_int_equal(tg_network_parse("192.0.2.0/24", &never, ERROR), 0);
	config.never_block = (struct tg_networks){.network = &never, .count = 1};
	assert_int_equal(tg_quotas_reload(quotas, &config, ERROR), 0);
	assert_int_equal(request_from(client_a, NULL), XDP_PASS);
	assert_int_equal(tg_quotas_block(quotas, &narrow, 0, "", &expires, ERROR), -EPERM);
	assert_non_null(strstr(error, "never_block (192.0.2.0/24)"));
	assert_int_equal(tg_quotas_block(quotas, &wide, 0, "", &expires, ERROR), 0);
	assert_int_equal(request_from(client_a, NULL), XDP_PASS);
	assert_int_equal(request_from((uint8_t[4]){192, 0, 3, 1}, NULL), XDP_DROP);
	assert_int_equal(tg_quotas_reload(quotas, &meter.config, ERROR), 0);
	assert_int_equal(request_from(client_a, NULL), XDP_DROP);
}

static void offenders_are_blocked(void **state)
{
	struct tg_quota policy = quota("token:free_*", "2/day", "reject", "each");
	uint64_t denied, observed;
	bool replaced;

	(void)state;
	assert_int_equal(tg_block_rule_parse("after 5 denials in 10s for 5m", &policy.block, ERROR),
			 0);
	assert_int_equal(tg_quotas_set(quotas, &policy, &replaced, ERROR), 0);
	tg_quotas_tick(quotas);
	assert_int_equal(allowed_of(6, "free_11112222"), 2); /* 4 denials */
	tg_quotas_tick(quotas);
	assert_int_equal(meter.maps.control->drops_tokens, 0);
	assert_int_equal(allowed_of(1, "free_11112222"), 0);
	assert_int_equal(request_from(client_a, "free_innocent"), XDP_PASS);
	tg_quotas_tick(quotas);
	assert_int_equal(meter.maps.control->drops_tokens, 1);
	assert_int_equal(request_from(client_a, "free_innocent"), XDP_PASS);
	/* No 429 any more: its packet becomes the reset of the server's socket. */
	denied = denied_and_observed(&observed);
	assert_int_equal(request_from(client_a, "free_11112222"), XDP_PASS);
	assert_int_equal(denied_and_observed(&observed), denied + 1);
}

/* When all budgets are taken, newcomers share one: who of them offends cannot be told. */
static void the_fallback_is_nobody(void **state)
{
	struct tg_quota policy = quota("source:0.0.0.0/0", "1/day", "reject", "each");
	bool replaced;

	(void)state;
	assert_int_equal(
		tg_block_rule_parse("after 20 denials in 10s for 5m", &policy.block, ERROR), 0);
	assert_int_equal(tg_quotas_set(quotas, &policy, &replaced, ERROR), 0);
	tg_quotas_tick(quotas);
	for (unsigned int i = 0; i < 200; i++)
		request_from((uint8_t[4]){10, 0, 0, (uint8_t)i}, NULL);
	tg_quotas_tick(quotas);
	assert_int_equal(meter.maps.control->drops_sources, 0);
	/* One with a budget of its own can be. */
	for (unsigned int i = 0; i < 30; i++)
		request_from((uint8_t[4]){10, 0, 0, 0}, NULL);
	tg_quotas_tick(quotas);
	assert_int_equal(meter.maps.control->drops_sources, 1);
}

static void rules_leave_what_hands_did(void **state)
{
	struct tg_subject source = subject("source:192.0.2.1");
	struct tg_drop_clock now = {.jiffies = 1000, .unix_ns = 1, .hz = 100};
	struct tg_drops drops;
	struct tg_drop drop;
	uint64_t expires;

	(void)state;
	assert_int_equal(tg_quotas_block(quotas, &source, 0, "by hand", &expires, ERROR), 0);
	assert_int_equal(tg_drops_open(&drops, &meter.maps, NULL, ERROR), 0);
	assert_int_equal(tg_drops_put(&drops, &source, TG_DROP_RULE, 5, "a rule", &now, ERROR), 0);
	assert_true(tg_drops_find(&drops, &source, &drop));
	assert_int_equal(drop.reason, TG_DROP_MANUAL);
	assert_string_equal(drop.text, "by hand");
}

/* --- explain
 * --------------------------------------------------------------------------------------- */

static const char *text_in(struct json_object *object, const char *name)
{
	return json_object_get_string(json_object_object_get(object, name));
}

/* What explain says: the action's name, or "-". */
static void explained(const uint8_t address[4], const char *token, char action[16], char why[320])
{
	char source[32];
	struct tg_explain ask = {.source = source,
				 .token = token,
				 .config = &meter.config,
				 .enforce = tg_quotas_enforce(quotas),
				 .http = &http};
	struct json_object *document;

	snprintf(source, sizeof(source), "%d.%d.%d.%d", address[0], address[1], address[2],
		 address[3]);
	if (tg_explain(&ask, &document, ERROR))
		fail_msg("%s", error);
	snprintf(action, 16, "%s", text_in(document, "action"));
	snprintf(why, 320, "%s", text_in(document, "why"));
	json_object_put(document);
}

/* One request: what explain says of it must be what becomes of it. */
static void foretell(const uint8_t address[4], const char *token)
{
	uint64_t denied, observed, denied_before, observed_before;
	char action[16], why[320];
	bool is_denied, is_observed;

	explained(address, token, action, why);
	denied_before = denied_and_observed(&observed_before);
	request_from(address, token);
	denied = denied_and_observed(&observed) - denied_before;
	observed -= observed_before;
	is_observed = !strcmp(action, "observe");
	is_denied = !is_observed && strcmp(action, "-");
	if (denied != is_denied || observed != is_observed)
		fail_msg("explain of %d.%d.%d.%d %s: %s (%s), but %llu denied, %llu observed",
			 address[0], address[1], address[2], address[3], token ? token : "-",
			 action, why, (unsigned long long)denied, (unsigned long long)observed);
}

static void explain_foretells(void **state)
{
	static const uint8_t addresses[][4] = {
		{192, 0, 2, 1}, {192, 0, 2, 77}, {198, 51, 100, 7}, {203, 0, 113, 9}};
	static const char *const tokens[] = {NULL, "free_11112222", "free_b_33334444",
					     "paid_55556666", "fr"};
	unsigned int seed = 7;

	(void)state;
	set("token:free_*", "9/hour", "reject", "each");
	set("token:free_b*", "5/hour", "drop", "each");
	set("source:192.0.2.0/24", "12/day", "observe", "shared");
	set("source:192.0.2.77", "3/day", "reset", "each");
	set("any", "14/month", "reject", "each");
	for (int i = 0; i < 300; i++)
		foretell(addresses[rand_r(&seed) % 4], tokens[rand_r(&seed) % 5]);
}

static void explain_says_why(void **state)
{
	char action[16], why[320];

	(void)state;
	set("token:free_*", "1/day", "reject", "each");
	explained(client_a, "paid_55556666", action, why);
	assert_string_equal(action, "-");
	assert_string_equal(why, "it is under no policy");
	assert_int_equal(allowed_of(1, "free_11112222"), 1);
	explained(client_a, "free_11112222", action, why);
	assert_string_equal(action, "reject");
	assert_non_null(strstr(why, "token:free_* allows 1/day; 0 left, next in "));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(run_time_policies_are_kept),
		T(removed_policies_are_gone),
		T(files_policies_are_the_files),
		T(bad_sets_change_nothing),
		T(what_cannot_be_kept_is_not_in_force),
		T(spent_quotas_outlive_the_maps),
		T(larger_limits_take_effect),
		T(blocks_are_kept_and_lifted),
		T(unblock_is_all_or_nothing),
		T(never_block_beats_blocks),
		T(offenders_are_blocked),
		T(the_fallback_is_nobody),
		T(rules_leave_what_hands_did),
		T(explain_foretells),
		T(explain_says_why),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, leave);
}

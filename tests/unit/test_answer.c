/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/unit/snapshot.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/answer.h"
#include "snapshot.h"

struct fixture {
	struct tg_config config;
	struct tg_snapshot *snapshot;
	struct tg_health health;
	struct tg_attachment attachments[2];
	struct tg_link_info links[2];
	struct tg_config_interface interfaces[2];
	struct tg_answer from;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->snapshot = snapshot_new();
	snapshot_usage(f->snapshot, "192.0.2.1", snapshot_token("acme", 1), 0, 10);
	snapshot_usage(f->snapshot, "2001:db8:1:2::", snapshot_token("acme", 1), 1, 5);
	snapshot_token_spill(f->snapshot, snapshot_token("acme", 1), 1, 2);
	f->snapshot->unattributed[TG_UNATTRIBUTED_BAD_HEADER].requests = 1;
	f->snapshot->packets[0][TG_PACKET_SEEN].packets = 12;
	f->snapshot->packets[0][TG_PACKET_REQUEST].packets = 9;
	f->snapshot->packets[0][TG_PACKET_REQUEST].requests = 19;
	f->snapshot->packets[0][TG_PACKET_ACK].packets = 2;
	strcpy(f->snapshot->interfaces[2].name, "old0");
	f->interfaces[0] = (struct tg_config_interface){.name = (char *)"veth0",
							.server = TG_SERVER_FORWARDED};
	f->interfaces[1] =
		(struct tg_config_interface){.name = (char *)"lo", .mode = TG_MODE_GENERIC};
	f->config = (struct tg_config){.pin_dir = (char *)"/sys/fs/bpf/tg",
				       .interfaces = f->interfaces,
				       .interfaces_count = 2,
				       .identity.ipv6_prefix = 64};
	f->attachments[0] = (struct tg_attachment){.name = "veth0",
						   .slot = 0,
						   .attached = true,
						   .mode = TG_MODE_NATIVE,
						   .program_id = 77,
						   .link_id = 5,
						   .egress_id = 78};
	f->attachments[1] =
		(struct tg_attachment){.name = "lo", .slot = 1, .why = "another program"};
	f->links[0] = (struct tg_link_info){
		.ifindex = 3, .mtu = 1500, .driver = "veth", .operstate = "up"};
	f->health.pid = 4711;
	f->health.started_unix_ns = f->snapshot->taken_unix_ns - 90000000000ULL;
	f->from.status = (struct tg_status){.config = &f->config,
					    .snapshot = f->snapshot,
					    .health = &f->health,
					    .attachments = f->attachments,
					    .links = f->links,
					    .interfaces_count = 2};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tg_history_free(f->from.history);
	snapshot_free(f->snapshot);
	free(f);
	return 0;
}

static struct json_object *ask(const struct fixture *f, const char *request)
{
	struct json_object *object = json_tokener_parse(request), *reply;
	struct tg_text text = {0};

	assert_non_null(object);
	tg_answer(&f->from, object, &text);
	assert_null(strchr(text.data, '\n'));
	reply = json_tokener_parse(text.data);
	assert_true(json_object_is_type(reply, json_type_object));
	tg_text_free(&text);
	json_object_put(object);
	return reply;
}

/* "a.b.0.c" of the object. */
static struct json_object *at(struct json_object *object, const char *path)
{
	char *copy = strdup(path), *save = NULL;

	for (char *name = strtok_r(copy, ".", &save); name; name = strtok_r(NULL, ".", &save))
		object = json_object_is_type(object, json_type_array)
				 ? json_object_array_get_idx(object, (size_t)atoi(name))
				 : json_object_object_get(object, name);
	free(copy);
	return object;
}

static long number(struct json_object *object, const char *path)
{
	assert_non_null(at(object, path));
	return json_object_get_int64(at(object, path));
}

static const char *text(struct json_object *object, const char *path)
{
	assert_non_null(at(object, path));
	return json_object_get_string(at(object, path));
}

static void usage_by_default(void **state)
{
	struct json_object *reply = ask(*state, "{\"verb\":\"usage\"}");

	assert_int_equal(number(reply, "total.requests"), 18);
	assert_string_equal(text(reply, "rows.0.source"), "192.0.2.1");
	assert_string_equal(text(reply, "rows.1.source"), "2001:db8:1:2::/64");
	assert_string_equal(text(reply, "rows.2.source"), "other");
	json_object_put(reply);
}

static void usage_by_fields_and_top(void **state)
{
	struct json_object *reply =
		ask(*state, "{\"verb\":\"usage\",\"by\":\"interface\",\"top\":1}");

	assert_int_equal(json_object_array_length(at(reply, "rows")), 2);
	assert_string_equal(text(reply, "rows.0.interface"), "veth0");
	assert_string_equal(text(reply, "rows.1.interface"), "other");
	json_object_put(reply);
}

static void check_error(struct fixture *f, const char *request, int status, const char *says)
{
	struct json_object *reply = ask(f, request);

	assert_int_equal(number(reply, "exit"), status);
	assert_non_null(strstr(text(reply, "error"), says));
	json_object_put(reply);
}

static void errors(void **state)
{
	struct fixture *f = *state;

	check_error(f, "{}", 2, "no verb");
	check_error(f, "{\"verb\":\"reboot\"}", 2, "no verb reboot");
	check_error(f, "{\"verb\":[1]}", 2, "no verb");
	check_error(f, "{\"verb\":\"usage\",\"by\":\"colour\"}", 2, "no field colour");
	check_error(f, "{\"verb\":\"usage\",\"by\":7}", 2, "not a string");
	check_error(f, "{\"verb\":\"usage\",\"since_unix_ns\":1767227000000000000}", 1,
		    "no agent answers");
}

static void since(void **state)
{
	struct fixture *f = *state;
	struct json_object *reply;

	f->from.history = tg_history_new(1 << 20);
	assert_int_equal(tg_history_add(f->from.history, f->snapshot), 0);
	f->snapshot->taken_unix_ns += 30000000000ULL;
	f->snapshot->usage[0].usage.counts.requests += 4;
	check_error(f, "{\"verb\":\"usage\",\"since_unix_ns\":1767227000000000000}", 1,
		    "reaches back to 2026-01-01T01:00:00.000Z (30s)");
	/* Before the books began: everything. */
	reply = ask(f, "{\"verb\":\"usage\",\"since_unix_ns\":5}");
	assert_string_equal(text(reply, "since"), "2026-01-01T00:00:00.000Z");
	assert_true(number(reply, "total.requests") > 4);
	json_object_put(reply);
	reply = ask(f, "{\"verb\":\"usage\",\"since_unix_ns\":1767229200000000000}");
	assert_string_equal(text(reply, "since"), "2026-01-01T01:00:00.000Z");
	assert_string_equal(text(reply, "until"), "2026-01-01T01:00:30.000Z");
	assert_int_equal(json_object_array_length(at(reply, "rows")), 1);
	assert_int_equal(number(reply, "rows.0.requests"), 4);
	assert_int_equal(number(reply, "total.requests"), 4);
	json_object_put(reply);
}

static void status_of_an_agent(void **state)
{
	struct json_object *reply = ask(*state, "{\"verb\":\"status\"}");

	assert_true(json_object_get_boolean(at(reply, "agent.running")));
	assert_int_equal(number(reply, "agent.pid"), 4711);
	assert_int_equal(number(reply, "agent.uptime_s"), 90);
	assert_string_equal(text(reply, "interfaces.0.interface"), "veth0");
	assert_string_equal(text(reply, "interfaces.0.mode"), "native");
	assert_string_equal(text(reply, "interfaces.0.driver"), "veth");
	assert_int_equal(number(reply, "interfaces.0.mtu"), 1500);
	assert_int_equal(number(reply, "interfaces.0.program_id"), 77);
	assert_string_equal(text(reply, "interfaces.0.server"), "forwarded");
	assert_int_equal(number(reply, "interfaces.0.egress_id"), 78);
	assert_string_equal(text(reply, "interfaces.0.why"), "");
	assert_string_equal(text(reply, "interfaces.1.server"), "local");
	assert_int_equal(number(reply, "interfaces.0.requests"), 10);
	assert_string_equal(text(reply, "interfaces.1.mode"), "-");
	assert_string_equal(text(reply, "interfaces.1.wanted"), "generic");
	assert_string_equal(text(reply, "interfaces.1.state"), "absent");
	assert_string_equal(text(reply, "interfaces.1.why"), "another program");
	assert_int_equal(number(reply, "interfaces.1.requests"), 7);
	/* metered once: what it counted is not forgotten */
	assert_string_equal(text(reply, "interfaces.2.interface"), "old0");
	assert_string_equal(text(reply, "interfaces.2.wanted"), "-");
	json_object_put(reply);
}

/* A packet that ended in no reason is seen: 12 seen, 11 ended. */
static void status_shows_what_does_not_add_up(void **state)
{
	struct json_object *reply = ask(*state, "{\"verb\":\"status\"}");

	assert_int_equal(number(reply, "interfaces.0.packets.seen"), 12);
	assert_int_equal(number(reply, "interfaces.0.packets.difference"), 1);
	assert_int_equal(number(reply, "interfaces.0.packets.reasons.request"), 9);
	assert_null(at(reply, "interfaces.0.packets.reasons.syn"));
	assert_int_equal(number(reply, "identity.packets_difference"), 1);
	assert_int_equal(number(reply, "identity.requests"), 19);
	assert_int_equal(number(reply, "identity.usage_rows"), 15);
	assert_int_equal(number(reply, "identity.token_spill"), 2);
	assert_int_equal(number(reply, "identity.unattributed"), 1);
	assert_int_equal(number(reply, "identity.requests_difference"), 1);
	json_object_put(reply);
}

static void status_without_an_agent(void **state)
{
	struct fixture *f = *state;
	struct json_object *reply;

	f->from.status.health = NULL;
	f->attachments[0].egress_id = 0; /* the pins do not tell that there should be one */
	reply = ask(f, "{\"verb\":\"status\"}");
	assert_false(json_object_get_boolean(at(reply, "agent.running")));
	assert_null(at(reply, "agent.pid"));
	assert_string_equal(text(reply, "books.since"), "2026-01-01T00:00:00.000Z");
	assert_string_equal(text(reply, "interfaces.0.why"), "its egress program is not there");
	json_object_put(reply);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(usage_by_default),
		with_fixture(usage_by_fields_and_top),
		with_fixture(errors),
		with_fixture(since),
		with_fixture(status_of_an_agent),
		with_fixture(status_shows_what_does_not_add_up),
		with_fixture(status_without_an_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

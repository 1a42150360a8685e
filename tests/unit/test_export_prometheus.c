/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/export_prometheus.c user/export_series.c user/export_state.c user/tally.c */
/* links: user/format.c user/text.c user/file.c user/export_quotas.c user/survey.c user/enforce.c */
/* links: user/policy.c user/subject.c user/limit.c user/network.c user/words.c user/quote.c */
/* links: user/block_rule.c user/duration.c user/log.c */
/* links: user/collect.c user/clock.c user/maps.c user/error.c tests/unit/snapshot.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/export_prometheus.h"
#include "../../user/export_state.h"
#include "snapshot.h"

static struct tg_config_interface interface = {.name = (char *)"veth0"};
static const struct tg_config config = {.interfaces = &interface, .interfaces_count = 1};
static uint32_t egress_id;

/* A page, as a scraper gets it. The caller frees it. */
static char *page(struct tg_export_series *series, const struct tg_snapshot *snapshot)
{
	struct tg_health health = {.pid = 1, .started_unix_ns = 1767225600123456789ULL};
	struct tg_attachment attachment = {
		.name = "veth0", .attached = true, .mode = TG_MODE_NATIVE, .egress_id = egress_id};
	struct tg_export from = {.snapshot = snapshot,
				 .series = series,
				 .health = &health,
				 .attachments = &attachment,
				 .attachments_count = 1,
				 .config = &config,
				 .ipv6_prefix = 64};
	struct tg_text text = {0};

	assert_int_equal(tg_export_series_update(series, snapshot), 0);
	tg_export_print(&from, &text);
	assert_false(text.failed);
	return text.data;
}

/* The value behind a series' full name; -1: the page has none. */
static long value_of(const char *text, const char *series)
{
	size_t bytes = strlen(series);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, series, bytes) && line[bytes] == ' ')
			return atol(line + bytes + 1);
	}
	return -1;
}

/* The sum of all series whose line begins so. */
static long sum_of(const char *text, const char *start)
{
	long sum = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, start, strlen(start)))
			sum += atol(strrchr(strndupa(line, strcspn(line, "\n")), ' '));
	}
	return sum;
}

#define SOURCES "tollgate_source_requests_total{"
#define TOKENS	"tollgate_requests_total{"

static void the_names_of_the_contract(void **state)
{
	struct tg_export_series *series = tg_export_series_new(10, 10);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("sk_live_acme", 1), 0, 12)
		->usage.counts.denied = 2;
	snapshot_usage(snapshot, "2001:db8::", snapshot_token(NULL, 0), 1, 3);
	snapshot->packets[0][TG_PACKET_SEEN].packets = 9;
	snapshot->packets[0][TG_PACKET_REQUEST].packets = 9;
	snapshot->unattributed[TG_UNATTRIBUTED_BAD_HEADER].requests = 4;
	snapshot->entries[TG_MAP_USAGE] = 2;
	snapshot->capacity[TG_MAP_USAGE] = 1000;
	text = page(series, snapshot);
	assert_int_equal(value_of(text, TOKENS "interface=\"veth0\",token=\"sk_live_acme\","
					       "verdict=\"allowed\"}"),
			 10);
	assert_int_equal(value_of(text, TOKENS "interface=\"veth0\",token=\"sk_live_acme\","
					       "verdict=\"denied\"}"),
			 2);
	assert_int_equal(value_of(text, TOKENS "interface=\"lo\",token=\"-\",verdict=\"allowed\"}"),
			 3);
	assert_int_equal(value_of(text, "tollgate_request_bytes_total{interface=\"veth0\",token="
					"\"sk_live_acme\"}"),
			 1200);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.7\"}"), 12);
	assert_int_equal(value_of(text, SOURCES "source=\"2001:db8::/64\"}"), 3);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 0);
	assert_int_equal(
		value_of(text, "tollgate_packets_total{interface=\"veth0\",reason=\"request\"}"),
		9);
	assert_int_equal(sum_of(text, "tollgate_packets_total{"), 9);
	assert_int_equal(
		value_of(text, "tollgate_unattributed_requests_total{reason=\"bad_header\"}"), 4);
	assert_int_equal(value_of(text, "tollgate_map_entries{map=\"usage\"}"), 2);
	assert_int_equal(value_of(text, "tollgate_map_capacity{map=\"usage\"}"), 1000);
	assert_int_equal(
		value_of(text, "tollgate_interface_attached{interface=\"veth0\",mode=\"native\"}"),
		1);
	assert_non_null(strstr(text, "\ntollgate_build_info{version="));
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* Of interfaces whose servers are forwarded, and of no others. */
static void a_missing_egress_program_shows(void **state)
{
	static const struct {
		enum tg_server_place server;
		uint32_t egress_id;
		long shown; /* -1: not */
	} cases[] = {{TG_SERVER_LOCAL, 0, -1},
		     {TG_SERVER_UNSEEN, 0, -1},
		     {TG_SERVER_FORWARDED, 7, 1},
		     {TG_SERVER_FORWARDED, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tg_export_series *series = tg_export_series_new(3, 3);
		struct tg_snapshot *snapshot = snapshot_new();
		char *text;

		interface.server = cases[i].server;
		egress_id = cases[i].egress_id;
		text = page(series, snapshot);
		assert_int_equal(
			value_of(text, "tollgate_interface_egress_attached{interface=\"veth0\"}"),
			cases[i].shown);
		free(text);
		snapshot_free(snapshot);
		tg_export_series_free(series);
	}
	interface.server = TG_SERVER_LOCAL;
	egress_id = 0;
}

static void promtool_finds_no_fault(void **state)
{
	struct tg_export_series *series = tg_export_series_new(3, 3);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;
	FILE *pipe;

	(void)state;
	if (system("command -v promtool >/dev/null")) {
		print_message("promtool is not installed\n");
		skip();
	}
	for (int i = 1; i < 9; i++)
		snapshot_usage(snapshot, "192.0.2.7", snapshot_token("a\"b\\c\n{}=,\xff" + i, i), 0,
			       i);
	text = page(series, snapshot);
	pipe = popen("promtool check metrics", "w");
	fputs(text, pipe);
	assert_int_equal(pclose(pipe), 0);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

static void label_values_are_escaped(void **state)
{
	struct tg_export_series *series = tg_export_series_new(3, 3);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("a\"b\\c\n", 1), 0, 5);
	text = page(series, snapshot);
	assert_int_equal(value_of(text,
				  TOKENS "interface=\"veth0\",token=\"a\\\"b\\\\x5cc\\\\x0a\","
					 "verdict=\"allowed\"}"),
			 5);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

static void one_prefix_is_one_series(void **state)
{
	struct tg_export_series *series = tg_export_series_new(1, 3);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("sk", 1), 0, 5);
	snapshot_usage(snapshot, "192.0.2.8", snapshot_token("sk", 2), 0, 6);
	snapshot_token_spill(snapshot, snapshot_token("sk", 3), 0, 7);
	text = page(series, snapshot);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"sk\",verdict=\"allowed\"}"), 18);
	assert_int_equal(sum_of(text, TOKENS), 18);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* Tokens that found no row are nobody's series: they are among the others. */
static void unplaced_tokens_are_others(void **state)
{
	struct tg_export_series *series = tg_export_series_new(5, 3);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token unplaced = {.id = 0};
	char *text;

	(void)state;
	memset(unplaced.prefix, TG_PREFIX_UNPLACED, sizeof(unplaced.prefix));
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token(NULL, 0), 0, 5);
	snapshot_token_spill(snapshot, unplaced, 0, 7);
	text = page(series, snapshot);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"other\",verdict=\"allowed\"}"),
		7);
	assert_int_equal(sum_of(text, TOKENS), 12);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* The first to come keep their series, the others are summed; nobody calls himself "other". */
static void tokens_are_bounded(void **state)
{
	struct tg_export_series *series = tg_export_series_new(2, 3);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("small", 1), 0, 5);
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("big", 2), 0, 50);
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token("other", 3), 0, 10);
	snapshot_usage(snapshot, "192.0.2.7", snapshot_token(NULL, 0), 0, 1);
	text = page(series, snapshot);
	assert_int_equal(value_of(text, TOKENS "interface=\"veth0\",token=\"small\","
					       "verdict=\"allowed\"}"),
			 -1);
	assert_int_equal(value_of(text, TOKENS "interface=\"veth0\",token=\"\\\\x6fther\","
					       "verdict=\"allowed\"}"),
			 10);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"other\",verdict=\"allowed\"}"),
		5);
	free(text);

	snapshot->usage[0].usage.counts.requests = 5000;
	text = page(series, snapshot);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"other\",verdict=\"allowed\"}"),
		5000);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"-\",verdict=\"allowed\"}"), 1);
	assert_int_equal(sum_of(text, TOKENS), 5061);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* A source that outgrows the least one takes its place; no series goes down. */
static void sources_compete(void **state)
{
	struct tg_export_series *series = tg_export_series_new(3, 2);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token token = snapshot_token("t", 1);
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", token, 0, 100);
	snapshot_usage(snapshot, "192.0.2.2", token, 0, 10);
	snapshot_usage(snapshot, "192.0.2.3", token, 0, 5);
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.2\"}"), 10);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 5);
	free(text);

	snapshot->usage[2].usage.counts.requests = 20; /* not twice as much: stays where it is */
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.3\"}"), -1);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 20);
	free(text);

	snapshot->usage[2].usage.counts.requests = 30;
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.2\"}"), -1);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.3\"}"), 10);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 30);
	assert_int_equal(sum_of(text, SOURCES), 140);
	free(text);

	snapshot->usage[2].usage.counts.requests = 31;
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.3\"}"), 11);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* What was shown the last time, to see that nothing went down. */
struct shown {
	long source[64];
	long other;
};

static void check_monotone(const char *text, struct shown *last)
{
	long other = value_of(text, SOURCES "source=\"other\"}");

	assert_true(other >= last->other);
	last->other = other;
	for (int i = 0; i < 64; i++) {
		char name[80];
		long value;

		snprintf(name, sizeof(name), SOURCES "source=\"192.0.2.%d\"}", i);
		value = value_of(text, name);
		assert_true(value < 0 || last->source[i] < 0 || value >= last->source[i]);
		last->source[i] = value;
	}
}

/*
 * Random growth of many sources, rows that retire, and sums by source that are
 * ahead of or behind those by token: the sum is kept, and nothing goes down.
 */
static void sources_are_conserved(void **state)
{
	struct tg_export_series *series = tg_export_series_new(2, 5);
	struct tg_snapshot *snapshot = snapshot_new();
	struct tg_token token = snapshot_token("t", 1);
	struct shown last = {.other = 0};
	char address[24];

	(void)state;
	srand(7);
	memset(last.source, 0xff, sizeof(last.source));
	snapshot_token_spill(snapshot, token, 0, 0);
	for (int i = 0; i < 64; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		snapshot_usage(snapshot, address, token, 0, 0);
		snapshot_source_spill(snapshot, address, 0, 0);
	}
	for (int step = 0; step < 400; step++) {
		uint64_t lag = (uint64_t)(rand() % 3);
		struct tg_counts *spill = &snapshot->token_spill[0].counts;
		char *text;

		for (int i = 0; i < 20; i++) {
			int which = rand() % 64;
			uint64_t grown = (uint64_t)(rand() % (1 << which % 16));

			snapshot->usage[which].usage.counts.requests += grown;
			if (rand() % 4)
				continue;
			/* retire it */
			spill->requests += snapshot->usage[which].usage.counts.requests;
			snapshot->source_spill[which].counts.requests +=
				snapshot->usage[which].usage.counts.requests;
			snapshot->usage[which].usage.counts.requests = 0;
		}
		spill->requests += lag; /* counted by token, not by source yet */
		text = page(series, snapshot);
		snapshot->source_spill[rand() % 64].counts.requests += lag;
		assert_int_equal(sum_of(text, SOURCES), tg_snapshot_total(snapshot).requests);
		check_monotone(text, &last);
		free(text);
	}
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* Room that a reload makes: nothing goes down there either. */
static void bounds_may_grow(void **state)
{
	struct tg_export_series *series = tg_export_series_new(1, 1);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("a", 1), 0, 9);
	snapshot_usage(snapshot, "192.0.2.2", snapshot_token("b", 2), 0, 5);
	free(page(series, snapshot));
	assert_int_equal(tg_export_series_grow(series, 2, 2), 0);
	assert_int_equal(tg_export_series_grow(series, 0, 0), 0);
	snapshot->usage[1].usage.counts.requests += 2;
	free(page(series, snapshot));
	snapshot->usage[1].usage.counts.requests += 3;
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.1\"}"), 9);
	assert_int_equal(value_of(text, SOURCES "source=\"192.0.2.2\"}"), 3);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 7);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

/* Another agent goes on with the series of the last: nothing moves, nothing goes down. */
static void a_restart_keeps_the_series(void **state)
{
	struct tg_export_series *series = tg_export_series_new(2, 2);
	struct tg_snapshot *snapshot = snapshot_new();
	char path[] = "/tmp/tg-series-XXXXXX";
	char *before, *after;
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	for (int i = 0; i < 5; i++) {
		char address[24];

		snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
		snapshot_usage(snapshot, address, snapshot_token("\xff\n x" + i, i + 1), 0,
			       (uint64_t)(10 + i));
	}
	free(page(series, snapshot));
	snapshot->usage[0].usage.counts.requests = 1000; /* not among the first two tokens */
	before = page(series, snapshot);
	assert_int_equal(tg_export_state_save(path, series, 7), 0);
	tg_export_series_free(series);

	series = tg_export_series_new(2, 2);
	assert_int_equal(tg_export_state_load(path, series, 8), -ESTALE);
	assert_int_equal(tg_export_state_load(path, series, 7), 0);
	after = page(series, snapshot);
	assert_string_equal(after, before);
	free(before);
	free(after);
	tg_export_series_free(series);
	snapshot_free(snapshot);
	unlink(path);
}

static void a_state_that_cannot_be_saved_leaves_nothing(void **state)
{
	struct tg_export_series *series = tg_export_series_new(2, 2);
	char path[] = "/tmp/tg-series-XXXXXX"; /* a directory, where no file goes */
	char fresh[sizeof(path) + 4];

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(tg_export_state_save(path, series, 7), -EISDIR);
	assert_int_equal(access(fresh, F_OK), -1);
	tg_export_series_free(series);
	rmdir(path);
}

static void a_damaged_state_is_refused(void **state)
{
	static const char *const damaged[] = {
		"",
		"tollgate-series 1 7\n",
		"tollgate-series 2 7\nother 1\n",
		"tollgate-series 1 7\nother 1",
		"tollgate-series 1 7\nother x\n",
		"tollgate-series 1 7\ntoken 00\nother 1\n",
		"tollgate-series 1 7\ntoken zz000000000000000000000000000000\nother 1\n",
		"tollgate-series 1 7\nsource 00000000000000000000000000000000 1\nother 1\n",
		"tollgate-series 1 7\nother 1\nother 2\n",
		"tollgate-series 1 7\nsomething\nother 2\n",
	};
	char path[] = "/tmp/tg-series-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct tg_export_series *series = tg_export_series_new(2, 2);
		FILE *file = fopen(path, "w");

		fputs(damaged[i], file);
		fclose(file);
		assert_int_equal(tg_export_state_load(path, series, 7), -EINVAL);
		assert_int_equal(tg_tally_count(tg_export_series_known(series)), 0);
		tg_export_series_free(series);
	}
	unlink(path);
}

static void no_series_at_all(void **state)
{
	struct tg_export_series *series = tg_export_series_new(0, 0);
	struct tg_snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("a", 1), 0, 5);
	text = page(series, snapshot);
	assert_int_equal(value_of(text, SOURCES "source=\"other\"}"), 5);
	assert_int_equal(
		value_of(text, TOKENS "interface=\"veth0\",token=\"other\",verdict=\"allowed\"}"),
		5);
	free(text);
	snapshot_free(snapshot);
	tg_export_series_free(series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_names_of_the_contract),
		cmocka_unit_test(a_missing_egress_program_shows),
		cmocka_unit_test(promtool_finds_no_fault),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(one_prefix_is_one_series),
		cmocka_unit_test(unplaced_tokens_are_others),
		cmocka_unit_test(tokens_are_bounded),
		cmocka_unit_test(sources_compete),
		cmocka_unit_test(sources_are_conserved),
		cmocka_unit_test(bounds_may_grow),
		cmocka_unit_test(a_restart_keeps_the_series),
		cmocka_unit_test(a_state_that_cannot_be_saved_leaves_nothing),
		cmocka_unit_test(a_damaged_state_is_refused),
		cmocka_unit_test(no_series_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/config.c user/config_*.c user/duration.c user/listen.c user/places.c user/error.c */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/quote.c user/words.c tests/unit/config_file.c */
/* What a configuration says, and what holds where it says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_defaults(void **state)
{
	struct tg_config *config = config_file_load(ETH0);

	(void)state;
	assert_string_equal(config->path, config_file);
	assert_int_equal(config->interfaces_count, 1);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_int_equal(config->interfaces[0].mode, TG_MODE_AUTO);
	assert_false(config->interfaces[0].replace);
	assert_int_equal(config->interfaces[0].server, TG_SERVER_LOCAL);
	assert_false(config->interfaces[0].tcp_checksum);
	assert_int_equal(config->listen_ports_count, 2);
	assert_int_equal(config->listen_ports[0], 80);
	assert_int_equal(config->listen_ports[1], 8080);
	assert_int_equal(config->identity.token_prefix_bytes, 12);
	assert_int_equal(config->identity.ipv6_prefix, 64);
	assert_string_equal(config->identity.secret_file, "/var/lib/tollgate/secret");
	assert_int_equal(config->identity.tokens_count, 2);
	assert_string_equal(config->identity.tokens[0].header, "Authorization");
	assert_string_equal(config->identity.tokens[0].scheme, "Bearer");
	assert_null(config->identity.tokens[0].query);
	assert_string_equal(config->identity.tokens[1].header, "X-API-Key");
	assert_null(config->identity.tokens[1].scheme);
	assert_int_equal(config->limits.header_bytes, 16384);
	assert_int_equal(config->limits.flows, 262144);
	assert_int_equal(config->limits.partials, 16384);
	assert_int_equal(config->limits.held, 16384);
	assert_int_equal(config->limits.usage, 262144);
	assert_int_equal(config->limits.origins, 65536);
	assert_int_equal(config->limits.spill, 65536);
	assert_int_equal(config->limits.budgets, 65536);
	assert_int_equal(config->limits.drops, 65536);
	assert_int_equal(config->policies_count, 0);
	assert_int_equal(config->never_block.count, 0);
	assert_string_equal(config->time_zone, "UTC");
	assert_int_equal(config->limits.flow_idle_s, 600);
	assert_int_equal(config->limits.usage_idle_s, 86400);
	assert_string_equal(config->metrics.listen, "127.0.0.1:9464");
	assert_int_equal(config->metrics.max_tokens, 1000);
	assert_int_equal(config->metrics.max_sources, 20);
	assert_string_equal(config->state_dir, "/var/lib/tollgate");
	assert_string_equal(config->run_dir, "/run/tollgate");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/tollgate");
	tg_config_free(config);
}

static const char everything[] =
	"interfaces:\n"
	"  - {name: eth0, mode: native, replace: yes,\n"
	"     server: forwarded}\n"
	"  - {name: eth1.100, mode: generic, replace: false, server: unseen,\n"
	"     tcp_checksum: true}\n"
	"  - name: nothing\n"
	"listen_ports: [8081, 1, 65535]\n"
	"identity:\n"
	"  token_prefix_bytes: 16\n"
	"  ipv6_prefix: 128\n"
	"  secret_file: \"/etc/a \\\"b\\\" \\\\ c: d # e/\303\204\"\n"
	"  tokens:\n"
	"    - {query: api.key}\n"
	"    - {header: authorization, scheme: basic}\n"
	"    - {header: Authorization, scheme: null}\n"
	"policies:\n"
	"  - subject: token:free_*\n"
	"    limits: [100/m burst 20, 10000/day]\n"
	"    block: after 50 denials in 1m for 1h\n"
	"  - subject: source:198.51.100.0/24\n"
	"    limits: [\"50/s\"]\n"
	"    per: shared\n"
	"    action: drop\n"
	"  - {subject: 'token:a\"b\\*', limits: [1/h]}\n"
	"never_block: [192.0.2.0/24, \"2001:db8::1\"]\n"
	"time_zone: Europe/Berlin\n"
	"limits:\n"
	"  budgets: 16\n"
	"  drops: 17\n"
	"  header_bytes: 65536\n"
	"  flows: 16\n"
	"  partials: 1\n"
	"  held: 17\n"
	"  usage: 16777216\n"
	"  origins: 3\n"
	"  spill: 16\n"
	"  flow_idle: 1h30m\n"
	"  usage_idle: 90\n"
	"metrics:\n"
	"  listen: \"[::1]:1\"\n"
	"  max_tokens: 0\n"
	"  max_sources: 100000\n"
	"state_dir: /a\n"
	"run_dir: /b\n"
	"pin_dir: /c\n";

static void check_policies(const struct tg_config *config)
{
	const struct tg_quota *policy = config->policies;

	assert_int_equal(config->policies_count, 3);
	assert_int_equal(policy[0].subject.kind, TG_KIND_TOKEN);
	assert_int_equal(policy[0].subject.bits, 40);
	assert_int_equal(policy[0].limits_count, 2);
	assert_int_equal(tg_limit_burst(&policy[0].limit[0]), 20);
	assert_int_equal(policy[0].limit[1].unit, TG_UNIT_DAY);
	assert_int_equal(policy[0].action, TG_ACTION_REJECT);
	assert_int_equal(policy[0].per, TG_PER_EACH);
	assert_int_equal(policy[0].block.denials, 50);
	assert_int_equal(policy[0].block.for_s, 3600);
	assert_false(policy[0].runtime);
	assert_int_equal(policy[1].subject.bits, 96 + 24);
	assert_int_equal(policy[1].action, TG_ACTION_DROP);
	assert_int_equal(policy[1].per, TG_PER_SHARED);
	assert_int_equal(policy[1].block.denials, 0);
	assert_memory_equal(policy[2].subject.bytes, "a\"b\\", 5);
	assert_int_equal(config->never_block.count, 2);
	assert_int_equal(config->never_block.network[0].bits, 96 + 24);
	assert_int_equal(config->never_block.network[1].bits, 128);
	assert_string_equal(config->time_zone, "Europe/Berlin");
	assert_int_equal(config->limits.budgets, 16);
	assert_int_equal(config->limits.drops, 17);
}

static void check_everything(const struct tg_config *config)
{
	const struct tg_config_place *tokens = config->identity.tokens;

	assert_int_equal(config->interfaces_count, 3);
	assert_int_equal(config->interfaces[0].mode, TG_MODE_NATIVE);
	assert_true(config->interfaces[0].replace);
	assert_int_equal(config->interfaces[0].server, TG_SERVER_FORWARDED);
	assert_false(config->interfaces[0].tcp_checksum);
	assert_string_equal(config->interfaces[1].name, "eth1.100");
	assert_int_equal(config->interfaces[1].mode, TG_MODE_GENERIC);
	assert_false(config->interfaces[1].replace);
	assert_int_equal(config->interfaces[1].server, TG_SERVER_UNSEEN);
	assert_true(config->interfaces[1].tcp_checksum);
	assert_int_equal(config->interfaces[2].server, TG_SERVER_LOCAL);
	assert_int_equal(config->listen_ports_count, 3);
	assert_int_equal(config->listen_ports[2], 65535);
	assert_int_equal(config->identity.token_prefix_bytes, 16);
	assert_int_equal(config->identity.ipv6_prefix, 128);
	assert_string_equal(config->identity.secret_file, "/etc/a \"b\" \\ c: d # e/\303\204");
	assert_int_equal(config->identity.tokens_count, 3);
	assert_string_equal(tokens[0].query, "api.key");
	assert_null(tokens[0].header);
	assert_string_equal(tokens[1].scheme, "basic");
	assert_string_equal(tokens[2].header, "Authorization");
	assert_null(tokens[2].scheme);
	assert_int_equal(config->limits.header_bytes, 65536);
	assert_int_equal(config->limits.flows, 16);
	assert_int_equal(config->limits.partials, 1);
	assert_int_equal(config->limits.held, 17);
	assert_int_equal(config->limits.usage, 16777216);
	assert_int_equal(config->limits.origins, 3);
	assert_int_equal(config->limits.spill, 16);
	assert_int_equal(config->limits.flow_idle_s, 5400);
	assert_int_equal(config->limits.usage_idle_s, 90);
	assert_string_equal(config->metrics.listen, "[::1]:1");
	assert_int_equal(config->metrics.max_tokens, 0);
	assert_int_equal(config->metrics.max_sources, 100000);
	assert_string_equal(config->state_dir, "/a");
	assert_string_equal(config->run_dir, "/b");
	assert_string_equal(config->pin_dir, "/c");
}

/* The caller frees the text. */
static char *printed(const struct tg_config *config)
{
	size_t bytes;
	char *text = NULL;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	assert_int_equal(tg_config_print(config, to), 0);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void test_everything_and_back(void **state)
{
	struct tg_config *config = config_file_load(everything), *again;
	char *text, *text_again;

	(void)state;
	check_everything(config);
	check_policies(config);
	text = printed(config);
	again = config_file_load(text);
	check_everything(again);
	check_policies(again);
	text_again = printed(again);
	assert_string_equal(text, text_again);
	free(text);
	free(text_again);
	tg_config_free(config);
	tg_config_free(again);
}

/* A mapping whose keys are all commented out, and null, mean the defaults. */
static void test_null_is_default(void **state)
{
	struct tg_config *config = config_file_load(ETH0), *nulls;
	char *expected = printed(config), *text;

	(void)state;
	nulls = config_file_load(
		ETH0 "identity:\n# tokens: []\nlimits: ~\nmetrics: null\npolicies:\n"
		     "never_block:\ntime_zone:\nstate_dir:\nrun_dir: ~\npin_dir: null\n");
	text = printed(nulls);
	assert_string_equal(text, expected);
	free(text);
	free(expected);
	tg_config_free(config);
	tg_config_free(nulls);
}

static void test_metrics_off(void **state)
{
	static const char *const off[] = {"\"\"", "", "null", "~"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(off); i++) {
		struct tg_config *config, *again;
		char *out;

		snprintf(text, sizeof(text), ETH0 "metrics:\n  listen: %s\n", off[i]);
		config = config_file_load(text);
		assert_string_equal(config->metrics.listen, "");
		out = printed(config);
		again = config_file_load(out);
		assert_string_equal(again->metrics.listen, "");
		free(out);
		tg_config_free(config);
		tg_config_free(again);
	}
}

static void test_secret_follows_state_dir(void **state)
{
	struct tg_config *config = config_file_load(ETH0 "state_dir: /srv/meter\n");

	(void)state;
	assert_string_equal(config->identity.secret_file, "/srv/meter/secret");
	tg_config_free(config);
}

static void test_json_is_yaml(void **state)
{
	struct tg_config *config =
		config_file_load("{\"interfaces\": [{\"name\": \"lo\", \"replace\": true}],\n"
				 " \"metrics\":{\"listen\":\"\"}}\n");

	(void)state;
	assert_string_equal(config->interfaces[0].name, "lo");
	assert_true(config->interfaces[0].replace);
	tg_config_free(config);
}

/* dist/tollgate.yaml, found from build/tests/unit/test_config. */
static char *read_distributed(void)
{
	char exe[PATH_MAX], file[PATH_MAX + 32], *text = calloc(1, 65536);
	ssize_t bytes = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *from;

	assert_true(bytes > 0);
	exe[bytes] = '\0';
	for (int i = 0; i < 4; i++)
		*strrchr(exe, '/') = '\0';
	snprintf(file, sizeof(file), "%s/dist/tollgate.yaml", exe);
	from = fopen(file, "r");
	if (!from || !text)
		fail_msg("%s: cannot be opened", file);
	assert_true(fread(text, 1, 65535, from) > 0);
	fclose(from);
	return text;
}

/* It waits for an interface; with one it is the default configuration. */
static void test_distributed_file(void **state)
{
	char *text = read_distributed(), *comment = strstr(text, "  #- {name: eth0"), *out,
	     *expected;
	struct config_bad bad = {text, 1, "interfaces: empty; name at least one"};
	struct tg_config *config, *defaults;

	(void)state;
	assert_non_null(comment);
	for (const char *c = text; c < comment; c++)
		bad.line += *c == '\n';
	bad.line--; /* the key stands above it */
	config_file_refused(&bad, strlen(text));
	comment[2] = ' ';
	config = config_file_load(text);
	defaults = config_file_load(ETH0);
	out = printed(config);
	expected = printed(defaults);
	assert_string_equal(out, expected);
	free(text);
	free(out);
	free(expected);
	tg_config_free(config);
	tg_config_free(defaults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything_and_back),
		cmocka_unit_test(test_null_is_default),
		cmocka_unit_test(test_metrics_off),
		cmocka_unit_test(test_secret_follows_state_dir),
		cmocka_unit_test(test_json_is_yaml),
		cmocka_unit_test(test_distributed_file),
	};

	return cmocka_run_group_tests_name("config", tests, config_file_make, config_file_remove);
}

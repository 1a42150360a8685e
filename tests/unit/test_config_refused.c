/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/config.c user/config_*.c user/duration.c user/listen.c user/places.c user/error.c */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/quote.c user/words.c tests/unit/config_file.c */
/* Configurations that are refused: every mistake is answered with file, line and key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NAME8	 "abcdefgh"

static void check_all_bad(const struct config_bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		config_file_refused(&rows[i], strlen(rows[i].yaml));
}

static void test_bad_documents(void **state)
{
	static const struct config_bad bad[] = {
		{"", 1, "empty; name at least one interface"},
		{"# a comment\n\n", 1, "empty; "},
		{"---\n", 2, "empty; "},
		{"words\n", 1, "not a mapping; "},
		{"- eth0\n", 1, "not a mapping; "},
		{ETH0 "listen_ports: [80\nrun_dir: /run/a\n", 3, "not YAML: "},
		{ETH0 "identity:\n\ttokens: []\n", 3, "not YAML: "},
		{ETH0 "state_dir: \"/var\n", 3, "not YAML: "},
		{ETH0 "run_dir: /run/\xff\n", 2, "not UTF-8 text: "},
		{ETH0 "---\n" ETH0, 2, "a second YAML document; "},
		{"a: &b [{name: eth0}]\ninterfaces: *b\n", 2, "an alias (*b); "},
		{ETH0 "? [run_dir]\n: /run\n", 2, "a list or mapping where a key must stand"},
		{ETH0 "\"\": 1\n", 2, "an empty key; "},
		{ETH0 "run_dir: \"/run\\0/a\"\n", 2, "a NUL byte in a text; "},
		{ETH0 "run_dir: /run/a\nrun_dir: /run/b\n", 3, "run_dir: given twice; "},
		{ETH0 "identity: {ipv6_prefix: 1}\nidentity: {ipv6_prefix: 2}\n", 3,
		 "identity: given twice; "},
		{ETH0 "identity:\n  ipv6_prefix: 1\n  ipv6_prefix: 1\n", 4,
		 "identity.ipv6_prefix: given twice; "},
		{ETH0 "policies: [[[[[[[[[]]]]]]]]]\n", 2,
		 "policies[0][0][0][0][0][0][0]: nested too deeply"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_raw_nul(void **state)
{
	static const char text[] = ETH0 "run_dir: /run/a\0b\n";
	static const struct config_bad bad = {text, 2, "not UTF-8 text: control characters"};

	(void)state;
	config_file_refused(&bad, sizeof(text) - 1);
}

static void test_bad_keys(void **state)
{
	static const struct config_bad bad[] = {
		{ETH0 "port: 80\n", 2,
		 "port: unknown key; known here: interfaces, listen_ports, identity, policies, "
		 "never_block, time_zone, limits, metrics, state_dir, run_dir, pin_dir"},
		{ETH0 "Listen_ports: [80]\n", 2, "Listen_ports: unknown key"},
		{ETH0 "listen_ports: [80]\n\n# a comment\nlisten_port: 80\n", 5,
		 "listen_port: unknown key"},
		{"interfaces:\n  - name: eth0\n  - name: eth1\n    modus: auto\n", 4,
		 "interfaces[1].modus: unknown key; known here: name, mode, replace, server, "
		 "tcp_checksum"},
		{ETH0 "identity:\n  token_prefix: 4\n", 3,
		 "identity.token_prefix: unknown key; known here: token_prefix_bytes, "
		 "ipv6_prefix, secret_file, tokens"},
		{ETH0 "identity.ipv6_prefix: 64\n", 2, "identity.ipv6_prefix: unknown key"},
		{ETH0 "identity:\n  tokens:\n    - header: X-A\n    - headr: X-B\n", 5,
		 "identity.tokens[1].headr: unknown key; known here: header, scheme, query"},
		{ETH0 "limits: {flow: 4}\n", 2, "limits.flow: unknown key"},
		{ETH0 "metrics: {port: 4}\n", 2, "metrics.port: unknown key"},
		{ETH0 "<<: {run_dir: /run/a}\n", 2, "<<: unknown key"},
		{ETH0 "\"a\\nb\": 1\n", 1, "a: unknown key"},
		{ETH0 "policies:\n  - {subject: any, limit: [1/s]}\n", 3,
		 "policies[0].limit: unknown key; known here: subject, limits, action, per, block"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_bad_types(void **state)
{
	static const struct config_bad bad[] = {
		{"interfaces: eth0\n", 1, "interfaces: \"eth0\" is not valid here; write a list"},
		{"interfaces: {name: eth0}\n", 1, "interfaces: a mapping is not valid here"},
		{"interfaces: [eth0]\n", 1,
		 "interfaces[0]: \"eth0\" is not valid here; write a mapp"},
		{"interfaces: [{name: [eth0]}]\n", 1, "interfaces[0].name: a list is not valid"},
		{"interfaces:\n  - name: eth0\n    mode: fast\n", 3,
		 "interfaces[0].mode: \"fast\" is not valid here; write one of auto, native, "
		 "generic"},
		{"interfaces:\n  - name: eth0\n    mode: 1\n", 3,
		 "interfaces[0].mode: \"1\" is not"},
		{"interfaces:\n  - name: eth0\n    mode:\n", 3,
		 "interfaces[0].mode: nothing is not"},
		{"interfaces:\n  - name: eth0\n    replace: maybe\n", 3,
		 "interfaces[0].replace: \"maybe\" is not valid here; write one of true, false"},
		{"interfaces:\n  - name: eth0\n    replace: 1\n", 3,
		 "interfaces[0].replace: \"1\""},
		{"interfaces:\n  - name: eth0\n    server: remote\n", 3,
		 "interfaces[0].server: \"remote\" is not valid here; write one of local, "
		 "forwarded, "
		 "unseen"},
		{"interfaces:\n  - name: eth0\n    server:\n", 3,
		 "interfaces[0].server: nothing is not"},
		{"interfaces:\n  - name: eth0\n    server: true\n", 3,
		 "interfaces[0].server: \"true\" is not"},
		{"interfaces:\n  - name: eth0\n    tcp_checksum: native\n", 3,
		 "interfaces[0].tcp_checksum: \"native\" is not valid here; write one of true, "
		 "false"},
		{ETH0 "listen_ports: 80\n", 2,
		 "listen_ports: \"80\" is not valid here; write a list"},
		{ETH0 "listen_ports:\n  - 80\n  - http\n", 4,
		 "listen_ports[1]: \"http\" is not valid here; write a whole number, 1 to 65535"},
		{ETH0 "listen_ports: [[80]]\n", 2, "listen_ports[0]: a list is not valid here"},
		{ETH0 "listen_ports: [80.5]\n", 2, "listen_ports[0]: \"80.5\" is not valid"},
		{ETH0 "listen_ports: [\"\"]\n", 2, "listen_ports[0]: nothing is not valid"},
		{ETH0 "identity: 4\n", 2, "identity: \"4\" is not valid here; write a mapping"},
		{ETH0 "identity: []\n", 2, "identity: a list is not valid here; write a mapping"},
		{ETH0 "identity:\n  token_prefix_bytes: twelve\n", 3,
		 "identity.token_prefix_bytes: \"twelve\" is not valid here; write a whole number, "
		 "1 to 16"},
		{ETH0 "identity:\n  token_prefix_bytes:\n", 3,
		 "identity.token_prefix_bytes: nothing is not valid here"},
		{ETH0 "identity:\n  tokens: [X-API-Key]\n", 3,
		 "identity.tokens[0]: \"X-API-Key\" is not valid here; write a mapping"},
		{ETH0 "identity:\n  secret_file: [a]\n", 3,
		 "identity.secret_file: a list is not valid here; write a text"},
		{ETH0 "limits: {usage: 99999999999999999999}\n", 2,
		 "limits.usage: 99999999999999999999 is out of range; 1 to 16777216"},
		{ETH0 "limits: {usage: a_word_that_is_longer_than_an_error_ought_to_show}\n", 2,
		 "limits.usage: \"a_word_that_is_longer_than_an_error_ough...\" is not"},
		{ETH0 "limits: {usage: a_word_that_is_longer_than_an_error_oug\303\204}\n", 2,
		 "limits.usage: \"a_word_that_is_longer_than_an_error_oug...\" is not"},
		{ETH0 "limits: {usage: 10k}\n", 2, "limits.usage: \"10k\" is not valid here"},
		{ETH0 "limits: {usage: 1_000}\n", 2, "limits.usage: \"1_000\" is not valid"},
		{ETH0 "limits: {usage: 010}\n", 2, "limits.usage: \"010\" is not valid here"},
		{ETH0 "limits: {usage: 0x10}\n", 2, "limits.usage: \"0x10\" is not valid here"},
		{ETH0 "limits: {usage: +10}\n", 2, "limits.usage: \"+10\" is not valid here"},
		{ETH0 "limits: {usage: \" 10\"}\n", 2, "limits.usage: \" 10\" is not valid here"},
		{ETH0 "limits: {usage: null}\n", 2, "limits.usage: \"null\" is not valid here"},
		{ETH0 "limits: {flow_idle: }\n", 2, "limits.flow_idle: nothing is not valid here"},
		{ETH0 "limits: {flow_idle: [1m]}\n", 2, "limits.flow_idle: a list is not valid"},
		{ETH0 "metrics: {listen: {port: 1}}\n", 2,
		 "metrics.listen: a mapping is not valid"},
		{ETH0 "state_dir: {a: b}\n", 2, "state_dir: a mapping is not valid here"},
		{ETH0 "policies: {any: 1/s}\n", 2,
		 "policies: a mapping is not valid here; write a list"},
		{ETH0 "policies: {}\n", 2, "policies: a mapping is not valid here; write a list"},
		{ETH0 "policies: none\n", 2, "policies: \"none\" is not valid here; write a list"},
		{ETH0 "policies: [any]\n", 2,
		 "policies[0]: \"any\" is not valid here; write a map"},
		{ETH0 "policies: [{subject: any, limits: 1/s}]\n", 2,
		 "policies[0].limits: \"1/s\" is not valid here; write a list"},
		{ETH0 "policies: [{subject: [any], limits: [1/s]}]\n", 2,
		 "policies[0].subject: a list is not valid here; write a text"},
		{ETH0 "policies: [{subject: any, limits: [[1/s]]}]\n", 2,
		 "policies[0].limits[0]: a list is not valid here; write a text"},
		{ETH0 "never_block: 192.0.2.1\n", 2,
		 "never_block: \"192.0.2.1\" is not valid here; write a list"},
		{ETH0 "never_block: [{a: b}]\n", 2, "never_block[0]: a mapping is not valid"},
		{ETH0 "time_zone: [UTC]\n", 2, "time_zone: a list is not valid here; write a te"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_bad_interfaces(void **state)
{
	static const struct config_bad bad[] = {
		{"listen_ports: [80]\n", 1, "interfaces: missing; name at least one"},
		{"listen_ports: [80]\ninterfaces: []\n", 2, "interfaces: empty; name at least one"},
		{"listen_ports: [80]\ninterfaces:\n", 2, "interfaces: empty; name at least one"},
		{"interfaces:\n  - mode: auto\n", 2, "interfaces[0].name: missing; "},
		{"interfaces:\n  - name:\n", 2, "interfaces[0].name: missing; "},
		{"interfaces: [{name: sixteen-letters-}]\n", 1,
		 "interfaces[0].name: \"sixteen-letters-\" is not an interface name; 1 to 15"},
		{"interfaces: [{name: a/b}]\n", 1, "interfaces[0].name: \"a/b\" is not"},
		{"interfaces: [{name: \"eth0:1\"}]\n", 1, "interfaces[0].name: \"eth0:1\" is not"},
		{"interfaces: [{name: a b}]\n", 1, "interfaces[0].name: \"a b\" is not"},
		{"interfaces: [{name: \"a\\tb\"}]\n", 1, "interfaces[0].name: \"a?b\" is not"},
		{"interfaces: [{name: ..}]\n", 1, "interfaces[0].name: \"..\" is not"},
		{"interfaces:\n  - name: eth0\n  - name: lo\n  - mode: native\n    name: eth0\n", 5,
		 "interfaces[2].name: \"eth0\" is interfaces[0] already; remove one"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_bad_ports(void **state)
{
	static const struct config_bad bad[] = {
		{ETH0 "listen_ports: []\n", 2, "listen_ports: empty; "},
		{ETH0 "listen_ports:\n", 2, "listen_ports: empty; "},
		{ETH0 "listen_ports: [0]\n", 2, "listen_ports[0]: 0 is out of range; 1 to 65535"},
		{ETH0 "listen_ports: [80, 65536]\n", 2, "listen_ports[1]: 65536 is out of range"},
		{ETH0 "listen_ports: [-80]\n", 2, "listen_ports[0]: -80 is out of range"},
		{ETH0 "listen_ports: [4294967376]\n", 2, "listen_ports[0]: 4294967376 is out of"},
		{ETH0 "listen_ports:\n  - 80\n  - 81\n  - 80\n", 5,
		 "listen_ports[2]: 80 is listen_ports[0] already; remove one"},
		{ETH0 "listen_ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,"
		      "24,25,26,27,28,29,30,31,32,33]\n",
		 2, "listen_ports: 33 are too many; 1 to 32"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

#define TOKENS ETH0 "identity:\n  tokens:\n"
#define TOKEN  "identity.tokens[0]"

static void test_bad_places(void **state)
{
	static const struct config_bad bad[] = {
		{ETH0 "identity:\n  tokens: []\n", 3, "identity.tokens: empty; "},
		{ETH0 "identity:\n  tokens:\n", 3, "identity.tokens: empty; "},
		{TOKENS "    - {header: X-A, query: key}\n", 4,
		 TOKEN ": has both header and query; "},
		{TOKENS "    - {}\n", 4, TOKEN ": has neither header nor query; "},
		{TOKENS "    - {header: }\n", 4, TOKEN ": has neither header nor query; "},
		{TOKENS "    - scheme: Bearer\n", 4, TOKEN ".scheme: a scheme needs a header; "},
		{TOKENS "    - query: key\n      scheme: Bearer\n", 5,
		 TOKEN ".scheme: a scheme needs"},
		{TOKENS "    - header: X\n", 4,
		 TOKEN ".header: a header name has 2 to 32 characters"},
		{TOKENS "    - header: X" NAME8 NAME8 NAME8 NAME8 "\n", 4,
		 TOKEN ".header: a header na"},
		{TOKENS "    - header: \"X-A:\"\n", 4, TOKEN ".header: not a header name; "},
		{TOKENS "    - header: X A\n", 4, TOKEN ".header: not a header name; "},
		{TOKENS "    - header: X(A)\n", 4, TOKEN ".header: not a header name; "},
		{TOKENS "    - header: \"X\\nA\"\n", 4, TOKEN ".header: not a header name; "},
		{TOKENS "    - header: X-\303\204\n", 4, TOKEN ".header: not a header name; "},
		{TOKENS "    - header: REFERER\n", 4,
		 TOKEN ".header: REFERER has a meaning of its own"},
		{TOKENS "    - {header: X-A, scheme: A B}\n", 4, TOKEN ".scheme: not a scheme; "},
		{TOKENS "    - {header: X-A, scheme: X" NAME8 NAME8 "}\n", 4,
		 TOKEN ".scheme: a scheme has 1 to 16"},
		{TOKENS "    - query: X" NAME8 NAME8 NAME8 NAME8 "\n", 4,
		 TOKEN ".query: a parameter na"},
		{TOKENS "    - query: a=b\n", 4, TOKEN ".query: not a parameter name; "},
		{TOKENS "    - query: a%20b\n", 4, TOKEN ".query: not a parameter name; "},
		{TOKENS "    - query: \"?key\"\n", 4,
		 TOKEN ".query: write the parameter name without"},
		{TOKENS "    - header: X-A\n    - query: k\n    - header: x-a\n", 6,
		 "identity.tokens[2]: the same place as tokens[0]; remove one"},
		{TOKENS
		 "    - {header: X-A, scheme: Bearer}\n    - {header: X-A, scheme: BEARER}\n",
		 5, "identity.tokens[1]: the same place as tokens[0]; remove one"},
		{TOKENS "    - query: k\n    - query: k\n", 5,
		 "identity.tokens[1]: the same place"},
		{TOKENS "    - header: X-A\n    - {header: x-a, scheme: Bearer}\n", 5,
		 "identity.tokens[1]: can never win: tokens[0] takes the whole value of x-a; "},
		{TOKENS
		 "    - query: a\n    - query: b\n    - query: c\n    - query: d\n    - query: e\n",
		 8, "identity.tokens[4].query: more than 4 query parameters; "},
		{TOKENS "    - header: x1\n    - header: x2\n    - header: x3\n    - header: x4\n"
			"    - header: x5\n    - header: x6\n    - header: x7\n    - header: x8\n"
			"    - header: x9\n",
		 12, "identity.tokens[8]: more than 8 places; "},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_bad_values(void **state)
{
	static const struct config_bad bad[] = {
		{"# one\n# two\ninterfaces: [{name: eth0}]\nidentity:\n  token_prefix_bytes: 40\n",
		 5, "identity.token_prefix_bytes: 40 is out of range; 1 to 16"},
		{ETH0 "identity: {token_prefix_bytes: 0}\n", 2,
		 "identity.token_prefix_bytes: 0 is"},
		{ETH0 "identity: {ipv6_prefix: 0}\n", 2, "identity.ipv6_prefix: 0 is out of range"},
		{ETH0 "identity:\n  ipv6_prefix:\n    129\n", 3,
		 "identity.ipv6_prefix: 129 is out"},
		{ETH0 "identity: {secret_file: secret}\n", 2,
		 "identity.secret_file: \"secret\" is not an absolute path; begin it with /"},
		{ETH0 "limits: {header_bytes: 255}\n", 2,
		 "limits.header_bytes: 255 is out of range; 256"},
		{ETH0 "limits: {header_bytes: 65537}\n", 2, "limits.header_bytes: 65537 is out"},
		{ETH0 "limits: {flows: 15}\n", 2,
		 "limits.flows: 15 is out of range; 16 to 16777216"},
		{ETH0 "limits: {partials: 0}\n", 2, "limits.partials: 0 is out of range"},
		{ETH0 "limits: {held: 15}\n", 2, "limits.held: 15 is out of range; 16 to 16777216"},
		{ETH0 "limits: {held: 16777217}\n", 2, "limits.held: 16777217 is out of range"},
		{ETH0 "limits: {held: 16M}\n", 2, "limits.held: \"16M\" is not valid here"},
		{ETH0 "limits: {usage: 16777217}\n", 2, "limits.usage: 16777217 is out of range"},
		{ETH0 "limits: {origins: -1}\n", 2, "limits.origins: -1 is out of range"},
		{ETH0 "limits: {spill: 0}\n", 2, "limits.spill: 0 is out of range"},
		{ETH0 "limits: {budgets: 15}\n", 2,
		 "limits.budgets: 15 is out of range; 16 to 8388608"},
		{ETH0 "limits: {budgets: 8388609}\n", 2, "limits.budgets: 8388609 is out of"},
		{ETH0 "limits: {drops: 15}\n", 2,
		 "limits.drops: 15 is out of range; 16 to 16777216"},
		{ETH0 "limits: {drops: 16777217}\n", 2, "limits.drops: 16777217 is out of"},
		{ETH0 "limits: {flow_idle: 0}\n", 2,
		 "limits.flow_idle: 0 is out of range; 1s to 30d"},
		{ETH0 "limits: {flow_idle: 31d}\n", 2, "limits.flow_idle: 31d is out of range"},
		{ETH0 "limits: {flow_idle: soon}\n", 2,
		 "limits.flow_idle: \"soon\" is not valid here; write a duration such as 90s, 10m, "
		 "24h"},
		{ETH0 "limits: {usage_idle: -5m}\n", 2,
		 "limits.usage_idle: \"-5m\" is not valid here"},
		{ETH0 "limits: {usage_idle: 367d}\n", 2, "limits.usage_idle: 367d is out of range"},
		{ETH0 "limits: {usage_idle: 99999999999999999999}\n", 2,
		 "limits.usage_idle: 99999999999999999999 is out of range; 1s to 366d"},
		{ETH0 "metrics: {listen: localhost}\n", 2,
		 "metrics.listen: \"localhost\" is not ADDR:PORT; write for example "
		 "127.0.0.1:9464"},
		{ETH0 "metrics: {listen: \":9464\"}\n", 2,
		 "metrics.listen: \":9464\" is not ADDR:PORT"},
		{ETH0 "metrics: {listen: \"127.0.0.1:0\"}\n", 2,
		 "metrics.listen: \"127.0.0.1:0\" is"},
		{ETH0 "metrics: {max_tokens: 100001}\n", 2, "metrics.max_tokens: 100001 is out of"},
		{ETH0 "metrics: {max_sources: -1}\n", 2, "metrics.max_sources: -1 is out of range"},
		{ETH0 "state_dir: var\n", 2, "state_dir: \"var\" is not an absolute path; "},
		{ETH0 "run_dir: ./run\n", 2, "run_dir: \"./run\" is not an absolute path; "},
		{ETH0 "pin_dir: bpf\n", 2, "pin_dir: \"bpf\" is not an absolute path; "},
		{ETH0 "pin_dir: //\n", 2, "pin_dir: the root directory; "},
		{ETH0 "run_dir: \"/run/a\\nb\"\n", 2,
		 "run_dir: a control character in \"/run/a?b\""},
		{ETH0 "run_dir: /" NAME8 NAME8 NAME8 NAME8 NAME8 NAME8 NAME8 NAME8 NAME8 NAME8 NAME8
		      "ab\n",
		 2, "run_dir: longer than 90 bytes; "},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

#define ENTRY  ETH0 "policies:\n  - "
#define POLICY "policies[0]"

static void test_bad_policies(void **state)
{
	static const struct config_bad bad[] = {
		{ENTRY "limits: [1/s]\n", 3, POLICY ".subject: missing; write source:ADDR[/LEN], "},
		{ENTRY "subject:\n    limits: [1/s]\n", 3, POLICY ".subject: missing; "},
		{ENTRY "limits: [1/s]\n    subject: source:192.0.2.1/24\n", 4,
		 POLICY ".subject: \"source:192.0.2.1/24\" has bits behind its prefix; write "
			"source:192.0.2.0/24"},
		{ENTRY "limits: [1/s]\n    subject: origin:example.com\n", 4,
		 POLICY ".subject: \"origin:example.com\" cannot be used: origin policies are not "
			"enforced by this version yet"},
		{ENTRY "subject: any\n", 3, POLICY ".limits: none; write at least one"},
		{ENTRY "subject: any\n    limits: []\n", 4, POLICY ".limits: none; write at least"},
		{ENTRY "subject: any\n    limits:\n      - 1/s\n      - 2/sec\n", 6,
		 POLICY ".limits[1]: \"2/sec\" has an unknown unit; write s, m or h"},
		{ENTRY "subject: any\n    limits: [1/s, 2/m, 3/h, 4/day, 5/month]\n", 4,
		 POLICY ".limits: 5 are too many; 1 to 4"},
		{ENTRY "subject: any\n    limits: [0/s]\n", 4,
		 POLICY ".limits[0]: \"0/s\" allows nothing; "},
		{ENTRY "subject: any\n    limits: [1/s]\n    action: deny\n", 5,
		 POLICY ".action: \"deny\" is not an action; write observe, reject, reset or drop"},
		{ENTRY "subject: any\n    limits: [1/s]\n    per: one\n", 5,
		 POLICY ".per: \"one\" is not known here; write each or shared"},
		{ENTRY "subject: any\n    limits: [1/s]\n    block: always\n", 5,
		 POLICY ".block: \"always\" is not a block rule; write for example after 100"},
		{ENTRY "subject: any\n    limits: [1/s, 2/s]\n", 3,
		 POLICY ": \"1/s\" and \"2/s\" are limits of one unit; remove one"},
		{ENTRY
		 "subject: any\n    limits: [1/s]\n    per: shared\n    block: after 1 denials "
		 "in 1m for 1m\n",
		 3, POLICY ": a block rule does not know whom to block where all share a budget; "},
		{ENTRY "subject: \"source:2001:db8::1\"\n    limits: [1/s]\n", 3,
		 POLICY ": source:2001:db8::1 is longer than identity.ipv6_prefix, by which "
			"sources are told apart; write source:2001:db8::/64"},
		{ENTRY "{subject: any, limits: [1/s]}\n  - {subject: token:a*, limits: [1/s]}\n"
		       "  - {subject: \"token:*\", limits: [1/s]}\n"
		       "  - limits: [2/m]\n    subject: token:a*\n"
		       "  - {subject: any, limits: [1/s]}\n",
		 7, "policies[3].subject: token:a* is policies[1] already; remove one"},
		{ENTRY "{subject: \"source:192.0.2.7\", limits: [1/s]}\nnever_block:\n"
		       "  - 198.51.100.1\n  - 192.0.2.0/24\n",
		 3, POLICY ": source:192.0.2.7 is within 192.0.2.0/24 of never_block; "},
		{ENTRY "{subject: \"source:192.0.2.0/24\", limits: [1/s]}\n"
		       "never_block: [0.0.0.0/0]\n",
		 3, POLICY ": source:192.0.2.0/24 is within 0.0.0.0/0 of never_block; "},
		{ETH0 "never_block:\n  - 192.0.2.0/24\n  - 192.0.2.256\n", 4,
		 "never_block[1]: \"192.0.2.256\" has no valid address; write for example "
		 "192.0.2.0/24 or 2001:db8::/32"},
		{ETH0 "never_block: [192.0.2.1/24]\n", 2,
		 "never_block[0]: \"192.0.2.1/24\" has bits behind its prefix; write 192.0.2.0/24"},
		{ETH0 "never_block:\n  - 192.0.2.1\n  - 192.0.2.1/32\n", 4,
		 "never_block[1]: 192.0.2.1 is never_block[0] already; remove one"},
		{ETH0 "limits:\n  drops: 16\n"
		      "never_block: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, "
		      "10.0.0.7, 10.0.0.8, 10.0.0.9, 10.0.0.10, 10.0.0.11, 10.0.0.12, 10.0.0.13, "
		      "10.0.0.14, 10.0.0.15, 10.0.0.16]\n",
		 3, "limits.drops: 16 is too small for the 16 entries of never_block; raise it"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

static void test_bad_time_zones(void **state)
{
	static const struct config_bad bad[] = {
		{ETH0 "time_zone: Europe/Nowhere\n", 2,
		 "time_zone: \"Europe/Nowhere\" is no time zone in /usr/share/zoneinfo; fix the "
		 "name, or install tzdata"},
		{ETH0 "time_zone: ../../etc/localtime\n", 2,
		 "time_zone: \"../../etc/localtime\" is not the name of a time zone; write for "},
		{ETH0 "time_zone: /etc/localtime\n", 2,
		 "time_zone: \"/etc/localtime\" is not the name of a time zone; "},
		{ETH0 "time_zone: Europe\n", 2, "time_zone: \"Europe\" is no time zone in "},
		{ETH0 "time_zone: zone.tab\n", 2, "time_zone: \"zone.tab\" is no time zone in "},
		{ETH0 "time_zone: \"Europe\\nBerlin\"\n", 2, "time_zone: \"Europe?Berlin\" is not"},
	};

	(void)state;
	check_all_bad(bad, COUNT(bad));
}

/* As many different policies, one a line. The caller frees the text. */
static char *many_policies(unsigned int count)
{
	size_t size = 64 + (size_t)count * 160, at;
	char *text = malloc(size);

	assert_non_null(text);
	at = (size_t)sprintf(text, ETH0 "policies:\n");
	for (unsigned int i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, size - at,
				       "  - {subject: \"source:10.%u.%u.0/24\", limits: "
				       "[\"%u/m burst 20\", \"10000/day\"], action: drop, per: "
				       "shared}\n",
				       i >> 8, i & 255, i + 1);
	return text;
}

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_many_policies(void **state)
{
	char *text = many_policies(10000), *all = many_policies(TG_QUOTAS_MAX), *more;
	struct config_bad bad = {.line = 2, .says = "policies: 16001 are too many; 0 to 16000"};
	struct tg_config *config;
	double start = cpu_s();

	(void)state;
	config = config_file_load(text);
	assert_true(cpu_s() - start < 20); /* 0.2 without sanitizers; minutes if quadratic */
	assert_int_equal(config->policies_count, 10000);
	assert_int_equal(config->policies[9999].limit[0].amount, 10000);
	tg_config_free(config);
	config = config_file_load(all);
	assert_int_equal(config->policies_count, TG_QUOTAS_MAX);
	tg_config_free(config);
	more = many_policies(TG_QUOTAS_MAX + 1);
	bad.yaml = more;
	config_file_refused(&bad, strlen(more));
	free(text);
	free(all);
	free(more);
}

static void test_too_many_interfaces(void **state)
{
	char text[4096] = "interfaces:\n";
	const struct config_bad bad = {text, 1, "interfaces: 65 are too many; 1 to 64"};
	struct tg_config *config;
	size_t at = strlen(text);

	(void)state;
	for (int i = 0; i < TG_IFACES_MAX; i++)
		at += (size_t)sprintf(text + at, "  - {name: eth%d}\n", i);
	config = config_file_load(text);
	assert_int_equal(config->interfaces_count, TG_IFACES_MAX);
	tg_config_free(config);
	sprintf(text + at, "  - {name: more}\n");
	config_file_refused(&bad, strlen(text));
}

static void test_unreadable(void **state)
{
	static const char here[] = "/tmp/tg-no-such-file.yaml";
	struct tg_config *config = NULL;
	char error[512] = "", *large;

	(void)state;
	assert_int_equal(tg_config_load(here, &config, error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "/tmp/tg-no-such-file.yaml: cannot be read: No such file or "
				   "directory; name another file with -c");
	assert_int_equal(tg_config_load("/tmp", &config, error, sizeof(error)), -EISDIR);
	assert_non_null(strstr(error, "/tmp: cannot be read: Is a directory; "));

	large = malloc(9 << 20);
	assert_non_null(large);
	memset(large, '\n', 9 << 20);
	config_file_put(large, 9 << 20);
	free(large);
	assert_int_equal(tg_config_load(config_file, &config, error, sizeof(error)), -EFBIG);
	assert_non_null(strstr(error, ": cannot be read: File too large; "));
	assert_null(config);
}

/* A flood of keys must neither take long nor pass. */
static void test_too_many_entries(void **state)
{
	static char text[3 << 20];
	const struct config_bad bad = {text, 262145,
				       "k262143: more than 262144 entries in the file"};
	size_t at = 0;

	(void)state;
	for (int i = -1; i < 263000; i++)
		at += (size_t)sprintf(text + at, i < 0 ? "# a flood\n" : "k%d: 1\n", i);
	config_file_refused(&bad, at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_documents),  cmocka_unit_test(test_raw_nul),
		cmocka_unit_test(test_bad_keys),       cmocka_unit_test(test_bad_types),
		cmocka_unit_test(test_bad_interfaces), cmocka_unit_test(test_bad_ports),
		cmocka_unit_test(test_bad_places),     cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_policies),   cmocka_unit_test(test_bad_time_zones),
		cmocka_unit_test(test_many_policies),  cmocka_unit_test(test_too_many_interfaces),
		cmocka_unit_test(test_unreadable),     cmocka_unit_test(test_too_many_entries),
	};

	return cmocka_run_group_tests_name("config_refused", tests, config_file_make,
					   config_file_remove);
}

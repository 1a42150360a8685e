/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/explain_text.c user/token_input.c user/render.c user/duration.c */
/* explain: the reply as text, and the token from standard input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "explain_text.h"
#include "token_input.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *reply, *text;
} replies[] = {
	{"{\"source\":\"192.0.2.7\",\"token\":\"free_abc\",\"token_id\":\"07f5c017f1b12822\","
	 "\"origin\":\"shop.example\",\"verdict\":\"denied\",\"action\":\"reject\","
	 "\"why\":\"token:free_* allows 100/m burst 20; 0 left, next in 12 s\","
	 "\"policies\":[{\"subject\":\"token:free_*\",\"per\":\"each\",\"action\":\"reject\","
	 "\"budget\":\"its own\",\"limits\":["
	 "{\"limit\":\"100/m burst 20\",\"remaining\":0,\"of\":20,\"wait_s\":11.2},"
	 "{\"limit\":\"10000/day\",\"remaining\":9000,\"of\":10000,\"wait_s\":0}],"
	 "\"verdict\":\"denied\"}],\"block\":null}",
	 "denied (reject): token:free_* allows 100/m burst 20; 0 left, next in 12 s\n"
	 "Source 192.0.2.7, token free_abc (id 07f5c017f1b12822), origin shop.example\n"
	 "\n"
	 "SUBJECT       PER   ACTION  BUDGET   LIMIT           REMAINING     OF  WAIT  VERDICT\n"
	 "token:free_*  each  reject  its own  100/m burst 20          0     20   12s  denied\n"
	 "token:free_*  each  reject  its own  10000/day            9000  10000     -  allowed\n"},
	{"{\"source\":\"192.0.2.7\",\"token\":\"-\",\"token_id\":\"-\",\"origin\":\"-\","
	 "\"verdict\":\"allowed\",\"action\":\"none\",\"why\":\"no policy applies\","
	 "\"policies\":[],\"block\":null}",
	 "allowed: no policy applies\n"
	 "Source 192.0.2.7, no token, no origin\n"
	 "No policy applies.\n"},
	{"{\"source\":\"192.0.2.7\",\"verdict\":\"denied\",\"action\":\"drop\","
	 "\"why\":\"source:192.0.2.0/24 is blocked\",\"policies\":[],"
	 "\"block\":{\"subject\":\"source:192.0.2.0/24\",\"reason\":\"manual\","
	 "\"text\":\"scraper\",\"created\":\"2026-01-01T00:00:00Z\",\"expires\":\"-\","
	 "\"packets\":3,\"bytes\":180}}",
	 "denied (drop): source:192.0.2.0/24 is blocked\n"
	 "Source 192.0.2.7, no token, no origin\n"
	 "Block source:192.0.2.0/24 (manual: scraper) since 2026-01-01T00:00:00Z, until it is "
	 "unblocked; 3 packets, 180 bytes\n"
	 "No policy applies.\n"},
	{"{\"source\":\"192.0.2.7\",\"token_id\":\"1\",\"verdict\":\"observed\",\"action\":"
	 "\"observe\",\"why\":\"%s%n\",\"block\":{\"subject\":\"s\",\"reason\":\"rule\","
	 "\"text\":\"\",\"created\":\"c\",\"expires\":\"e\",\"packets\":0,\"bytes\":0}}",
	 "observed (observe): %s%n\n"
	 "Source 192.0.2.7, token - (id 1), no origin\n"
	 "Block s (rule) since c, until e; 0 packets, 0 bytes\n"
	 "No policy applies.\n"},
	{"{}", "-\nSource -, no token, no origin\nNo policy applies.\n"},
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct json_object *reply = json_tokener_parse(replies[i].reply);
		char *text = NULL;
		size_t bytes;
		FILE *to = open_memstream(&text, &bytes);

		assert_non_null(reply);
		tg_explain_print(reply, to);
		fclose(to);
		assert_string_equal(text, replies[i].text);
		free(text);
		json_object_put(reply);
	}
}

/* --- the token ------------------------------------------------------------------------- */

static int read_pipe(const char *data, size_t bytes, char *out, size_t out_bytes)
{
	int ends[2], err;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], data, bytes), (ssize_t)bytes);
	close(ends[1]);
	err = tg_token_input(ends[0], out, out_bytes);
	close(ends[0]);
	return err;
}

static bool is_wiped(const char *out, size_t from, size_t out_bytes)
{
	for (size_t i = from; i < out_bytes; i++) {
		if (out[i])
			return false;
	}
	return true;
}

static void test_pipe(void **state)
{
	static const struct {
		const char *data;
		int err;
		const char *token;
	} cases[] = {
		{"sk_live_1\n", 0, "sk_live_1"},
		{"sk_live_1", 0, "sk_live_1"},
		{"one\ntwo\n", 0, "one"},
		{"exactly-15-byte", 0, "exactly-15-byte"},
		{"", -ENODATA, ""},
		{"\nlate", -ENODATA, ""},
		{"sixteen-bytes-16", -EMSGSIZE, ""},
		{"exactly-15-byte\n", 0, "exactly-15-byte"},
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(out, 'x', sizeof(out));
		assert_int_equal(read_pipe(cases[i].data, strlen(cases[i].data), out, sizeof(out)),
				 cases[i].err);
		assert_string_equal(out, cases[i].token);
		assert_true(is_wiped(out, strlen(out), sizeof(out)));
	}
	assert_int_equal(read_pipe("a\0b\n", 4, out, sizeof(out)), -EINVAL);
	assert_true(is_wiped(out, 0, sizeof(out)));
}

/* A child on a terminal of its own. Returns its end of the wire. */
static int start_child(pid_t *child)
{
	char out[64];
	int wire;

	*child = forkpty(&wire, NULL, NULL, NULL);
	assert_true(*child >= 0);
	if (*child)
		return wire;
	signal(SIGINT, SIG_DFL); /* a shell's background job has it ignored */
	alarm(20);
	if (!tg_token_input(STDIN_FILENO, out, sizeof(out)))
		printf("%zu bytes\n", strlen(out));
	fflush(stdout);
	_exit(7);
}

/* What the terminal shows up to text, or to its end. */
static void read_until(int wire, const char *text, char *seen, size_t seen_bytes)
{
	size_t bytes = 0;

	for (*seen = '\0'; !strstr(seen, text) && bytes < seen_bytes - 1; seen[bytes] = '\0') {
		ssize_t got = read(wire, seen + bytes, seen_bytes - 1 - bytes);

		if (got <= 0)
			break;
		bytes += (size_t)got;
	}
}

/* Until the terminal is silent: the prompt comes first. */
static void await_silence(int wire)
{
	struct termios terminal;

	do
		assert_int_equal(tcgetattr(wire, &terminal), 0);
	while (terminal.c_lflag & ECHO);
}

/* A child that asks for a token, and shows no more of what is typed. */
static int start_asking(pid_t *child)
{
	char seen[256];
	int wire = start_child(child);

	read_until(wire, "Token: ", seen, sizeof(seen));
	await_silence(wire);
	return wire;
}

static void test_terminal(void **state)
{
	char seen[256];
	int wire, status;
	pid_t child;

	(void)state;
	wire = start_asking(&child);
	assert_int_equal(write(wire, "sk_live_1\n", 10), 10);
	read_until(wire, "bytes", seen, sizeof(seen));
	assert_non_null(strstr(seen, "9 bytes"));
	assert_null(strstr(seen, "sk_live"));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	close(wire);
}

/* ^C ends the process as it should, and leaves a terminal with its echo. */
static void test_interrupted(void **state)
{
	struct termios terminal;
	int wire, status;
	pid_t child;

	(void)state;
	wire = start_asking(&child);
	assert_int_equal(write(wire, "sk_\003", 4), 4);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	assert_int_equal(tcgetattr(wire, &terminal), 0);
	assert_true(terminal.c_lflag & ECHO);
	close(wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}

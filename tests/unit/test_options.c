/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
/* links: user/options.c user/cmd.c user/log.c user/config*.c user/duration.c user/listen.c user/places.c */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/quote.c user/words.c user/error.c */
/* clang-format on */
/* The command line of a verb, and what stderr says of mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "log.h"
#include "options.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEE	 "; see tollgate count --help\n"

static const char *by, *top;
static bool watch, quiet;

static const struct tg_option rows[] = {
	{"by", 0, &by, NULL},
	{"top", 'n', &top, NULL},
	{"watch", 'w', NULL, &watch},
	{"quiet", 0, NULL, &quiet},
	{0},
};

static const struct tg_command command = {
	.verb = "count",
	.help = "Usage: tollgate count\n",
	.rows = rows,
	.outputs = TG_OUTPUTS_LISTING,
	.output = TG_OUTPUT_TABLE,
	.args_max = 2,
};

static int saved = -1;
static char said[4096];
static FILE *capture;

static void begin(int fd)
{
	fflush(NULL);
	capture = tmpfile();
	assert_non_null(capture);
	saved = dup(fd);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(capture), fd) >= 0);
}

static void end(int fd)
{
	size_t bytes;

	fflush(NULL);
	assert_true(dup2(saved, fd) >= 0);
	close(saved);
	rewind(capture);
	bytes = fread(said, 1, sizeof(said) - 1, capture);
	said[bytes] = '\0';
	fclose(capture);
}

/* Split a line at its spaces and parse it. */
static bool parse(const char *line, struct tg_options *options, int *status)
{
	static char copy[256];
	static char *argv[16];
	int argc = 0;

	by = top = NULL;
	watch = quiet = false;
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return tg_options_parse(&command, argc, argv, options, status);
}

static void test_none(void **state)
{
	struct tg_options options;
	int status = -1;

	(void)state;
	assert_true(parse("count", &options, &status));
	assert_string_equal(options.config_path, "/etc/tollgate/tollgate.yaml");
	assert_int_equal(options.output, TG_OUTPUT_TABLE);
	assert_int_equal(options.args_count, 0);
	assert_null(by);
	assert_false(watch);
}

static void test_all(void **state)
{
	static const char *const lines[] = {
		"count -c a.yaml -o json --by token --top 5 -w one two",
		"count one --config=a.yaml --output json --by=token -n5 --watch two",
		"count --watch -wca.yaml -ojson --by source --by token -n 5 -- one two",
	};
	struct tg_options options;
	int status = -1;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_true(parse(lines[i], &options, &status));
		assert_string_equal(options.config_path, "a.yaml");
		assert_int_equal(options.output, TG_OUTPUT_JSON);
		assert_string_equal(by, "token");
		assert_string_equal(top, "5");
		assert_true(watch);
		assert_false(quiet);
		assert_int_equal(options.args_count, 2);
		assert_string_equal(options.args[0], "one");
		assert_string_equal(options.args[1], "two");
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"count --nothing", "tollgate: count: --nothing: unknown option" SEE},
		{"count one --nothing", "tollgate: count: --nothing: unknown option" SEE},
		{"count --token=sk_live_1", "tollgate: count: --token: unknown option" SEE},
		{"count -x", "tollgate: count: -x: unknown option" SEE},
		{"count -wx", "tollgate: count: -x: unknown option" SEE},
		{"count --by token -x", "tollgate: count: -x: unknown option" SEE},
		{"count --watch -wxw", "tollgate: count: -x: unknown option" SEE},
		{"count --by", "tollgate: count: --by: needs an argument" SEE},
		{"count -w -n", "tollgate: count: -n: needs an argument" SEE},
		{"count -wn", "tollgate: count: -n: needs an argument" SEE},
		{"count --watch=yes", "tollgate: count: --watch: takes no argument" SEE},
		{"count --help=me", "tollgate: count: --help: takes no argument" SEE},
		{"count one two three", "tollgate: count: three: one argument too many" SEE},
		{"count -o yaml", "tollgate: count: -o yaml: unknown format; one of table, json, "
				  "csv\n"},
		{"count -o", "tollgate: count: -o: needs an argument" SEE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct tg_options options;
		int status = -1;
		bool go_on;

		begin(STDERR_FILENO);
		go_on = parse(bad[i].line, &options, &status);
		end(STDERR_FILENO);
		if (go_on || status != TG_EXIT_USAGE || strcmp(said, bad[i].says))
			fail_msg("%s\n  says %s  not  %s", bad[i].line, said, bad[i].says);
	}
}

static void test_help(void **state)
{
	struct tg_options options;
	int status = -1;
	bool go_on;

	(void)state;
	begin(STDOUT_FILENO);
	go_on = parse("count -w --help --nothing", &options, &status);
	end(STDOUT_FILENO);
	assert_false(go_on);
	assert_int_equal(status, TG_EXIT_DONE);
	assert_string_equal(said, command.help);
}

static void test_config(void **state)
{
	struct tg_options options = {.config_path = "/tmp/tg-no-such-file.yaml"};
	struct tg_config *config = NULL;
	int status;

	(void)state;
	begin(STDERR_FILENO);
	status = tg_options_config(&options, &config);
	end(STDERR_FILENO);
	assert_int_equal(status, TG_EXIT_USAGE);
	assert_null(config);
	assert_string_equal(said, "tollgate: /tmp/tg-no-such-file.yaml: cannot be read: No such "
				  "file or directory; name another file with -c\n");
}

static void test_number(void **state)
{
	static const char *const bad[] = {"",	"x", "5x",  "-1",  "+1",
					  " 5", "4", "101", "1e1", "18446744073709551621"};
	uint64_t number = 7;

	(void)state;
	assert_int_equal(tg_options_number("count", "top", "5", 5, 100, &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(tg_options_number("count", "top", "100", 5, 100, &number), 0);
	assert_int_equal(number, 100);
	for (size_t i = 0; i < COUNT(bad); i++) {
		int status;

		begin(STDERR_FILENO);
		status = tg_options_number("count", "top", bad[i], 5, 100, &number);
		end(STDERR_FILENO);
		assert_int_equal(status, TG_EXIT_USAGE);
		assert_int_equal(number, 100);
		assert_non_null(strstr(said, ": not a number from 5 to 100; see tollgate count"));
	}
}

/* One line each, with a priority only when stderr is the journal's stream. */
static void test_log(void **state)
{
	struct stat st;
	char stream[64];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	begin(STDERR_FILENO);
	tg_log_error("eth0: %s\nand more", "gone");
	tg_log_warning("slow");
	tg_log_debug("left out");
	tg_log_set_level(TG_LOG_DEBUG);
	tg_log_debug("let in");
	tg_log_set_level(TG_LOG_INFO);
	end(STDERR_FILENO);
	assert_string_equal(said, "tollgate: eth0: gone?and more\ntollgate: warning: slow\n"
				  "tollgate: debug: let in\n");

	begin(STDERR_FILENO);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	tg_log_error("bad");
	tg_log_info("good");
	setenv("JOURNAL_STREAM", "1:2", 1);
	tg_log_info("elsewhere");
	unsetenv("JOURNAL_STREAM");
	end(STDERR_FILENO);
	assert_string_equal(said, "<3>bad\n<6>good\ntollgate: elsewhere\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	 cmocka_unit_test(test_all),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_help),
		cmocka_unit_test(test_config),	 cmocka_unit_test(test_number),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests_name("options, log", tests, NULL, NULL);
}

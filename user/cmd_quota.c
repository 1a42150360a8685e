/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "quota_words.h"
#include "render.h"
#include "request.h"

#define WORDS_MAX (2 + 4 * TG_LIMITS_MAX) /* "set", SUBJECT, limits of three words, some more */

static const char help[] =
	"Usage: tollgate quota set SUBJECT LIMIT... [--action A] [--per each|shared]\n"
	"                          [--block RULE] [-c FILE]\n"
	"       tollgate quota list [-o FORMAT] [-c FILE]\n"
	"       tollgate quota rm SUBJECT [-c FILE]\n"
	"Policies: what a subject may spend, and what becomes of requests beyond it. What\n"
	"is set here needs a running agent, holds at once, and survives a restart; a policy\n"
	"that is set replaces that of the same subject. Without an agent, list reads the\n"
	"pinned maps (as root).\n"
	"\n"
	"  SUBJECT             source:ADDR[/LEN], token:PREFIX* (quote it from the shell),\n"
	"                      token-id:HEX or any\n"
	"  LIMIT               N/UNIT [burst B]. UNIT s, m or h: a rate, refilled continuously,\n"
	"                      with B at once (default N); minute, hour, day or month: a\n"
	"                      calendar quota. Several limits hold together\n"
	"  -a, --action A      reject (default): an HTTP 429 with Retry-After; reset: a TCP RST;\n"
	"                      drop: silence; observe: it passes, and is counted as observed\n"
	"  -p, --per WHOSE     each (default): every token or source that matches has a budget\n"
	"                      of its own; shared: all that match share one\n"
	"  -b, --block RULE    \"after N denials in DURATION for DURATION\": who asks on all the\n"
	"                      same is blocked\n"
	"  -o, --output FORMAT table (default), json or csv; a row of list is a limit, and its\n"
	"                      remaining that of the budget that has least\n"
	"  -c, --config FILE   default " TG_OPTIONS_CONFIG_PATH "\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"
	"\n"
	"Examples:\n"
	"  tollgate quota set 'token:free_*' '100/m burst 20' 10000/day\n"
	"  tollgate quota set source:198.51.100.0/24 50/s --per shared --action drop\n"
	"  tollgate quota list -o json | jq '.rows[] | select(.remaining == 0)'\n"
	"  tollgate quota rm 'token:free_*'\n";

/* --- set ------------------------------------------------------------------------------- */

static void print_set(const struct tg_quota *quota, struct json_object *reply)
{
	char text[TG_QUOTA_TEXT_BYTES];

	tg_quota_describe(quota, text);
	printf("%s%s\n", text,
	       json_object_get_boolean(json_object_object_get(reply, "replaced")) ? " (replaced)"
										  : "");
}

static int set_quota(const struct tg_options *options, const struct tg_quota *quota)
{
	struct json_object *request = tg_quota_request(quota), *reply = NULL;
	int status = tg_request_do("quota set", options, request, &reply);

	if (!status)
		print_set(quota, reply);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

static int run_set(int argc, char **argv)
{
	struct tg_quota_words words = {0};
	const struct tg_option rows[] = {
		{"action", 'a', &words.action, NULL},
		{"per", 'p', &words.per, NULL},
		{"block", 'b', &words.block, NULL},
		{0},
	};
	const struct tg_command command = {
		.verb = "quota set", .help = help, .rows = rows, .args_max = WORDS_MAX};
	struct tg_options options;
	struct tg_quota quota;
	char error[512] = "";
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	if (options.args_count < 2)
		return tg_cmd_fail(TG_EXIT_USAGE, "quota set: no subject is given; see tollgate "
						  "quota set --help");
	words.subject = options.args[1];
	words.limits = options.args + 2;
	words.limits_count = options.args_count - 2;
	if (tg_quota_words_parse(&words, &quota, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "quota set: %s", error);
	return set_quota(&options, &quota);
}

/* --- list ------------------------------------------------------------------------------ */

static const struct tg_column columns[] = {
	{"subject", "SUBJECT", false}, {"limit", "LIMIT", false},	 {"per", "PER", false},
	{"action", "ACTION", false},   {"block", "BLOCK", false},	 {"from", "FROM", false},
	{"budgets", "BUDGETS", true},  {"remaining", "REMAINING", true}, {"of", "OF", true},
	{"denied", "DENIED", true},    {"observed", "OBSERVED", true},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int run_list(int argc, char **argv)
{
	const struct tg_command command = {.verb = "quota list",
					   .help = help,
					   .outputs = TG_OUTPUTS_LISTING,
					   .output = TG_OUTPUT_TABLE,
					   .args_max = 1};
	struct tg_options options;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	return tg_request_list("quota list", "quota-list", &options, columns, COLUMNS);
}

/* --- rm -------------------------------------------------------------------------------- */

static int remove_quota(const struct tg_options *options, const struct tg_subject *subject)
{
	struct json_object *request = tg_request_new("quota-rm"), *reply = NULL;
	char text[TG_SUBJECT_TEXT_BYTES];
	int status;

	tg_subject_print(subject, text);
	tg_request_add(request, "subject", text);
	status = tg_request_do("quota rm", options, request, &reply);
	if (!status)
		printf("%s: removed\n", text);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

static int run_rm(int argc, char **argv)
{
	const struct tg_command command = {.verb = "quota rm", .help = help, .args_max = 2};
	struct tg_options options;
	struct tg_subject subject;
	char error[512] = "";
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	if (options.args_count < 2)
		return tg_cmd_fail(TG_EXIT_USAGE, "quota rm: no subject is given; see tollgate "
						  "quota list");
	if (tg_subject_parse(options.args[1], &subject, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "quota rm: SUBJECT: %s", error);
	return remove_quota(&options, &subject);
}

/* --- which of them --------------------------------------------------------------------- */

/*
 * Options may stand before the word that says which: parse with those of all to
 * find it. That leaves the options in front of the operands, for another parse.
 */
static const char *find_word(int argc, char **argv, int *status)
{
	static const char *any;
	static const struct tg_option rows[] = {
		{"action", 'a', &any, NULL},
		{"per", 'p', &any, NULL},
		{"block", 'b', &any, NULL},
		{0},
	};
	static const struct tg_command command = {.verb = "quota",
						  .help = help,
						  .rows = rows,
						  .outputs = TG_OUTPUTS_LISTING,
						  .args_max = WORDS_MAX};
	struct tg_options options;

	if (!tg_options_parse(&command, argc, argv, &options, status))
		return NULL;
	if (options.args_count)
		return options.args[0];
	*status = tg_cmd_fail(TG_EXIT_USAGE, "quota: what to do is not said; one of set, list, rm; "
					     "see tollgate quota --help");
	return NULL;
}

int tg_cmd_quota(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(int argc, char **argv);
	} parts[] = {{"set", run_set}, {"list", run_list}, {"rm", run_rm}};
	int status;
	const char *word = find_word(argc, argv, &status);

	if (!word)
		return status;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!strcmp(parts[i].word, word))
			return parts[i].run(argc, argv);
	}
	return tg_cmd_fail(TG_EXIT_USAGE,
			   "quota: %s: unknown; one of set, list, rm; see tollgate quota --help",
			   word);
}

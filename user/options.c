/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define LETTERS_BYTES (2 * TG_OPTIONS_MAX + sizeof(":hc:o:"))

/* Values of getopt_long for what has no letter; above every char. */
enum { LONG_ROW = 256 };

static const char *const output_names[] = {
	[TG_OUTPUT_TABLE] = "table",
	[TG_OUTPUT_JSON] = "json",
	[TG_OUTPUT_CSV] = "csv",
	[TG_OUTPUT_YAML] = "yaml",
};
#define OUTPUTS (sizeof(output_names) / sizeof(*output_names))

/* The verb's options as getopt_long wants them. */
struct grammar {
	char letters[LETTERS_BYTES];
	struct option options[TG_OPTIONS_MAX + 4];
};

static void describe(const struct tg_command *command, struct grammar *grammar)
{
	const struct tg_option *row = command->rows;
	char *letter = grammar->letters;
	struct option *option = grammar->options;

	/* ':' first: getopt stays silent, the errors are ours. */
	letter = stpcpy(letter, command->outputs ? ":hc:o:" : ":hc:");
	*option++ = (struct option){"help", no_argument, NULL, 'h'};
	*option++ = (struct option){"config", required_argument, NULL, 'c'};
	if (command->outputs)
		*option++ = (struct option){"output", required_argument, NULL, 'o'};
	for (int i = 0; row && row->name && i < TG_OPTIONS_MAX; i++, row++) {
		*option++ = (struct option){row->name, row->value ? required_argument : no_argument,
					    NULL, LONG_ROW + i};
		if (!row->letter)
			continue;
		*letter++ = row->letter;
		if (row->value)
			*letter++ = ':';
	}
	*letter = '\0';
}

static int usage_error(const struct tg_command *command, const char *thing, const char *what)
{
	return tg_cmd_fail(TG_EXIT_USAGE, "%s: %s: %s; see tollgate %s --help", command->verb,
			   thing, what, command->verb);
}

static int take_output(const struct tg_command *command, const char *name, enum tg_output *out)
{
	char accepted[64] = "";
	size_t at = 0;

	for (unsigned int i = 0; i < OUTPUTS; i++) {
		if (!(command->outputs & 1u << i))
			continue;
		if (!strcmp(name, output_names[i])) {
			*out = i;
			return 0;
		}
		at += (size_t)snprintf(accepted + at, sizeof(accepted) - at, "%s%s", at ? ", " : "",
				       output_names[i]);
	}
	return tg_cmd_fail(TG_EXIT_USAGE, "%s: -o %s: unknown format; one of %s", command->verb,
			   name, accepted);
}

static const struct tg_option *row_of(const struct tg_command *command, int value)
{
	const struct tg_option *row = command->rows;

	if (value >= LONG_ROW)
		return &row[value - LONG_ROW];
	for (; row && row->name; row++) {
		if (row->letter == value)
			return row;
	}
	return NULL;
}

/* getopt met something that the verb does not have, or whose argument is missing. */
static int reject(const struct tg_command *command, const struct grammar *grammar, int value,
		  char **argv)
{
	char letter[] = {'-', (char)optopt, '\0'};
	const char *what = value == ':' ? "needs an argument" : "unknown option";
	const char *word = argv[optind - 1]; /* of a letter it may be the word before */
	bool is_long = !optopt || (value == ':' && !strncmp(word, "--", 2));
	char name[64];

	for (const struct option *option = grammar->options; value == '?' && option->name;
	     option++) {
		if (option->val != optopt)
			continue;
		is_long = true; /* a known one: "--help=now" */
		what = "takes no argument";
	}
	/* Without what stands behind "=": it may be a token. */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	return usage_error(command, is_long ? name : letter, what);
}

/* One option. true: go on. */
static bool take(const struct tg_command *command, int value, struct tg_options *out, int *status)
{
	const struct tg_option *row;

	switch (value) {
	case 'h':
		fputs(command->help, stdout);
		*status = TG_EXIT_DONE;
		return false;
	case 'c':
		out->config_path = optarg;
		return true;
	case 'o':
		*status = take_output(command, optarg, &out->output);
		return !*status;
	}
	row = row_of(command, value);
	if (row && row->value)
		*row->value = optarg;
	else if (row)
		*row->flag = true;
	return true;
}

bool tg_options_parse(const struct tg_command *command, int argc, char **argv,
		      struct tg_options *out, int *status)
{
	struct tg_options options = {.config_path = TG_OPTIONS_CONFIG_PATH,
				     .output = command->output};
	struct grammar grammar = {0};
	int value;

	describe(command, &grammar);
	optind = 0; /* glibc: begin anew, main has parsed before */
	opterr = 0;
	while ((value = getopt_long(argc, argv, grammar.letters, grammar.options, NULL)) != -1) {
		if (value == '?' || value == ':') {
			*status = reject(command, &grammar, value, argv);
			return false;
		}
		if (!take(command, value, &options, status))
			return false;
	}
	options.args = argv + optind;
	options.args_count = (unsigned int)(argc - optind);
	if (options.args_count > command->args_max) {
		*status = usage_error(command, options.args[command->args_max],
				      "one argument too many");
		return false;
	}
	*out = options;
	return true;
}

int tg_options_config(const struct tg_options *options, struct tg_config **out)
{
	char error[512] = "";

	if (tg_config_load(options->config_path, out, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "%s", error);
	return TG_EXIT_DONE;
}

int tg_options_number(const char *verb, const char *name, const char *text, uint64_t min,
		      uint64_t max, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 0;
	bool over = false;

	for (size_t i = 0; i < digits; i++)
		over |= __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n);
	if (!digits || text[digits] || over || n < min || n > max)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "%s: --%s %s: not a number from %" PRIu64 " to %" PRIu64
				   "; see tollgate %s --help",
				   verb, name, text, min, max, verb);
	*out = n;
	return TG_EXIT_DONE;
}

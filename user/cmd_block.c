/* SPDX-License-Identifier: BSD-2-Clause */
/* block, unblock, blocks: the drop map, by hand. */
#include "cmd.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "options.h"
#include "policy.h"
#include "render.h"
#include "request.h"

#define SUBJECT_HELP                                                                               \
	"  SUBJECT             source:ADDR[/LEN], or token-id:HEX (see tollgate usage --by "       \
	"token)\n"
#define CONFIG_HELP                                                                                \
	"  -c, --config FILE   default " TG_OPTIONS_CONFIG_PATH "\n"                               \
	"  -h, --help          this text\n"                                                        \
	"\n"                                                                                       \
	"Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"             \
	"\n"

static const char block_help[] =
	"Usage: tollgate block SUBJECT [--for DURATION] [--reason TEXT] [-c FILE]\n"
	"Drop what comes from a source, or with a token, whatever it may have left to\n"
	"spend. Needs a running agent; holds at once, survives a restart, and replaces a\n"
	"block of the same subject. never_block in the configuration is stronger.\n"
	"\n" SUBJECT_HELP "  -f, --for DURATION  10m, 24h, 7d; without it, until tollgate unblock\n"
	"  -r, --reason TEXT   why, for people; tollgate blocks shows it\n" CONFIG_HELP "Example:\n"
	"  tollgate block source:203.0.113.0/24 --for 24h --reason 'scraper, ticket 1234'\n";

static const char unblock_help[] =
	"Usage: tollgate unblock SUBJECT [-c FILE]\n"
	"End a block, whether it was made by hand or by a policy's rule. Needs a running\n"
	"agent.\n"
	"\n" SUBJECT_HELP CONFIG_HELP "Example:\n"
	"  tollgate unblock source:203.0.113.0/24\n";

static const char blocks_help[] =
	"Usage: tollgate blocks [-o FORMAT] [-c FILE]\n"
	"What is dropped now, why, until when, and how much it was. Without an agent, reads\n"
	"the pinned maps (as root). REASON is manual (tollgate block), rule (a policy's block\n"
	"rule) or never (never_block: it passes).\n"
	"\n"
	"  -o, --output FORMAT table (default), json or csv\n" CONFIG_HELP "Example:\n"
	"  tollgate blocks -o json | jq -r '.rows[] | select(.reason == \"rule\") | .subject'\n";

/* --- arguments ------------------------------------------------------------------------- */

static int refuse_kind(const char *verb, const char *text, enum tg_kind kind)
{
	if (kind == TG_KIND_TOKEN)
		return tg_cmd_fail(
			TG_EXIT_USAGE,
			"%s: %s: a prefix that many tokens may share; name one by "
			"token-id:HEX (see tollgate usage --by token), or set a limit for "
			"all: tollgate quota set",
			verb, text);
	return tg_cmd_fail(TG_EXIT_USAGE,
			   "%s: %s: neither a source nor a token; write source:ADDR[/LEN] or "
			   "token-id:HEX",
			   verb, text);
}

/* The operand, as it is printed. 0 or the exit status; the error was printed. */
static int read_subject(const char *verb, const struct tg_options *options,
			char out[TG_SUBJECT_TEXT_BYTES])
{
	struct tg_subject subject;
	char error[512] = "";

	if (!options->args_count)
		return tg_cmd_fail(TG_EXIT_USAGE, "%s: no subject is given; see tollgate %s --help",
				   verb, verb);
	if (tg_subject_parse(options->args[0], &subject, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "%s: SUBJECT: %s", verb, error);
	if (subject.kind != TG_KIND_SOURCE && subject.kind != TG_KIND_TOKEN_ID)
		return refuse_kind(verb, options->args[0], subject.kind);
	tg_subject_print(&subject, out);
	return TG_EXIT_DONE;
}

static int add_for(struct json_object *request, const char *text)
{
	uint64_t seconds;

	if (tg_duration_parse(text, &seconds) || !seconds || seconds > UINT32_MAX)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "block: --for %s: not a duration, or out of range; write for "
				   "example 10m, 24h or 7d",
				   text);
	json_object_object_add(request, "for_s", json_object_new_uint64(seconds));
	return TG_EXIT_DONE;
}

static bool has_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	}
	return false;
}

static int add_reason(struct json_object *request, const char *text)
{
	if (strlen(text) >= TG_DROP_TEXT_BYTES)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "block: --reason: %zu bytes are too many; at most %d are kept",
				   strlen(text), TG_DROP_TEXT_BYTES - 1);
	if (has_control(text))
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "block: --reason: has a control character; write one line of "
				   "text");
	tg_request_add(request, "reason", text);
	return TG_EXIT_DONE;
}

/* --- block ----------------------------------------------------------------------------- */

struct block {
	struct tg_options options;
	const char *duration;
	const char *reason;
	char subject[TG_SUBJECT_TEXT_BYTES];
};

static int make_block(const struct block *block, struct json_object *request)
{
	int status = 0;

	tg_request_add(request, "subject", block->subject);
	if (block->duration)
		status = add_for(request, block->duration);
	if (!status && block->reason)
		status = add_reason(request, block->reason);
	return status;
}

static void print_block(const char *subject, struct json_object *reply)
{
	const char *expires = json_object_get_string(json_object_object_get(reply, "expires"));

	if (expires)
		printf("%s: blocked until %s\n", subject, expires);
	else
		printf("%s: blocked until `tollgate unblock %s`\n", subject, subject);
}

int tg_cmd_block(int argc, char **argv)
{
	struct block block = {0};
	const struct tg_option rows[] = {
		{"for", 'f', &block.duration, NULL},
		{"reason", 'r', &block.reason, NULL},
		{0},
	};
	const struct tg_command command = {
		.verb = "block", .help = block_help, .rows = rows, .args_max = 1};
	struct json_object *request, *reply = NULL;
	int status;

	if (!tg_options_parse(&command, argc, argv, &block.options, &status))
		return status;
	status = read_subject("block", &block.options, block.subject);
	if (status)
		return status;
	request = tg_request_new("block");
	status = make_block(&block, request);
	if (!status)
		status = tg_request_do("block", &block.options, request, &reply);
	if (!status)
		print_block(block.subject, reply);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

/* --- unblock --------------------------------------------------------------------------- */

int tg_cmd_unblock(int argc, char **argv)
{
	static const struct tg_command command = {
		.verb = "unblock", .help = unblock_help, .args_max = 1};
	struct json_object *request, *reply = NULL;
	char subject[TG_SUBJECT_TEXT_BYTES];
	struct tg_options options;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	status = read_subject("unblock", &options, subject);
	if (status)
		return status;
	request = tg_request_new("unblock");
	tg_request_add(request, "subject", subject);
	status = tg_request_do("unblock", &options, request, &reply);
	if (!status)
		printf("%s: unblocked\n", subject);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

/* --- blocks ---------------------------------------------------------------------------- */

static const struct tg_column columns[] = {
	{"subject", "SUBJECT", false}, {"reason", "REASON", false}, {"expires", "EXPIRES", false},
	{"packets", "PACKETS", true},  {"bytes", "BYTES", true},    {"created", "CREATED", false},
	{"text", "TEXT", false},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

int tg_cmd_blocks(int argc, char **argv)
{
	static const struct tg_command command = {.verb = "blocks",
						  .help = blocks_help,
						  .outputs = TG_OUTPUTS_LISTING,
						  .output = TG_OUTPUT_TABLE};
	struct tg_options options;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	return tg_request_list("blocks", "blocks", &options, columns, COLUMNS);
}

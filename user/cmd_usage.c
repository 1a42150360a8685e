/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "options.h"
#include "render.h"
#include "view.h"
#include "when.h"

static const char help[] =
	"Usage: tollgate usage [--by FIELD,...] [--since WHEN] [--top N] [-o FORMAT] [-c FILE]\n"
	"Requests as they were counted, most requests first. Asks the agent; when none\n"
	"runs, reads the pinned maps (as root).\n"
	"\n"
	"  -b, --by FIELD,...  what a row stands for (default: source,token):\n"
	"                      source     client address; IPv6 by identity.ipv6_prefix\n"
	"                      token      prefix and id of the API token, - for none\n"
	"                      prefix     the prefix alone: tokens that share it are summed\n"
	"                      origin     host of Origin or Referer, - for none; not together\n"
	"                                 with source or interface\n"
	"                      policy     the policy that decided, - for none;\n"
	"                                 by itself, and not with --since\n"
	"                      interface  where it came in\n"
	"  -s, --since WHEN    only what was counted since then; WHEN is a duration (5m,\n"
	"                      1h30m) or a time (2026-01-31, 2026-01-31T12:00:00Z; UTC unless\n"
	"                      it says +hh:mm). The agent keeps the last hour by the minute; the\n"
	"                      answer names the minute that it begins with\n"
	"  -n, --top N         the first N rows; the rest is summed in one row, \"other\"\n"
	"  -o, --output FORMAT table (default), json or csv\n"
	"  -c, --config FILE   default " TG_OPTIONS_CONFIG_PATH "\n"
	"  -h, --help          this text\n"
	"\n"
	"The total is the sum of the rows and of the unattributed requests, which are\n"
	"named by reason. A row with \"other\" sums what the maps do not tell apart any\n"
	"more by that field.\n"
	"\n"
	"Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"
	"\n"
	"Examples:\n"
	"  tollgate usage --by token --since 5m --top 10\n"
	"  tollgate usage --by source,token -o json | jq '.rows[0]'\n";

struct arguments {
	const char *by;
	const char *since;
	const char *top;
	struct tg_options options;
	struct tg_view_query query; /* of by */
};

/* 0 or the exit status; the error was printed. */
static int add_since(struct json_object *request, const char *since)
{
	uint64_t unix_ns;
	int err = tg_when_parse(since, tg_clock_unix_ns(), &unix_ns);

	if (err)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   err == -ERANGE ? "usage: --since %s: not in the past; give a "
						    "duration such as 5m or an earlier time"
						  : "usage: --since %s: neither a duration nor a "
						    "time; try 5m or 2026-01-31T12:00:00Z",
				   since);
	json_object_object_add(request, "since_unix_ns", json_object_new_uint64(unix_ns));
	return 0;
}

static int make_request(const struct arguments *arguments, struct json_object *request)
{
	uint64_t top = 0;
	int status = 0;

	json_object_object_add(request, "verb", json_object_new_string("usage"));
	json_object_object_add(request, "by", json_object_new_string(arguments->by));
	if (arguments->top)
		status = tg_options_number("usage", "top", arguments->top, 1, UINT32_MAX - 1, &top);
	if (!status && arguments->since)
		status = add_since(request, arguments->since);
	json_object_object_add(request, "top", json_object_new_uint64(top));
	return status;
}

/* --- output --------------------------------------------------------------------------- */

static size_t choose_columns(const struct tg_view_query *query, struct tg_column *columns)
{
	static const char *const titles[TG_FIELDS] = {
		[TG_FIELD_SOURCE] = "SOURCE", [TG_FIELD_TOKEN] = "TOKEN",
		[TG_FIELD_PREFIX] = "PREFIX", [TG_FIELD_ORIGIN] = "ORIGIN",
		[TG_FIELD_POLICY] = "POLICY", [TG_FIELD_INTERFACE] = "INTERFACE",
	};
	static const struct tg_column counts[] = {
		{"requests", "REQUESTS", true}, {"bytes", "BYTES", true},
		{"allowed", "ALLOWED", true},	{"denied", "DENIED", true},
		{"observed", "OBSERVED", true},
	};
	size_t count = 0;

	for (unsigned int i = 0; i < query->fields; i++) {
		enum tg_field field = query->field[i];

		columns[count++] =
			(struct tg_column){tg_view_field_name(field), titles[field], false};
		if (field == TG_FIELD_TOKEN)
			columns[count++] = (struct tg_column){"token_id", "TOKEN ID", false};
	}
	memcpy(&columns[count], counts, sizeof(counts));
	return count + sizeof(counts) / sizeof(counts[0]);
}

static uint64_t number_in(struct json_object *document, const char *object, const char *name)
{
	return json_object_get_uint64(
		json_object_object_get(json_object_object_get(document, object), name));
}

static void print_summary(struct json_object *document)
{
	struct json_object *unattributed = json_object_object_get(document, "unattributed");
	struct json_object *reasons = json_object_object_get(unattributed, "reasons");
	const char *separator = " (";

	printf("\nTotal: %" PRIu64 " requests, %" PRIu64 " bytes; %" PRIu64 " of them unattributed",
	       number_in(document, "total", "requests"), number_in(document, "total", "bytes"),
	       number_in(document, "unattributed", "requests"));
	json_object_object_foreach(reasons, reason, count)
	{
		printf("%s%s %s", separator, reason, json_object_get_string(count));
		separator = ", ";
	}
	printf("%s\nSince %s, until %s\n", *separator == ',' ? ")" : "",
	       json_object_get_string(json_object_object_get(document, "since")),
	       json_object_get_string(json_object_object_get(document, "until")));
}

static void print(const struct arguments *arguments, struct json_object *document)
{
	struct tg_column columns[TG_FIELDS + 6];
	size_t count = choose_columns(&arguments->query, columns);
	struct json_object *rows = json_object_object_get(document, "rows");

	switch (arguments->options.output) {
	case TG_OUTPUT_JSON:
		tg_render_json(document, stdout);
		break;
	case TG_OUTPUT_CSV:
		tg_render_csv(rows, columns, count, stdout);
		break;
	default:
		tg_render_table(rows, columns, count, stdout);
		print_summary(document);
	}
}

/* --- the verb ------------------------------------------------------------------------- */

static int ask(const struct tg_config *config, struct json_object *request,
	       struct json_object **reply)
{
	struct tg_ask *ask = NULL;
	char error[512] = "";
	int status = tg_ask_open(config, &ask, error, sizeof(error));

	if (!status)
		status = tg_ask(ask, request, reply, error, sizeof(error));
	if (!status)
		tg_ask_warn_if_deaf(ask);
	tg_ask_close(ask);
	return status ? tg_cmd_fail(status, "usage: %s", error) : 0;
}

static int ask_and_print(const struct arguments *arguments, struct json_object *request)
{
	struct json_object *reply = NULL;
	struct tg_config *config = NULL;
	int status = tg_options_config(&arguments->options, &config);

	if (!status)
		status = ask(config, request, &reply);
	if (!status)
		print(arguments, reply);
	json_object_put(reply);
	tg_config_free(config);
	return status;
}

int tg_cmd_usage(int argc, char **argv)
{
	struct arguments arguments = {.by = TG_VIEW_BY_DEFAULT};
	const struct tg_option rows[] = {
		{"by", 'b', &arguments.by, NULL},
		{"since", 's', &arguments.since, NULL},
		{"top", 'n', &arguments.top, NULL},
		{0},
	};
	const struct tg_command command = {.verb = "usage",
					   .help = help,
					   .rows = rows,
					   .outputs = TG_OUTPUTS_LISTING,
					   .output = TG_OUTPUT_TABLE};
	struct json_object *request;
	char error[200];
	int status;

	if (!tg_options_parse(&command, argc, argv, &arguments.options, &status))
		return status;
	if (tg_view_parse_fields(arguments.by, &arguments.query, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "usage: %s", error);
	request = json_object_new_object();
	status = make_request(&arguments, request);
	if (!status)
		status = ask_and_print(&arguments, request);
	json_object_put(request);
	return status;
}

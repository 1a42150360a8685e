/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "doctor.h"
#include "options.h"
#include "render.h"

static const char help[] =
	"Usage: tollgate doctor [-c FILE] [-o table|json|csv] [IFACE]\n"
	"Look at this host and its interfaces, the configured ones or IFACE: what keeps\n"
	"the meter from working, or from working fast, and the command that mends it.\n"
	"Changes nothing; loads the program for a try, and attaches it nowhere.\n"
	"\n"
	"  -c, --config FILE    the configuration (default " TG_OPTIONS_CONFIG_PATH ")\n"
	"  -o, --output FORMAT  table (default), json or csv\n"
	"  -h, --help           this text\n"
	"\n"
	"Results: ok; warn (works, but could be better); fail; unknown (this kernel, or\n"
	"these privileges, do not tell).\n"
	"Exit status: 0 nothing failed, 1 something did, 2 bad usage.\n"
	"\n"
	"Example:\n"
	"  sudo tollgate doctor eth0\n";

static const struct tg_command command = {
	.verb = "doctor",
	.help = help,
	.outputs = TG_OUTPUTS_LISTING,
	.args_max = 1,
};

static const struct tg_column columns[] = {
	{"subject", "SUBJECT", false}, {"check", "CHECK", false}, {"result", "RESULT", false},
	{"found", "FOUND", false},     {"mend", "MEND", false},
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

static void put_text(struct json_object *row, const char *key, const char *text)
{
	json_object_object_add(row, key, json_object_new_string(text));
}

static void add_row(const struct tg_doctor_result *result, void *rows)
{
	struct json_object *row = json_object_new_object();

	put_text(row, "subject", result->subject);
	put_text(row, "check", result->check);
	put_text(row, "result", tg_doctor_level_name(result->level));
	put_text(row, "found", result->found);
	put_text(row, "mend", result->mend);
	json_object_array_add(rows, row);
}

/* As a table the commands stand below what they mend: most lines have none. */
static void print_line(const struct tg_doctor_result *result, void *unused)
{
	(void)unused;
	printf("%-8s %-15s %-16s %s\n", tg_doctor_level_name(result->level), result->subject,
	       result->check, result->found);
	if (*result->mend)
		printf("%-8s %-15s %-16s mend: %s\n", "", "", "", result->mend);
}

static unsigned int print_table(const struct tg_doctor_target *target, const char *only)
{
	printf("%-8s %-15s %-16s %s\n", "RESULT", "SUBJECT", "CHECK", "FOUND");
	return tg_doctor_run(target, only, print_line, NULL);
}

static unsigned int print_rows(const struct tg_doctor_target *target, const char *only,
			       enum tg_output output)
{
	struct json_object *document = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	unsigned int failed = tg_doctor_run(target, only, add_row, rows);

	json_object_object_add(document, "rows", rows);
	json_object_object_add(document, "failed", json_object_new_int((int)failed));
	if (output == TG_OUTPUT_JSON)
		tg_render_json(document, stdout);
	else
		tg_render_csv(rows, columns, COLUMNS, stdout);
	json_object_put(document);
	return failed;
}

/* A configuration that cannot be read is a finding, not the end. */
int tg_cmd_doctor(int argc, char **argv)
{
	char error[512] = "";
	struct tg_doctor_target target = {.config_error = error};
	struct tg_config *config = NULL;
	struct tg_options options;
	const char *only;
	unsigned int failed;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	only = options.args_count ? options.args[0] : NULL;
	if (!tg_config_load(options.config_path, &config, error, sizeof(error)))
		target.config = config;
	target.config_path = options.config_path;
	failed = options.output == TG_OUTPUT_TABLE ? print_table(&target, only)
						   : print_rows(&target, only, options.output);
	tg_config_free(config);
	return failed ? TG_EXIT_FAILED : TG_EXIT_DONE;
}

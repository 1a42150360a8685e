/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "doctor.h"
#include "duration.h"
#include "options.h"
#include "render.h"

static const char help[] =
	"Usage: tollgate status [-o FORMAT] [-c FILE]\n"
	"The agent's health, the metered interfaces, how full the maps are, what this host\n"
	"lacks, and whether the counts add up. Works without an agent, too (as root).\n"
	"\n"
	"  -o, --output FORMAT table (default), json, or csv (of the interfaces)\n"
	"  -c, --config FILE   default " TG_OPTIONS_CONFIG_PATH "\n"
	"  -h, --help          this text\n"
	"\n"
	"Packets seen on an interface are the sum over the reasons of how they ended;\n"
	"requests, counted by packet, are the sum of usage rows, spilled rows and\n"
	"unattributed ones, counted by whom. DIFF is what is missing: 0, but for packets\n"
	"in flight while the counters were read.\n"
	"\n"
	"Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"
	"\n"
	"Example:\n"
	"  tollgate status -o json | jq '.interfaces[] | {interface, mode, why}'\n";

static struct json_object *get(struct json_object *object, const char *name)
{
	return json_object_object_get(object, name);
}

static const char *text_of(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(get(object, name));

	return text ? text : "-";
}

static uint64_t number_of(struct json_object *object, const char *name)
{
	return json_object_get_uint64(get(object, name));
}

/* --- what the host lacks ------------------------------------------------------------- */

/* Collect what the doctor says of the host, as far as it is no "ok". */
static void note_lack(const struct tg_doctor_result *result, void *arg)
{
	struct json_object *lack;

	if (strcmp(result->subject, "host") || result->level == TG_DOCTOR_OK)
		return;
	lack = json_object_new_object();
	json_object_object_add(lack, "check", json_object_new_string(result->check));
	json_object_object_add(lack, "level",
			       json_object_new_string(tg_doctor_level_name(result->level)));
	json_object_object_add(lack, "found", json_object_new_string(result->found));
	json_object_object_add(lack, "mend", json_object_new_string(result->mend));
	json_object_array_add(arg, lack);
}

static void add_lacks(struct json_object *document, const struct tg_config *config)
{
	struct tg_doctor_target target = {.config = config, .config_path = config->path};
	struct json_object *lacks = json_object_new_array();

	tg_doctor_run(&target, NULL, note_lack, lacks);
	json_object_object_add(document, "lacks", lacks);
}

/* --- the table ------------------------------------------------------------------------- */

static void print_agent(struct json_object *document)
{
	struct json_object *agent = get(document, "agent");
	struct json_object *books = get(document, "books");
	char uptime[TG_DURATION_TEXT_BYTES];

	if (json_object_get_boolean(get(agent, "deaf"))) {
		printf("Agent:   running, but does not answer; read from the pinned maps\n");
	} else if (json_object_get_boolean(get(agent, "running"))) {
		tg_duration_print(number_of(agent, "uptime_s"), uptime);
		printf("Agent:   running, pid %s, version %s, up %s\n", text_of(agent, "pid"),
		       text_of(agent, "version"), uptime);
	} else {
		printf("Agent:   not running; the kernel goes on counting where a program is "
		       "attached\n");
	}
	printf("Config:  %s\n", text_of(agent, "config"));
	if (*text_of(agent, "reload_error") && get(agent, "reload_error"))
		printf("         the last reload was refused: %s\n",
		       text_of(agent, "reload_error"));
	printf("Books:   %s, since %s, generation %s, read in %s s\n", text_of(books, "pin_dir"),
	       text_of(books, "since"), text_of(books, "generation"), text_of(books, "read_s"));
	if (get(agent, "history_since"))
		printf("History: since %s\n", text_of(agent, "history_since"));
}

static const struct tg_column interface_columns[] = {
	{"interface", "INTERFACE", false},
	{"attached", "ATTACHED", false},
	{"mode", "MODE", false},
	{"wanted", "WANTED", false},
	{"server", "SERVER", false},
	{"driver", "DRIVER", false},
	{"mtu", "MTU", true},
	{"state", "STATE", false},
	{"program_id", "PROGRAM", true},
	{"link_id", "LINK", true},
	{"egress_id", "EGRESS", true},
	{"requests", "REQUESTS", true},
	{"seen", "PACKETS", true},
	{"difference", "DIFF", true},
	{"why", "WHY", false},
};
#define INTERFACE_COLUMNS (sizeof(interface_columns) / sizeof(interface_columns[0]))

/* packets.seen and packets.difference as members of the row, for table and CSV. */
static void lift_packets(struct json_object *interfaces)
{
	static const char *const names[] = {"seen", "difference"};

	for (size_t i = 0; i < json_object_array_length(interfaces); i++) {
		struct json_object *row = json_object_array_get_idx(interfaces, i);

		for (size_t n = 0; n < 2; n++)
			json_object_object_add(row, names[n],
					       json_object_get(get(get(row, "packets"), names[n])));
	}
}

static void print_reasons(struct json_object *interfaces)
{
	for (size_t i = 0; i < json_object_array_length(interfaces); i++) {
		struct json_object *row = json_object_array_get_idx(interfaces, i);
		struct json_object *reasons = get(get(row, "packets"), "reasons");
		const char *separator = "";

		if (!json_object_object_length(reasons))
			continue;
		printf("Packets on %s: ", text_of(row, "interface"));
		json_object_object_foreach(reasons, reason, count)
		{
			printf("%s%s %s", separator, reason, json_object_get_string(count));
			separator = ", ";
		}
		printf("\n");
	}
}

static void print_maps(struct json_object *maps)
{
	printf("%-14s %10s %10s %6s\n", "MAP", "ENTRIES", "CAPACITY", "FILL");
	for (size_t i = 0; i < json_object_array_length(maps); i++) {
		struct json_object *row = json_object_array_get_idx(maps, i);
		uint64_t entries = number_of(row, "entries");
		uint64_t capacity = number_of(row, "capacity");

		printf("%-14s %10" PRIu64 " %10" PRIu64 " %5" PRIu64 "%%\n", text_of(row, "map"),
		       entries, capacity, capacity ? entries * 100 / capacity : 0);
	}
}

static void print_identity(struct json_object *identity)
{
	printf("Packets:  %s seen = %s ended, difference %s\n", text_of(identity, "packets_seen"),
	       text_of(identity, "packets_ended"), text_of(identity, "packets_difference"));
	printf("Requests: %s = %s in usage rows + %s spilled + %s unattributed, difference %s\n",
	       text_of(identity, "requests"), text_of(identity, "usage_rows"),
	       text_of(identity, "token_spill"), text_of(identity, "unattributed"),
	       text_of(identity, "requests_difference"));
}

static void print_lacks(struct json_object *lacks)
{
	size_t count = json_object_array_length(lacks);

	if (!count)
		printf("This host lacks nothing that the meter wants.\n");
	for (size_t i = 0; i < count; i++) {
		struct json_object *lack = json_object_array_get_idx(lacks, i);
		const char *mend = text_of(lack, "mend");

		printf("%s: %s: %s%s%s\n", text_of(lack, "level"), text_of(lack, "check"),
		       text_of(lack, "found"), *mend ? "; " : "", mend);
	}
}

static void print_table(struct json_object *document)
{
	struct json_object *interfaces = get(document, "interfaces");

	print_agent(document);
	printf("\n");
	tg_render_table(interfaces, interface_columns, INTERFACE_COLUMNS, stdout);
	printf("\n");
	print_reasons(interfaces);
	print_identity(get(document, "identity"));
	printf("\n");
	print_maps(get(document, "maps"));
	printf("\n");
	print_lacks(get(document, "lacks"));
}

static void print(enum tg_output output, struct json_object *document)
{
	if (output == TG_OUTPUT_JSON) {
		tg_render_json(document, stdout);
		return;
	}
	lift_packets(get(document, "interfaces"));
	if (output == TG_OUTPUT_CSV)
		tg_render_csv(get(document, "interfaces"), interface_columns, INTERFACE_COLUMNS,
			      stdout);
	else
		print_table(document);
}

/* The maps answered, and do not know of an agent. */
static void note_deaf(struct json_object *agent)
{
	json_object_object_add(agent, "running", json_object_new_boolean(true));
	json_object_object_add(agent, "deaf", json_object_new_boolean(true));
}

static int ask(const struct tg_config *config, struct json_object **reply)
{
	struct json_object *request = json_object_new_object();
	struct tg_ask *ask = NULL;
	char error[512] = "";
	int status = tg_ask_open(config, &ask, error, sizeof(error));

	json_object_object_add(request, "verb", json_object_new_string("status"));
	if (!status)
		status = tg_ask(ask, request, reply, error, sizeof(error));
	if (!status && tg_ask_warn_if_deaf(ask))
		note_deaf(get(*reply, "agent"));
	json_object_put(request);
	tg_ask_close(ask);
	return status ? tg_cmd_fail(status, "status: %s", error) : 0;
}

int tg_cmd_status(int argc, char **argv)
{
	const struct tg_command command = {.verb = "status",
					   .help = help,
					   .outputs = TG_OUTPUTS_LISTING,
					   .output = TG_OUTPUT_TABLE};
	struct json_object *document = NULL;
	struct tg_config *config = NULL;
	struct tg_options options;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	status = tg_options_config(&options, &config);
	if (!status)
		status = ask(config, &document);
	if (!status) {
		add_lacks(document, config);
		print(options.output, document);
	}
	json_object_put(document);
	tg_config_free(config);
	return status;
}

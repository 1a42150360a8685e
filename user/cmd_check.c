/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "options.h"
#include "policy_json.h"

static const char help[] =
	"Usage: tollgate check [-c FILE] [-o yaml|json]\n"
	"Validate a configuration and print the effective one: every key, with the\n"
	"defaults filled in. Touches nothing and needs no privileges.\n"
	"\n"
	"  -c, --config FILE    the file (default " TG_OPTIONS_CONFIG_PATH ")\n"
	"  -o, --output FORMAT  yaml (default; table means the same) or json\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 valid, 2 not; the error names file, line and key.\n"
	"\n"
	"Example:\n"
	"  tollgate check -c ./tollgate.yaml && systemctl reload tollgate\n";

static const struct tg_command command = {
	.verb = "check",
	.help = help,
	.outputs = 1u << TG_OUTPUT_YAML | 1u << TG_OUTPUT_TABLE | 1u << TG_OUTPUT_JSON,
	.output = TG_OUTPUT_YAML,
};

static void put_text(struct json_object *in, const char *key, const char *value)
{
	json_object_object_add(in, key, value ? json_object_new_string(value) : NULL);
}

static void put_number(struct json_object *in, const char *key, uint64_t value)
{
	json_object_object_add(in, key, json_object_new_uint64(value));
}

static struct json_object *interfaces(const struct tg_config *config)
{
	static const char *const modes[] = {"auto", "native", "generic"};
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < config->interfaces_count; i++) {
		struct json_object *entry = json_object_new_object();

		put_text(entry, "name", config->interfaces[i].name);
		put_text(entry, "mode", modes[config->interfaces[i].mode]);
		json_object_object_add(entry, "replace",
				       json_object_new_boolean(config->interfaces[i].replace));
		put_text(entry, "server", tg_config_server_name(config->interfaces[i].server));
		json_object_object_add(entry, "tcp_checksum",
				       json_object_new_boolean(config->interfaces[i].tcp_checksum));
		json_object_array_add(list, entry);
	}
	return list;
}

static struct json_object *ports(const struct tg_config *config)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < config->listen_ports_count; i++)
		json_object_array_add(list, json_object_new_int(config->listen_ports[i]));
	return list;
}

static struct json_object *tokens(const struct tg_config *config)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < config->identity.tokens_count; i++) {
		const struct tg_config_place *place = &config->identity.tokens[i];
		struct json_object *entry = json_object_new_object();

		if (place->header)
			put_text(entry, "header", place->header);
		if (place->scheme)
			put_text(entry, "scheme", place->scheme);
		if (place->query)
			put_text(entry, "query", place->query);
		json_object_array_add(list, entry);
	}
	return list;
}

static struct json_object *identity(const struct tg_config *config)
{
	struct json_object *out = json_object_new_object();

	put_number(out, "token_prefix_bytes", config->identity.token_prefix_bytes);
	put_number(out, "ipv6_prefix", config->identity.ipv6_prefix);
	put_text(out, "secret_file", config->identity.secret_file);
	json_object_object_add(out, "tokens", tokens(config));
	return out;
}

static struct json_object *policies(const struct tg_config *config)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < config->policies_count; i++)
		json_object_array_add(list, tg_quota_to_json(&config->policies[i]));
	return list;
}

static struct json_object *never_block(const struct tg_config *config)
{
	struct json_object *list = json_object_new_array();
	char network[TG_SUBJECT_TEXT_BYTES];

	for (unsigned int i = 0; i < config->never_block.count; i++) {
		tg_network_print(&config->never_block.network[i], network);
		json_object_array_add(list, json_object_new_string(network));
	}
	return list;
}

/* Durations as seconds: a number is what a script wants, and the file takes it too. */
static struct json_object *limits(const struct tg_config *config)
{
	struct json_object *out = json_object_new_object();

	put_number(out, "header_bytes", config->limits.header_bytes);
	put_number(out, "flows", config->limits.flows);
	put_number(out, "partials", config->limits.partials);
	put_number(out, "held", config->limits.held);
	put_number(out, "usage", config->limits.usage);
	put_number(out, "origins", config->limits.origins);
	put_number(out, "spill", config->limits.spill);
	put_number(out, "budgets", config->limits.budgets);
	put_number(out, "drops", config->limits.drops);
	put_number(out, "flow_idle", config->limits.flow_idle_s);
	put_number(out, "usage_idle", config->limits.usage_idle_s);
	return out;
}

static struct json_object *metrics(const struct tg_config *config)
{
	struct json_object *out = json_object_new_object();

	put_text(out, "listen", config->metrics.listen);
	put_number(out, "max_tokens", config->metrics.max_tokens);
	put_number(out, "max_sources", config->metrics.max_sources);
	return out;
}

static int print_json(const struct tg_config *config)
{
	struct json_object *out = json_object_new_object();
	int n;

	json_object_object_add(out, "interfaces", interfaces(config));
	json_object_object_add(out, "listen_ports", ports(config));
	json_object_object_add(out, "identity", identity(config));
	json_object_object_add(out, "policies", policies(config));
	json_object_object_add(out, "never_block", never_block(config));
	put_text(out, "time_zone", config->time_zone);
	json_object_object_add(out, "limits", limits(config));
	json_object_object_add(out, "metrics", metrics(config));
	put_text(out, "state_dir", config->state_dir);
	put_text(out, "run_dir", config->run_dir);
	put_text(out, "pin_dir", config->pin_dir);
	n = puts(json_object_to_json_string_ext(out, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(out);
	return n < 0 ? -EIO : 0;
}

int tg_cmd_check(int argc, char **argv)
{
	struct tg_options options;
	struct tg_config *config;
	int status, err;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	status = tg_options_config(&options, &config);
	if (status)
		return status;
	err = options.output == TG_OUTPUT_JSON ? print_json(config)
					       : tg_config_print(config, stdout);
	tg_config_free(config);
	if (err)
		return tg_cmd_fail(TG_EXIT_FAILED,
				   "standard output: cannot be written: %s; the "
				   "output is not complete",
				   strerror(-err));
	return TG_EXIT_DONE;
}

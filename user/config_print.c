/* SPDX-License-Identifier: BSD-2-Clause */
/* The effective configuration as YAML. */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "duration.h"

static const char *const modes[] = {"auto", "native", "generic"};
static const char *const server_places[] = {
	[TG_SERVER_LOCAL] = "local",
	[TG_SERVER_FORWARDED] = "forwarded",
	[TG_SERVER_UNSEEN] = "unseen",
};

const char *tg_config_server_name(enum tg_server_place place)
{
	return server_places[place];
}

/*
 * The number of a character beyond ASCII (text is UTF-8) that YAML does not take as
 * it stands, or takes for the end of a line; 0: any other. *bytes: how long it is.
 */
static unsigned int to_escape(const char *text, size_t *bytes)
{
	const unsigned char *c = (const unsigned char *)text;

	*bytes = 2;
	if (c[0] == 0xc2 && c[1] < 0xa0)
		return c[1];
	*bytes = 3;
	if (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
		return 0x2000 | (c[2] & 0x3f);
	if (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe)
		return 0xffc0 | (c[2] & 0x3f);
	return 0;
}

/* In double quotes always: no word can then be mistaken for null, true or a number. */
static void quoted(FILE *to, const char *text)
{
	unsigned int escape;
	size_t bytes;

	fputc('"', to);
	for (; *text; text++) {
		escape = to_escape(text, &bytes);
		if (escape) {
			fprintf(to, "\\u%04x", escape);
			text += bytes - 1;
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void text(FILE *to, const char *key, const char *value)
{
	fprintf(to, "%s: ", key);
	quoted(to, value);
	fputc('\n', to);
}

static void duration(FILE *to, const char *key, unsigned int seconds)
{
	char value[TG_DURATION_TEXT_BYTES];

	tg_duration_print(seconds, value);
	fprintf(to, "  %s: %s\n", key, value);
}

static void interfaces(FILE *to, const struct tg_config *config)
{
	fputs("interfaces:\n", to);
	for (unsigned int i = 0; i < config->interfaces_count; i++) {
		const struct tg_config_interface *interface = &config->interfaces[i];

		text(to, "  - name", interface->name);
		fprintf(to, "    mode: %s\n    replace: %s\n    server: %s\n    tcp_checksum: %s\n",
			modes[interface->mode], interface->replace ? "true" : "false",
			tg_config_server_name(interface->server),
			interface->tcp_checksum ? "true" : "false");
	}
	fputs("listen_ports: [", to);
	for (unsigned int i = 0; i < config->listen_ports_count; i++)
		fprintf(to, "%s%u", i ? ", " : "", config->listen_ports[i]);
	fputs("]\n", to);
}

static void identity(FILE *to, const struct tg_config *config)
{
	fprintf(to, "identity:\n  token_prefix_bytes: %u\n  ipv6_prefix: %u\n",
		config->identity.token_prefix_bytes, config->identity.ipv6_prefix);
	text(to, "  secret_file", config->identity.secret_file);
	fputs("  tokens:\n", to);
	for (unsigned int i = 0; i < config->identity.tokens_count; i++) {
		const struct tg_config_place *place = &config->identity.tokens[i];

		if (place->header)
			text(to, "    - header", place->header);
		if (place->scheme)
			text(to, "      scheme", place->scheme);
		if (place->query)
			text(to, "    - query", place->query);
	}
}

static void policy(FILE *to, const struct tg_quota *quota)
{
	char subject[TG_SUBJECT_TEXT_BYTES], limit[TG_LIMIT_TEXT_BYTES];
	char block[TG_BLOCK_RULE_TEXT_BYTES];

	tg_subject_print(&quota->subject, subject);
	text(to, "  - subject", subject);
	fputs("    limits: [", to);
	for (unsigned int i = 0; i < quota->limits_count; i++) {
		fputs(i ? ", " : "", to);
		tg_limit_print(&quota->limit[i], limit);
		quoted(to, limit);
	}
	fprintf(to, "]\n    action: %s\n    per: %s\n", tg_action_name(quota->action),
		tg_per_name(quota->per));
	tg_block_rule_print(&quota->block, block);
	if (*block)
		text(to, "    block", block);
}

static void policies(FILE *to, const struct tg_config *config)
{
	char network[TG_SUBJECT_TEXT_BYTES];

	fprintf(to, "policies:%s\n", config->policies_count ? "" : " []");
	for (unsigned int i = 0; i < config->policies_count; i++)
		policy(to, &config->policies[i]);
	fputs("never_block: [", to);
	for (unsigned int i = 0; i < config->never_block.count; i++) {
		fputs(i ? ", " : "", to);
		tg_network_print(&config->never_block.network[i], network);
		quoted(to, network);
	}
	fputs("]\n", to);
	text(to, "time_zone", config->time_zone);
}

static void limits(FILE *to, const struct tg_config *config)
{
	fprintf(to,
		"limits:\n  header_bytes: %u\n  flows: %u\n  partials: %u\n  held: %u\n  usage: "
		"%u\n"
		"  origins: %u\n  spill: %u\n  budgets: %u\n  drops: %u\n",
		config->limits.header_bytes, config->limits.flows, config->limits.partials,
		config->limits.held, config->limits.usage, config->limits.origins,
		config->limits.spill, config->limits.budgets, config->limits.drops);
	duration(to, "flow_idle", config->limits.flow_idle_s);
	duration(to, "usage_idle", config->limits.usage_idle_s);
}

int tg_config_print(const struct tg_config *config, FILE *to)
{
	interfaces(to, config);
	identity(to, config);
	policies(to, config);
	limits(to, config);
	fputs("metrics:\n", to);
	text(to, "  listen", config->metrics.listen);
	fprintf(to, "  max_tokens: %u\n  max_sources: %u\n", config->metrics.max_tokens,
		config->metrics.max_sources);
	text(to, "state_dir", config->state_dir);
	text(to, "run_dir", config->run_dir);
	text(to, "pin_dir", config->pin_dir);
	if (fflush(to))
		return -errno;
	return ferror(to) ? -EIO : 0;
}

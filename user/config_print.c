/* SPDX-License-Identifier: BSD-2-Clause */
/* The effective configuration as YAML. */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "duration.h"

static const char *const modes[] = {"auto", "native", "generic"};

/* In double quotes always: no word can then be mistaken for null, true or a number. */
static void quoted(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
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
		text(to, "  - name", config->interfaces[i].name);
		fprintf(to, "    mode: %s\n    replace: %s\n", modes[config->interfaces[i].mode],
			config->interfaces[i].replace ? "true" : "false");
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

static void limits(FILE *to, const struct tg_config *config)
{
	fprintf(to,
		"limits:\n  header_bytes: %u\n  flows: %u\n  partials: %u\n  usage: %u\n"
		"  origins: %u\n  spill: %u\n",
		config->limits.header_bytes, config->limits.flows, config->limits.partials,
		config->limits.usage, config->limits.origins, config->limits.spill);
	duration(to, "flow_idle", config->limits.flow_idle_s);
	duration(to, "usage_idle", config->limits.usage_idle_s);
}

int tg_config_print(const struct tg_config *config, FILE *to)
{
	interfaces(to, config);
	identity(to, config);
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

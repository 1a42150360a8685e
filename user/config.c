/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_check.h"
#include "config_lines.h"
#include "config_policies.h"
#include "config_raw.h"
#include "duration.h"

#define FILE_BYTES_MAX (8 * 1024 * 1024) /* TG_QUOTAS_MAX policies, generously laid out */

static const struct tg_config_place default_places[] = {
	{.header = (char *)"Authorization", .scheme = (char *)"Bearer"},
	{.header = (char *)"X-API-Key"},
};

static int fail(const char *path, int err, const char *what, char *error, size_t error_bytes)
{
	snprintf(error, error_bytes, "%s: %s", path, what);
	return err;
}

/* Read the whole of a file, a pipe too. */
static int read_text(int fd, char **text, size_t *bytes)
{
	char *buffer = malloc(FILE_BYTES_MAX + 1);
	size_t have = 0;
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	do {
		n = TEMP_FAILURE_RETRY(read(fd, buffer + have, FILE_BYTES_MAX + 1 - have));
		have += n > 0 ? (size_t)n : 0;
	} while (n > 0 && have <= FILE_BYTES_MAX);
	if (n < 0 || have > FILE_BYTES_MAX) {
		int err = n < 0 ? -errno : -EFBIG;

		free(buffer);
		return err;
	}
	*text = buffer;
	*bytes = have;
	return 0;
}

static int read_file(const char *path, char **text, size_t *bytes, char *error, size_t error_bytes)
{
	char what[128];
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	err = fd < 0 ? -errno : read_text(fd, text, bytes);
	if (fd >= 0)
		close(fd);
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "cannot be read: %s; name another file with -c",
		 strerror(-err));
	return fail(path, err, what, error, error_bytes);
}

static int out_of_range(const struct tg_config_lines *lines, const struct tg_config_number *number,
			const char *path, const char *given)
{
	char min[TG_DURATION_TEXT_BYTES], max[TG_DURATION_TEXT_BYTES];

	snprintf(min, sizeof(min), "%lld", (long long)number->min);
	snprintf(max, sizeof(max), "%lld", (long long)number->max);
	if (number->is_duration) {
		tg_duration_print((uint64_t)number->min, min);
		tg_duration_print((uint64_t)number->max, max);
	}
	return tg_config_lines_fault(lines, path, "%.40s is out of range; %s to %s", given, min,
				     max);
}

/*
 * A whole number in decimal. Without leading zeros, which some readers of YAML
 * take for octal. -EINVAL, or -ERANGE: negative or beyond any bound.
 */
static int parse_number(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-');
	size_t count = strspn(digits, "0123456789");

	if (!count || digits[count] || (count > 1 && *digits == '0'))
		return -EINVAL;
	if (digits > text || count > 18)
		return -ERANGE;
	*out = strtoll(text, NULL, 10);
	return 0;
}

static int parse_duration(const char *text, int64_t *out)
{
	uint64_t seconds;
	int err = tg_duration_parse(text, &seconds);

	if (!err && seconds > INT64_MAX)
		err = -ERANGE;
	if (!err)
		*out = (int64_t)seconds;
	return err;
}

/* Fill in a number or a duration: the given one if it is good, the default if none is. */
static int take_number(const struct tg_config_lines *lines, const char *path, const char *given,
		       unsigned int *out)
{
	const struct tg_config_number *number = tg_config_number(path);
	int64_t value = number->fallback;
	int err = 0;

	if (given && number->is_duration)
		err = parse_duration(given, &value);
	else if (given)
		err = parse_number(given, &value);
	if (err == -EINVAL)
		return tg_config_raw_fault(lines, path);
	if (err || value < number->min || value > number->max)
		return out_of_range(lines, number, path, given);
	*out = (unsigned int)value;
	return 0;
}

/* The text moves from the file's struct to ours, or the default is copied. */
static int take_text(char **given, const char *fallback, char **out)
{
	*out = *given ? *given : strdup(fallback);
	*given = NULL;
	return *out ? 0 : -ENOMEM;
}

static int take_interfaces(struct tg_config *config, struct tg_config_raw *raw)
{
	config->interfaces = raw->interfaces;
	config->interfaces_count = raw->interfaces_count;
	raw->interfaces = NULL;
	raw->interfaces_count = 0;
	return 0;
}

static int default_ports(struct tg_config *config)
{
	static const uint16_t ports[] = {80, 8080};

	config->listen_ports = malloc(sizeof(ports));
	if (!config->listen_ports)
		return -ENOMEM;
	memcpy(config->listen_ports, ports, sizeof(ports));
	config->listen_ports_count = sizeof(ports) / sizeof(*ports);
	return 0;
}

static int take_ports(const struct tg_config_lines *lines, struct tg_config *config,
		      const struct tg_config_raw *raw)
{
	char path[TG_CONFIG_PATH_BYTES];
	unsigned int port = 0;
	int err;

	if (!tg_config_lines_find(lines, "listen_ports"))
		return default_ports(config);
	config->listen_ports = calloc(raw->listen_ports_count + 1, sizeof(*config->listen_ports));
	if (!config->listen_ports)
		return -ENOMEM;
	for (unsigned int i = 0; i < raw->listen_ports_count; i++) {
		tg_config_lines_index(path, "listen_ports", i);
		err = take_number(lines, path, raw->listen_ports[i], &port);
		if (err)
			return err;
		config->listen_ports[i] = (uint16_t)port;
		config->listen_ports_count++;
	}
	return 0;
}

static int default_tokens(struct tg_config *config)
{
	unsigned int count = sizeof(default_places) / sizeof(*default_places);
	struct tg_config_place *places = calloc(count, sizeof(*places));

	if (!places)
		return -ENOMEM;
	config->identity.tokens = places;
	config->identity.tokens_count = count;
	for (unsigned int i = 0; i < count; i++) {
		places[i].header = strdup(default_places[i].header);
		places[i].scheme =
			default_places[i].scheme ? strdup(default_places[i].scheme) : NULL;
		if (!places[i].header || (default_places[i].scheme && !places[i].scheme))
			return -ENOMEM;
	}
	return 0;
}

/* secret_file stands in state_dir unless it is given. */
static int take_secret_file(struct tg_config *config, struct tg_config_raw_identity *raw)
{
	char *path;

	if (raw->secret_file)
		return take_text(&raw->secret_file, "", &config->identity.secret_file);
	if (asprintf(&path, "%s/secret", config->state_dir) < 0)
		return -ENOMEM;
	config->identity.secret_file = path;
	return 0;
}

static int take_identity(const struct tg_config_lines *lines, struct tg_config *config,
			 struct tg_config_raw_identity *raw)
{
	int err;

	err = take_number(lines, "identity.token_prefix_bytes", raw->token_prefix_bytes,
			  &config->identity.token_prefix_bytes);
	if (!err)
		err = take_number(lines, "identity.ipv6_prefix", raw->ipv6_prefix,
				  &config->identity.ipv6_prefix);
	if (!err)
		err = take_secret_file(config, raw);
	if (err)
		return err;
	if (!tg_config_lines_find(lines, "identity.tokens"))
		return default_tokens(config);
	config->identity.tokens = raw->tokens;
	config->identity.tokens_count = raw->tokens_count;
	raw->tokens = NULL;
	raw->tokens_count = 0;
	return 0;
}

static int take_limits(const struct tg_config_lines *lines, struct tg_config *config,
		       const struct tg_config_raw_limits *raw)
{
	const struct {
		const char *path;
		const char *given;
		unsigned int *out;
	} rows[] = {
		{"limits.header_bytes", raw->header_bytes, &config->limits.header_bytes},
		{"limits.flows", raw->flows, &config->limits.flows},
		{"limits.partials", raw->partials, &config->limits.partials},
		{"limits.held", raw->held, &config->limits.held},
		{"limits.usage", raw->usage, &config->limits.usage},
		{"limits.origins", raw->origins, &config->limits.origins},
		{"limits.spill", raw->spill, &config->limits.spill},
		{"limits.budgets", raw->budgets, &config->limits.budgets},
		{"limits.drops", raw->drops, &config->limits.drops},
		{"limits.flow_idle", raw->flow_idle, &config->limits.flow_idle_s},
		{"limits.usage_idle", raw->usage_idle, &config->limits.usage_idle_s},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(rows) / sizeof(*rows); i++)
		err = take_number(lines, rows[i].path, rows[i].given, rows[i].out);
	return err;
}

static int take_metrics(const struct tg_config_lines *lines, struct tg_config *config,
			struct tg_config_raw_metrics *raw)
{
	/* Given as "" or null, it is off; not given, it is on. */
	bool off = !raw->listen && tg_config_lines_find(lines, "metrics.listen");
	int err;

	err = take_text(&raw->listen, off ? "" : "127.0.0.1:9464", &config->metrics.listen);
	if (!err)
		err = take_number(lines, "metrics.max_tokens", raw->max_tokens,
				  &config->metrics.max_tokens);
	if (!err)
		err = take_number(lines, "metrics.max_sources", raw->max_sources,
				  &config->metrics.max_sources);
	return err;
}

static int take_directories(struct tg_config *config, struct tg_config_raw *raw)
{
	int err;

	err = take_text(&raw->state_dir, "/var/lib/tollgate", &config->state_dir);
	if (!err)
		err = take_text(&raw->run_dir, "/run/tollgate", &config->run_dir);
	if (!err)
		err = take_text(&raw->pin_dir, "/sys/fs/bpf/tollgate", &config->pin_dir);
	return err;
}

static int take_all(const struct tg_config_lines *lines, struct tg_config *config,
		    struct tg_config_raw *raw)
{
	struct tg_config_raw_identity no_identity = {0};
	struct tg_config_raw_limits no_limits = {0};
	struct tg_config_raw_metrics no_metrics = {0};
	int err;

	err = take_interfaces(config, raw);
	if (!err)
		err = take_ports(lines, config, raw);
	if (!err)
		err = take_directories(config, raw);
	if (!err)
		err = take_identity(lines, config, raw->identity ? raw->identity : &no_identity);
	if (!err)
		err = take_text(&raw->time_zone, "UTC", &config->time_zone);
	if (!err)
		err = tg_config_take_never_block(lines, config, raw);
	if (!err)
		err = tg_config_take_policies(lines, config, raw);
	if (!err)
		err = take_limits(lines, config, raw->limits ? raw->limits : &no_limits);
	if (!err)
		err = take_metrics(lines, config, raw->metrics ? raw->metrics : &no_metrics);
	return err;
}

static int parse(const char *text, size_t bytes, struct tg_config *config, char *error,
		 size_t error_bytes)
{
	struct tg_config_lines lines = {
		.file = config->path, .error = error, .error_bytes = error_bytes};
	struct tg_config_raw *raw = NULL;
	int err;

	err = tg_config_lines_read(&lines, text, bytes);
	if (!err)
		err = tg_config_check_document(&lines);
	if (!err)
		err = tg_config_raw_load(text, bytes, &lines, &raw);
	if (!err)
		err = take_all(&lines, config, raw);
	if (!err)
		err = tg_config_check(&lines, config);
	tg_config_raw_free(raw);
	tg_config_lines_free(&lines);
	return err;
}

int tg_config_load(const char *path, struct tg_config **out, char *error, size_t error_bytes)
{
	struct tg_config *config = calloc(1, sizeof(*config));
	char *text = NULL;
	size_t bytes = 0;
	int err = -ENOMEM;

	if (config)
		config->path = strdup(path);
	if (!config || !config->path)
		goto out;
	err = read_file(path, &text, &bytes, error, error_bytes);
	if (!err)
		err = parse(text, bytes, config, error, error_bytes);
	if (!err) {
		*out = config;
		config = NULL;
	}
out:
	if (err == -ENOMEM)
		fail(path, err, "not enough memory to load it", error, error_bytes);
	free(text);
	tg_config_free(config);
	return err;
}

void tg_config_free(struct tg_config *config)
{
	if (!config)
		return;
	for (unsigned int i = 0; i < config->interfaces_count; i++)
		free(config->interfaces[i].name);
	for (unsigned int i = 0; i < config->identity.tokens_count; i++) {
		free(config->identity.tokens[i].header);
		free(config->identity.tokens[i].scheme);
		free(config->identity.tokens[i].query);
	}
	free(config->interfaces);
	free(config->listen_ports);
	free(config->identity.tokens);
	free(config->identity.secret_file);
	free(config->policies);
	free(config->never_block.network);
	free(config->time_zone);
	free(config->metrics.listen);
	free(config->state_dir);
	free(config->run_dir);
	free(config->pin_dir);
	free(config->path);
	free(config);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The file's shape for libcyaml, and what it finds wrong put into our words. */
#include "config_raw.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONAL CYAML_FLAG_OPTIONAL
/* "key:" with nothing or null behind it counts as not given. */
#define NULLABLE (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)
#define WORD	 (CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)

#define NUMBER(key, type, member)                                                                  \
	CYAML_FIELD_STRING_PTR(key, OPTIONAL, type, member, 0, CYAML_UNLIMITED)
#define TEXT(key, type, member)                                                                    \
	CYAML_FIELD_STRING_PTR(key, NULLABLE, type, member, 0, CYAML_UNLIMITED)
#define LIST(key, type, member, entry)                                                             \
	CYAML_FIELD_SEQUENCE(key, NULLABLE, type, member, entry, 0, CYAML_UNLIMITED)

#define ENTRIES_MAX (1 << 24)
#define DAY	    (24 * 60 * 60)

static const struct tg_config_number numbers[] = {
	{"listen_ports", 1, 65535, 80, false},
	{"identity.token_prefix_bytes", 1, TG_PREFIX_BYTES_MAX, 12, false},
	{"identity.ipv6_prefix", 1, 128, 64, false},
	{"limits.header_bytes", 256, TG_HEADER_BYTES_MAX, TG_HEADER_BYTES_DEFAULT, false},
	{"limits.flows", 16, ENTRIES_MAX, 262144, false},
	{"limits.partials", 1, ENTRIES_MAX, 16384, false},
	{"limits.held", 16, ENTRIES_MAX, TG_HELD_DEFAULT, false},
	{"limits.usage", 1, ENTRIES_MAX, 262144, false},
	{"limits.origins", 1, ENTRIES_MAX, 65536, false},
	{"limits.spill", 1, ENTRIES_MAX, 65536, false},
	{"limits.budgets", 16, TG_BUDGETS_MAX, 65536, false},
	{"limits.drops", 16, ENTRIES_MAX, 65536, false},
	{"limits.flow_idle", 1, 30 * DAY, 10 * 60, true},
	{"limits.usage_idle", 1, 366 * DAY, DAY, true},
	{"metrics.max_tokens", 0, 100000, 1000, false},
	{"metrics.max_sources", 0, 100000, 20, false},
};

static const cyaml_strval_t modes[] = {
	{"auto", TG_MODE_AUTO}, {"native", TG_MODE_NATIVE}, {"generic", TG_MODE_GENERIC}};

static const cyaml_strval_t server_places[] = {{"local", TG_SERVER_LOCAL},
					       {"forwarded", TG_SERVER_FORWARDED},
					       {"unseen", TG_SERVER_UNSEEN}};

/* Not CYAML_BOOL: libcyaml 1.3 takes every word that it does not know for true. */
static const cyaml_strval_t booleans[] = {
	{"true", true}, {"false", false}, {"yes", true},
	{"no", false},	{"on", true},	  {"off", false},
};

static const cyaml_schema_field_t interface_fields[] = {
	TEXT("name", struct tg_config_interface, name),
	CYAML_FIELD_ENUM("mode", WORD, struct tg_config_interface, mode, modes,
			 CYAML_ARRAY_LEN(modes)),
	CYAML_FIELD_ENUM("replace", WORD, struct tg_config_interface, replace, booleans,
			 CYAML_ARRAY_LEN(booleans)),
	CYAML_FIELD_ENUM("server", WORD, struct tg_config_interface, server, server_places,
			 CYAML_ARRAY_LEN(server_places)),
	CYAML_FIELD_ENUM("tcp_checksum", WORD, struct tg_config_interface, tcp_checksum, booleans,
			 CYAML_ARRAY_LEN(booleans)),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t interface = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tg_config_interface, interface_fields),
};

static const cyaml_schema_value_t text = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t place_fields[] = {
	TEXT("header", struct tg_config_place, header),
	TEXT("scheme", struct tg_config_place, scheme),
	TEXT("query", struct tg_config_place, query),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t place = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tg_config_place, place_fields),
};

static const cyaml_schema_field_t identity_fields[] = {
	NUMBER("token_prefix_bytes", struct tg_config_raw_identity, token_prefix_bytes),
	NUMBER("ipv6_prefix", struct tg_config_raw_identity, ipv6_prefix),
	TEXT("secret_file", struct tg_config_raw_identity, secret_file),
	LIST("tokens", struct tg_config_raw_identity, tokens, &place),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t policy_fields[] = {
	TEXT("subject", struct tg_config_raw_policy, subject),
	LIST("limits", struct tg_config_raw_policy, limits, &text),
	TEXT("action", struct tg_config_raw_policy, action),
	TEXT("per", struct tg_config_raw_policy, per),
	TEXT("block", struct tg_config_raw_policy, block),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t policy = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tg_config_raw_policy, policy_fields),
};

static const cyaml_schema_field_t limits_fields[] = {
	NUMBER("header_bytes", struct tg_config_raw_limits, header_bytes),
	NUMBER("flows", struct tg_config_raw_limits, flows),
	NUMBER("partials", struct tg_config_raw_limits, partials),
	NUMBER("held", struct tg_config_raw_limits, held),
	NUMBER("usage", struct tg_config_raw_limits, usage),
	NUMBER("origins", struct tg_config_raw_limits, origins),
	NUMBER("spill", struct tg_config_raw_limits, spill),
	NUMBER("budgets", struct tg_config_raw_limits, budgets),
	NUMBER("drops", struct tg_config_raw_limits, drops),
	NUMBER("flow_idle", struct tg_config_raw_limits, flow_idle),
	NUMBER("usage_idle", struct tg_config_raw_limits, usage_idle),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t metrics_fields[] = {
	TEXT("listen", struct tg_config_raw_metrics, listen),
	NUMBER("max_tokens", struct tg_config_raw_metrics, max_tokens),
	NUMBER("max_sources", struct tg_config_raw_metrics, max_sources),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t root_fields[] = {
	LIST("interfaces", struct tg_config_raw, interfaces, &interface),
	LIST("listen_ports", struct tg_config_raw, listen_ports, &text),
	CYAML_FIELD_MAPPING_PTR("identity", NULLABLE, struct tg_config_raw, identity,
				identity_fields),
	LIST("policies", struct tg_config_raw, policies, &policy),
	LIST("never_block", struct tg_config_raw, never_block, &text),
	TEXT("time_zone", struct tg_config_raw, time_zone),
	CYAML_FIELD_MAPPING_PTR("limits", NULLABLE, struct tg_config_raw, limits, limits_fields),
	CYAML_FIELD_MAPPING_PTR("metrics", NULLABLE, struct tg_config_raw, metrics, metrics_fields),
	TEXT("state_dir", struct tg_config_raw, state_dir),
	TEXT("run_dir", struct tg_config_raw, run_dir),
	TEXT("pin_dir", struct tg_config_raw, pin_dir),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t root = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct tg_config_raw, root_fields),
};

const struct tg_config_number *tg_config_number(const char *path)
{
	size_t bytes = strlen(path);

	if (bytes && path[bytes - 1] == ']')
		bytes = (size_t)(strrchr(path, '[') - path);
	for (size_t i = 0; i < CYAML_ARRAY_LEN(numbers); i++) {
		if (strlen(numbers[i].path) == bytes && !memcmp(numbers[i].path, path, bytes))
			return &numbers[i];
	}
	return NULL;
}

/* The step of a path that begins at *path; *path goes to the next one. */
static const cyaml_schema_value_t *step(const cyaml_schema_value_t *in, const char **path)
{
	size_t bytes = strcspn(*path + 1, ".[") + 1;
	const char *at = *path;

	*path += bytes;
	if (*at == '[')
		return in->type == CYAML_SEQUENCE ? in->sequence.entry : NULL;
	if (*at == '.') {
		at++;
		bytes--;
	}
	if (in->type != CYAML_MAPPING)
		return NULL;
	for (const cyaml_schema_field_t *field = in->mapping.fields; field->key; field++) {
		if (strlen(field->key) == bytes && !memcmp(field->key, at, bytes))
			return &field->value;
	}
	return NULL;
}

static const cyaml_schema_value_t *schema_at(const char *path)
{
	const cyaml_schema_value_t *at = &root;

	while (at && *path)
		at = step(at, &path);
	return at;
}

/* What libcyaml says in its log: where it stopped. */
struct complaint {
	char path[TG_CONFIG_PATH_BYTES]; /* of the value, or of what holds the key */
	char key[64];			 /* that it does not know */
};

/* The backtrace comes from the inside out: each line goes in front of the path. */
static void prepend(struct complaint *complaint, const char *step)
{
	char inner[TG_CONFIG_PATH_BYTES];

	memcpy(inner, complaint->path, sizeof(inner));
	snprintf(complaint->path, sizeof(complaint->path), "%s%s%.180s", step,
		 *inner && *inner != '[' ? "." : "", inner);
}

static void hear(cyaml_log_t level, void *arg, const char *format, va_list args)
{
	struct complaint *complaint = arg;
	char line[256], name[64];
	unsigned int entry;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	if (sscanf(line, "Load: Unexpected key: %63[^\n]", name) == 1) {
		snprintf(complaint->key, sizeof(complaint->key), "%s", name);
	} else if (sscanf(line, "  in mapping field '%63[^']'", name) == 1) {
		prepend(complaint, name);
	} else if (sscanf(line, "  in sequence entry '%u'", &entry) == 1 && entry) {
		snprintf(name, sizeof(name), "[%u]", entry - 1); /* they count from 1 */
		prepend(complaint, name);
	}
}

static int unknown_key(const struct tg_config_lines *lines, const struct complaint *complaint)
{
	const cyaml_schema_value_t *in = schema_at(complaint->path);
	char path[TG_CONFIG_PATH_BYTES], known[256] = "";
	size_t at = 0;

	tg_config_lines_join(path, complaint->path, complaint->key);
	if (!in || in->type != CYAML_MAPPING)
		return tg_config_lines_fault(lines, path, "unknown key");
	for (const cyaml_schema_field_t *field = in->mapping.fields; field->key; field++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "",
				       field->key);
	return tg_config_lines_fault(lines, path, "unknown key; known here: %s", known);
}

/* What must stand where the schema says type, for people. */
static void expectation(const cyaml_schema_value_t *schema, const char *path, char out[128])
{
	const struct tg_config_number *number = tg_config_number(path);
	size_t at = 0;

	if (number && number->is_duration) {
		snprintf(out, 128, "a duration such as 90s, 10m, 24h, or plain seconds");
		return;
	}
	switch (schema ? schema->type : CYAML__TYPE_COUNT) {
	case CYAML_ENUM:
		for (uint32_t i = 0; i < schema->enumeration.count; i++)
			at += (size_t)snprintf(out + at, 128 - at, "%s%s", i ? ", " : "one of ",
					       schema->enumeration.strings[i].str);
		return;
	case CYAML_SEQUENCE:
		snprintf(out, 128, "a list [...]");
		return;
	case CYAML_MAPPING:
		snprintf(out, 128, "a mapping {key: value}");
		return;
	default:
		snprintf(out, 128, "a text");
		if (number)
			snprintf(out, 128, "a whole number, %lld to %lld", (long long)number->min,
				 (long long)number->max);
	}
}

int tg_config_raw_fault(const struct tg_config_lines *lines, const char *path)
{
	const struct tg_config_node *node = tg_config_lines_find(lines, path);
	char quote[TG_CONFIG_QUOTE_BYTES], expected[128];
	const char *given;

	expectation(schema_at(path), path, expected);
	if (!node)
		return tg_config_lines_fault(lines, path, "wrong type; write %s", expected);
	if (node->kind == TG_CONFIG_SCALAR)
		given = *node->text ? tg_config_lines_quote(quote, node->text) : "nothing";
	else
		given = node->kind == TG_CONFIG_LIST ? "a list" : "a mapping";
	return tg_config_lines_fault(lines, path, "%s is not valid here; write %s", given,
				     expected);
}

static cyaml_config_t library(struct complaint *complaint)
{
	return (cyaml_config_t){
		.log_fn = complaint ? hear : NULL,
		.log_ctx = complaint,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int tg_config_raw_load(const char *text, size_t bytes, const struct tg_config_lines *lines,
		       struct tg_config_raw **out)
{
	struct complaint complaint = {0};
	const cyaml_config_t config = library(&complaint);
	struct tg_config_raw *raw = NULL;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)text, bytes, &config, &root, (cyaml_data_t **)&raw,
			      NULL);
	switch (err) {
	case CYAML_OK:
		*out = raw;
		return 0;
	case CYAML_ERR_OOM:
		return -ENOMEM;
	case CYAML_ERR_INVALID_KEY:
		return unknown_key(lines, &complaint);
	case CYAML_ERR_INVALID_VALUE:
		return tg_config_raw_fault(lines, complaint.path);
	default:
		return tg_config_lines_fault(lines, complaint.path, "%s", cyaml_strerror(err));
	}
}

void tg_config_raw_free(struct tg_config_raw *raw)
{
	const cyaml_config_t config = library(NULL);

	cyaml_free(&config, &root, raw, 0);
}

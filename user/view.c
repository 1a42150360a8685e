/* SPDX-License-Identifier: BSD-2-Clause */
#include "view.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "view_group.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static const char *const field_names[TG_FIELDS] = {
	[TG_FIELD_SOURCE] = "source", [TG_FIELD_TOKEN] = "token",
	[TG_FIELD_PREFIX] = "prefix", [TG_FIELD_ORIGIN] = "origin",
	[TG_FIELD_POLICY] = "policy", [TG_FIELD_INTERFACE] = "interface",
};

static const char *const unattributed_labels[TG_UNATTRIBUTED_REASONS] = {
#define TG_UNATTRIBUTED_REASON(name, label, meaning) [TG_UNATTRIBUTED_##name] = label,
#include "../include/tollgate/reasons.def"
};

struct printer {
	const struct tg_snapshot *snapshot;
	const struct tg_view_query *query;
	struct tg_text *out;
	struct tg_tally *groups;
	struct tg_tally *hosts; /* origin ids -> index into host_rows */
	uint32_t *host_rows;	/* -> a row of snapshot->origins that has the host's text */
	struct tg_counts total; /* of the rows printed so far */
	uint32_t printed;
	int err;
};

const char *tg_view_field_name(enum tg_field field)
{
	return field_names[field];
}

/* --- fields -------------------------------------------------------------------- */

#define CHOICE "source, token, prefix, origin, policy, interface"

static int add_field(const char *name, size_t bytes, struct tg_view_query *query, char *error,
		     size_t error_bytes)
{
	for (enum tg_field field = 0; field < TG_FIELDS; field++) {
		if (strlen(field_names[field]) != bytes || strncmp(field_names[field], name, bytes))
			continue;
		if (tg_view_has(query, field)) {
			snprintf(error, error_bytes, "--by: %s stands there twice; once will do",
				 field_names[field]);
			return -EINVAL;
		}
		query->field[query->fields++] = field;
		return 0;
	}
	if (bytes)
		snprintf(error, error_bytes, "--by: no field %.*s; choose from " CHOICE,
			 (int)(bytes < 40 ? bytes : 40), name);
	else
		snprintf(error, error_bytes, "--by: an empty field name; choose from " CHOICE);
	return -EINVAL;
}

static int check_origin(const struct tg_view_query *query, char *error, size_t error_bytes)
{
	static const enum tg_field not_beside_origin[] = {TG_FIELD_SOURCE, TG_FIELD_INTERFACE};

	if (!tg_view_has(query, TG_FIELD_ORIGIN))
		return 0;
	for (size_t i = 0; i < 2; i++) {
		if (!tg_view_has(query, not_beside_origin[i]))
			continue;
		snprintf(error, error_bytes,
			 "--by: origin and %s are not kept together; ask for one of them, or for "
			 "token,origin",
			 field_names[not_beside_origin[i]]);
		return -EINVAL;
	}
	return 0;
}

static int check_fields(const struct tg_view_query *query, char *error, size_t error_bytes)
{
	if (tg_view_has(query, TG_FIELD_POLICY) && query->fields > 1) {
		snprintf(error, error_bytes, "--by: policy is counted by itself; ask for it alone");
		return -EINVAL;
	}
	return check_origin(query, error, error_bytes);
}

int tg_view_parse_fields(const char *by, struct tg_view_query *query, char *error,
			 size_t error_bytes)
{
	struct tg_view_query parsed = {0};
	const char *name = by;
	int err;

	for (;;) {
		size_t bytes = strcspn(name, ",");

		err = add_field(name, bytes, &parsed, error, error_bytes);
		if (err)
			return err;
		if (!name[bytes])
			break;
		name += bytes + 1;
	}
	err = check_fields(&parsed, error, error_bytes);
	if (err)
		return err;
	memcpy(query->field, parsed.field, sizeof(query->field));
	query->fields = parsed.fields;
	return 0;
}

/* --- hosts: the texts stand in the rows of map origins, by token ---------------- */

static int index_hosts(struct printer *p)
{
	static const struct tg_counts none;
	size_t count = p->snapshot->origins_count;

	p->hosts = tg_tally_new(sizeof(uint64_t));
	p->host_rows = malloc((count + 1) * sizeof(*p->host_rows));
	if (!p->hosts || !p->host_rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		uint64_t id = p->snapshot->origins[i].key.origin_id;
		uint32_t known = tg_tally_count(p->hosts);

		if (tg_tally_add(p->hosts, &id, &none))
			return -ENOMEM;
		if (tg_tally_count(p->hosts) > known)
			p->host_rows[known] = (uint32_t)i;
	}
	return 0;
}

static void format_origin(const struct printer *p, const struct tg_view_key *key,
			  char out[TG_FORMAT_HOST_BYTES])
{
	uint32_t at;

	if (!key->origin_id) {
		strcpy(out, TG_FORMAT_NONE);
		return;
	}
	at = tg_tally_find(p->hosts, &key->origin_id);
	tg_format_host(out, &p->snapshot->origins[p->host_rows[at]].origin);
}

/* --- rows ---------------------------------------------------------------------- */

static void put_json(struct printer *p, struct json_object *object)
{
	size_t bytes;
	const char *text = json_object_to_json_string_length(object, JSON_FLAGS, &bytes);

	if (text)
		tg_text_put(p->out, text, bytes);
	else
		p->err = -ENOMEM;
	json_object_put(object);
}

static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add_ex(object, name, json_object_new_uint64(number),
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void add_string(struct json_object *object, const char *name, const char *string)
{
	json_object_object_add_ex(object, name, json_object_new_string(string),
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void add_counts(struct json_object *object, const struct tg_counts *counts)
{
	add_number(object, "requests", counts->requests);
	add_number(object, "bytes", counts->bytes);
	add_number(object, "allowed", counts->requests - counts->denied - counts->observed);
	add_number(object, "denied", counts->denied);
	add_number(object, "observed", counts->observed);
}

static void format_field(const struct printer *p, const struct tg_view_key *key,
			 enum tg_field field, char out[TG_FORMAT_BYTES])
{
	if (key->others & 1u << field) {
		strcpy(out, TG_FORMAT_OTHER);
		return;
	}
	switch (field) {
	case TG_FIELD_SOURCE:
		tg_format_source(out, &key->source, p->query->ipv6_prefix);
		break;
	case TG_FIELD_TOKEN:
	case TG_FIELD_PREFIX:
		tg_format_prefix(out, &key->token);
		break;
	case TG_FIELD_ORIGIN:
		format_origin(p, key, out);
		break;
	case TG_FIELD_INTERFACE:
		tg_format_interface(out, &p->snapshot->interfaces[key->iface % TG_IFACES_MAX],
				    key->iface);
		break;
	default:
		strcpy(out, TG_FORMAT_NONE);
	}
}

static void add_field_value(const struct printer *p, struct json_object *object,
			    const struct tg_view_key *key, enum tg_field field)
{
	char text[TG_FORMAT_BYTES];

	format_field(p, key, field, text);
	add_string(object, field_names[field], text);
	if (field != TG_FIELD_TOKEN)
		return;
	if (key->others & 1u << TG_FIELD_TOKEN)
		strcpy(text, TG_FORMAT_OTHER);
	else
		tg_format_token_id(text, &key->token);
	add_string(object, "token_id", text);
}

static void print_row(struct printer *p, const struct tg_view_key *key,
		      const struct tg_counts *counts)
{
	struct json_object *object = json_object_new_object();

	if (!object) {
		p->err = -ENOMEM;
		return;
	}
	for (unsigned int i = 0; i < p->query->fields; i++)
		add_field_value(p, object, key, p->query->field[i]);
	add_counts(object, counts);
	if (p->printed++)
		tg_text_puts(p->out, ",");
	put_json(p, object);
	tg_counts_add(&p->total, counts);
}

/* Set in key->others for a row that names nothing at all. */
static uint32_t all_others(const struct tg_view_query *query)
{
	uint32_t others = 0;

	for (unsigned int i = 0; i < query->fields; i++)
		others |= 1u << query->field[i];
	return others;
}

/* The rows, most requests first; last the one that sums what has no row. */
static int print_rows(struct printer *p)
{
	struct tg_view_key rest_key = {.others = all_others(p->query)};
	uint32_t count = tg_tally_count(p->groups);
	struct tg_counts rest = {0};
	bool has_rest = false;
	uint32_t *order;
	int err = tg_tally_order(p->groups, &order);

	if (err)
		return err;
	for (uint32_t i = 0; i < count; i++) {
		const struct tg_view_key *key = tg_tally_key(p->groups, order[i]);
		const struct tg_counts *counts = tg_tally_counts(p->groups, order[i]);

		if (key->others != rest_key.others &&
		    (!p->query->top || p->printed < p->query->top)) {
			print_row(p, key, counts);
			continue;
		}
		has_rest = true;
		tg_counts_add(&rest, counts);
	}
	if (has_rest)
		print_row(p, &rest_key, &rest);
	free(order);
	return p->err;
}

/* --- the document ---------------------------------------------------------------- */

static void print_times(struct printer *p)
{
	uint64_t since = p->query->since_unix_ns ? p->query->since_unix_ns
						 : p->snapshot->meta.created_unix_ns;
	char text[TG_FORMAT_TIME_BYTES];

	tg_format_time(text, since);
	tg_text_printf(p->out, "{\"since\":\"%s\",", text);
	tg_format_time(text, p->snapshot->taken_unix_ns);
	tg_text_printf(p->out, "\"until\":\"%s\",\"rows\":[", text);
}

static void print_tail(struct printer *p)
{
	struct json_object *reasons = json_object_new_object();
	struct json_object *unattributed = json_object_new_object();
	struct json_object *total = json_object_new_object();
	uint64_t requests = 0, bytes = 0;

	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		const struct tg_unattributed *u = &p->snapshot->unattributed[i];

		requests += u->requests;
		bytes += u->bytes;
		if (u->requests)
			add_number(reasons, unattributed_labels[i], u->requests);
	}
	p->total.requests += requests;
	p->total.bytes += bytes;
	add_counts(total, &p->total);
	add_number(unattributed, "requests", requests);
	add_number(unattributed, "bytes", bytes);
	json_object_object_add(unattributed, "reasons", reasons);
	tg_text_puts(p->out, "],\"total\":");
	put_json(p, total);
	tg_text_puts(p->out, ",\"unattributed\":");
	put_json(p, unattributed);
	tg_text_puts(p->out, "}");
}

int tg_view_print(const struct tg_snapshot *snapshot, const struct tg_view_query *query,
		  struct tg_text *out)
{
	struct printer p = {.snapshot = snapshot, .query = query, .out = out};
	int err = tg_view_group(snapshot, query, &p.groups);

	if (err)
		return err;
	if (tg_view_has(query, TG_FIELD_ORIGIN))
		err = index_hosts(&p);
	if (err)
		goto out;
	print_times(&p);
	err = print_rows(&p);
	if (err)
		goto out;
	print_tail(&p);
	err = out->failed ? -ENOMEM : p.err;
out:
	tg_tally_free(p.groups);
	tg_tally_free(p.hosts);
	free(p.host_rows);
	return err;
}

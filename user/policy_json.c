/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "quote.h"

static struct json_object *limits_to_json(const struct tg_quota *quota)
{
	struct json_object *list = json_object_new_array();
	char limit[TG_LIMIT_TEXT_BYTES];

	for (unsigned int i = 0; list && i < quota->limits_count; i++) {
		tg_limit_print(&quota->limit[i], limit);
		json_object_array_add(list, json_object_new_string(limit));
	}
	return list;
}

static void put_text(struct json_object *in, const char *key, const char *value)
{
	json_object_object_add(in, key, json_object_new_string(value));
}

struct json_object *tg_quota_to_json(const struct tg_quota *quota)
{
	char subject[TG_SUBJECT_TEXT_BYTES], block[TG_BLOCK_RULE_TEXT_BYTES];
	struct json_object *out = json_object_new_object();

	if (!out)
		return NULL;
	tg_subject_print(&quota->subject, subject);
	put_text(out, "subject", subject);
	json_object_object_add(out, "limits", limits_to_json(quota));
	put_text(out, "action", tg_action_name(quota->action));
	put_text(out, "per", tg_per_name(quota->per));
	tg_block_rule_print(&quota->block, block);
	if (*block)
		put_text(out, "block", block);
	return out;
}

/* NULL: not a text, or not all of one. */
static const char *text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* limit: of TG_LIMITS_MAX. More than these are counted only. */
static int read_limits(struct json_object *list, struct tg_quota_text *text, const char **limit,
		       char *error, size_t error_bytes)
{
	if (!json_object_is_type(list, json_type_array))
		return tg_error(-EINVAL, error, error_bytes, "not a list; write [\"100/m\"]");
	text->limits = limit;
	text->limits_count = (unsigned int)json_object_array_length(list);
	for (unsigned int i = 0; i < text->limits_count && i < TG_LIMITS_MAX; i++) {
		limit[i] = text_of(json_object_array_get_idx(list, i));
		if (!limit[i])
			return tg_error(-EINVAL, error, error_bytes,
					"holds what is not a text; write [\"100/m\"]");
	}
	return 0;
}

static int read_key(const char *key, struct json_object *value, struct tg_quota_text *text,
		    char *error, size_t error_bytes)
{
	const struct {
		const char *key;
		const char **out;
	} keys[] = {
		{"subject", &text->subject},
		{"action", &text->action},
		{"per", &text->per},
		{"block", &text->block},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(keys[i].key, key))
			continue;
		*keys[i].out = text_of(value);
		return *keys[i].out ? 0
				    : tg_error(-EINVAL, error, error_bytes,
					       "not a text; write \"%s\": \"...\"", key);
	}
	return tg_error(-EINVAL, error, error_bytes,
			"unknown key; known here: subject, limits, action, per, block");
}

int tg_quota_from_json(struct json_object *object, struct tg_quota *out,
		       char at[TG_QUOTA_KEY_BYTES], char *error, size_t error_bytes)
{
	const char *limit[TG_LIMITS_MAX] = {0};
	struct tg_quota_text text = {0};

	*at = '\0';
	if (!json_object_is_type(object, json_type_object))
		return tg_error(-EINVAL, error, error_bytes,
				"not an object; write {\"subject\": ..., \"limits\": [...]}");
	json_object_object_foreach(object, key, value)
	{
		int err = strcmp(key, "limits")
				  ? read_key(key, value, &text, error, error_bytes)
				  : read_limits(value, &text, limit, error, error_bytes);

		if (err) {
			snprintf(at, TG_QUOTA_KEY_BYTES, "%s", key);
			for (char *c = at; *c; c++)
				*c = tg_quote_printable(*c);
			return err;
		}
	}
	return tg_quota_parse(&text, out, at, error, error_bytes);
}

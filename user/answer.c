/* SPDX-License-Identifier: BSD-2-Clause */
#include "answer.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "duration.h"
#include "format.h"
#include "view.h"

static uint64_t number_of(struct json_object *request, const char *name)
{
	return json_object_get_uint64(json_object_object_get(request, name));
}

/* 0 and *query, or an error in reply. */
static int read_query(const struct tg_answer *from, struct json_object *request,
		      struct tg_view_query *query, struct tg_text *reply)
{
	struct json_object *by = json_object_object_get(request, "by");
	uint64_t top = number_of(request, "top");
	char error[200];
	int err;

	if (by && !json_object_is_type(by, json_type_string)) {
		tg_control_error(reply, TG_EXIT_USAGE, "by: not a string");
		return -EINVAL;
	}
	err = tg_view_parse_fields(by ? json_object_get_string(by) : TG_VIEW_BY_DEFAULT, query,
				   error, sizeof(error));
	if (err) {
		tg_control_error(reply, TG_EXIT_USAGE, "%s", error);
		return err;
	}
	query->top = top < UINT32_MAX ? (uint32_t)top : 0;
	query->ipv6_prefix = from->status.config->identity.ipv6_prefix;
	return 0;
}

static void say_how_far_back(const struct tg_answer *from, struct tg_text *reply)
{
	uint64_t oldest = tg_history_oldest_unix_ns(from->history);
	uint64_t now = from->status.snapshot->taken_unix_ns;
	char time[TG_FORMAT_TIME_BYTES], ago[TG_DURATION_TEXT_BYTES];

	tg_format_time(time, oldest);
	tg_duration_print((now > oldest ? now - oldest : 0) / 1000000000, ago);
	tg_control_error(reply, TG_EXIT_FAILED,
			 "--since: history reaches back to %s (%s) only; ask for less, or "
			 "leave --since out for everything",
			 time, ago);
}

/* 0 with *growth and query->since_unix_ns, or an error in reply. */
static int read_history(const struct tg_answer *from, uint64_t since_unix_ns,
			struct tg_view_query *query, struct tg_snapshot **growth,
			struct tg_text *reply)
{
	int err;

	if (!from->history) {
		tg_control_error(reply, TG_EXIT_FAILED,
				 "--since: no agent answers, so there is no history; start it "
				 "(`tollgate run`), or leave --since out");
		return -ENOENT;
	}
	err = tg_history_since(from->history, from->status.snapshot, since_unix_ns, growth,
			       &query->since_unix_ns);
	if (err == -ERANGE)
		say_how_far_back(from, reply);
	else if (err)
		tg_control_error(reply, TG_EXIT_FAILED, "%s", strerror(-err));
	return err;
}

static void usage(const struct tg_answer *from, struct json_object *request, struct tg_text *reply)
{
	uint64_t since = number_of(request, "since_unix_ns");
	/* From before the books began: that is everything. */
	bool has_since = since > from->status.snapshot->meta.created_unix_ns;
	struct tg_view_query query = {0};
	struct tg_snapshot *growth = NULL;
	int err = read_query(from, request, &query, reply);

	if (err)
		return;
	if (has_since && read_history(from, since, &query, &growth, reply))
		return;
	err = tg_view_print(growth ? growth : from->status.snapshot, &query, reply);
	if (err)
		tg_control_error(reply, TG_EXIT_FAILED, "%s; ask for less (--top N)",
				 strerror(-err));
	tg_history_free_growth(growth);
}

static void status(const struct tg_answer *from, struct tg_text *reply)
{
	struct json_object *document = tg_status_document(&from->status);

	tg_text_puts(reply,
		     json_object_to_json_string_ext(
			     document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

void tg_answer(const struct tg_answer *from, struct json_object *request, struct tg_text *reply)
{
	const char *verb = json_object_get_string(json_object_object_get(request, "verb"));

	if (!verb)
		tg_control_error(reply, TG_EXIT_USAGE, "control: the request names no verb");
	else if (tg_quota_answer(&from->quotas, verb, request, reply))
		return;
	else if (!strcmp(verb, "usage"))
		usage(from, request, reply);
	else if (!strcmp(verb, "status"))
		status(from, reply);
	else
		tg_control_error(reply, TG_EXIT_USAGE, "control: no verb %.40s here", verb);
}

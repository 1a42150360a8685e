/* SPDX-License-Identifier: BSD-2-Clause */
#include "quota_answer.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "explain.h"
#include "format.h"
#include "policy_json.h"
#include "survey.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static void put_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void put_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

/* document goes. */
static void reply_with(struct tg_text *reply, struct json_object *document)
{
	const char *text = document ? json_object_to_json_string_ext(document, JSON_FLAGS) : NULL;

	if (text)
		tg_text_puts(reply, text);
	else
		tg_control_error(reply, TG_EXIT_FAILED, "out of memory");
	json_object_put(document);
}

static const char *text_in(struct json_object *request, const char *name)
{
	struct json_object *value = json_object_object_get(request, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* What can be mended by other arguments is bad usage. */
static void fail(struct tg_text *reply, int err, const char *error)
{
	tg_control_error(reply, err == -EINVAL ? TG_EXIT_USAGE : TG_EXIT_FAILED, "%s", error);
}

static bool has_agent(const struct tg_quota_answer *from, struct tg_text *reply)
{
	if (from->quotas)
		return true;
	tg_control_error(reply, TG_EXIT_FAILED,
			 "no agent runs; start it (`tollgate run`): it is what changes policies "
			 "and blocks");
	return false;
}

/* 0 and *subject, or an error in reply. */
static int read_subject(struct json_object *request, struct tg_subject *subject,
			struct tg_text *reply)
{
	const char *text = text_in(request, "subject");
	char error[256];

	if (!text) {
		tg_control_error(reply, TG_EXIT_USAGE, "subject: missing");
		return -EINVAL;
	}
	if (!tg_subject_parse(text, subject, error, sizeof(error)))
		return 0;
	tg_control_error(reply, TG_EXIT_USAGE, "%s", error);
	return -EINVAL;
}

static struct json_object *subject_document(const struct tg_subject *subject)
{
	struct json_object *document = json_object_new_object();
	char text[TG_SUBJECT_TEXT_BYTES];

	tg_subject_print(subject, text);
	put_text(document, "subject", text);
	return document;
}

/* --- quota ------------------------------------------------------------------------------- */

static void quota_set(const struct tg_quota_answer *from, struct json_object *request,
		      struct tg_text *reply)
{
	char at[TG_QUOTA_KEY_BYTES], error[512];
	struct json_object *document;
	struct tg_quota quota;
	bool replaced;
	int err;

	json_object_object_del(request, "verb");
	err = tg_quota_from_json(request, &quota, at, error, sizeof(error));
	if (!err)
		err = tg_quotas_set(from->quotas, &quota, &replaced, error, sizeof(error));
	if (err) {
		fail(reply, err, error);
		return;
	}
	document = subject_document(&quota.subject);
	json_object_object_add(document, "replaced", json_object_new_boolean(replaced));
	reply_with(reply, document);
}

typedef int (*subject_change)(struct tg_quotas *quotas, const struct tg_subject *subject,
			      char *error, size_t error_bytes);

/* What takes a subject and nothing else. */
static void change_subject(const struct tg_quota_answer *from, struct json_object *request,
			   struct tg_text *reply, subject_change change)
{
	struct tg_subject subject;
	char error[512];
	int err;

	if (read_subject(request, &subject, reply))
		return;
	err = change(from->quotas, &subject, error, sizeof(error));
	if (err)
		fail(reply, err, error);
	else
		reply_with(reply, subject_document(&subject));
}

static void quota_rm(const struct tg_quota_answer *from, struct json_object *request,
		     struct tg_text *reply)
{
	change_subject(from, request, reply, tg_quotas_remove);
}

static struct json_object *limit_row(const struct tg_quota_answer *from,
				     const struct tg_enforced *policy,
				     const struct tg_survey_row *survey, unsigned int i)
{
	struct json_object *row = subject_document(&policy->quota.subject);
	char text[TG_BLOCK_RULE_TEXT_BYTES] = "-";

	tg_limit_print(&policy->quota.limit[i], text);
	put_text(row, "limit", text);
	put_text(row, "per", tg_per_name(policy->quota.per));
	put_text(row, "action", tg_action_name(policy->quota.action));
	strcpy(text, "-");
	if (policy->quota.block.denials)
		tg_block_rule_print(&policy->quota.block, text);
	put_text(row, "block", text);
	/* The maps do not say who set a policy. */
	put_text(row, "from", !from->quotas ? "-" : policy->quota.runtime ? "runtime" : "file");
	put_number(row, "budgets", survey->budgets);
	put_number(row, "remaining", survey->limit[i].remaining);
	put_number(row, "of", survey->limit[i].of);
	put_number(row, "denied", survey->denied);
	put_number(row, "observed", survey->observed);
	return row;
}

static void quota_list(const struct tg_quota_answer *from, struct tg_text *reply)
{
	struct json_object *document = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	struct tg_survey survey;
	int err = tg_survey(from->enforce, &survey);

	json_object_object_add(document, "rows", rows);
	for (unsigned int i = 0; !err && i < survey.count; i++) {
		const struct tg_enforced *policy = &from->enforce->policies[i];

		for (unsigned int k = 0; k < policy->quota.limits_count; k++)
			json_object_array_add(rows, limit_row(from, policy, &survey.rows[i], k));
	}
	if (err) {
		json_object_put(document);
		tg_control_error(reply, TG_EXIT_FAILED, "budgets: %s", strerror(-err));
		return;
	}
	tg_survey_free(&survey);
	reply_with(reply, document);
}

/* --- block ----------------------------------------------------------------------------------- */

static void block(const struct tg_quota_answer *from, struct json_object *request,
		  struct tg_text *reply)
{
	struct json_object *lasts = json_object_object_get(request, "for_s");
	int64_t for_s = json_object_get_int64(lasts);
	const char *reason = text_in(request, "reason");
	char error[512], time[TG_FORMAT_TIME_BYTES];
	struct json_object *document;
	struct tg_subject subject;
	uint64_t expires = 0;
	int err;

	if (read_subject(request, &subject, reply))
		return;
	if ((lasts && (!json_object_is_type(lasts, json_type_int) || for_s < 1)) ||
	    for_s > UINT32_MAX || (reason && !tg_policy_store_is_reason(reason))) {
		tg_control_error(reply, TG_EXIT_USAGE,
				 "block: for_s is 1 to %u, a reason up to %d bytes without control "
				 "characters",
				 UINT32_MAX, TG_DROP_TEXT_BYTES - 1);
		return;
	}
	err = tg_quotas_block(from->quotas, &subject, (uint64_t)for_s, reason, &expires, error,
			      sizeof(error));
	if (err) {
		fail(reply, err, error);
		return;
	}
	document = subject_document(&subject);
	tg_format_time(time, expires);
	json_object_object_add(document, "expires", expires ? json_object_new_string(time) : NULL);
	reply_with(reply, document);
}

static void unblock(const struct tg_quota_answer *from, struct json_object *request,
		    struct tg_text *reply)
{
	change_subject(from, request, reply, tg_quotas_unblock);
}

static int add_block(const void *key, const void *value, void *arg)
{
	json_object_array_add(arg, tg_explain_block(key, value));
	return 0;
}

static void blocks(const struct tg_quota_answer *from, struct tg_text *reply)
{
	struct json_object *document = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	int err = tg_maps_walk(from->maps, TG_MAP_DROPS, add_block, rows);

	json_object_object_add(document, "rows", rows);
	if (!err) {
		reply_with(reply, document);
		return;
	}
	json_object_put(document);
	tg_control_error(reply, TG_EXIT_FAILED, "drops: %s", strerror(-err));
}

/* --- explain ------------------------------------------------------------------------------------
 */

static void explain(const struct tg_quota_answer *from, struct json_object *request,
		    struct tg_text *reply)
{
	struct tg_explain ask = {.source = text_in(request, "source"),
				 .token = text_in(request, "token"),
				 .origin = text_in(request, "origin"),
				 .config = from->config,
				 .enforce = from->enforce,
				 .http = from->http};
	struct json_object *document = NULL;
	char error[256];
	int err = tg_explain(&ask, &document, error, sizeof(error));

	if (err)
		fail(reply, err, error);
	else
		reply_with(reply, document);
}

/* --- usage by policy -----------------------------------------------------------------------------
 */

static struct json_object *counts_row(const char *policy, const struct tg_counts *counts)
{
	struct json_object *row = json_object_new_object();

	if (policy)
		put_text(row, "policy", policy);
	put_number(row, "requests", counts->requests);
	put_number(row, "bytes", counts->bytes);
	put_number(row, "allowed", counts->requests - counts->denied - counts->observed);
	put_number(row, "denied", counts->denied);
	put_number(row, "observed", counts->observed);
	return row;
}

static uint64_t minus(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static int by_requests(const void *a, const void *b)
{
	struct json_object *const *left = a, *const *right = b;
	uint64_t i = json_object_get_uint64(json_object_object_get(*left, "requests"));
	uint64_t k = json_object_get_uint64(json_object_object_get(*right, "requests"));

	return i < k ? 1 : i > k ? -1 : 0;
}

/* Policies with requests, and in *rest what is left of it. */
static int add_policies(const struct tg_quota_answer *from, struct json_object *rows,
			struct tg_counts *rest)
{
	char text[TG_SUBJECT_TEXT_BYTES];
	struct tg_counts counts;
	int err;

	for (unsigned int i = 0; i < from->enforce->count; i++) {
		err = tg_maps_policy_counts(from->maps, from->enforce->policies[i].owner, &counts);
		if (err)
			return err;
		if (!counts.requests)
			continue;
		tg_subject_print(&from->enforce->policies[i].quota.subject, text);
		json_object_array_add(rows, counts_row(text, &counts));
		rest->requests = minus(rest->requests, counts.requests);
		rest->bytes = minus(rest->bytes, counts.bytes);
		rest->denied = minus(rest->denied, counts.denied);
		rest->observed = minus(rest->observed, counts.observed);
	}
	return 0;
}

static struct json_object *unattributed(const struct tg_snapshot *snapshot)
{
	static const char *const labels[TG_UNATTRIBUTED_REASONS] = {
#define TG_UNATTRIBUTED_REASON(name, label, meaning) [TG_UNATTRIBUTED_##name] = label,
#include "../include/tollgate/reasons.def"
	};
	struct json_object *object = json_object_new_object(), *reasons = json_object_new_object();
	uint64_t requests = 0, bytes = 0;

	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		requests += snapshot->unattributed[i].requests;
		bytes += snapshot->unattributed[i].bytes;
		if (snapshot->unattributed[i].requests)
			put_number(reasons, labels[i], snapshot->unattributed[i].requests);
	}
	put_number(object, "requests", requests);
	put_number(object, "bytes", bytes);
	json_object_object_add(object, "reasons", reasons);
	return object;
}

/*
 * "-": what no policy decided, and what one did that is gone. The policies' counters
 * are read after the snapshot, so that under traffic "-" may be short of a few.
 */
static void usage_by_policy(const struct tg_quota_answer *from, struct json_object *request,
			    struct tg_text *reply)
{
	struct json_object *document, *rows, *aside = unattributed(from->snapshot);
	struct tg_counts total = tg_snapshot_total(from->snapshot), rest = total;
	char text[TG_FORMAT_TIME_BYTES];
	int err;

	if (json_object_get_uint64(json_object_object_get(request, "since_unix_ns"))) {
		json_object_put(aside);
		tg_control_error(reply, TG_EXIT_USAGE,
				 "--since: no history is kept by policy; leave it out");
		return;
	}
	document = json_object_new_object();
	rows = json_object_new_array();
	tg_format_time(text, from->snapshot->meta.created_unix_ns);
	put_text(document, "since", text);
	tg_format_time(text, from->snapshot->taken_unix_ns);
	put_text(document, "until", text);
	json_object_object_add(document, "rows", rows);
	rest.requests -= json_object_get_uint64(json_object_object_get(aside, "requests"));
	rest.bytes -= json_object_get_uint64(json_object_object_get(aside, "bytes"));
	err = add_policies(from, rows, &rest);
	if (err) {
		json_object_put(document);
		json_object_put(aside);
		tg_control_error(reply, TG_EXIT_FAILED, "policy_counts: %s", strerror(-err));
		return;
	}
	json_object_array_sort(rows, by_requests);
	if (rest.requests || !json_object_array_length(rows))
		json_object_array_add(rows, counts_row("-", &rest));
	json_object_object_add(document, "total", counts_row(NULL, &total));
	json_object_object_add(document, "unattributed", aside);
	reply_with(reply, document);
}

/* --- verbs
 * ------------------------------------------------------------------------------------------ */

typedef void (*answerer)(const struct tg_quota_answer *from, struct json_object *request,
			 struct tg_text *reply);

static void quota_list_verb(const struct tg_quota_answer *from, struct json_object *request,
			    struct tg_text *reply)
{
	(void)request;
	quota_list(from, reply);
}

static void blocks_verb(const struct tg_quota_answer *from, struct json_object *request,
			struct tg_text *reply)
{
	(void)request;
	blocks(from, reply);
}

bool tg_quota_answer(const struct tg_quota_answer *from, const char *verb,
		     struct json_object *request, struct tg_text *reply)
{
	static const struct {
		const char *verb;
		answerer answer;
		bool changes;
	} verbs[] = {
		{"quota-set", quota_set, true},
		{"quota-rm", quota_rm, true},
		{"quota-list", quota_list_verb, false},
		{"block", block, true},
		{"unblock", unblock, true},
		{"blocks", blocks_verb, false},
		{"explain", explain, false},
	};
	const char *by = text_in(request, "by");

	if (!strcmp(verb, "usage") && by && !strcmp(by, "policy")) {
		usage_by_policy(from, request, reply);
		return true;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i].verb))
			continue;
		if (!verbs[i].changes || has_agent(from, reply))
			verbs[i].answer(from, request, reply);
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "drops.h"
#include "duration.h"
#include "error.h"
#include "format.h"
#include "network.h"
#include "survey.h"
#include "token.h"

#define SECOND_NS 1000000000ULL

struct request { /* what the kernel would know of it */
	uint8_t client[16];
	struct tg_addr source; /* IPv6: masked */
	struct tg_token token;
	uint8_t start[TG_PREFIX_BYTES_MAX];
};

struct verdict {
	enum tg_action action;
	uint64_t wait_ns;
	bool blocked;
	char why[320];
};

static void put_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void put_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static const char *verdict_name(enum tg_action action)
{
	return action == TG_ACTION_NONE	     ? "allowed"
	       : action == TG_ACTION_OBSERVE ? "observed"
					     : "denied";
}

/* --- the request -------------------------------------------------------------------------- */

static int read_request(const struct tg_explain *ask, struct request *request, char *error,
			size_t error_bytes)
{
	struct tg_subject address;
	int err;

	memset(request, 0, sizeof(*request));
	if (!ask->source)
		return tg_error(-EINVAL, error, error_bytes, "--source: missing; name an address");
	err = tg_network_parse(ask->source, &address, error, error_bytes);
	if (err)
		return err;
	if (address.bits != 128)
		return tg_error(-EINVAL, error, error_bytes,
				"--source: a network; name one address of it");
	memcpy(request->client, address.bytes, sizeof(request->client));
	if (!tg_network_is_v4(&address))
		address = tg_network_around(&address, ask->config->identity.ipv6_prefix);
	memcpy(request->source.bytes, address.bytes, sizeof(address.bytes));
	if (!ask->token)
		return 0;
	if (!ask->http)
		return tg_error(-EACCES, error, error_bytes,
				"--token: the secret of this host cannot be read; run as root");
	tg_token_identify(ask->http, ask->token, strlen(ask->token), &request->token,
			  request->start);
	return 0;
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct json_object *tg_explain_block(const struct tg_drop_key *key, const struct tg_drop *drop)
{
	static const char *const reasons[TG_DROP_REASONS] = {"manual", "rule", "never"};
	struct json_object *row = json_object_new_object();
	char text[TG_SUBJECT_TEXT_BYTES], time[TG_FORMAT_TIME_BYTES] = "-";
	struct tg_subject subject;

	tg_drops_subject(key, &subject);
	tg_subject_print(&subject, text);
	put_text(row, "subject", text);
	put_text(row, "reason",
		 reasons[drop->reason < TG_DROP_REASONS ? drop->reason : TG_DROP_MANUAL]);
	put_text(row, "text", drop->text);
	if (drop->created_unix_ns)
		tg_format_time(time, drop->created_unix_ns);
	put_text(row, "created", time);
	strcpy(time, "-");
	if (drop->expires_unix_ns)
		tg_format_time(time, drop->expires_unix_ns);
	put_text(row, "expires", time);
	put_number(row, "packets", drop->packets);
	put_number(row, "bytes", drop->bytes);
	return row;
}

/* Longest prefix first. By the clock that people see: the kernel's takes root to be read. */
static bool find_block(const struct tg_maps *maps, const struct tg_subject *subject,
		       struct tg_drop_key *key, struct tg_drop *drop)
{
	uint64_t now_ns = tg_clock_unix_ns();
	int shortest = subject->kind == TG_KIND_SOURCE ? 0 : (int)subject->bits;

	for (int bits = (int)subject->bits; bits >= shortest; bits--) {
		const struct tg_subject around = tg_network_around(subject, (uint32_t)bits);

		tg_drops_key(&around, key);
		if (tg_maps_drop(maps, key, drop) ||
		    (drop->expires_unix_ns && drop->expires_unix_ns <= now_ns))
			continue;
		return drop->reason != TG_DROP_NEVER;
	}
	return false;
}

static struct json_object *look_for_block(const struct tg_explain *ask,
					  const struct request *request, struct verdict *verdict)
{
	struct tg_subject source = {.kind = TG_KIND_SOURCE, .bits = 128};
	struct tg_subject token = {.kind = TG_KIND_TOKEN_ID, .bits = 64};
	struct json_object *row;
	struct tg_drop_key key;
	struct tg_drop drop;

	memcpy(source.bytes, request->client, sizeof(source.bytes));
	memcpy(token.bytes, &request->token.id, sizeof(request->token.id));
	if (!find_block(ask->enforce->maps, &source, &key, &drop) &&
	    (!request->token.id || !find_block(ask->enforce->maps, &token, &key, &drop)))
		return NULL;
	row = tg_explain_block(&key, &drop);
	verdict->action = TG_ACTION_DROP;
	verdict->blocked = true;
	snprintf(verdict->why, sizeof(verdict->why), "%s is blocked until %s%s%s",
		 json_object_get_string(json_object_object_get(row, "subject")),
		 drop.expires_unix_ns
			 ? json_object_get_string(json_object_object_get(row, "expires"))
			 : "it is lifted",
		 *drop.text ? ": " : "", drop.text);
	return row;
}

/* --- policies ------------------------------------------------------------------------------------
 */

static bool is_never_block(const struct tg_config *config, const struct request *request)
{
	struct tg_subject source = {.kind = TG_KIND_SOURCE, .bits = 128};

	memcpy(source.bytes, request->source.bytes, sizeof(source.bytes));
	for (unsigned int i = 0; i < config->never_block.count; i++)
		if (tg_never_block_exempts(&config->never_block.network[i],
					   config->identity.ipv6_prefix) &&
		    tg_network_contains(&config->never_block.network[i], &source))
			return true;
	return false;
}

static const struct tg_enforced *find_policy(const struct tg_explain *ask,
					     const struct request *request, enum tg_kind kind)
{
	uint8_t subject[16] = {0};

	if (kind == TG_KIND_TOKEN_ID || kind == TG_KIND_TOKEN) {
		if (!request->token.id)
			return NULL;
		if (kind == TG_KIND_TOKEN)
			memcpy(subject, request->start, sizeof(subject));
		else
			memcpy(subject, &request->token.id, sizeof(request->token.id));
	} else if (is_never_block(ask->config, request)) {
		return NULL;
	} else if (kind == TG_KIND_SOURCE) {
		memcpy(subject, request->source.bytes, sizeof(subject));
	}
	return tg_enforce_match(ask->enforce, kind, subject);
}

/* Is a budget to be had for someone new? */
static bool has_free_budget(const struct tg_maps *maps)
{
	for (uint32_t slot = TG_POLICIES_MAX; slot < maps->capacity[TG_MAP_BUDGETS]; slot++)
		if (maps->budgets[slot].state == TG_BUDGET_FREE)
			return true;
	return false;
}

/* The budget that it would spend, and what to call it. NULL: none yet, as if new. */
static const struct tg_budget *find_budget(const struct tg_enforce *enforce,
					   const struct tg_enforced *policy,
					   const struct request *request, const char **name)
{
	struct tg_budget_key key = {.owner = policy->owner, .kind = policy->quota.subject.kind};
	const struct tg_maps *maps = enforce->maps;
	uint32_t slot;

	if (tg_enforce_has_one_budget(enforce, &policy->quota)) {
		*name = policy->quota.per == TG_PER_SHARED ? "shared" : "own";
		return &maps->budgets[policy->owner];
	}
	if (key.kind == TG_KIND_TOKEN)
		memcpy(key.subject, &request->token.id, sizeof(request->token.id));
	else
		memcpy(key.subject, request->source.bytes, sizeof(key.subject));
	*name = "own";
	if (!tg_maps_find_budget(maps, &key, &slot) && slot < maps->capacity[TG_MAP_BUDGETS])
		return &maps->budgets[slot];
	if (!has_free_budget(maps)) {
		*name = "the policy's, as the map is full";
		return &maps->budgets[policy->owner];
	}
	*name = "none yet";
	return NULL;
}

static void say_why(struct verdict *verdict, const struct tg_enforced *policy, const char *limit,
		    uint64_t wait_ns)
{
	char subject[TG_SUBJECT_TEXT_BYTES], wait[TG_DURATION_TEXT_BYTES];

	tg_subject_print(&policy->quota.subject, subject);
	tg_duration_print((wait_ns + SECOND_NS - 1) / SECOND_NS, wait);
	snprintf(verdict->why, sizeof(verdict->why), "%s allows %s; 0 left, next in %s", subject,
		 limit, wait);
}

static struct json_object *limit_row(const struct tg_limit *limit, const struct tg_budget *budget,
				     const struct tg_survey_clock *clock, uint64_t *wait_ns)
{
	static const struct tg_budget as_new;
	struct json_object *row = json_object_new_object();
	char text[TG_LIMIT_TEXT_BYTES];
	uint64_t left = tg_survey_remaining(budget ? budget : &as_new, limit, clock, wait_ns);

	tg_limit_print(limit, text);
	put_text(row, "limit", text);
	put_number(row, "remaining", left);
	put_number(row, "of", tg_survey_of(limit));
	put_number(row, "wait_s", (*wait_ns + SECOND_NS - 1) / SECOND_NS);
	return row;
}

static struct json_object *policy_row(const struct tg_explain *ask,
				      const struct tg_enforced *policy,
				      const struct request *request,
				      const struct tg_survey_clock *clock, struct verdict *verdict)
{
	struct json_object *row = json_object_new_object(), *limits = json_object_new_array();
	char text[TG_SUBJECT_TEXT_BYTES], limit[TG_LIMIT_TEXT_BYTES];
	enum tg_action action = TG_ACTION_NONE;
	const struct tg_budget *budget;
	const char *name;
	uint64_t wait_ns;

	budget = find_budget(ask->enforce, policy, request, &name);
	for (unsigned int i = 0; i < policy->quota.limits_count; i++) {
		json_object_array_add(limits,
				      limit_row(&policy->quota.limit[i], budget, clock, &wait_ns));
		if (!wait_ns)
			continue;
		action = policy->quota.action;
		tg_limit_print(&policy->quota.limit[i], limit);
		if (!verdict->blocked &&
		    (action > verdict->action ||
		     (action == verdict->action && wait_ns > verdict->wait_ns))) {
			say_why(verdict, policy, limit, wait_ns);
			verdict->wait_ns = wait_ns;
		}
		if (action > verdict->action)
			verdict->action = action;
	}
	tg_subject_print(&policy->quota.subject, text);
	put_text(row, "subject", text);
	put_text(row, "per", tg_per_name(policy->quota.per));
	put_text(row, "action", tg_action_name(policy->quota.action));
	put_text(row, "budget", name);
	json_object_object_add(row, "limits", limits);
	put_text(row, "verdict", verdict_name(action));
	return row;
}

static int explain_policies(const struct tg_explain *ask, const struct request *request,
			    struct json_object *rows, struct verdict *verdict)
{
	const struct tg_enforced *policy;
	struct tg_survey_clock clock;
	int err = tg_survey_clock(ask->enforce->maps, &clock);

	for (enum tg_kind kind = 0; !err && kind < TG_KINDS; kind++) {
		policy = find_policy(ask, request, kind);
		if (policy)
			json_object_array_add(rows,
					      policy_row(ask, policy, request, &clock, verdict));
	}
	if (!err && !*verdict->why)
		snprintf(verdict->why, sizeof(verdict->why), "%s%s",
			 json_object_array_length(rows) ? "every policy that it is under has budget"
							: "it is under no policy",
			 is_never_block(ask->config, request)
				 ? "; its source stands in never_block, which exempts from source: "
				   "and any"
				 : "");
	return err;
}

/* --- the document
 * --------------------------------------------------------------------------------- */

static struct json_object *start_document(const struct tg_explain *ask,
					  const struct request *request)
{
	struct json_object *document = json_object_new_object();
	char text[TG_FORMAT_BYTES];

	tg_format_source(text, &request->source, ask->config->identity.ipv6_prefix);
	put_text(document, "source", text);
	tg_format_prefix(text, &request->token);
	put_text(document, "token", text);
	tg_format_token_id(text, &request->token);
	put_text(document, "token_id", text);
	put_text(document, "origin", ask->origin && *ask->origin ? ask->origin : "-");
	return document;
}

int tg_explain(const struct tg_explain *ask, struct json_object **document, char *error,
	       size_t error_bytes)
{
	struct verdict verdict = {0};
	struct json_object *rows, *block, *made;
	struct request request;
	int err = read_request(ask, &request, error, error_bytes);

	if (err)
		return err;
	made = start_document(ask, &request);
	rows = json_object_new_array();
	block = look_for_block(ask, &request, &verdict);
	err = explain_policies(ask, &request, rows, &verdict);
	explicit_bzero(request.start, sizeof(request.start));
	put_text(made, "verdict", verdict_name(verdict.action));
	put_text(made, "action", verdict.action ? tg_action_name(verdict.action) : TG_FORMAT_NONE);
	put_text(made, "why", verdict.why);
	json_object_object_add(made, "policies", rows);
	json_object_object_add(made, "block", block);
	if (err) {
		json_object_put(made);
		return tg_error(err, error, error_bytes, "the maps cannot be read: %s",
				strerror(-err));
	}
	*document = made;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_text.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "duration.h"
#include "render.h"

static struct json_object *get(struct json_object *object, const char *name)
{
	return json_object_object_get(object, name);
}

/* Of what is not there: "-". */
static const char *text_of(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(get(object, name));

	return text && *text ? text : "-";
}

static bool is_there(const char *text)
{
	return strcmp(text, "-") != 0;
}

/* "denied (reject): WHY" */
static void print_verdict(struct json_object *document, FILE *to)
{
	const char *verdict = text_of(document, "verdict");
	const char *action = text_of(document, "action");
	const char *why = text_of(document, "why");

	fputs(verdict, to);
	if (is_there(action) && strcmp(verdict, "allowed") != 0)
		fprintf(to, " (%s)", action);
	if (is_there(why))
		fprintf(to, ": %s", why);
	fputc('\n', to);
}

/* "Source 192.0.2.7, token sk_live_acme (id 07f5c017f1b12822), no origin" */
static void print_who(struct json_object *document, FILE *to)
{
	const char *token = text_of(document, "token");
	const char *id = text_of(document, "token_id");
	const char *origin = text_of(document, "origin");

	fprintf(to, "Source %s, ", text_of(document, "source"));
	if (is_there(id))
		fprintf(to, "token %s (id %s), ", token, id);
	else
		fputs("no token, ", to);
	fprintf(to, is_there(origin) ? "origin %s\n" : "no origin\n", origin);
}

static void print_block(struct json_object *block, FILE *to)
{
	const char *text = text_of(block, "text");
	const char *expires = text_of(block, "expires");

	if (!block)
		return;
	fprintf(to, "Block %s (%s", text_of(block, "subject"), text_of(block, "reason"));
	fprintf(to, is_there(text) ? ": %s)" : ")", text);
	fprintf(to, " since %s", text_of(block, "created"));
	fprintf(to, is_there(expires) ? ", until %s" : ", until it is unblocked", expires);
	fprintf(to, "; %s packets, %s bytes\n", text_of(block, "packets"), text_of(block, "bytes"));
}

/* --- the table ------------------------------------------------------------------------- */

static const struct tg_column columns[] = {
	{"subject", "SUBJECT", false},
	{"per", "PER", false},
	{"action", "ACTION", false},
	{"budget", "BUDGET", false},
	{"limit", "LIMIT", false},
	{"remaining", "REMAINING", true},
	{"of", "OF", true},
	{"wait", "WAIT", true},
	{"verdict", "VERDICT", false},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void copy(struct json_object *to, struct json_object *from, const char *name)
{
	json_object_object_add(to, name, json_object_get(get(from, name)));
}

static struct json_object *wait_of(struct json_object *limit)
{
	double seconds = json_object_get_double(get(limit, "wait_s"));
	uint64_t whole = seconds > 0 && seconds < 1e15 ? (uint64_t)seconds : 0;
	char text[TG_DURATION_TEXT_BYTES] = "-";

	whole += (double)whole < seconds;
	if (whole)
		tg_duration_print(whole, text);
	return json_object_new_string(text);
}

static struct json_object *make_row(struct json_object *policy, struct json_object *limit)
{
	static const char *const of_policy[] = {"subject", "per", "action", "budget", "verdict"};
	static const char *const of_limit[] = {"limit", "remaining", "of"};
	struct json_object *row = json_object_new_object();

	for (size_t i = 0; i < sizeof(of_policy) / sizeof(of_policy[0]); i++)
		copy(row, policy, of_policy[i]);
	for (size_t i = 0; i < sizeof(of_limit) / sizeof(of_limit[0]); i++)
		copy(row, limit, of_limit[i]);
	json_object_object_add(row, "wait", wait_of(limit));
	/* A policy refuses by the limits that have nothing left. */
	if (!(json_object_get_double(get(limit, "wait_s")) > 0))
		json_object_object_add(row, "verdict", json_object_new_string("allowed"));
	return row;
}

/* One row a limit. */
static struct json_object *make_rows(struct json_object *policies)
{
	struct json_object *rows = json_object_new_array();

	for (size_t p = 0; p < json_object_array_length(policies); p++) {
		struct json_object *policy = json_object_array_get_idx(policies, p);
		struct json_object *limits = get(policy, "limits");
		size_t count = limits ? json_object_array_length(limits) : 0;

		for (size_t i = 0; i < count; i++)
			json_object_array_add(
				rows, make_row(policy, json_object_array_get_idx(limits, i)));
	}
	return rows;
}

static void print_policies(struct json_object *policies, FILE *to)
{
	struct json_object *rows;

	if (!policies || !json_object_array_length(policies)) {
		fputs("No policy applies.\n", to);
		return;
	}
	rows = make_rows(policies);
	fputc('\n', to);
	tg_render_table(rows, columns, COLUMNS, to);
	json_object_put(rows);
}

void tg_explain_print(struct json_object *document, FILE *to)
{
	print_verdict(document, to);
	print_who(document, to);
	print_block(get(document, "block"), to);
	print_policies(get(document, "policies"), to);
}

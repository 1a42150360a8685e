/* SPDX-License-Identifier: BSD-2-Clause */
#include "quota_words.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "policy_json.h"
#include "quote.h"

#define BURST	     "burst"
#define BURST_BYTES  (sizeof(BURST) - 1)
#define JOINED_BYTES 128 /* longer than any limit: the parser is to see what is wrong */

struct joined {
	char text[TG_LIMITS_MAX][JOINED_BYTES];
	unsigned int count;
};

/* --- words -> limits ------------------------------------------------------------------- */

static bool begins_with_burst(const char *word)
{
	return !strncmp(word, BURST, BURST_BYTES) && strchr(" =", word[BURST_BYTES]);
}

static bool ends_with_burst(const char *text)
{
	size_t bytes = strlen(text);

	return bytes >= BURST_BYTES && !strcmp(text + bytes - BURST_BYTES, BURST);
}

/* "burst", and what follows it, belong to the limit before. */
static bool belongs(const struct joined *joined, const char *word)
{
	return joined->count &&
	       (begins_with_burst(word) || ends_with_burst(joined->text[joined->count - 1]));
}

static int join_word(struct joined *joined, const char *word, char *error, size_t error_bytes)
{
	bool more = belongs(joined, word);
	size_t at;
	char *text;

	if (!more && joined->count == TG_LIMITS_MAX)
		return tg_error(-EINVAL, error, error_bytes,
				"LIMIT: %.60s: one too many; a policy has at most %d", word,
				TG_LIMITS_MAX);
	if (!more)
		joined->text[joined->count++][0] = '\0';
	text = joined->text[joined->count - 1];
	at = strlen(text);
	if ((size_t)snprintf(text + at, JOINED_BYTES - at, "%s%s", more ? " " : "", word) >=
	    JOINED_BYTES - at)
		return tg_error(-EINVAL, error, error_bytes,
				"LIMIT: %.40s...: too long; write N/UNIT [burst B]", text);
	return 0;
}

/* A word may hold anything; an error is one line all the same. */
static int join(const struct tg_quota_words *words, struct joined *joined, char *error,
		size_t error_bytes)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < words->limits_count; i++)
		err = join_word(joined, words->limits[i], error, error_bytes);
	for (char *c = error; err && *c; c++)
		*c = tg_quote_printable(*c);
	return err;
}

/* at: a key of the configuration -> what it is called on the command line. */
static const char *name_of(const char *at)
{
	static const char *const names[][2] = {{"subject", "SUBJECT"},
					       {"action", "--action"},
					       {"per", "--per"},
					       {"block", "--block"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(at, names[i][0]))
			return names[i][1];
	}
	return "LIMIT";
}

static int parse(const struct tg_quota_words *words, const struct joined *joined,
		 struct tg_quota *quota, char *error, size_t error_bytes)
{
	const char *limits[TG_LIMITS_MAX];
	const struct tg_quota_text text = {.subject = words->subject,
					   .limits = limits,
					   .limits_count = joined->count,
					   .action = words->action,
					   .per = words->per,
					   .block = words->block};
	char at[TG_QUOTA_KEY_BYTES], what[400];
	int err;

	for (unsigned int i = 0; i < joined->count; i++)
		limits[i] = joined->text[i];
	err = tg_quota_parse(&text, quota, at, what, sizeof(what));
	return err ? tg_error(err, error, error_bytes, "%s: %s", name_of(at), what) : 0;
}

int tg_quota_words_parse(const struct tg_quota_words *words, struct tg_quota *out, char *error,
			 size_t error_bytes)
{
	static const struct tg_networks none = {0};
	struct joined joined = {0};
	struct tg_quota quota;
	int err = join(words, &joined, error, error_bytes);

	if (!err)
		err = parse(words, &joined, &quota, error, error_bytes);
	/* What depends on ipv6_prefix and never_block is for the agent to say, whose they are. */
	if (!err)
		err = tg_quota_check(&quota, quota.subject.bits, &none, error, error_bytes);
	if (!err)
		*out = quota;
	return err;
}

/* --- a policy -> text ------------------------------------------------------------------ */

struct json_object *tg_quota_request(const struct tg_quota *quota)
{
	struct json_object *request = tg_quota_to_json(quota);

	json_object_object_add(request, "verb", json_object_new_string("quota-set"));
	return request;
}

void tg_quota_describe(const struct tg_quota *quota, char out[TG_QUOTA_TEXT_BYTES])
{
	char subject[TG_SUBJECT_TEXT_BYTES], text[TG_BLOCK_RULE_TEXT_BYTES];
	char *at = out, *end = out + TG_QUOTA_TEXT_BYTES;

	tg_subject_print(&quota->subject, subject);
	at += snprintf(at, (size_t)(end - at), "%s: ", subject);
	for (unsigned int i = 0; i < quota->limits_count; i++) {
		tg_limit_print(&quota->limit[i], text);
		at += snprintf(at, (size_t)(end - at), "%s, ", text);
	}
	at += snprintf(at, (size_t)(end - at), "per %s, action %s", tg_per_name(quota->per),
		       tg_action_name(quota->action));
	if (!quota->block.denials)
		return;
	tg_block_rule_print(&quota->block, text);
	snprintf(at, (size_t)(end - at), ", block %s", text);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/quota_words.c user/policy_json.c user/policy.c user/subject.c user/network.c */
/* links: user/limit.c user/block_rule.c user/duration.c user/when.c user/listen.c */
/* links: user/error.c user/quote.c user/words.c */
/*
 * The words of the command line and of the configuration's values: what parses is
 * printed as text that parses to the same, and what does not is answered in one line.
 */
#include <string.h>

#include <json-c/json.h>

#include "duration.h"
#include "must.h"
#include "policy_json.h"
#include "quota_words.h"
#include "when.h"

#define TEXT_MAX  400
#define WORDS_MAX 12
#define NOW_NS	  1767225600000000000ULL

static void check_error(const char *text, const char *error)
{
	must(*error, "no word about %s", text);
	for (const char *c = error; *c; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f, "a control character in: %s", error);
}

static void try_duration(const char *text)
{
	char printed[TG_DURATION_TEXT_BYTES];
	uint64_t seconds, again;

	if (tg_duration_parse(text, &seconds))
		return;
	tg_duration_print(seconds, printed);
	must(!tg_duration_parse(printed, &again) && again == seconds, "%s becomes %s", text,
	     printed);
}

static void try_when(const char *text)
{
	uint64_t unix_ns = 0;

	if (!tg_when_parse(text, NOW_NS, &unix_ns))
		must(unix_ns <= NOW_NS, "%s is in the future", text);
}

static void try_limit(const char *text)
{
	char printed[TG_LIMIT_TEXT_BYTES], error[512] = "";
	struct tg_limit limit, again;

	if (tg_limit_parse(text, &limit, error, sizeof(error))) {
		check_error(text, error);
		return;
	}
	tg_limit_print(&limit, printed);
	must(!tg_limit_parse(printed, &again, error, sizeof(error)) &&
		     !memcmp(&limit, &again, sizeof(limit)),
	     "%s becomes %s", text, printed);
}

static void try_block_rule(const char *text)
{
	char printed[TG_BLOCK_RULE_TEXT_BYTES], error[512] = "";
	struct tg_block_rule rule, again;

	if (tg_block_rule_parse(text, &rule, error, sizeof(error))) {
		check_error(text, error);
		return;
	}
	tg_block_rule_print(&rule, printed);
	must(!tg_block_rule_parse(printed, &again, error, sizeof(error)) &&
		     !memcmp(&rule, &again, sizeof(rule)),
	     "%s becomes %s", text, printed);
}

static void try_subject(const char *text,
			int (*parse)(const char *, struct tg_subject *, char *, size_t),
			void (*print)(const struct tg_subject *, char *))
{
	char printed[TG_SUBJECT_TEXT_BYTES], error[512] = "";
	struct tg_subject subject, again;

	if (parse(text, &subject, error, sizeof(error))) {
		check_error(text, error);
		return;
	}
	print(&subject, printed);
	must(!parse(printed, &again, error, sizeof(error)) && tg_subject_equal(&subject, &again),
	     "%s becomes %s", text, printed);
}

/* As the request that the agent gets, and back. */
static void try_request(const struct tg_quota *quota)
{
	struct json_object *request = tg_quota_request(quota);
	char at[TG_QUOTA_KEY_BYTES], error[512] = "", text[2][TG_QUOTA_TEXT_BYTES];
	struct tg_quota again;

	json_object_object_del(request, "verb");
	must(!tg_quota_from_json(request, &again, at, error, sizeof(error)), "%s: %s", at, error);
	tg_quota_describe(quota, text[0]);
	tg_quota_describe(&again, text[1]);
	must(!strcmp(text[0], text[1]), "%s becomes %s", text[0], text[1]);
	json_object_put(request);
}

/* A line is a word: subject, action, per, block (each may be left empty), limits. */
static void try_quota_words(char *text)
{
	char *word[WORDS_MAX], *save = text, error[512] = "";
	struct tg_quota_words words = {0};
	struct tg_quota quota;
	unsigned int count = 0;

	while (count < WORDS_MAX && (word[count] = strsep(&save, "\n")))
		count++;
	if (count < 4)
		return;
	words.subject = word[0];
	words.action = *word[1] ? word[1] : NULL;
	words.per = *word[2] ? word[2] : NULL;
	words.block = *word[3] ? word[3] : NULL;
	words.limits = word + 4;
	words.limits_count = count - 4;
	if (tg_quota_words_parse(&words, &quota, error, sizeof(error)))
		check_error(text, error);
	else
		try_request(&quota);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char text[TEXT_MAX + 1];

	if (bytes > TEXT_MAX)
		return 0;
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	try_duration(text);
	try_when(text);
	try_limit(text);
	try_block_rule(text);
	try_subject(text, tg_subject_parse, tg_subject_print);
	try_subject(text, tg_network_parse, tg_network_print);
	try_quota_words(text);
	return 0;
}

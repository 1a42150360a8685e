/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "network.h"
#include "quote.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const actions[] = {
	[TG_ACTION_NONE] = "none",   [TG_ACTION_OBSERVE] = "observe", [TG_ACTION_REJECT] = "reject",
	[TG_ACTION_RESET] = "reset", [TG_ACTION_DROP] = "drop",
};

static const char *const pers[] = {[TG_PER_EACH] = "each", [TG_PER_SHARED] = "shared"};

const char *tg_action_name(enum tg_action action)
{
	return action < COUNT(actions) ? actions[action] : "?";
}

const char *tg_per_name(enum tg_per per)
{
	return per < COUNT(pers) ? pers[per] : "?";
}

int tg_action_parse(const char *text, enum tg_action *out, char *error, size_t error_bytes)
{
	char quote[TG_QUOTE_BYTES];

	for (size_t i = TG_ACTION_OBSERVE; i < COUNT(actions); i++) {
		if (strcmp(text, actions[i]))
			continue;
		*out = (enum tg_action)i;
		return 0;
	}
	return tg_error(-EINVAL, error, error_bytes,
			"%s is not an action; write observe, reject, reset or drop",
			tg_quote(quote, text, TG_QUOTE_MAX));
}

int tg_per_parse(const char *text, enum tg_per *out, char *error, size_t error_bytes)
{
	char quote[TG_QUOTE_BYTES];

	for (size_t i = 0; i < COUNT(pers); i++) {
		if (strcmp(text, pers[i]))
			continue;
		*out = (enum tg_per)i;
		return 0;
	}
	return tg_error(-EINVAL, error, error_bytes, "%s is not known here; write each or shared",
			tg_quote(quote, text, TG_QUOTE_MAX));
}

static int parse_limits(const struct tg_quota_text *text, struct tg_quota *quota,
			char at[TG_QUOTA_KEY_BYTES], char *error, size_t error_bytes)
{
	int err = 0;

	snprintf(at, TG_QUOTA_KEY_BYTES, "limits");
	if (!text->limits_count)
		return tg_error(-EINVAL, error, error_bytes,
				"none; write at least one, for example 100/m");
	if (text->limits_count > TG_LIMITS_MAX)
		return tg_error(-EINVAL, error, error_bytes, "%u are too many; 1 to %d",
				text->limits_count, TG_LIMITS_MAX);
	for (unsigned int i = 0; !err && i < text->limits_count; i++) {
		snprintf(at, TG_QUOTA_KEY_BYTES, "limits[%u]", i);
		err = tg_limit_parse(text->limits[i], &quota->limit[i], error, error_bytes);
	}
	quota->limits_count = text->limits_count;
	return err;
}

int tg_quota_parse(const struct tg_quota_text *text, struct tg_quota *out,
		   char at[TG_QUOTA_KEY_BYTES], char *error, size_t error_bytes)
{
	struct tg_quota quota = {.per = TG_PER_EACH, .action = TG_ACTION_REJECT};
	int err;

	snprintf(at, TG_QUOTA_KEY_BYTES, "subject");
	if (!text->subject)
		return tg_error(-EINVAL, error, error_bytes,
				"missing; write source:ADDR[/LEN], token:PREFIX*, token-id:HEX or "
				"any");
	err = tg_subject_parse(text->subject, &quota.subject, error, error_bytes);
	if (!err)
		err = parse_limits(text, &quota, at, error, error_bytes);
	if (!err && text->action) {
		snprintf(at, TG_QUOTA_KEY_BYTES, "action");
		err = tg_action_parse(text->action, &quota.action, error, error_bytes);
	}
	if (!err && text->per) {
		snprintf(at, TG_QUOTA_KEY_BYTES, "per");
		err = tg_per_parse(text->per, &quota.per, error, error_bytes);
	}
	if (!err && text->block) {
		snprintf(at, TG_QUOTA_KEY_BYTES, "block");
		err = tg_block_rule_parse(text->block, &quota.block, error, error_bytes);
	}
	if (!err)
		*out = quota;
	return err;
}

static int check_units(const struct tg_quota *quota, char *error, size_t error_bytes)
{
	const struct tg_limit *limit = quota->limit;
	char a[TG_LIMIT_TEXT_BYTES], b[TG_LIMIT_TEXT_BYTES];

	for (unsigned int i = 0; i < quota->limits_count; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if (limit[i].unit != limit[k].unit)
				continue;
			tg_limit_print(&limit[k], a);
			tg_limit_print(&limit[i], b);
			return tg_error(-EINVAL, error, error_bytes,
					"\"%s\" and \"%s\" are limits of one unit; remove one", a,
					b);
		}
	}
	return 0;
}

static int check_source(const struct tg_subject *source, unsigned int ipv6_prefix,
			const struct tg_networks *never_block, char *error, size_t error_bytes)
{
	char text[TG_SUBJECT_TEXT_BYTES], other[TG_SUBJECT_TEXT_BYTES];
	struct tg_subject around;

	tg_subject_print(source, text);
	if (!tg_network_is_v4(source) && source->bits > ipv6_prefix) {
		around = tg_network_around(source, ipv6_prefix);
		tg_subject_print(&around, other);
		return tg_error(-EINVAL, error, error_bytes,
				"%s is longer than identity.ipv6_prefix, by which sources are told "
				"apart; write %s",
				text, other);
	}
	for (unsigned int i = 0; never_block && i < never_block->count; i++) {
		if (!tg_network_contains(&never_block->network[i], source))
			continue;
		tg_network_print(&never_block->network[i], other);
		return tg_error(-EINVAL, error, error_bytes,
				"%s is within %s of never_block; remove one of them", text, other);
	}
	return 0;
}

bool tg_subject_is_single(const struct tg_subject *subject, unsigned int ipv6_prefix)
{
	if (subject->kind != TG_KIND_SOURCE)
		return subject->kind == TG_KIND_TOKEN_ID;
	return subject->bits >= (tg_network_is_v4(subject) ? 128 : ipv6_prefix);
}

int tg_quota_check(const struct tg_quota *quota, unsigned int ipv6_prefix,
		   const struct tg_networks *never_block, char *error, size_t error_bytes)
{
	int err = check_units(quota, error, error_bytes);

	if (!err && quota->subject.kind == TG_KIND_SOURCE)
		err = check_source(&quota->subject, ipv6_prefix, never_block, error, error_bytes);
	if (err)
		return err;
	if (quota->block.denials && quota->per == TG_PER_SHARED &&
	    !tg_subject_is_single(&quota->subject, ipv6_prefix))
		return tg_error(
			-EINVAL, error, error_bytes,
			"a block rule does not know whom to block where all share a budget; "
			"remove block or write per: each");
	return 0;
}

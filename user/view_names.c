/* SPDX-License-Identifier: BSD-2-Clause */
#include "view_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tally.h"

struct tg_view_names {
	struct tg_tally *ids;
	struct tg_token *tokens; /* by index in ids */
};

static bool has_prefix(const struct tg_token *token)
{
	static const char none[TG_PREFIX_BYTES_MAX];

	return memcmp(token->prefix, none, sizeof(none));
}

static int note_nameless(const struct tg_snapshot *snapshot, struct tg_tally *ids)
{
	static const struct tg_counts nothing;
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->token_spill_count; i++) {
		const struct tg_token *token = &snapshot->token_spill[i].key.token;

		if (token->id && !has_prefix(token))
			err = tg_tally_add(ids, &token->id, &nothing);
	}
	return err;
}

static void note_name(struct tg_view_names *names, const struct tg_token *token)
{
	uint32_t at = has_prefix(token) ? tg_tally_find(names->ids, &token->id) : TG_TALLY_NONE;

	if (at != TG_TALLY_NONE)
		names->tokens[at] = *token;
}

static void find_names(struct tg_view_names *names, const struct tg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->usage_count; i++)
		note_name(names, &snapshot->usage[i].key.token);
	for (size_t i = 0; i < snapshot->token_spill_count; i++)
		note_name(names, &snapshot->token_spill[i].key.token);
	for (size_t i = 0; i < snapshot->origins_count; i++)
		note_name(names, &snapshot->origins[i].key.token);
}

int tg_view_names_new(const struct tg_snapshot *snapshot, struct tg_view_names **out)
{
	struct tg_view_names *names = calloc(1, sizeof(*names));
	int err = -ENOMEM;

	*out = NULL;
	if (names)
		names->ids = tg_tally_new(sizeof(uint64_t));
	if (names && names->ids)
		err = note_nameless(snapshot, names->ids);
	if (err || !tg_tally_count(names->ids)) {
		tg_view_names_free(names);
		return err;
	}
	names->tokens = calloc(tg_tally_count(names->ids), sizeof(*names->tokens));
	if (!names->tokens) {
		tg_view_names_free(names);
		return -ENOMEM;
	}
	find_names(names, snapshot);
	*out = names;
	return 0;
}

void tg_view_names_free(struct tg_view_names *names)
{
	if (!names)
		return;
	tg_tally_free(names->ids);
	free(names->tokens);
	free(names);
}

struct tg_token tg_view_names_token(const struct tg_view_names *names, const struct tg_token *token)
{
	uint32_t at = TG_TALLY_NONE;

	if (names && !has_prefix(token))
		at = tg_tally_find(names->ids, &token->id);
	return at != TG_TALLY_NONE && names->tokens[at].id ? names->tokens[at] : *token;
}

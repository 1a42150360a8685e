/* SPDX-License-Identifier: BSD-2-Clause */
#include "view_group.h"

#include <errno.h>
#include <string.h>

#include "view_names.h"

/* What the query asks for, looked up once instead of for every row. */
struct grouping {
	const struct tg_snapshot *snapshot;
	struct tg_view_names *names;
	struct tg_tally *groups;
	bool by_source, by_token, by_prefix, by_origin, by_interface;
};

static void add_token(const struct grouping *g, const struct tg_token *token,
		      struct tg_view_key *key)
{
	if (tg_token_is_unplaced(token)) {
		key->others |= g->by_token ? 1u << TG_FIELD_TOKEN : 0;
		key->others |= g->by_prefix ? 1u << TG_FIELD_PREFIX : 0;
		return;
	}
	if (g->by_token || g->by_prefix)
		key->token = tg_view_names_token(g->names, token);
	if (g->by_prefix && !g->by_token)
		key->token.id = token->id ? 1 : 0;
}

/* The key of a row as far as the fields ask for it. Each part may be NULL. */
static struct tg_view_key key_of(const struct grouping *g, const struct tg_addr *source,
				 const struct tg_token *token, uint32_t iface)
{
	struct tg_view_key key = {0};

	if (g->by_source && source)
		key.source = *source;
	else if (g->by_source)
		key.others |= 1u << TG_FIELD_SOURCE;
	if (token)
		add_token(g, token, &key);
	if (g->by_interface)
		key.iface = iface;
	return key;
}

static int group_usage(const struct grouping *g)
{
	for (size_t i = 0; i < g->snapshot->usage_count; i++) {
		const struct tg_usage_row *row = &g->snapshot->usage[i];
		struct tg_view_key key =
			key_of(g, &row->key.source, &row->key.token, row->key.iface);
		int err = tg_tally_add(g->groups, &key, &row->usage.counts);

		if (err)
			return err;
	}
	return 0;
}

static int group_token_spill(const struct grouping *g)
{
	for (size_t i = 0; i < g->snapshot->token_spill_count; i++) {
		const struct tg_token_row *row = &g->snapshot->token_spill[i];
		struct tg_view_key key = key_of(g, NULL, &row->key.token, row->key.iface);
		int err = tg_tally_add(g->groups, &key, &row->counts);

		if (err)
			return err;
	}
	return 0;
}

static uint64_t minus(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* What of whole is not in part. Never below zero: a part may be newer by a request. */
static struct tg_counts rest_of(const struct tg_counts *whole, const struct tg_counts *part)
{
	struct tg_counts rest = {
		.denied = minus(whole->denied, part->denied),
		.observed = minus(whole->observed, part->observed),
		.requests = minus(whole->requests, part->requests),
		.bytes = minus(whole->bytes, part->bytes),
	};

	return rest;
}

static bool is_empty(const struct tg_counts *counts)
{
	return !counts->requests && !counts->bytes;
}

/* By source without token: source_spill has the sources that token_spill lacks. */
static int group_source_spill(const struct grouping *g)
{
	struct tg_counts by_token[TG_IFACES_MAX] = {0};
	struct tg_counts by_source[TG_IFACES_MAX] = {0};

	for (size_t i = 0; i < g->snapshot->token_spill_count; i++) {
		const struct tg_token_row *row = &g->snapshot->token_spill[i];

		tg_counts_add(&by_token[row->key.iface % TG_IFACES_MAX], &row->counts);
	}
	for (size_t i = 0; i < g->snapshot->source_spill_count; i++) {
		const struct tg_source_row *row = &g->snapshot->source_spill[i];
		struct tg_view_key key = key_of(g, &row->key.source, NULL, row->key.iface);
		int err = tg_tally_add(g->groups, &key, &row->counts);

		if (err)
			return err;
		tg_counts_add(&by_source[row->key.iface % TG_IFACES_MAX], &row->counts);
	}
	for (uint32_t slot = 0; slot < TG_IFACES_MAX; slot++) {
		struct tg_counts rest = rest_of(&by_token[slot], &by_source[slot]);
		struct tg_view_key key = key_of(g, NULL, NULL, slot);
		int err = is_empty(&rest) ? 0 : tg_tally_add(g->groups, &key, &rest);

		if (err)
			return err;
	}
	return 0;
}

/* One row's counts, split into those of requests with an origin and the others. */
static int add_origin_parts(const struct grouping *g, struct tg_tally *named,
			    const struct tg_token *token, const struct tg_counts *counts)
{
	struct tg_view_key key = key_of(g, NULL, token, 0);
	struct tg_counts with = {.requests = counts->origin_requests,
				 .bytes = counts->origin_bytes};
	struct tg_counts without = rest_of(counts, &with);
	int err = 0;

	if (!is_empty(&with))
		err = tg_tally_add(named, &key, &with);
	if (!err && !is_empty(&without))
		err = tg_tally_add(g->groups, &key, &without);
	return err;
}

/* Of what named counts, the part that stands in no row of map origins. */
static int add_origin_rest(const struct grouping *g, struct tg_tally *named,
			   struct tg_tally *listed)
{
	static const struct tg_counts none;

	for (uint32_t i = 0; i < tg_tally_count(named); i++) {
		struct tg_view_key key = *(const struct tg_view_key *)tg_tally_key(named, i);
		uint32_t at = tg_tally_find(listed, &key);
		struct tg_counts rest =
			rest_of(tg_tally_counts(named, i),
				at == TG_TALLY_NONE ? &none : tg_tally_counts(listed, at));
		int err;

		key.others |= 1u << TG_FIELD_ORIGIN;
		err = is_empty(&rest) ? 0 : tg_tally_add(g->groups, &key, &rest);
		if (err)
			return err;
	}
	return 0;
}

static int add_origin_rows(const struct grouping *g, struct tg_tally *listed)
{
	for (size_t i = 0; i < g->snapshot->origins_count; i++) {
		const struct tg_origin_row *row = &g->snapshot->origins[i];
		struct tg_view_key key = key_of(g, NULL, &row->key.token, 0);
		struct tg_counts counts = {.requests = row->origin.requests,
					   .bytes = row->origin.bytes};
		int err = tg_tally_add(listed, &key, &counts);

		key.origin_id = row->key.origin_id;
		err = err ? err : tg_tally_add(g->groups, &key, &counts);
		if (err)
			return err;
	}
	return 0;
}

static int add_origin_totals(const struct grouping *g, struct tg_tally *named)
{
	int err = 0;

	for (size_t i = 0; !err && i < g->snapshot->usage_count; i++) {
		const struct tg_usage_row *row = &g->snapshot->usage[i];

		err = add_origin_parts(g, named, &row->key.token, &row->usage.counts);
	}
	for (size_t i = 0; !err && i < g->snapshot->token_spill_count; i++) {
		const struct tg_token_row *row = &g->snapshot->token_spill[i];

		err = add_origin_parts(g, named, &row->key.token, &row->counts);
	}
	return err;
}

static int group_origins(const struct grouping *g)
{
	struct tg_tally *named = tg_tally_new(sizeof(struct tg_view_key));
	struct tg_tally *listed = tg_tally_new(sizeof(struct tg_view_key));
	int err = named && listed ? 0 : -ENOMEM;

	err = err ? err : add_origin_totals(g, named);
	err = err ? err : add_origin_rows(g, listed);
	err = err ? err : add_origin_rest(g, named, listed);
	tg_tally_free(named);
	tg_tally_free(listed);
	return err;
}

static int group_rows(const struct grouping *g)
{
	int err;

	if (g->by_origin)
		return group_origins(g);
	err = group_usage(g);
	if (err)
		return err;
	if (g->by_source && !g->by_token && !g->by_prefix)
		return group_source_spill(g);
	return group_token_spill(g);
}

int tg_view_group(const struct tg_snapshot *snapshot, const struct tg_view_query *query,
		  struct tg_tally **groups)
{
	struct grouping g = {
		.snapshot = snapshot,
		.groups = tg_tally_new(sizeof(struct tg_view_key)),
		.by_source = tg_view_has(query, TG_FIELD_SOURCE),
		.by_token = tg_view_has(query, TG_FIELD_TOKEN),
		.by_prefix = tg_view_has(query, TG_FIELD_PREFIX),
		.by_origin = tg_view_has(query, TG_FIELD_ORIGIN),
		.by_interface = tg_view_has(query, TG_FIELD_INTERFACE),
	};
	int err = g.groups ? tg_view_names_new(snapshot, &g.names) : -ENOMEM;

	err = err ? err : group_rows(&g);
	tg_view_names_free(g.names);
	if (err)
		tg_tally_free(g.groups);
	else
		*groups = g.groups;
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "growth.h"

#include <errno.h>
#include <string.h>

#include "tally.h"

#define STAMP_SLACK_JIFFIES 64 /* less than any idle time after which rows are retired */

struct walk {
	struct tg_series_table *table;
	uint32_t round;
	bool advance;
	tg_growth_row row;
	void *arg;
	struct tg_tally *moved_tokens;	/* by moved_key(): counts of rows that went */
	struct tg_tally *moved_sources; /* by struct tg_source_key */
};

struct current { /* a row of the snapshot */
	enum tg_series_kind kind;
	const void *key;
	struct tg_counts counts;
	uint64_t birth_jiffies;
	const struct tg_origin *origin;
};

/* By its id: the row that they went to may be one without the prefix. */
static struct tg_token_key moved_key(const struct tg_token *token, uint32_t iface)
{
	struct tg_token_key key = {.token = *token, .iface = iface};

	if (key.token.id)
		memset(key.token.prefix, 0, sizeof(key.token.prefix));
	return key;
}

/* A usage row went: its last counts are in the spill rows of its token and its source now. */
static int note_moved(struct walk *walk, const struct tg_series *series)
{
	struct tg_usage_key key;
	struct tg_token_key token;
	struct tg_source_key source = {0};
	int err;

	memcpy(&key, series->key, sizeof(key));
	token = moved_key(&key.token, key.iface);
	source.source = key.source;
	source.iface = key.iface;
	err = tg_tally_add(walk->moved_tokens, &token, &series->base);
	return err ? err : tg_tally_add(walk->moved_sources, &source, &series->base);
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct tg_counts difference(const struct tg_counts *now, const struct tg_counts *before)
{
	struct tg_counts by = {
		.denied = grown(now->denied, before->denied),
		.observed = grown(now->observed, before->observed),
		.origin_requests = grown(now->origin_requests, before->origin_requests),
		.origin_bytes = grown(now->origin_bytes, before->origin_bytes),
		.requests = grown(now->requests, before->requests),
		.bytes = grown(now->bytes, before->bytes),
	};

	return by;
}

/* What is left of it is in the next row with that key: a token may have two. */
static void take_off_moved(struct tg_tally *moved, const void *key, struct tg_counts *by)
{
	uint32_t at = tg_tally_find(moved, key);
	struct tg_counts *rest, before = *by;

	if (at == TG_TALLY_NONE)
		return;
	rest = tg_tally_counts(moved, at);
	*by = difference(&before, rest);
	*rest = difference(rest, &before);
}

static void take_off_moved_token(struct walk *walk, const struct tg_token_key *row,
				 struct tg_counts *by)
{
	struct tg_token_key key = moved_key(&row->token, row->iface);

	take_off_moved(walk->moved_tokens, &key, by);
}

/*
 * Did the row that had this series go, and another of its key come? Two CPUs
 * that make a row at once may each stamp its birth, so a few jiffies are none.
 */
static bool is_reborn(const struct tg_series *series, const struct current *row)
{
	if (row->counts.requests < series->base.requests)
		return true;
	return row->kind == TG_SERIES_USAGE && series->birth_jiffies &&
	       (int64_t)(row->birth_jiffies - series->birth_jiffies) > STAMP_SLACK_JIFFIES;
}

static int advance_to(struct walk *walk, const struct current *row, uint32_t *number)
{
	struct tg_series *series;

	if (*number == TG_SERIES_NONE) {
		int err = tg_series_make(walk->table, row->kind, row->key, row->origin, number);

		if (err)
			return err;
	}
	series = tg_series_at(walk->table, *number);
	series->base = row->counts;
	series->present = true;
	series->round = walk->round;
	if (row->kind == TG_SERIES_USAGE)
		series->birth_jiffies = row->birth_jiffies;
	return 0;
}

static int visit(struct walk *walk, const struct current *row)
{
	static const struct tg_counts nothing;
	struct tg_growth growth = {.kind = row->kind, .key = row->key, .origin = row->origin};
	struct tg_series *series = NULL;
	struct tg_counts base = {0};
	int err = 0;

	growth.number = tg_series_find(walk->table, row->kind, row->key);
	if (growth.number != TG_SERIES_NONE) {
		series = tg_series_at(walk->table, growth.number);
		series->round = walk->round;
	}
	if (series && series->present && !is_reborn(series, row))
		base = series->base;
	else if (series && series->present && row->kind == TG_SERIES_USAGE)
		err = note_moved(walk, series);
	growth.by = difference(&row->counts, &base);
	if (row->kind == TG_SERIES_TOKEN)
		take_off_moved_token(walk, row->key, &growth.by);
	if (row->kind == TG_SERIES_SOURCE)
		take_off_moved(walk->moved_sources, row->key, &growth.by);
	if (!err && walk->advance)
		err = advance_to(walk, row, &growth.number);
	if (!err && memcmp(&growth.by, &nothing, sizeof(nothing)))
		err = walk->row(&growth, walk->arg);
	return err;
}

static int visit_usage(struct walk *walk, const struct tg_snapshot *snapshot)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->usage_count; i++) {
		const struct tg_usage_row *row = &snapshot->usage[i];
		struct current current = {.kind = TG_SERIES_USAGE,
					  .key = &row->key,
					  .counts = row->usage.counts,
					  .birth_jiffies = row->usage.first_jiffies};

		err = visit(walk, &current);
	}
	return err;
}

static int visit_spills(struct walk *walk, const struct tg_snapshot *snapshot)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->token_spill_count; i++) {
		const struct tg_token_row *row = &snapshot->token_spill[i];
		struct current current = {
			.kind = TG_SERIES_TOKEN, .key = &row->key, .counts = row->counts};

		err = visit(walk, &current);
	}
	for (size_t i = 0; !err && i < snapshot->source_spill_count; i++) {
		const struct tg_source_row *row = &snapshot->source_spill[i];
		struct current current = {
			.kind = TG_SERIES_SOURCE, .key = &row->key, .counts = row->counts};

		err = visit(walk, &current);
	}
	return err;
}

static int visit_origins(struct walk *walk, const struct tg_snapshot *snapshot)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->origins_count; i++) {
		const struct tg_origin_row *row = &snapshot->origins[i];
		struct current current = {
			.kind = TG_SERIES_ORIGIN,
			.key = &row->key,
			.counts = {.requests = row->origin.requests, .bytes = row->origin.bytes},
			.origin = &row->origin};

		err = visit(walk, &current);
	}
	return err;
}

/* Series of this kind that the snapshot no longer has. */
static int visit_gone(struct walk *walk, enum tg_series_kind kind)
{
	uint32_t end = tg_series_end(walk->table);

	for (uint32_t i = 0; i < end; i++) {
		struct tg_series *series = tg_series_at(walk->table, i);
		int err;

		if (!series->in_use || !series->present || series->kind != kind ||
		    series->round == walk->round)
			continue;
		err = kind == TG_SERIES_USAGE ? note_moved(walk, series) : 0;
		if (err)
			return err;
		if (!walk->advance)
			continue;
		series->present = false;
		tg_series_release(walk->table, i);
	}
	return 0;
}

int tg_growth_walk(struct tg_series_table *table, const struct tg_snapshot *snapshot,
		   uint32_t round, bool advance, tg_growth_row row, void *arg)
{
	struct walk walk = {
		.table = table,
		.round = round,
		.advance = advance,
		.row = row,
		.arg = arg,
		.moved_tokens = tg_tally_new(sizeof(struct tg_token_key)),
		.moved_sources = tg_tally_new(sizeof(struct tg_source_key)),
	};
	int err = walk.moved_tokens && walk.moved_sources ? 0 : -ENOMEM;

	/* All usage rows first: what went from them must be known before the spills. */
	err = err ? err : visit_usage(&walk, snapshot);
	err = err ? err : visit_gone(&walk, TG_SERIES_USAGE);
	err = err ? err : visit_spills(&walk, snapshot);
	err = err ? err : visit_origins(&walk, snapshot);
	err = err ? err : visit_gone(&walk, TG_SERIES_ORIGIN);
	tg_tally_free(walk.moved_tokens);
	tg_tally_free(walk.moved_sources);
	return err;
}

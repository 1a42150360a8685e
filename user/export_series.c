/* SPDX-License-Identifier: BSD-2-Clause */
#include "export_series.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct tg_export_series {
	unsigned int max_tokens;
	unsigned int max_sources;
	struct tg_tally *known;	 /* prefixes with a series: struct tg_token_series, iface 0 */
	struct tg_tally *tokens; /* by struct tg_token_series; NULL before the first update */
	struct tg_source_series *source;
	unsigned int sources;
	bool had_room;	/* for a source, after the last update */
	uint64_t other; /* requests with a row, less those shown by source */
};

struct tg_export_series *tg_export_series_new(unsigned int max_tokens, unsigned int max_sources)
{
	struct tg_export_series *series = calloc(1, sizeof(*series));

	if (!series)
		return NULL;
	series->max_tokens = max_tokens;
	series->max_sources = max_sources;
	series->had_room = true;
	series->known = tg_tally_new(sizeof(struct tg_token_series));
	series->tokens = tg_tally_new(sizeof(struct tg_token_series));
	series->source = calloc(max_sources + 1, sizeof(*series->source));
	if (series->known && series->tokens && series->source)
		return series;
	tg_export_series_free(series);
	return NULL;
}

void tg_export_series_free(struct tg_export_series *series)
{
	if (!series)
		return;
	tg_tally_free(series->known);
	tg_tally_free(series->tokens);
	free(series->source);
	free(series);
}

int tg_export_series_grow(struct tg_export_series *series, unsigned int max_tokens,
			  unsigned int max_sources)
{
	if (max_tokens > series->max_tokens)
		series->max_tokens = max_tokens;
	if (max_sources > series->max_sources) {
		struct tg_source_series *source =
			realloc(series->source, (max_sources + 1) * sizeof(*source));

		if (!source)
			return -ENOMEM;
		series->source = source;
		series->max_sources = max_sources;
	}
	return 0;
}

const struct tg_tally *tg_export_series_known(const struct tg_export_series *series)
{
	return series->known;
}

int tg_export_series_restore(struct tg_export_series *series, const struct tg_tally *known,
			     const struct tg_source_series *sources, unsigned int sources_count,
			     uint64_t other)
{
	static const struct tg_counts nothing;

	for (uint32_t i = 0; i < tg_tally_count(known) && i < series->max_tokens; i++) {
		int err = tg_tally_add(series->known, tg_tally_key(known, i), &nothing);

		if (err)
			return err;
	}
	series->other = other;
	for (unsigned int i = 0; i < sources_count; i++) {
		if (series->sources < series->max_sources)
			series->source[series->sources++] = sources[i];
		else
			series->other += sources[i].value;
	}
	series->had_room = series->sources < series->max_sources;
	return 0;
}

struct tg_tally *tg_export_series_tokens(const struct tg_export_series *series)
{
	return series->tokens;
}

const struct tg_source_series *tg_export_series_sources(const struct tg_export_series *series,
							unsigned int *count, uint64_t *other)
{
	*count = series->sources;
	*other = series->other;
	return series->source;
}

/* --- tokens ------------------------------------------------------------------------------ */

static struct tg_token_series key_of(const struct tg_token *token)
{
	struct tg_token_series key = {.label = token->id ? TG_LABEL_TOKEN : TG_LABEL_NONE};

	if (tg_token_is_unplaced(token)) {
		key.label = TG_LABEL_OTHER;
		return key;
	}
	memcpy(key.prefix, token->prefix, sizeof(key.prefix));
	return key;
}

typedef int (*token_visitor)(struct tg_export_series *series, struct tg_tally *tally,
			     const struct tg_token *token, uint32_t iface,
			     const struct tg_counts *counts);

static int walk_tokens(struct tg_export_series *series, struct tg_tally *tally,
		       const struct tg_snapshot *snapshot, token_visitor visitor)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->usage_count; i++) {
		const struct tg_usage_row *row = &snapshot->usage[i];

		err = visitor(series, tally, &row->key.token, row->key.iface, &row->usage.counts);
	}
	for (size_t i = 0; !err && i < snapshot->token_spill_count; i++) {
		const struct tg_token_row *row = &snapshot->token_spill[i];

		err = visitor(series, tally, &row->key.token, row->key.iface, &row->counts);
	}
	return err;
}

static int add_unknown(struct tg_export_series *series, struct tg_tally *unknown,
		       const struct tg_token *token, uint32_t iface, const struct tg_counts *counts)
{
	struct tg_token_series key = key_of(token);

	(void)iface;
	if (key.label != TG_LABEL_TOKEN || tg_tally_find(series->known, &key) != TG_TALLY_NONE)
		return 0;
	return tg_tally_add(unknown, &key, counts);
}

/* Seen for the first time: a series each while there is room, most requests first. */
static int make_known(struct tg_export_series *series, const struct tg_snapshot *snapshot)
{
	static const struct tg_counts nothing;
	struct tg_tally *unknown;
	uint32_t *order = NULL;
	int err;

	if (tg_tally_count(series->known) >= series->max_tokens)
		return 0;
	unknown = tg_tally_new(sizeof(struct tg_token_series));
	if (!unknown)
		return -ENOMEM;
	err = walk_tokens(series, unknown, snapshot, add_unknown);
	err = err ? err : tg_tally_order(unknown, &order);
	for (uint32_t i = 0; !err && i < tg_tally_count(unknown) &&
			     tg_tally_count(series->known) < series->max_tokens;
	     i++)
		err = tg_tally_add(series->known, tg_tally_key(unknown, order[i]), &nothing);
	free(order);
	tg_tally_free(unknown);
	return err;
}

static int add_known(struct tg_export_series *series, struct tg_tally *tokens,
		     const struct tg_token *token, uint32_t iface, const struct tg_counts *counts)
{
	struct tg_token_series key = key_of(token);

	if (key.label == TG_LABEL_TOKEN && tg_tally_find(series->known, &key) == TG_TALLY_NONE) {
		memset(&key, 0, sizeof(key));
		key.label = TG_LABEL_OTHER;
	}
	key.iface = iface;
	return tg_tally_add(tokens, &key, counts);
}

static int sum_tokens(struct tg_export_series *series, const struct tg_snapshot *snapshot,
		      struct tg_tally **out)
{
	struct tg_tally *tokens = tg_tally_new(sizeof(struct tg_token_series));
	int err = tokens ? make_known(series, snapshot) : -ENOMEM;

	err = err ? err : walk_tokens(series, tokens, snapshot, add_known);
	if (err)
		tg_tally_free(tokens);
	else
		*out = tokens;
	return err;
}

/* --- sources ----------------------------------------------------------------------------- */

static int sum_sources(const struct tg_snapshot *snapshot, struct tg_tally *sums)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->usage_count; i++)
		err = tg_tally_add(sums, &snapshot->usage[i].key.source,
				   &snapshot->usage[i].usage.counts);
	for (size_t i = 0; !err && i < snapshot->source_spill_count; i++)
		err = tg_tally_add(sums, &snapshot->source_spill[i].key.source,
				   &snapshot->source_spill[i].counts);
	return err;
}

static bool has_series(const struct tg_export_series *series, const struct tg_addr *source)
{
	for (unsigned int i = 0; i < series->sources; i++) {
		if (!memcmp(&series->source[i].source, source, sizeof(*source)))
			return true;
	}
	return false;
}

/* The source with the most requests that is not shown; NULL: none. */
static const struct tg_addr *best_unshown(const struct tg_export_series *series,
					  struct tg_tally *sums, uint64_t *requests)
{
	const struct tg_addr *best = NULL;

	*requests = 0;
	for (uint32_t i = 0; i < tg_tally_count(sums); i++) {
		uint64_t these = tg_tally_counts(sums, i)->requests;
		const struct tg_addr *source = tg_tally_key(sums, i);

		if (these <= *requests || has_series(series, source))
			continue;
		best = source;
		*requests = these;
	}
	return best;
}

static struct tg_source_series *least_shown(struct tg_export_series *series)
{
	struct tg_source_series *least = series->source;

	for (unsigned int i = 1; i < series->sources; i++) {
		if (series->source[i].seen < least->seen)
			least = &series->source[i];
	}
	return least;
}

static void take(uint64_t *from, uint64_t *to, uint64_t most)
{
	uint64_t taken = most < *from ? most : *from;

	*from -= taken;
	*to += taken;
}

/*
 * Hand out what grew. available never runs out by much: the sums by source are
 * read first, so the total may lag behind them by what was counted meanwhile;
 * what is not handed out now is the next time.
 */
static void grow_shown(struct tg_export_series *series, struct tg_tally *sums, uint64_t *available)
{
	for (unsigned int i = 0; i < series->sources; i++) {
		struct tg_source_series *shown = &series->source[i];
		uint32_t at = tg_tally_find(sums, &shown->source);
		uint64_t now = at == TG_TALLY_NONE ? 0 : tg_tally_counts(sums, at)->requests;
		uint64_t grown = now > shown->seen ? now - shown->seen : 0;
		uint64_t before = shown->value;

		take(available, &shown->value, grown);
		shown->seen = now - (grown - (shown->value - before));
	}
}

/* New ones while there is room; then those that have outgrown the least one twice over. */
static void compete(struct tg_export_series *series, struct tg_tally *sums, uint64_t *available)
{
	while (series->sources < series->max_sources) {
		struct tg_source_series *fresh = &series->source[series->sources];
		uint64_t requests;
		const struct tg_addr *source = best_unshown(series, sums, &requests);

		if (!source)
			return;
		*fresh = (struct tg_source_series){.source = *source};
		/* Where there was room, what is new now is not in "other" yet. */
		if (series->had_room)
			take(available, &fresh->value, requests);
		fresh->seen = series->had_room ? fresh->value : requests;
		series->sources++;
	}
	for (unsigned int i = 0; i < series->max_sources; i++) {
		struct tg_source_series *least = least_shown(series);
		uint64_t requests;
		const struct tg_addr *source = best_unshown(series, sums, &requests);

		if (!source || requests / 2 <= least->seen)
			return;
		least->source = *source;
		least->seen = requests;
	}
}

static void update_sources(struct tg_export_series *series, struct tg_tally *sums, uint64_t total)
{
	uint64_t shown = series->other;
	uint64_t available;

	for (unsigned int i = 0; i < series->sources; i++)
		shown += series->source[i].value;
	available = total > shown ? total - shown : 0;
	grow_shown(series, sums, &available);
	compete(series, sums, &available);
	series->other += available;
	series->had_room = series->sources < series->max_sources;
}

int tg_export_series_update(struct tg_export_series *series, const struct tg_snapshot *snapshot)
{
	struct tg_tally *sums = tg_tally_new(sizeof(struct tg_addr));
	struct tg_tally *tokens = NULL;
	uint64_t total = 0;
	int err = sums ? sum_sources(snapshot, sums) : -ENOMEM;

	err = err ? err : sum_tokens(series, snapshot, &tokens);
	if (!err) {
		for (uint32_t i = 0; i < tg_tally_count(tokens); i++)
			total += tg_tally_counts(tokens, i)->requests;
		tg_tally_free(series->tokens);
		series->tokens = tokens;
		update_sources(series, sums, total);
	}
	tg_tally_free(sums);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "growth.h"
#include "tally.h"
#include "text.h"

#define NS_PER_MS 1000000

struct period {
	uint64_t start_unix_ns;
	uint8_t *bytes; /* series number, mask, the counts in the mask; each a varint */
	size_t bytes_count;
};

struct tg_history {
	struct tg_series_table *table;
	size_t bytes_max;
	size_t bytes; /* of all periods */
	struct period period[TG_HISTORY_PERIODS];
	unsigned int periods;
	uint32_t round;
	/* The last boundary; 0: none yet. It ends the last period. */
	uint64_t boundary_unix_ns;
	uint64_t boundary_monotonic_ns;
	/* Unattributed counts at the start of each period, and at the last boundary. */
	struct tg_unattributed unattributed[TG_HISTORY_PERIODS + 1][TG_UNATTRIBUTED_REASONS];
};

#define COUNTS (sizeof(struct tg_counts) / sizeof(uint64_t))

struct tg_history *tg_history_new(size_t bytes_max)
{
	struct tg_history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->bytes_max = bytes_max;
	history->table = tg_series_table_new();
	if (history->table)
		return history;
	free(history);
	return NULL;
}

void tg_history_free(struct tg_history *history)
{
	if (!history)
		return;
	for (unsigned int i = 0; i < history->periods; i++)
		free(history->period[i].bytes);
	tg_series_table_free(history->table);
	free(history);
}

/* --- the bytes of a period --------------------------------------------------------- */

/* 7 bits a byte, lowest first; the top bit says that more come. */
static void put_varint(struct tg_text *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t count = 0;

	do {
		bytes[count] = (uint8_t)(value & 0x7f);
		value >>= 7;
		bytes[count++] |= value ? 0x80 : 0;
	} while (value);
	tg_text_put(out, bytes, count);
}

static uint64_t take_varint(const uint8_t **at)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

static int put_entry(const struct tg_growth *growth, void *arg)
{
	struct tg_text *out = arg;
	uint64_t counts[COUNTS];
	uint64_t mask = 0;

	memcpy(counts, &growth->by, sizeof(counts));
	for (size_t i = 0; i < COUNTS; i++)
		mask |= (uint64_t) !!counts[i] << i;
	put_varint(out, growth->number);
	put_varint(out, mask);
	for (size_t i = 0; i < COUNTS; i++) {
		if (counts[i])
			put_varint(out, counts[i]);
	}
	return out->failed ? -ENOMEM : 0;
}

static uint32_t take_entry(const uint8_t **at, struct tg_counts *by)
{
	uint32_t number = (uint32_t)take_varint(at);
	uint64_t mask = take_varint(at);
	uint64_t counts[COUNTS];

	for (size_t i = 0; i < COUNTS; i++)
		counts[i] = mask >> i & 1 ? take_varint(at) : 0;
	memcpy(by, counts, sizeof(*by));
	return number;
}

typedef void (*entry_visitor)(struct tg_history *history, uint32_t number,
			      const struct tg_counts *by, void *arg);

static void walk_period(struct tg_history *history, const struct period *period,
			entry_visitor visitor, void *arg)
{
	const uint8_t *at = period->bytes;

	while (at < period->bytes + period->bytes_count) {
		struct tg_counts by;
		uint32_t number = take_entry(&at, &by);

		visitor(history, number, &by, arg);
	}
}

/* --- boundaries --------------------------------------------------------------------- */

static void mention(struct tg_history *history, uint32_t number, const struct tg_counts *by,
		    void *arg)
{
	(void)by;
	(void)arg;
	tg_series_at(history->table, number)->mentions++;
}

static void unmention(struct tg_history *history, uint32_t number, const struct tg_counts *by,
		      void *arg)
{
	(void)by;
	(void)arg;
	tg_series_at(history->table, number)->mentions--;
	tg_series_release(history->table, number);
}

static void drop_oldest(struct tg_history *history)
{
	walk_period(history, &history->period[0], unmention, NULL);
	history->bytes -= history->period[0].bytes_count;
	free(history->period[0].bytes);
	history->periods--;
	memmove(&history->period[0], &history->period[1],
		history->periods * sizeof(history->period[0]));
	memmove(&history->unattributed[0], &history->unattributed[1],
		(history->periods + 1) * sizeof(history->unattributed[0]));
}

/* Close the open period: from the last boundary to now. */
static int add_period(struct tg_history *history, struct tg_text *text)
{
	struct period *period;

	if (history->periods == TG_HISTORY_PERIODS)
		drop_oldest(history);
	period = &history->period[history->periods];
	period->bytes = malloc(text->bytes + 1);
	if (!period->bytes)
		return -ENOMEM;
	if (text->bytes)
		memcpy(period->bytes, text->data, text->bytes);
	period->bytes_count = text->bytes;
	period->start_unix_ns = history->boundary_unix_ns;
	history->periods++;
	history->bytes += period->bytes_count;
	walk_period(history, period, mention, NULL);
	return 0;
}

static int no_entry(const struct tg_growth *growth, void *arg)
{
	(void)growth;
	(void)arg;
	return 0;
}

static int make_boundary(struct tg_history *history, const struct tg_snapshot *snapshot)
{
	bool first = !history->boundary_unix_ns;
	struct tg_text text = {0};
	int err;

	err = tg_growth_walk(history->table, snapshot, ++history->round, true,
			     first ? no_entry : put_entry, &text);
	if (!err && !first)
		err = add_period(history, &text);
	tg_text_free(&text);
	if (err)
		return err;
	history->boundary_unix_ns = snapshot->taken_unix_ns / NS_PER_MS * NS_PER_MS;
	history->boundary_monotonic_ns = snapshot->taken_monotonic_ns;
	memcpy(history->unattributed[history->periods], snapshot->unattributed,
	       sizeof(history->unattributed[0]));
	while (history->bytes > history->bytes_max)
		drop_oldest(history);
	return 0;
}

/* A boundary that failed half-way is none: what grew since the one before is not known. */
static void begin_anew(struct tg_history *history)
{
	struct tg_series_table *table = tg_series_table_new();

	while (history->periods)
		drop_oldest(history);
	history->boundary_unix_ns = 0;
	if (!table)
		return; /* the old table still serves: every base in it gets overwritten */
	tg_series_table_free(history->table);
	history->table = table;
}

int tg_history_add(struct tg_history *history, const struct tg_snapshot *snapshot)
{
	int err;

	if (history->boundary_unix_ns &&
	    snapshot->taken_monotonic_ns - history->boundary_monotonic_ns < TG_HISTORY_PERIOD_NS)
		return 0;
	err = make_boundary(history, snapshot);
	if (err)
		begin_anew(history);
	return err;
}

uint64_t tg_history_oldest_unix_ns(const struct tg_history *history)
{
	return history->periods ? history->period[0].start_unix_ns : history->boundary_unix_ns;
}

/* --- the growth since a boundary ------------------------------------------------------ */

struct sum {
	struct tg_snapshot snapshot; /* first: tg_history_free_growth gets its address */
	struct tg_counts *by;	     /* by series number, from closed periods and the open one */
	size_t capacity[4];	     /* by kind, of the arrays in snapshot */
};

static size_t *count_of(struct tg_snapshot *snapshot, enum tg_series_kind kind)
{
	switch (kind) {
	case TG_SERIES_USAGE:
		return &snapshot->usage_count;
	case TG_SERIES_TOKEN:
		return &snapshot->token_spill_count;
	case TG_SERIES_SOURCE:
		return &snapshot->source_spill_count;
	default:
		return &snapshot->origins_count;
	}
}

/* The array of that kind, with room for one row more. NULL: no memory. */
static void *room_for(struct sum *sum, enum tg_series_kind kind, void *rows, size_t row_bytes)
{
	size_t count = *count_of(&sum->snapshot, kind);
	size_t capacity = sum->capacity[kind];

	if (count < capacity)
		return rows;
	capacity = capacity ? capacity * 2 : 64;
	rows = realloc(rows, capacity * row_bytes);
	if (rows)
		sum->capacity[kind] = capacity;
	return rows;
}

#define APPEND(sum, kind, array, row)                                                              \
	({                                                                                         \
		void *rows_ = room_for(sum, kind, (sum)->snapshot.array, sizeof(row));             \
		if (rows_) {                                                                       \
			(sum)->snapshot.array = rows_;                                             \
			(sum)->snapshot.array[(*count_of(&(sum)->snapshot, kind))++] = row;        \
		}                                                                                  \
		rows_ ? 0 : -ENOMEM;                                                               \
	})

static int append(struct sum *sum, enum tg_series_kind kind, const void *key,
		  const struct tg_counts *by, const struct tg_origin *origin)
{
	struct tg_usage_row usage = {.usage.counts = *by};
	struct tg_token_row token = {.counts = *by};
	struct tg_source_row source = {.counts = *by};
	struct tg_origin_row row = {0};

	switch (kind) {
	case TG_SERIES_USAGE:
		memcpy(&usage.key, key, sizeof(usage.key));
		return APPEND(sum, kind, usage, usage);
	case TG_SERIES_TOKEN:
		memcpy(&token.key, key, sizeof(token.key));
		return APPEND(sum, kind, token_spill, token);
	case TG_SERIES_SOURCE:
		memcpy(&source.key, key, sizeof(source.key));
		return APPEND(sum, kind, source_spill, source);
	default:
		memcpy(&row.key, key, sizeof(row.key));
		row.origin = *origin;
		row.origin.requests = by->requests;
		row.origin.bytes = by->bytes;
		return APPEND(sum, kind, origins, row);
	}
}

static void add_closed(struct tg_history *history, uint32_t number, const struct tg_counts *by,
		       void *arg)
{
	struct sum *sum = arg;

	(void)history;
	tg_counts_add(&sum->by[number], by);
}

static int add_open(const struct tg_growth *growth, void *arg)
{
	struct sum *sum = arg;

	if (growth->number == TG_SERIES_NONE) /* younger than the last boundary */
		return append(sum, growth->kind, growth->key, &growth->by, growth->origin);
	tg_counts_add(&sum->by[growth->number], &growth->by);
	return 0;
}

static int append_sums(const struct tg_history *history, struct sum *sum)
{
	static const struct tg_counts nothing;
	uint32_t end = tg_series_end(history->table);
	int err = 0;

	for (uint32_t i = 0; !err && i < end; i++) {
		const struct tg_series *series = tg_series_at(history->table, i);

		if (memcmp(&sum->by[i], &nothing, sizeof(nothing)))
			err = append(sum, series->kind, series->key, &sum->by[i],
				     series->kind == TG_SERIES_ORIGIN ? series->origin : NULL);
	}
	return err;
}

static void copy_frame(struct sum *sum, const struct tg_snapshot *now,
		       const struct tg_unattributed *before)
{
	struct tg_snapshot *out = &sum->snapshot;

	out->taken_unix_ns = now->taken_unix_ns;
	out->taken_monotonic_ns = now->taken_monotonic_ns;
	out->meta = now->meta;
	memcpy(out->interfaces, now->interfaces, sizeof(out->interfaces));
	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		out->unattributed[i].requests = now->unattributed[i].requests - before[i].requests;
		out->unattributed[i].bytes = now->unattributed[i].bytes - before[i].bytes;
	}
}

/* The first period of those that begin at the wanted boundary; == periods: the open one. */
static int find_boundary(const struct tg_history *history, uint64_t unix_ns, unsigned int *first)
{
	if (!history->boundary_unix_ns)
		return -ERANGE;
	*first = history->periods;
	if (history->boundary_unix_ns <= unix_ns)
		return 0;
	while ((*first)--) {
		if (history->period[*first].start_unix_ns <= unix_ns)
			return 0;
	}
	return -ERANGE;
}

int tg_history_since(struct tg_history *history, const struct tg_snapshot *now, uint64_t unix_ns,
		     struct tg_snapshot **out, uint64_t *since_unix_ns)
{
	unsigned int first;
	struct sum *sum;
	int err = find_boundary(history, unix_ns, &first);

	if (err)
		return err;
	sum = calloc(1, sizeof(*sum));
	if (!sum)
		return -ENOMEM;
	sum->by = calloc(tg_series_end(history->table) + 1, sizeof(*sum->by));
	err = sum->by ? 0 : -ENOMEM;
	copy_frame(sum, now, history->unattributed[first]);
	for (unsigned int i = first; !err && i < history->periods; i++)
		walk_period(history, &history->period[i], add_closed, sum);
	if (!err)
		err = tg_growth_walk(history->table, now, ++history->round, false, add_open, sum);
	if (!err)
		err = append_sums(history, sum);
	free(sum->by);
	if (err) {
		tg_history_free_growth(&sum->snapshot);
		return err;
	}
	*out = &sum->snapshot;
	*since_unix_ns = first < history->periods ? history->period[first].start_unix_ns
						  : history->boundary_unix_ns;
	return 0;
}

void tg_history_free_growth(struct tg_snapshot *growth)
{
	if (!growth)
		return;
	free(growth->usage);
	free(growth->token_spill);
	free(growth->source_spill);
	free(growth->origins);
	free(growth);
}

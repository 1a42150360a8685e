/* SPDX-License-Identifier: BSD-2-Clause */
#include "top_model.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "when.h"

static void free_row(struct tg_top_row *row)
{
	for (int i = 0; i < TG_TOP_LABELS; i++)
		free(row->label[i]);
	free(row->id);
}

static void free_rows(struct tg_top_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_row(&rows[i]);
	free(rows);
}

void tg_top_model_clear(struct tg_top_model *model)
{
	free_rows(model->rows, model->rows_count);
	*model = (struct tg_top_model){0};
}

/* --- a document's rows ------------------------------------------------------------------- */

static uint64_t number_of(struct json_object *object, const char *name)
{
	return json_object_get_uint64(json_object_object_get(object, name));
}

static char *text_of(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(json_object_object_get(object, name));

	return strdup(text ? text : "");
}

static void read_counts(struct json_object *object, struct tg_top_row *row)
{
	row->requests = number_of(object, "requests");
	row->bytes = number_of(object, "bytes");
	row->denied = number_of(object, "denied");
	row->observed = number_of(object, "observed");
}

static int read_row(struct json_object *object, const char *const fields[TG_TOP_LABELS],
		    struct tg_top_row *row)
{
	*row = (struct tg_top_row){.id = text_of(object, "token_id")};
	read_counts(object, row);
	for (int i = 0; i < TG_TOP_LABELS && fields[i]; i++) {
		row->label[i] = text_of(object, fields[i]);
		if (!row->label[i])
			return -ENOMEM;
	}
	return row->id ? 0 : -ENOMEM;
}

static int compare_labels(const void *a, const void *b)
{
	const struct tg_top_row *left = a, *right = b;
	int differ = strcmp(left->label[0], right->label[0]);

	if (!differ && left->label[1] && right->label[1])
		differ = strcmp(left->label[1], right->label[1]);
	return differ ? differ : strcmp(left->id, right->id);
}

static void order(struct tg_top_model *model, int (*compare)(const void *, const void *))
{
	if (model->rows)
		qsort(model->rows, model->rows_count, sizeof(*model->rows), compare);
}

/* All rows of the document, by label. */
static int read_rows(struct json_object *document, const char *const fields[TG_TOP_LABELS],
		     struct tg_top_row **out, size_t *out_count)
{
	struct json_object *array = json_object_object_get(document, "rows");
	struct tg_top_row *rows;
	size_t count;

	if (!json_object_is_type(array, json_type_array))
		return -EPROTO;
	count = json_object_array_length(array);
	rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (read_row(json_object_array_get_idx(array, i), fields, &rows[i])) {
			free_rows(rows, i + 1);
			return -ENOMEM;
		}
	}
	qsort(rows, count, sizeof(*rows), compare_labels);
	*out = rows;
	*out_count = count;
	return 0;
}

/* --- rates ------------------------------------------------------------------------------- */

/* was NULL: a row that was not there before; all that it has came since. */
static void add_sample(struct tg_top_row *row, const struct tg_top_row *was, double seconds)
{
	uint64_t requests = was ? was->requests : 0;
	uint64_t bytes = was ? was->bytes : 0;
	size_t new_samples = seconds < 1.5		? 1
			     : seconds < TG_TOP_SAMPLES ? (size_t)(seconds + 0.5)
							: TG_TOP_SAMPLES;

	/* A row may shrink: it was retired and came back. */
	if (row->requests > requests)
		row->requests_rate = (double)(row->requests - requests) / seconds;
	if (row->bytes > bytes)
		row->bytes_rate = (double)(row->bytes - bytes) / seconds;
	if (was)
		memcpy(row->samples, was->samples + new_samples,
		       (TG_TOP_SAMPLES - new_samples) * sizeof(row->samples[0]));
	for (size_t i = TG_TOP_SAMPLES - new_samples; i < TG_TOP_SAMPLES; i++)
		row->samples[i] = (float)row->requests_rate;
}

/* Both lists are in the order of their labels. */
static void add_samples(struct tg_top_model *model, struct tg_top_row *rows, size_t count,
			double seconds)
{
	size_t old = 0;

	for (size_t i = 0; i < count; i++) {
		while (old < model->rows_count && compare_labels(&model->rows[old], &rows[i]) < 0)
			old++;
		add_sample(&rows[i],
			   old < model->rows_count && !compare_labels(&model->rows[old], &rows[i])
				   ? &model->rows[old]
				   : NULL,
			   seconds);
	}
}

static void take_totals(struct tg_top_model *model, struct json_object *document, double seconds)
{
	struct tg_top_row total = {0};

	read_counts(json_object_object_get(document, "total"), &total);
	if (seconds > 0)
		add_sample(&total, &model->total, seconds);
	model->total = total;
	model->unattributed =
		number_of(json_object_object_get(document, "unattributed"), "requests");
}

static int take(struct tg_top_model *model, struct json_object *document,
		const char *const fields[TG_TOP_LABELS], uint64_t until_unix_ns)
{
	double seconds =
		model->until_unix_ns ? (double)(until_unix_ns - model->until_unix_ns) / 1e9 : 0;
	struct tg_top_row *rows;
	size_t count;
	int err = read_rows(document, fields, &rows, &count);

	if (err)
		return err;
	order(model, compare_labels);
	if (seconds > 0)
		add_samples(model, rows, count, seconds);
	take_totals(model, document, seconds);
	free_rows(model->rows, model->rows_count);
	model->rows = rows;
	model->rows_count = count;
	model->until_unix_ns = until_unix_ns;
	return 0;
}

int tg_top_model_take(struct tg_top_model *model, struct json_object *document,
		      const char *const fields[TG_TOP_LABELS])
{
	const char *until = json_object_get_string(json_object_object_get(document, "until"));
	uint64_t until_unix_ns;
	int err = until ? tg_when_parse(until, UINT64_MAX, &until_unix_ns) : -EPROTO;

	if (!err && until_unix_ns <= model->until_unix_ns)
		return 0;
	err = err ? -EPROTO : take(model, document, fields, until_unix_ns);
	if (err)
		tg_top_model_clear(model);
	return err;
}

/* --- order ------------------------------------------------------------------------------- */

static int most_first(double left, double right, const void *a, const void *b)
{
	if (left != right)
		return left > right ? -1 : 1;
	return compare_labels(a, b);
}

static int by_requests_rate(const void *a, const void *b)
{
	const struct tg_top_row *left = a, *right = b;

	return most_first(left->requests_rate, right->requests_rate, a, b);
}

static int by_bytes_rate(const void *a, const void *b)
{
	const struct tg_top_row *left = a, *right = b;

	return most_first(left->bytes_rate, right->bytes_rate, a, b);
}

static int by_requests(const void *a, const void *b)
{
	const struct tg_top_row *left = a, *right = b;

	return most_first((double)left->requests, (double)right->requests, a, b);
}

void tg_top_model_sort(struct tg_top_model *model, enum tg_top_sort sort)
{
	static int (*const orders[])(const void *, const void *) = {
		[TG_TOP_BY_REQUESTS_RATE] = by_requests_rate,
		[TG_TOP_BY_BYTES_RATE] = by_bytes_rate,
		[TG_TOP_BY_REQUESTS] = by_requests,
	};

	order(model, orders[sort]);
}

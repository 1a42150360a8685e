/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `tollgate top` shows: one usage document after the other -> rows with
 * rates and the last minute of each. Pure; knows no terminal.
 */
#ifndef TOLLGATE_TOP_MODEL_H
#define TOLLGATE_TOP_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define TG_TOP_SAMPLES 60
#define TG_TOP_LABELS  2

struct json_object;

struct tg_top_row {
	char *label[TG_TOP_LABELS]; /* the fields' texts; the second may be NULL */
	char *id;		    /* token_id, or "" */
	uint64_t requests;
	uint64_t bytes;
	uint64_t denied; /* of requests */
	uint64_t observed;
	double requests_rate; /* a second, over the last interval */
	double bytes_rate;
	float samples[TG_TOP_SAMPLES]; /* requests in each second, the newest last */
};

enum tg_top_sort { TG_TOP_BY_REQUESTS_RATE, TG_TOP_BY_BYTES_RATE, TG_TOP_BY_REQUESTS };

struct tg_top_model {
	struct tg_top_row *rows;
	size_t rows_count;
	struct tg_top_row total; /* without labels */
	uint64_t unattributed;	 /* requests */
	uint64_t until_unix_ns;	 /* of the last document; 0: none yet */
};

/*
 * Take in the next document, whose rows have these fields (one or two). One
 * that is no newer than the last changes nothing. -ENOMEM or -EPROTO: the
 * model is empty then.
 */
int tg_top_model_take(struct tg_top_model *model, struct json_object *document,
		      const char *const fields[TG_TOP_LABELS]);

/* Order rows; ties by label, so that quiet rows do not dance. */
void tg_top_model_sort(struct tg_top_model *model, enum tg_top_sort sort);

/* Forget all: for another view. */
void tg_top_model_clear(struct tg_top_model *model);

#endif

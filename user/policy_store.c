/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tg_policy_store_free(struct tg_policy_store *store)
{
	free(store->quota);
	free(store->block);
	*store = (struct tg_policy_store){0};
}

static unsigned int find_quota(const struct tg_policy_store *store,
			       const struct tg_subject *subject)
{
	unsigned int i = 0;

	while (i < store->quotas && !tg_subject_equal(&store->quota[i].subject, subject))
		i++;
	return i;
}

static unsigned int find_block(const struct tg_policy_store *store,
			       const struct tg_subject *subject)
{
	unsigned int i = 0;

	while (i < store->blocks && !tg_subject_equal(&store->block[i].subject, subject))
		i++;
	return i;
}

int tg_policy_store_put_quota(struct tg_policy_store *store, const struct tg_quota *quota)
{
	unsigned int i = find_quota(store, &quota->subject);
	struct tg_quota *grown;

	if (i == store->quotas) {
		if (i >= TG_QUOTAS_MAX)
			return -ENOSPC;
		grown = reallocarray(store->quota, i + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		store->quota = grown;
		store->quotas++;
	}
	store->quota[i] = *quota;
	store->quota[i].runtime = true;
	return 0;
}

int tg_policy_store_put_block(struct tg_policy_store *store, const struct tg_stored_block *block)
{
	unsigned int i = find_block(store, &block->subject);
	struct tg_stored_block *grown;

	if (i == store->blocks) {
		grown = reallocarray(store->block, i + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		store->block = grown;
		store->blocks++;
	}
	store->block[i] = *block;
	return 0;
}

int tg_policy_store_remove_quota(struct tg_policy_store *store, const struct tg_subject *subject)
{
	unsigned int i = find_quota(store, subject);

	if (i == store->quotas)
		return -ENOENT;
	store->quotas--;
	memmove(&store->quota[i], &store->quota[i + 1],
		(store->quotas - i) * sizeof(*store->quota));
	return 0;
}

int tg_policy_store_remove_block(struct tg_policy_store *store, const struct tg_subject *subject)
{
	unsigned int i = find_block(store, subject);

	if (i == store->blocks)
		return -ENOENT;
	store->blocks--;
	memmove(&store->block[i], &store->block[i + 1],
		(store->blocks - i) * sizeof(*store->block));
	return 0;
}

static int compare(const void *a, const void *b)
{
	return tg_subject_compare(a, b);
}

/* The store's subjects in order; NULL: not enough memory. */
static struct tg_subject *sorted_subjects(const struct tg_policy_store *store)
{
	struct tg_subject *subject = calloc((size_t)store->quotas + 1, sizeof(*subject));

	if (!subject)
		return NULL;
	for (unsigned int i = 0; i < store->quotas; i++)
		subject[i] = store->quota[i].subject;
	qsort(subject, store->quotas, sizeof(*subject), compare);
	return subject;
}

int tg_policy_store_merge(const struct tg_policy_store *store, const struct tg_quota *file,
			  unsigned int file_count, struct tg_quota **out, unsigned int *out_count)
{
	struct tg_quota *merged = calloc((size_t)file_count + store->quotas + 1, sizeof(*merged));
	struct tg_subject *subject = sorted_subjects(store);
	unsigned int count = 0;

	if (!merged || !subject) {
		free(merged);
		free(subject);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < file_count; i++) {
		if (!bsearch(&file[i].subject, subject, store->quotas, sizeof(*subject), compare))
			merged[count++] = file[i];
	}
	free(subject);
	if (count + store->quotas > TG_QUOTAS_MAX) {
		free(merged);
		return -ENOSPC;
	}
	if (store->quotas)
		memcpy(&merged[count], store->quota, store->quotas * sizeof(*merged));
	*out = merged;
	*out_count = count + store->quotas;
	return 0;
}

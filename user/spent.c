/* SPDX-License-Identifier: BSD-2-Clause */
#include "spent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/tollgate/bucket.h"
#include "file.h"
#include "hash.h"
#include "text.h"

/*
 * A line each:
 *   tollgate-spent 1
 *   POLICY SUBJECT PREFIX UNIT ID USED [UNIT ID USED]...
 *   end of file
 * POLICY: its subject's text; SUBJECT, PREFIX: bytes as hex, of struct tg_budget;
 * UNIT: as in limits; ID: of the period.
 */
#define HEAD	   "tollgate-spent 1"
#define BYTES	   16
#define END	   "end of file\n" /* longer than what tg_hash leaves out */
#define LINE_BYTES 1024
#define SEED	   0x7473 /* any: only this file's own hashes are compared */

/* --- save ------------------------------------------------------------------------------- */

static void put_hex(struct tg_text *text, const void *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * BYTES];

	for (int i = 0; i < BYTES; i++) {
		hex[2 * i] = digits[((const uint8_t *)bytes)[i] >> 4];
		hex[2 * i + 1] = digits[((const uint8_t *)bytes)[i] & 15];
	}
	tg_text_put(text, hex, sizeof(hex));
}

static bool is_spent(const struct tg_budget *budget)
{
	for (unsigned int unit = 0; unit < TG_CALENDARS; unit++)
		for (unsigned int i = 0; i < 2; i++)
			if ((uint32_t)budget->calendar[unit][i])
				return true;
	return false;
}

static void put_budget(struct tg_text *text, const struct tg_quota *quota,
		       const struct tg_budget *budget)
{
	char subject[TG_SUBJECT_TEXT_BYTES];

	tg_subject_print(&quota->subject, subject);
	tg_text_printf(text, "%s ", subject);
	put_hex(text, budget->subject);
	tg_text_puts(text, " ");
	put_hex(text, budget->prefix);
	for (unsigned int unit = 0; unit < TG_CALENDARS; unit++)
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t word = budget->calendar[unit][i];

			if ((uint32_t)word)
				tg_text_printf(text, " %s %u %u", tg_unit_name(TG_RATES + unit),
					       (uint32_t)(word >> 32), (uint32_t)word);
		}
	tg_text_puts(text, "\n");
}

static int print(const struct tg_enforce *enforce, struct tg_text *text)
{
	const struct tg_maps *maps = enforce->maps;
	const struct tg_quota **quotas = calloc(TG_POLICIES_MAX, sizeof(*quotas));

	if (!quotas)
		return -ENOMEM;
	for (unsigned int i = 0; i < enforce->count; i++)
		quotas[enforce->policies[i].owner % TG_POLICIES_MAX] = &enforce->policies[i].quota;
	tg_text_puts(text, HEAD "\n");
	for (uint32_t slot = 1; enforce->count && slot < maps->capacity[TG_MAP_BUDGETS]; slot++) {
		const struct tg_budget *budget = &maps->budgets[slot];
		const struct tg_quota *quota = quotas[budget->owner % TG_POLICIES_MAX];

		if (budget->state != TG_BUDGET_FREE && quota && is_spent(budget))
			put_budget(text, quota, budget);
	}
	tg_text_puts(text, END);
	free(quotas);
	return text->failed ? -ENOMEM : 0;
}

int tg_spent_save(const char *dir, const char *path, const struct tg_enforce *enforce,
		  uint64_t *hash)
{
	struct tg_text text = {0};
	int err = print(enforce, &text);
	uint64_t now = err ? 0 : tg_hash(SEED, text.data, text.bytes & ~7UL) | 1;

	if (!err && now != *hash)
		err = tg_file_replace(dir, path, text.data, text.bytes);
	if (!err)
		*hash = now;
	tg_text_free(&text);
	return err;
}

/* --- load ------------------------------------------------------------------------------- */

/* Raise what was taken in a period; others take from it meanwhile. */
static void raise_used(uint64_t words[2], uint32_t id, uint32_t used)
{
	for (;;) {
		uint64_t first = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
		uint64_t second = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
		uint32_t slot = tg_period_slot(first, second, id);
		uint64_t was = slot ? second : first;

		if (was >> 32 == id ? (uint32_t)was >= used : was >> 32 > id)
			return; /* the maps know more, or of later periods */
		if (__atomic_compare_exchange_n(&words[slot], &was, TG_PERIOD_WORD(id, used), false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return;
	}
}

static int unit_of(const char *name)
{
	for (int unit = TG_RATES; unit < TG_UNITS; unit++)
		if (!strcmp(tg_unit_name(unit), name))
			return unit - TG_RATES;
	return -1;
}

static bool take_hex(const char *text, uint8_t bytes[BYTES])
{
	if (strlen(text) != 2 * BYTES || strspn(text, "0123456789abcdef") != 2 * BYTES)
		return false;
	for (int i = 0; i < BYTES; i++)
		sscanf(text + 2 * i, "%2hhx", &bytes[i]);
	return true;
}

/* The budget of the line, made where there is none. NULL: no policy of that name, or no room. */
static struct tg_budget *find_budget(const struct tg_enforce *enforce, const char *policy_text,
				     const uint8_t subject[BYTES], const uint8_t prefix[BYTES])
{
	const struct tg_enforced *policy;
	struct tg_subject name;
	struct tg_budget_key key = {0};
	uint32_t slot;
	char ignored[256];

	if (tg_subject_parse(policy_text, &name, ignored, sizeof(ignored)))
		return NULL;
	policy = tg_enforce_find(enforce, &name);
	if (!policy)
		return NULL;
	if (!memcmp(subject, (uint8_t[BYTES]){0}, BYTES))
		return &enforce->maps->budgets[policy->owner];
	if (policy->quota.per == TG_PER_SHARED)
		return NULL; /* it was per each then: another budget */
	if (tg_enforce_has_one_budget(enforce, &policy->quota))
		return &enforce->maps->budgets[policy->owner];
	key.owner = policy->owner;
	key.kind = policy->quota.subject.kind;
	memcpy(key.subject, subject, BYTES);
	return tg_maps_make_budget(enforce->maps, &key, (const char *)prefix, &slot)
		       ? NULL
		       : &enforce->maps->budgets[slot];
}

static int take_line(const struct tg_enforce *enforce, char *line)
{
	uint8_t subject[BYTES], prefix[BYTES];
	struct tg_budget *budget;
	char *rest, *word = strtok_r(line, " \n", &rest), *hex, *shown;
	uint32_t id, used;
	int unit;

	hex = strtok_r(NULL, " \n", &rest);
	shown = hex ? strtok_r(NULL, " \n", &rest) : NULL;
	if (!word || !shown || !take_hex(hex, subject) || !take_hex(shown, prefix))
		return -EINVAL;
	budget = find_budget(enforce, word, subject, prefix);
	while ((word = strtok_r(NULL, " \n", &rest))) {
		char *number = strtok_r(NULL, " \n", &rest), *count = strtok_r(NULL, " \n", &rest);

		unit = unit_of(word);
		if (unit < 0 || !count || sscanf(number, "%" SCNu32, &id) != 1 ||
		    sscanf(count, "%" SCNu32, &used) != 1 || !id)
			return -EINVAL;
		if (budget)
			raise_used((uint64_t *)budget->calendar[unit], id, used);
	}
	return 0;
}

int tg_spent_load(const char *path, const struct tg_enforce *enforce)
{
	FILE *file = tg_file_read(path);
	char line[LINE_BYTES];
	bool complete = false;
	int err = 0;

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file) || strcmp(line, HEAD "\n"))
		err = -EINVAL;
	while (!err && !complete && fgets(line, sizeof(line), file)) {
		complete = !strcmp(line, END);
		if (!complete)
			err = strchr(line, '\n') ? take_line(enforce, line) : -EINVAL;
	}
	fclose(file);
	return err ? err : complete ? 0 : -EINVAL;
}

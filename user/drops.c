/* SPDX-License-Identifier: BSD-2-Clause */
#include "drops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define SECOND_NS 1000000000ULL

void tg_drops_key(const struct tg_subject *subject, struct tg_drop_key *out)
{
	memset(out, 0, sizeof(*out));
	out->bits = subject->bits;
	out->kind = subject->kind;
	memcpy(out->subject, subject->bytes, sizeof(out->subject));
}

void tg_drops_subject(const struct tg_drop_key *key, struct tg_subject *out)
{
	memset(out, 0, sizeof(*out));
	out->bits = key->bits;
	out->kind = key->kind;
	memcpy(out->bytes, key->subject, sizeof(out->bytes));
}

/* --- walks: entries are gathered first, as the map must not change under the walk --------- */

struct entry {
	struct tg_drop_key key;
	struct tg_drop drop;
};

struct entries {
	struct entry *entry;
	size_t count, capacity;
};

static int add_entry(const void *key, const void *value, void *arg)
{
	struct entries *entries = arg;

	if (entries->count == entries->capacity) {
		size_t capacity = entries->capacity ? entries->capacity * 2 : 64;
		struct entry *entry = realloc(entries->entry, capacity * sizeof(*entry));

		if (!entry)
			return -ENOMEM;
		entries->entry = entry;
		entries->capacity = capacity;
	}
	memcpy(&entries->entry[entries->count].key, key, sizeof(struct tg_drop_key));
	memcpy(&entries->entry[entries->count++].drop, value, sizeof(struct tg_drop));
	return 0;
}

/* What lets the program leave the map alone: without a block, exceptions are none either. */
static void tell_counts(const struct tg_drops *drops)
{
	__atomic_store_n(&drops->maps->control->drops_sources, drops->sources, __ATOMIC_RELEASE);
	__atomic_store_n(&drops->maps->control->drops_tokens, drops->tokens, __ATOMIC_RELEASE);
}

/* Which prefix lengths are to be sought: a new list, then the word that puts it in force. */
static void tell_lengths(const struct tg_drops *drops)
{
	struct tg_control *control = drops->maps->control;
	uint64_t half = !(__atomic_load_n(&control->drop_half, __ATOMIC_RELAXED) & 1);
	unsigned int count = 0;

	for (int bits = 128; bits >= 0; bits--)
		if (drops->lengths[bits] && count < TG_DROP_LENGTHS_MAX)
			control->drop_lengths[half][count++] = (uint8_t)(bits + 1);
	while (count < TG_DROP_LENGTHS_MAX)
		control->drop_lengths[half][count++] = 0;
	__atomic_store_n(&control->drop_half, half, __ATOMIC_SEQ_CST);
}

static bool has_room_for_length(const struct tg_drops *drops, uint32_t bits)
{
	unsigned int count = 0;

	for (int i = 0; i <= 128; i++)
		count += drops->lengths[i] > 0;
	return drops->lengths[bits] || count < TG_DROP_LENGTHS_MAX;
}

/* Takes effect with tell_counts and tell_lengths. */
static void note(struct tg_drops *drops, const struct tg_drop_key *key, const struct tg_drop *drop,
		 int by)
{
	if (key->kind == TG_KIND_SOURCE && key->bits <= 128)
		drops->lengths[key->bits] += by;
	if (drop->reason != TG_DROP_NEVER)
		*(key->kind == TG_KIND_SOURCE ? &drops->sources : &drops->tokens) += by;
}

static void count(struct tg_drops *drops, const struct tg_drop_key *key, const struct tg_drop *drop,
		  int by)
{
	note(drops, key, drop, by);
	tell_counts(drops);
	if (key->kind == TG_KIND_SOURCE && key->bits <= 128 &&
	    drops->lengths[key->bits] == (by > 0))
		tell_lengths(drops);
}

/* --- never_block ------------------------------------------------------------------------------ */

static const struct tg_subject *within_never_block(const struct tg_drops *drops,
						   const struct tg_subject *subject)
{
	if (subject->kind != TG_KIND_SOURCE || !drops->never_block)
		return NULL;
	for (unsigned int i = 0; i < drops->never_block->count; i++)
		if (tg_network_contains(&drops->never_block->network[i], subject))
			return &drops->never_block->network[i];
	return NULL;
}

static int write_never_block(const struct tg_drops *drops)
{
	struct tg_drop drop = {.reason = TG_DROP_NEVER, .text = "never_block"};
	struct tg_drop_key key;
	int err = 0;

	for (unsigned int i = 0; !err && drops->never_block && i < drops->never_block->count; i++) {
		tg_drops_key(&drops->never_block->network[i], &key);
		err = tg_maps_set_drop(drops->maps, &key, &drop);
	}
	return err;
}

static bool is_never_block(const struct tg_drops *drops, const struct tg_subject *subject)
{
	for (unsigned int i = 0; drops->never_block && i < drops->never_block->count; i++)
		if (tg_subject_equal(&drops->never_block->network[i], subject))
			return true;
	return false;
}

int tg_drops_open(struct tg_drops *drops, const struct tg_maps *maps,
		  const struct tg_networks *never_block, char *error, size_t error_bytes)
{
	struct entries entries = {0};
	struct tg_subject subject;
	int err;

	*drops = (struct tg_drops){.maps = maps, .never_block = never_block};
	err = write_never_block(drops);
	if (!err)
		err = tg_maps_walk(maps, TG_MAP_DROPS, add_entry, &entries);
	for (size_t i = 0; !err && i < entries.count; i++) {
		const struct entry *entry = &entries.entry[i];

		tg_drops_subject(&entry->key, &subject);
		if (entry->drop.reason == TG_DROP_NEVER ? !is_never_block(drops, &subject)
							: !!within_never_block(drops, &subject))
			tg_maps_delete_drop(maps, &entry->key);
		else
			note(drops, &entry->key, &entry->drop, 1);
	}
	if (!err) { /* once, when all are counted: blocks stay in force meanwhile */
		tell_lengths(drops);
		tell_counts(drops);
	}
	free(entries.entry);
	return err ? tg_error(err, error, error_bytes, "drops: %s%s", strerror(-err),
			      err == -ENOSPC ? "; raise limits.drops" : "")
		   : 0;
}

/* --- blocks
 * --------------------------------------------------------------------------------------- */

static int check_put(const struct tg_drops *drops, const struct tg_subject *subject, char *error,
		     size_t error_bytes)
{
	const struct tg_subject *never = within_never_block(drops, subject);
	char text[TG_SUBJECT_TEXT_BYTES], within[TG_SUBJECT_TEXT_BYTES];

	tg_subject_print(subject, text);
	if (subject->kind != TG_KIND_SOURCE && subject->kind != TG_KIND_TOKEN_ID)
		return tg_error(-EINVAL, error, error_bytes,
				"%s: cannot be blocked; name a source: or a token-id:", text);
	if (!never)
		return 0;
	tg_network_print(never, within);
	return tg_error(-EPERM, error, error_bytes,
			"%s: stands in never_block (%s); take it out of there first", text, within);
}

static bool is_over(const struct tg_drop *drop, const struct tg_drop_clock *now)
{
	return drop->expires_jiffies && (int64_t)(drop->expires_jiffies - now->jiffies) <= 0;
}

int tg_drops_put(struct tg_drops *drops, const struct tg_subject *subject,
		 enum tg_drop_reason reason, uint64_t for_s, const char *text,
		 const struct tg_drop_clock *now, char *error, size_t error_bytes)
{
	struct tg_drop drop = {.reason = reason, .created_unix_ns = now->unix_ns}, old;
	bool is_new = true;
	struct tg_drop_key key;
	int err = check_put(drops, subject, error, error_bytes);

	if (err)
		return err;
	tg_drops_key(subject, &key);
	if (subject->kind == TG_KIND_SOURCE && !has_room_for_length(drops, subject->bits))
		return tg_error(-E2BIG, error, error_bytes,
				"drops: more than %d different prefix lengths; block networks of "
				"lengths that are blocked already",
				TG_DROP_LENGTHS_MAX);
	if (now->open_s)
		drop.open_jiffies = now->jiffies + now->open_s * now->hz ?: 1;
	if (for_s) {
		drop.expires_jiffies = now->jiffies + for_s * now->hz ?: 1;
		drop.expires_unix_ns = now->unix_ns + for_s * SECOND_NS;
	}
	snprintf(drop.text, sizeof(drop.text), "%s", text ? text : "");
	if (!tg_maps_drop(drops->maps, &key, &old)) {
		if (reason == TG_DROP_RULE && old.reason == TG_DROP_MANUAL && !is_over(&old, now))
			return 0; /* a hand's stays as it is */
		drop.packets = old.packets;
		drop.bytes = old.bytes;
		is_new = false;
	}
	err = tg_maps_set_drop(drops->maps, &key, &drop);
	if (!err && is_new)
		count(drops, &key, &drop, 1);
	return err ? tg_error(err, error, error_bytes, "drops: %s%s",
			      err == -ENOSPC ? "full" : strerror(-err),
			      err == -ENOSPC ? "; lift other blocks, or raise limits.drops" : "")
		   : 0;
}

bool tg_drops_find(const struct tg_drops *drops, const struct tg_subject *subject,
		   struct tg_drop *out)
{
	struct tg_drop_key key;

	tg_drops_key(subject, &key);
	return !tg_maps_drop(drops->maps, &key, out) && out->reason != TG_DROP_NEVER;
}

int tg_drops_remove(struct tg_drops *drops, const struct tg_subject *subject)
{
	struct tg_drop_key key;
	struct tg_drop drop;
	int err;

	tg_drops_key(subject, &key);
	err = tg_maps_drop(drops->maps, &key, &drop);
	if (err)
		return err;
	if (drop.reason == TG_DROP_NEVER)
		return -ENOENT;
	err = tg_maps_delete_drop(drops->maps, &key);
	if (!err)
		count(drops, &key, &drop, -1);
	return err;
}

int tg_drops_expire(struct tg_drops *drops, const struct tg_drop_clock *now,
		    void (*gone)(const struct tg_subject *subject, const struct tg_drop *drop,
				 void *arg),
		    void *arg)
{
	struct entries entries = {0};
	struct tg_subject subject;
	int err;

	if (!drops->sources && !drops->tokens)
		return 0;
	err = tg_maps_walk(drops->maps, TG_MAP_DROPS, add_entry, &entries);
	for (size_t i = 0; !err && i < entries.count; i++) {
		const struct entry *entry = &entries.entry[i];

		if (!is_over(&entry->drop, now))
			continue;
		tg_drops_subject(&entry->key, &subject);
		if (!tg_maps_delete_drop(drops->maps, &entry->key))
			count(drops, &entry->key, &entry->drop, -1);
		gone(&subject, &entry->drop, arg);
	}
	free(entries.entry);
	return err;
}

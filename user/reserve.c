/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map that is full has no room for a policy that comes later. So some of it is kept in
 * spare rows, which no packet counts in: one is deleted, and the policy's takes its place.
 * A packet may be faster and get it; then the next spare row goes.
 *
 * What was made for a policy stays when the policy goes: a packet may be about to count in
 * it, and nothing could take that back. So no more than half of a map's rows are such empty
 * ones; the rest is for what comes, and for usage rows that are retired.
 */
#include "reserve.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "tally.h"

#define SPARE_SHARE    64 /* of a map's entries: 1 of so many */
#define SPARE_MAX      1024
#define EMPTY_SHARE    2 /* of a map's entries, likewise: those made for policies */
#define NAMED_MAX      8 /* policies without room that are named in the log, each */
#define SLOT_BIT(slot) (1ULL << (slot))

_Static_assert(TG_IFACES_MAX <= 64, "slots are bits of a word");

struct reserve {
	const struct tg_enforce *enforce;
	const struct tg_maps *maps;
	tg_reserve_lacking lacking;
	void *arg;
	struct tg_tally *placed; /* struct tg_token_key without prefix: has a row; NULL: not read */
	uint32_t next_spare[TG_MAPS];
	uint32_t room[TG_MAPS]; /* for so many empty rows more */
};

/* --- rows --------------------------------------------------------------------------------- */

union spill_key {
	struct tg_token_key token;
	struct tg_source_key source;
};

static uint32_t spares(const struct tg_maps *maps, enum tg_map map)
{
	uint32_t share = maps->capacity[map] / SPARE_SHARE;

	return share < SPARE_MAX ? share : SPARE_MAX;
}

static union spill_key spare_key(enum tg_map map, uint32_t number)
{
	union spill_key key = {0};

	if (map == TG_MAP_TOKEN_SPILL)
		key.token.iface = TG_IFACES_MAX + number;
	else
		key.source.iface = TG_IFACES_MAX + number;
	return key;
}

static int make(struct reserve *reserve, enum tg_map map, const void *key)
{
	uint32_t *next = &reserve->next_spare[map];
	int err = tg_maps_make_spill(reserve->maps, map, key);

	while (err == -ENOSPC && *next < spares(reserve->maps, map)) {
		union spill_key spare = spare_key(map, (*next)++);

		if (!tg_maps_delete_spill(reserve->maps, map, &spare))
			err = tg_maps_make_spill(reserve->maps, map, key);
	}
	return err;
}

/* Made in advance and not counted in: for policies, those that are gone among them, and spares. */
static int count_empty(const void *key, const void *value, void *arg)
{
	const struct tg_counts *counts = value;
	uint32_t *empty = arg;

	(void)key;
	*empty += !counts->requests;
	return 0;
}

static int measure_room(struct reserve *reserve, enum tg_map map)
{
	uint32_t most = reserve->maps->capacity[map] / EMPTY_SHARE, empty = 0;
	int err = tg_maps_walk(reserve->maps, map, count_empty, &empty);

	reserve->room[map] = most > empty ? most - empty : 0;
	return err;
}

/* A row for a policy, if there is none and it is not one too many. */
static int make_named(struct reserve *reserve, enum tg_map map, const void *key)
{
	int err;

	if (tg_maps_has_spill(reserve->maps, map, key))
		return 0;
	if (!reserve->room[map])
		return -ENOSPC;
	err = make(reserve, map, key);
	reserve->room[map] -= !err;
	return err;
}

static int keep_spares(const struct tg_maps *maps, enum tg_map map)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < spares(maps, map); i++) {
		union spill_key key = spare_key(map, i);

		err = tg_maps_make_spill(maps, map, &key);
	}
	return err == -ENOSPC ? 0 : err;
}

/* --- tokens that have a row already, with their prefix ------------------------------------- */

static int note_placed(const void *key, const void *counts, void *arg)
{
	struct tg_token_key placed = *(const struct tg_token_key *)key;

	if (placed.token.id)
		memset(placed.token.prefix, 0, sizeof(placed.token.prefix));
	return tg_tally_add(arg, &placed, counts);
}

static int is_placed(struct reserve *reserve, const struct tg_token_key *key, bool *placed)
{
	int err = 0;

	if (!reserve->placed) {
		reserve->placed = tg_tally_new(sizeof(*key));
		err = reserve->placed ? tg_maps_walk(reserve->maps, TG_MAP_TOKEN_SPILL, note_placed,
						     reserve->placed)
				      : -ENOMEM;
	}
	*placed = !err && tg_tally_find(reserve->placed, key) != TG_TALLY_NONE;
	return err;
}

/* --- who gets one ---------------------------------------------------------------------------- */

static int make_token(struct reserve *reserve, const struct tg_quota *quota, uint32_t slot)
{
	struct tg_token_key key = {.iface = slot};
	bool placed = false;
	int err;

	memcpy(&key.token.id, quota->subject.bytes, sizeof(key.token.id));
	err = make_named(reserve, TG_MAP_TOKEN_SPILL, &key);
	if (err != -ENOSPC)
		return err;
	err = is_placed(reserve, &key, &placed);
	if (!err && !placed)
		reserve->lacking(quota, TG_MAP_TOKEN_SPILL, slot, reserve->arg);
	return err;
}

static int make_source(struct reserve *reserve, const struct tg_quota *quota, uint32_t slot)
{
	struct tg_source_key key = {.iface = slot};
	int err;

	memcpy(key.source.bytes, quota->subject.bytes, sizeof(key.source.bytes));
	err = make_named(reserve, TG_MAP_SOURCE_SPILL, &key);
	if (err == -ENOSPC)
		reserve->lacking(quota, TG_MAP_SOURCE_SPILL, slot, reserve->arg);
	return err == -ENOSPC ? 0 : err;
}

/* For sources with a row: of requests without a token, and of tokens that find none. */
static int make_nameless(struct reserve *reserve, uint32_t slot)
{
	struct tg_token_key none = {.iface = slot}, unplaced = {.iface = slot};
	int err = make(reserve, TG_MAP_TOKEN_SPILL, &none);

	memset(unplaced.token.prefix, TG_PREFIX_UNPLACED, sizeof(unplaced.token.prefix));
	if (!err)
		err = make(reserve, TG_MAP_TOKEN_SPILL, &unplaced);
	if (err == -ENOSPC)
		reserve->lacking(NULL, TG_MAP_TOKEN_SPILL, slot, reserve->arg);
	return err == -ENOSPC ? 0 : err;
}

static int make_slot(struct reserve *reserve, uint32_t slot, unsigned int ipv6_prefix)
{
	int err = make_nameless(reserve, slot);

	for (unsigned int i = 0; !err && i < reserve->enforce->count; i++) {
		const struct tg_quota *quota = &reserve->enforce->policies[i].quota;

		if (!tg_subject_is_single(&quota->subject, ipv6_prefix))
			continue;
		if (quota->subject.kind == TG_KIND_TOKEN_ID)
			err = make_token(reserve, quota, slot);
		else
			err = make_source(reserve, quota, slot);
	}
	return err;
}

int tg_reserve_rows(const struct tg_enforce *enforce, uint64_t slots, unsigned int ipv6_prefix,
		    tg_reserve_lacking lacking, void *arg)
{
	struct reserve reserve = {
		.enforce = enforce, .maps = enforce->maps, .lacking = lacking, .arg = arg};
	int err = measure_room(&reserve, TG_MAP_TOKEN_SPILL);

	if (!err)
		err = measure_room(&reserve, TG_MAP_SOURCE_SPILL);
	for (uint32_t slot = 0; !err && slot < TG_IFACES_MAX; slot++)
		if (slots & SLOT_BIT(slot))
			err = make_slot(&reserve, slot, ipv6_prefix);
	if (!err)
		err = keep_spares(enforce->maps, TG_MAP_TOKEN_SPILL);
	if (!err)
		err = keep_spares(enforce->maps, TG_MAP_SOURCE_SPILL);
	tg_tally_free(reserve.placed);
	return err;
}

/* --- where -------------------------------------------------------------------------------------
 */

/* Who has no slot yet gets the first free one: of so many, whichever comes first. */
int tg_reserve_slots(const struct tg_maps *maps, const struct tg_config *config, uint64_t *slots)
{
	struct tg_interface all[TG_IFACES_MAX];
	unsigned int newcomers = 0;
	int err = tg_maps_interfaces(maps, all);

	*slots = 0;
	for (unsigned int i = 0; !err && i < config->interfaces_count; i++) {
		uint32_t slot = tg_maps_slot_named(all, config->interfaces[i].name);

		if (slot < TG_IFACES_MAX)
			*slots |= SLOT_BIT(slot);
		else
			newcomers++;
	}
	for (uint32_t slot = 0; !err && newcomers && slot < TG_IFACES_MAX; slot++)
		if (!all[slot].name[0]) {
			*slots |= SLOT_BIT(slot);
			newcomers--;
		}
	return err;
}

/* --- the log ------------------------------------------------------------------------------------
 */

struct complaint {
	unsigned int policies;
	unsigned int interfaces;
};

static void complain(const struct tg_quota *quota, enum tg_map map, uint32_t slot, void *arg)
{
	struct complaint *complaint = arg;
	char text[TG_SUBJECT_TEXT_BYTES];

	if (!quota) {
		complaint->interfaces++;
		return;
	}
	if (++complaint->policies > NAMED_MAX)
		return;
	tg_subject_print(&quota->subject, text);
	tg_log_warning("policy %s: no reserved row in %s on interface slot %u: it is full, or half "
		       "of it reserved, for policies that are gone, too (raise limits.spill). What "
		       "finds no row there is not counted under that name; it is enforced all the "
		       "same",
		       text, tg_map_name(map), slot);
}

void tg_reserve(const struct tg_enforce *enforce, const struct tg_config *config)
{
	struct complaint complaint = {0};
	uint64_t slots;
	int err = tg_reserve_slots(enforce->maps, config, &slots);

	if (!err)
		err = tg_reserve_rows(enforce, slots, config->identity.ipv6_prefix, complain,
				      &complaint);
	if (err)
		tg_log_error("rows for what policies name cannot be made in advance: %s",
			     strerror(-err));
	if (complaint.policies > NAMED_MAX)
		tg_log_warning("%u more rows for what policies name find no room",
			       complaint.policies - NAMED_MAX);
	if (complaint.interfaces)
		tg_log_warning("token_spill is full (limits.spill): requests of %u interfaces "
			       "whose tokens find no row are not counted by source either",
			       complaint.interfaces);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

uint64_t tg_rig_token_id(const char *token)
{
	return tg_meter_token(token).id;
}

static void add(struct tg_counts *sum, const struct tg_counts *counts)
{
	sum->requests += counts->requests;
	sum->denied += counts->denied;
	sum->observed += counts->observed;
	sum->bytes += counts->bytes;
}

struct by_token {
	struct tg_token token;
	bool any;
	struct tg_counts sum;
};

static int add_usage(const void *key, const void *value, void *arg)
{
	const struct tg_usage_key *row = key;
	struct by_token *by = arg;

	if (by->any || row->token.id == by->token.id)
		add(&by->sum, &((const struct tg_usage *)value)->counts);
	return 0;
}

static int add_spill(const void *key, const void *value, void *arg)
{
	const struct tg_token_key *row = key;
	struct by_token *by = arg;

	if (by->any || row->token.id == by->token.id)
		add(&by->sum, value);
	return 0;
}

struct tg_counts tg_rig_usage(const struct tg_rig *rig, const char *token)
{
	struct by_token by = {.token = tg_meter_token(token)};

	assert_int_equal(tg_maps_walk(&rig->meter.maps, TG_MAP_USAGE, add_usage, &by), 0);
	assert_int_equal(tg_maps_walk(&rig->meter.maps, TG_MAP_TOKEN_SPILL, add_spill, &by), 0);
	return by.sum;
}

const struct tg_enforced *tg_rig_enforced(const struct tg_rig *rig, const char *text)
{
	struct tg_subject subject;
	char error[200];

	assert_int_equal(tg_subject_parse(text, &subject, error, sizeof(error)), 0);
	return tg_enforce_find(&rig->enforce, &subject);
}

struct tg_counts tg_rig_policy(const struct tg_rig *rig, const char *subject)
{
	const struct tg_enforced *policy = tg_rig_enforced(rig, subject);
	struct tg_counts counts = {0};

	assert_non_null(policy);
	assert_int_equal(tg_maps_policy_counts(&rig->meter.maps, policy->owner, &counts), 0);
	return counts;
}

static void source_of(const char *source, uint8_t out[16])
{
	memset(out, 0, 16);
	if (strchr(source, ':')) {
		uint8_t address[16];

		assert_int_equal(inet_pton(AF_INET6, source, address), 1);
		memcpy(out, address, 8);
		return;
	}
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, source, out + 12), 1);
}

const struct tg_budget *tg_rig_budget(const struct tg_rig *rig, const char *subject,
				      const char *source, const char *token)
{
	const struct tg_enforced *policy = tg_rig_enforced(rig, subject);
	struct tg_budget_key key = {0};
	uint32_t slot;

	assert_non_null(policy);
	key.owner = policy->owner;
	key.kind = policy->quota.subject.kind;
	if (source) {
		source_of(source, key.subject);
	} else if (token) {
		uint64_t id = tg_rig_token_id(token);

		memcpy(key.subject, &id, sizeof(id));
	} else {
		return &rig->meter.maps.budgets[policy->owner];
	}
	if (tg_maps_find_budget(&rig->meter.maps, &key, &slot))
		return NULL;
	return &rig->meter.maps.budgets[slot];
}

static uint64_t unattributed(const struct tg_rig *rig)
{
	struct tg_unattributed now[TG_UNATTRIBUTED_REASONS];
	uint64_t sum = 0;

	tg_meter_unattributed(&rig->meter, now);
	for (uint32_t i = 0; i < TG_UNATTRIBUTED_REASONS; i++)
		sum += now[i].requests;
	return sum;
}

void tg_rig_open_books(struct tg_rig *rig)
{
	tg_meter_packets(&rig->meter, TG_RIG_SLOT, rig->opening);
	rig->opening_unattributed = unattributed(rig);
}

static void check_policies(const struct tg_rig *rig, const struct tg_counts *all)
{
	struct tg_counts sum = {0};

	for (unsigned int i = 0; i < rig->enforce.count; i++) {
		struct tg_counts counts = {0};

		tg_maps_policy_counts(&rig->meter.maps, rig->enforce.policies[i].owner, &counts);
		add(&sum, &counts);
	}
	assert_int_equal(sum.denied, all->denied);
	assert_int_equal(sum.observed, all->observed);
	assert_true(sum.requests <= all->requests);
}

void tg_rig_check_books(const struct tg_rig *rig)
{
	const struct tg_packets *before = rig->opening;
	struct tg_packets now[TG_PACKET_REASONS];
	struct by_token all = {.any = true};
	uint64_t packets = 0, bytes = 0, requests = 0;

	tg_meter_packets(&rig->meter, TG_RIG_SLOT, now);
	for (uint32_t i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
		packets += now[i].packets;
		bytes += now[i].bytes;
		requests += now[i].requests - before[i].requests;
	}
	assert_int_equal(now[TG_PACKET_SEEN].packets, packets);
	assert_int_equal(now[TG_PACKET_SEEN].bytes, bytes);
	assert_int_equal(tg_maps_walk(&rig->meter.maps, TG_MAP_USAGE, add_usage, &all), 0);
	assert_int_equal(tg_maps_walk(&rig->meter.maps, TG_MAP_TOKEN_SPILL, add_spill, &all), 0);
	assert_int_equal(requests,
			 all.sum.requests + unattributed(rig) - rig->opening_unattributed);
	assert_int_equal(now[TG_PACKET_DENIED].packets - before[TG_PACKET_DENIED].packets,
			 all.sum.denied);
	check_policies(rig, &all.sum);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"

#define CPUS_MAX 512

/* The value of a per-CPU map: words counters, summed over the CPUs. */
static void sum_cpus(const struct tg_meter *meter, enum tg_map map, uint32_t index, uint64_t *out,
		     size_t words)
{
	uint64_t values[CPUS_MAX * 3];

	assert_true(meter->maps.cpus <= CPUS_MAX && words <= 3);
	assert_int_equal(bpf_map_lookup_elem(meter->maps.fd[map], &index, values), 0);
	memset(out, 0, words * sizeof(*out));
	for (unsigned int cpu = 0; cpu < meter->maps.cpus; cpu++)
		for (size_t word = 0; word < words; word++)
			out[word] += values[cpu * words + word];
}

void tg_meter_packets(const struct tg_meter *meter, uint32_t slot,
		      struct tg_packets out[TG_PACKET_REASONS])
{
	for (uint32_t i = 0; i < TG_PACKET_REASONS; i++) {
		uint64_t sums[3];

		sum_cpus(meter, TG_MAP_PACKETS, slot * TG_PACKET_REASONS + i, sums, 3);
		out[i] = (struct tg_packets){sums[0], sums[1], sums[2]};
	}
}

void tg_meter_unattributed(const struct tg_meter *meter,
			   struct tg_unattributed out[TG_UNATTRIBUTED_REASONS])
{
	for (uint32_t i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		uint64_t sums[2];

		sum_cpus(meter, TG_MAP_UNATTRIBUTED, i, sums, 2);
		out[i] = (struct tg_unattributed){sums[0], sums[1]};
	}
}

void tg_meter_counters(const struct tg_meter *meter, uint32_t slot,
		       const struct tg_counters *before, struct tg_counters *out)
{
	tg_meter_packets(meter, slot, out->packets);
	tg_meter_unattributed(meter, out->unattributed);
	if (!before)
		return;
	for (uint32_t i = 0; i < TG_PACKET_REASONS; i++) {
		out->packets[i].packets -= before->packets[i].packets;
		out->packets[i].bytes -= before->packets[i].bytes;
		out->packets[i].requests -= before->packets[i].requests;
	}
	for (uint32_t i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		out->unattributed[i].requests -= before->unattributed[i].requests;
		out->unattributed[i].bytes -= before->unattributed[i].bytes;
	}
}

const char *tg_meter_reason(uint32_t reason)
{
	static const char *const labels[] = {
		"seen",
#define TG_PACKET_REASON(name, label, meaning) label,
#include "../../include/tollgate/reasons.def"
	};

	return labels[reason];
}

struct tg_token tg_meter_token(const char *text)
{
	const struct tg_case usual = {.config = tg_meter_http};
	const struct tg_case_request request = {.token = (char *)text,
						.token_bytes = text ? strlen(text) : 0};

	return tg_case_token(&usual, &request);
}

struct by_token {
	const struct tg_token *token; /* NULL: any */
	struct tg_counts sum;
};

static int add_usage(const void *key, const void *value, void *arg)
{
	const struct tg_usage_key *row = key;
	const struct tg_counts *counts = &((const struct tg_usage *)value)->counts;
	struct by_token *by = arg;

	if (by->token && memcmp(&row->token, by->token, sizeof(*by->token)))
		return 0;
	by->sum.requests += counts->requests;
	by->sum.bytes += counts->bytes;
	by->sum.origin_requests += counts->origin_requests;
	return 0;
}

struct tg_counts tg_meter_usage(const struct tg_meter *meter, const struct tg_token *token)
{
	struct by_token by = {.token = token};

	assert_int_equal(tg_maps_walk(&meter->maps, TG_MAP_USAGE, add_usage, &by), 0);
	return by.sum;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "snapshot.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 100

struct tg_snapshot *snapshot_new(void)
{
	struct tg_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		abort();
	strcpy(snapshot->interfaces[0].name, "veth0");
	strcpy(snapshot->interfaces[1].name, "lo");
	snapshot->meta.created_unix_ns = 1767225600000000000ULL; /* 2026-01-01 */
	snapshot->taken_unix_ns = snapshot->meta.created_unix_ns + 3600000000000ULL;
	snapshot->taken_monotonic_ns = 1000000000;
	return snapshot;
}

void snapshot_free(struct tg_snapshot *snapshot)
{
	free(snapshot->usage);
	free(snapshot->token_spill);
	free(snapshot->source_spill);
	free(snapshot->origins);
	free(snapshot);
}

struct tg_addr snapshot_addr(const char *text)
{
	struct tg_addr addr = {.bytes = {[10] = 0xff, [11] = 0xff}};

	if (inet_pton(AF_INET, text, addr.bytes + 12) == 1)
		return addr;
	if (inet_pton(AF_INET6, text, addr.bytes) != 1)
		abort();
	return addr;
}

struct tg_token snapshot_token(const char *prefix, uint64_t id)
{
	struct tg_token token = {.id = prefix ? id : 0};

	if (prefix)
		memcpy(token.prefix, prefix, strnlen(prefix, sizeof(token.prefix)));
	return token;
}

/* realloc to the exact size, so that the address sanitizer sees every overrun. */
static void *grown(void *rows, size_t count, size_t row_bytes)
{
	rows = realloc(rows, (count + 1) * row_bytes);
	if (!rows)
		abort();
	memset((char *)rows + count * row_bytes, 0, row_bytes);
	return rows;
}

struct tg_usage_row *snapshot_usage(struct tg_snapshot *snapshot, const char *source,
				    struct tg_token token, uint32_t iface, uint64_t requests)
{
	struct tg_usage_row *row;

	snapshot->usage = grown(snapshot->usage, snapshot->usage_count, sizeof(*row));
	row = &snapshot->usage[snapshot->usage_count++];
	row->key.source = snapshot_addr(source);
	row->key.token = token;
	row->key.iface = iface;
	row->usage.counts.requests = requests;
	row->usage.counts.bytes = requests * BYTES;
	return row;
}

struct tg_token_row *snapshot_token_spill(struct tg_snapshot *snapshot, struct tg_token token,
					  uint32_t iface, uint64_t requests)
{
	struct tg_token_row *row;

	snapshot->token_spill =
		grown(snapshot->token_spill, snapshot->token_spill_count, sizeof(*row));
	row = &snapshot->token_spill[snapshot->token_spill_count++];
	row->key.token = token;
	row->key.iface = iface;
	row->counts.requests = requests;
	row->counts.bytes = requests * BYTES;
	return row;
}

struct tg_source_row *snapshot_source_spill(struct tg_snapshot *snapshot, const char *source,
					    uint32_t iface, uint64_t requests)
{
	struct tg_source_row *row;

	snapshot->source_spill =
		grown(snapshot->source_spill, snapshot->source_spill_count, sizeof(*row));
	row = &snapshot->source_spill[snapshot->source_spill_count++];
	row->key.source = snapshot_addr(source);
	row->key.iface = iface;
	row->counts.requests = requests;
	row->counts.bytes = requests * BYTES;
	return row;
}

struct tg_origin_row *snapshot_origin(struct tg_snapshot *snapshot, struct tg_token token,
				      const char *host, uint64_t requests)
{
	struct tg_origin_row *row;
	uint64_t id = 5381;

	for (const char *c = host; *c; c++)
		id = id * 33 + (uint8_t)*c;
	snapshot->origins = grown(snapshot->origins, snapshot->origins_count, sizeof(*row));
	row = &snapshot->origins[snapshot->origins_count++];
	row->key.token = token;
	row->key.origin_id = id;
	row->origin.requests = requests;
	row->origin.bytes = requests * BYTES;
	row->origin.host_bytes = (uint32_t)strlen(host);
	memcpy(row->origin.host, host, strnlen(host, sizeof(row->origin.host)));
	return row;
}

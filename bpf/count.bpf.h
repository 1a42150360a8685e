/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage count: where every packet and every request ends up. Request counters
 * are shared between CPUs and only ever added to, atomically. A request that
 * finds no room in usage spills into token_spill and source_spill; one that
 * finds none there is still counted, without a name.
 */
#ifndef TOLLGATE_COUNT_BPF_H
#define TOLLGATE_COUNT_BPF_H

#include "maps.bpf.h"
#include "settings.bpf.h"

/* What new rows begin with: not on the stack, which is short. */
static const struct tg_counts tg_counts_zero;

tg_inline void tg_count_packet(__u32 reason, __u32 bytes, __u32 requests)
{
	__u32 index = tg_iface * TG_PACKET_REASONS + reason;
	struct tg_packets *counter = bpf_map_lookup_elem(&packets, &index);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
	counter->requests += requests;
}

tg_inline void tg_count_unattributed(__u32 reason, __u64 requests, __u64 bytes)
{
	struct tg_unattributed *counter = bpf_map_lookup_elem(&unattributed, &reason);

	if (!counter)
		return;
	counter->requests += requests;
	counter->bytes += bytes;
}

/* The sum before its parts: see struct tg_counts. */
tg_inline void tg_counts_add(struct tg_counts *counts, const struct tg_delta *delta)
{
	if (delta->requests)
		__sync_fetch_and_add(&counts->requests, delta->requests);
	__sync_fetch_and_add(&counts->bytes, delta->bytes);
	if (delta->denied)
		__sync_fetch_and_add(&counts->denied, delta->denied);
	if (delta->observed)
		__sync_fetch_and_add(&counts->observed, delta->observed);
	if (!delta->origin_id)
		return;
	if (delta->requests)
		__sync_fetch_and_add(&counts->origin_requests, delta->requests);
	__sync_fetch_and_add(&counts->origin_bytes, delta->bytes);
}

/*
 * The token's row, made if it is not there. Where there is no room for it, the one that
 * was made in advance for a token that a policy names: its prefix was not known then.
 */
tg_inline struct tg_counts *tg_token_spill_row(const struct tg_usage_key *key)
{
	struct tg_token_key token = {.token = key->token, .iface = key->iface};
	struct tg_counts *row = bpf_map_lookup_elem(&token_spill, &token);

	if (row)
		return row;
	bpf_map_update_elem(&token_spill, &token, &tg_counts_zero, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&token_spill, &token);
	if (row)
		return row;
	__builtin_memset(token.token.prefix, 0, sizeof(token.token.prefix));
	return bpf_map_lookup_elem(&token_spill, &token);
}

/* Of the tokens that have no row, all in one: see TG_PREFIX_UNPLACED. */
tg_inline struct tg_counts *tg_unplaced_row(const struct tg_usage_key *key)
{
	struct tg_token_key token = {.iface = key->iface};

	__builtin_memset(token.token.prefix, TG_PREFIX_UNPLACED, sizeof(token.token.prefix));
	return bpf_map_lookup_elem(&token_spill, &token);
}

tg_inline struct tg_counts *tg_source_spill_row(const struct tg_usage_key *key)
{
	struct tg_source_key source = {.source = key->source, .iface = key->iface};
	struct tg_counts *row = bpf_map_lookup_elem(&source_spill, &source);

	if (row)
		return row;
	bpf_map_update_elem(&source_spill, &source, &tg_counts_zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&source_spill, &source);
}

/*
 * By source only what was counted by token, so that the former never exceeds the latter:
 * a source that has a row, its token none, is counted with the tokens that have none.
 * Returns whether the token was counted under its name.
 */
tg_global int tg_count_spilled(const struct tg_usage_key *key, const struct tg_delta *delta)
{
	struct tg_counts *token, *source, *row;

	if (!key || !delta)
		return 0;
	token = tg_token_spill_row(key);
	source = tg_source_spill_row(key);
	row = token;
	if (!row && source)
		row = tg_unplaced_row(key);
	if (!row) {
		tg_count_unattributed(TG_UNATTRIBUTED_USAGE_FULL, delta->requests, delta->bytes);
		return 0;
	}
	tg_counts_add(row, delta);
	if (source)
		tg_counts_add(source, delta);
	return token ? 1 : 0;
}

/*
 * Tags of keys. A row is deleted only a grace period after it was marked, so
 * one that bears our tag and no mark stays ours while we count: what we may
 * have looked up is a row that was deleted and at once became another key's.
 */
tg_inline __u64 tg_usage_tag(const struct tg_usage_key *key)
{
	const __u64 *source = (const __u64 *)key->source.bytes;

	return (key->token.id * 0x9e3779b97f4a7c15ULL ^ source[0] * 0xbf58476d1ce4e5b9ULL ^
		source[1] * 0x94d049bb133111ebULL ^ key->iface * 0xff51afd7ed558ccdULL) |
	       1;
}

tg_inline __u64 tg_origin_tag(const struct tg_origin_key *key)
{
	return (key->token.id * 0x9e3779b97f4a7c15ULL ^ key->origin_id) | 1;
}

tg_global int tg_usage_row_add(const struct tg_usage_key *key, __u64 tag, __u64 now)
{
	struct tg_scratch *scratch = tg_scratch(); /* the stack is full */
	struct tg_usage *fresh;

	if (!key || !scratch)
		return 0;
	fresh = &scratch->fresh_usage;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->tag = tag;
	fresh->first_jiffies = now;
	fresh->last_jiffies = now;
	scratch->fresh_key = *key;
	bpf_map_update_elem(&usage, &scratch->fresh_key, fresh, BPF_NOEXIST);
	return 0;
}

/* The key's row, made if it is not there. NULL: there is none to be had. */
tg_inline struct tg_usage *tg_usage_row(const struct tg_usage_key *key)
{
	struct tg_usage *row = bpf_map_lookup_elem(&usage, key);
	__u64 now = bpf_jiffies64(), tag = tg_usage_tag(key);

	if (!row) {
		tg_usage_row_add(key, tag, now);
		row = bpf_map_lookup_elem(&usage, key);
	}
	if (!row || row->tag != tag || (row->flags & TG_ROW_RETIRING))
		return 0;
	row->last_jiffies = now;
	return row;
}

/* row: of tg_usage_row(key). Returns whether the token was counted under its name. */
tg_inline int tg_count_usage(struct tg_usage *row, const struct tg_usage_key *key,
			     const struct tg_delta *delta)
{
	if (!row)
		return tg_count_spilled(key, delta);
	tg_counts_add(&row->counts, delta);
	return 1;
}

/* By policy, beside the books: what no policy decided is the rest. */
tg_inline void tg_count_policy(const struct tg_delta *delta)
{
	__u32 index = delta->policy;
	struct tg_counts *counts = index ? bpf_map_lookup_elem(&policy_counts, &index) : 0;

	if (counts)
		tg_counts_add(counts, delta);
}

/* No room: the view finds the rest as usage's origin_requests beyond the rows here. */
tg_global int tg_count_origin(const struct tg_token *token, const struct tg_delta *delta)
{
	struct tg_origin_key key = {};
	struct tg_origin *row;

	if (!token || !delta)
		return 0;
	key.token = *token;
	key.origin_id = delta->origin_id;
	row = bpf_map_lookup_elem(&origins, &key);
	if (!row || row->tag != tg_origin_tag(&key) || (row->flags & TG_ROW_RETIRING))
		return 0;
	row->last_jiffies = bpf_jiffies64();
	if (delta->requests)
		__sync_fetch_and_add(&row->requests, delta->requests);
	__sync_fetch_and_add(&row->bytes, delta->bytes);
	return 0;
}

/* A row for the origin that the header names, if there is none yet. */
tg_global int tg_origin_row_add(void)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_origin_key key = {};
	struct tg_origin *fresh;
	struct tg_head *head;
	__u64 *host;
	__u32 i;

	if (!scratch)
		return 0;
	fresh = &scratch->fresh_origin;
	head = &scratch->head;
	key.token = head->token;
	key.origin_id = head->origin_id;
	if (bpf_map_lookup_elem(&origins, &key))
		return 0;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->tag = tg_origin_tag(&key);
	fresh->last_jiffies = bpf_jiffies64();
	fresh->host_bytes = head->origin_bytes;
	host = (__u64 *)fresh->host;
	for (i = 0; i < TG_HOST_BYTES_MAX / 8; i++)
		host[i] = head->origin_bytes > i * 8 ? head->host[i] : 0;
	bpf_map_update_elem(&origins, &key, fresh, BPF_NOEXIST);
	return 0;
}

tg_inline void tg_count_delta(const struct tg_usage_key *key, const struct tg_delta *delta)
{
	if (tg_count_usage(tg_usage_row(key), key, delta) && delta->origin_id)
		tg_count_origin(&key->token, delta);
	tg_count_policy(delta);
}

#endif

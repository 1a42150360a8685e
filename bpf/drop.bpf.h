/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The drop map: sources that are looked at before any HTTP work, and tokens. A
 * source is sought under each prefix length that any entry has, longest first, in a
 * hash: there is mostly one length, and a trie costs more than that. An expired
 * entry is looked past, to the network around it.
 */
#ifndef TOLLGATE_DROP_BPF_H
#define TOLLGATE_DROP_BPF_H

#include "identity.bpf.h"
#include "maps.bpf.h"

enum tg_drop_found {
	TG_DROP_PASSES, /* nothing here: go on with a shorter prefix */
	TG_DROP_EXEMPT, /* never_block */
	TG_DROP_HIT,
	TG_DROP_HIT_OPEN, /* its connections may be open still */
};

/* scratch->drop_key: enum tg_drop_found. Notes the packet in the entry. */
tg_inline __u32 tg_drop_find(struct tg_scratch *scratch)
{
	struct tg_drop *drop = bpf_map_lookup_elem(&drops, &scratch->drop_key);
	__u64 now;

	if (!drop)
		return TG_DROP_PASSES;
	now = bpf_jiffies64();
	if (drop->expires_jiffies && (__s64)(drop->expires_jiffies - now) <= 0)
		return TG_DROP_PASSES;
	if (drop->reason == TG_DROP_NEVER)
		return TG_DROP_EXEMPT;
	__sync_fetch_and_add(&drop->packets, 1);
	__sync_fetch_and_add(&drop->bytes, scratch->segment.frame_bytes);
	return !drop->open_jiffies || (__s64)(drop->open_jiffies - now) > 0 ? TG_DROP_HIT_OPEN
									    : TG_DROP_HIT;
}

/* The client's network of so many bits. */
tg_inline __u32 tg_drop_network(struct tg_scratch *scratch, __u32 bits)
{
	const __u32 *client = (const __u32 *)scratch->segment.key.client.bytes;
	struct tg_drop_key *key = &scratch->drop_key;
	__u64 high = client[0] | (__u64)client[1] << 32, low = client[2] | (__u64)client[3] << 32;
	__u32 *subject = (__u32 *)key->subject;

	if (bits < 128) {
		high &= tg_mask64(bits < 64 ? bits : 64);
		low &= tg_mask64(bits < 64 ? 0 : bits - 64);
	}
	key->bits = bits;
	key->kind = TG_KIND_SOURCE;
	subject[0] = high;
	subject[1] = high >> 32;
	subject[2] = low;
	subject[3] = low >> 32;
	return tg_drop_find(scratch);
}

/* The other prefix lengths, where there are more than one. */
tg_global __u32 tg_drop_further(__u32 half)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_control *control = tg_control();
	__u32 i, found;

	if (!scratch || !control)
		return TG_DROP_PASSES;
	for (i = 1; i < TG_DROP_LENGTHS_MAX; i++) {
		__u32 length = control->drop_lengths[half & 1][i];

		if (!length)
			break;
		found = tg_drop_network(scratch, length - 1);
		if (found)
			return found;
	}
	return TG_DROP_PASSES;
}

/* Is the client's address blocked? enum tg_drop_found. */
tg_inline __u32 tg_drop_source(struct tg_scratch *scratch, struct tg_control *control)
{
	__u32 half = control->drop_half & 1, length = control->drop_lengths[half][0], found;

	if (!length)
		return TG_DROP_PASSES;
	found = tg_drop_network(scratch, length - 1);
	if (found || !control->drop_lengths[half][1])
		return found;
	return tg_drop_further(half);
}

/* Is the token of scratch->bill blocked? */
tg_global int tg_drop_token(void)
{
	struct tg_scratch *scratch = tg_scratch();

	if (!scratch || !scratch->bill.token.id)
		return 0;
	scratch->drop_key.bits = 64;
	scratch->drop_key.kind = TG_KIND_TOKEN_ID;
	__builtin_memcpy(scratch->drop_key.subject, &scratch->bill.token.id, 8);
	__builtin_memset(scratch->drop_key.subject + 8, 0, 8);
	return tg_drop_find(scratch) >= TG_DROP_HIT;
}

#endif

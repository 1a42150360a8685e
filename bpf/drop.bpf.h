/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The drop map: sources that are looked at before any HTTP work, and tokens.
 * An expired entry hides what stands behind it, for example a blocked network
 * around an address, until the agent removes it: so it is looked past.
 */
#ifndef TOLLGATE_DROP_BPF_H
#define TOLLGATE_DROP_BPF_H

#include "maps.bpf.h"

#define TG_DROP_DEPTH 8 /* expired entries that are looked past */

/* scratch->drop_key: is it dropped now? Notes the packet in the entry. */
tg_inline int tg_drop_find(struct tg_scratch *scratch, __u32 bytes)
{
	__u64 now = bpf_jiffies64();
	int i;

	for (i = 0; i < TG_DROP_DEPTH; i++) {
		struct tg_drop *drop = bpf_map_lookup_elem(&drops, &scratch->drop_key);

		if (!drop)
			return 0;
		if (!drop->expires_jiffies || (__s64)(drop->expires_jiffies - now) > 0) {
			if (drop->reason == TG_DROP_NEVER)
				return 0;
			__sync_fetch_and_add(&drop->packets, 1);
			__sync_fetch_and_add(&drop->bytes, bytes);
			return 1;
		}
		if (drop->bits <= TG_DROP_BITS(0))
			return 0;
		scratch->drop_key.bits = drop->bits - 1;
	}
	return 0;
}

/* The client's address, whole. */
tg_global int tg_drop_source(void)
{
	struct tg_scratch *scratch = tg_scratch();

	if (!scratch)
		return 0;
	scratch->drop_key.bits = TG_DROP_BITS(128);
	scratch->drop_key.kind = TG_KIND_SOURCE;
	__builtin_memcpy(scratch->drop_key.subject, scratch->segment.key.client.bytes, 16);
	return tg_drop_find(scratch, scratch->segment.frame_bytes);
}

/* The token of scratch->bill. */
tg_global int tg_drop_token(void)
{
	struct tg_scratch *scratch = tg_scratch();
	__u64 *words;

	if (!scratch || !scratch->bill.token.id)
		return 0;
	words = (__u64 *)scratch->drop_key.subject;
	scratch->drop_key.bits = TG_DROP_BITS(64);
	scratch->drop_key.kind = TG_KIND_TOKEN_ID;
	__builtin_memcpy(scratch->drop_key.subject, &scratch->bill.token.id, 8);
	__builtin_memset(scratch->drop_key.subject + 8, 0, 8);
	(void)words;
	return tg_drop_find(scratch, scratch->segment.frame_bytes);
}

#endif

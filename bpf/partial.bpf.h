/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unfinished header of a connection, from one segment to the next: map partials.
 */
#ifndef TOLLGATE_PARTIAL_BPF_H
#define TOLLGATE_PARTIAL_BPF_H

#include "flow.bpf.h"

/*
 * An unfinished header may hold bytes of a token: its beginning, and up to 7
 * that wait to be hashed. A dump of the map must not show them, so they are
 * kept under a mask that depends on the secret, the connection and the place in
 * its stream. Twice is not at all.
 */
tg_global int tg_head_mask(struct tg_head *head, __u64 tag, __u64 offset)
{
	const struct tg_http_config *config = tg_http_config();
	struct tg_sip sip;
	__u32 i;

	if (!head)
		return 0;
	tg_sip_start(&sip, config->key);
	tg_sip_word(&sip, tag);
	/* A state that no text went into yet is the secret itself. */
#pragma unroll
	for (i = 0; i < 4; i++) {
		tg_sip_word(&sip, offset);
		head->sip.v[i] ^= sip.v[0] ^ sip.v[1];
		head->sip_text.v[i] ^= sip.v[2] ^ sip.v[3];
	}
	tg_sip_word(&sip, offset);
	head->base64 ^= sip.v[0] ^ sip.v[1];
	head->escape_digit ^= sip.v[2] ^ sip.v[3];
	/* As a loop, clang 14 lays it out so that its end falls through to its middle: a
	 * jump back that Linux 6.1 takes for a fault.
	 */
#pragma unroll
	for (i = 0; i < 2; i++) {
		tg_sip_word(&sip, offset);
		head->name[i] ^= sip.v[0] ^ sip.v[1];
		head->prefix[i] ^= sip.v[2] ^ sip.v[3];
		tg_sip_word(&sip, offset);
		head->start[i] ^= sip.v[0] ^ sip.v[1];
		tg_sip_word(&sip, offset);
		if (i)
			head->sip.tail ^= sip.v[0] ^ sip.v[1];
		else
			head->sip_text.tail ^= sip.v[0] ^ sip.v[1];
	}
	return 0;
}

/* Fetch the unfinished header, if the connection has one. */
tg_inline void tg_partial_load(const struct tg_flow_key *key, struct tg_flow *flow,
			       struct tg_scratch *scratch)
{
	struct tg_head *head;

	if (!tg_phase_in_head(flow->scan.phase))
		return;
	head = bpf_map_lookup_elem(&partials, key);
	if (!head) {
		flow->scan.phase = TG_PHASE_SYNC;
		return;
	}
	scratch->head = *head;
	tg_head_mask(&scratch->head, tg_flow_tag(key), flow->offset);
}

/* Keep the unfinished header for the next segment, or forget the one that was kept. */
tg_inline __u32 tg_partial_save(const struct tg_flow_key *key, struct tg_flow *flow,
				struct tg_scratch *scratch)
{
	if (!tg_phase_in_head(flow->scan.phase)) {
		if (flow->flags & TG_FLOW_PARTIAL)
			bpf_map_delete_elem(&partials, key);
		flow->flags &= ~TG_FLOW_PARTIAL;
		return TG_CONTINUE;
	}
	tg_head_mask(&scratch->head, tg_flow_tag(key), flow->offset);
	if (bpf_map_update_elem(&partials, key, &scratch->head, BPF_ANY)) {
		flow->scan.phase = TG_PHASE_SYNC;
		return TG_PACKET_PARTIAL_TABLE_FULL;
	}
	flow->flags |= TG_FLOW_PARTIAL;
	return TG_CONTINUE;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Segments that came too early wait here until what is missing before them has come,
 * as they do in the server's TCP. A connection has an element in `holds`, which says
 * what is there as runs of sequence numbers, and pages of its bytes in `held`. Body
 * bytes, which nobody reads, are runs without pages.
 *
 * What is there first stays; a segment that says otherwise about bytes that are there
 * makes the connection ambiguous: servers need not agree on which of the two they read.
 *
 * The flow is ours in all of these. State is kept in struct tg_scratch, as the stack
 * is short. Arguments of global functions may be NULL for the verifier.
 */
#ifndef TOLLGATE_HOLD_BPF_H
#define TOLLGATE_HOLD_BPF_H

#include "server.bpf.h"
#include "../include/tollgate/http_scan.h"

#define TG_HOLD_STEPS_MAX (TG_PAGES_MAX + 4 * TG_RUNS_MAX)

tg_inline __u32 tg_page_of(__u32 seq)
{
	return seq / TG_PAGE_BYTES;
}

/* Pages from one to another, which may stand behind the sequence's wrap. */
tg_inline __u32 tg_pages_between(__u32 from, __u32 to)
{
	return (to - from) & (0xffffffff / TG_PAGE_BYTES);
}

/* --- pages ------------------------------------------------------------------------- */

/* XOR a page with its mask: twice is not at all. Two words a turn of the hash. */
tg_global int tg_page_mask(struct tg_words *words, __u64 nonce)
{
	struct tg_sip sip;
	__u32 i;

	if (!words)
		return 0;
	tg_sip_start(&sip, tg_http_config()->key);
	tg_sip_word(&sip, nonce);
	tg_sip_word(&sip, nonce);
	for (i = 0; i < TG_PAGE_WORDS; i += 2) {
		tg_sip_word(&sip, i);
		words->word[i] ^= sip.v[0] ^ sip.v[1];
		words->word[i + 1] ^= sip.v[2] ^ sip.v[3];
	}
	return 0;
}

/* scratch->held_key: the page of scratch->segment's connection that has the byte seq. */
tg_inline void tg_page_key(struct tg_scratch *scratch, __u32 seq)
{
	scratch->held_key.flow = scratch->segment.key;
	scratch->held_key.page = tg_page_of(seq) % TG_PAGES_MAX;
}

/* A page of zeros, masked, under scratch->held_key. 0, or -1: there is no room. */
tg_global int tg_page_add(struct tg_hold *hold)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_held *fresh;
	__u32 page;

	if (!scratch || !hold)
		return -1;
	fresh = &scratch->fresh_page;
	page = scratch->held_key.page % TG_PAGES_MAX;
	__builtin_memset(&fresh->words, 0, sizeof(fresh->words));
	fresh->nonce = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	tg_page_mask(&fresh->words, fresh->nonce);
	if (bpf_map_update_elem(&held, &scratch->held_key, fresh, BPF_NOEXIST))
		return -1;
	hold->pages[page / 64] |= 1ULL << (page % 64);
	__builtin_memset(&fresh->words, 0, sizeof(fresh->words)); /* the mask alone, but still */
	return 0;
}

/* scratch->page: the bytes of the page under scratch->held_key, in clear. 0 or -1. */
tg_global int tg_page_open(void)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_held *page;
	struct tg_words *to;
	__u32 i;

	if (!scratch)
		return -1;
	page = bpf_map_lookup_elem(&held, &scratch->held_key);
	if (!page)
		return -1;
	to = (struct tg_words *)(scratch->page + TG_PAGE_AT / 8);
	for (i = 0; i < TG_PAGE_WORDS; i++)
		to->word[i] = page->words.word[i];
	tg_page_mask(to, page->nonce);
	return 0;
}

/*
 * The last bytes of the largest frames: the helper reads from no higher offset than
 * 0xffff, but further. To offset at of scratch->page, or ->other. 0 or -1.
 */
tg_global int tg_page_load_far(struct xdp_md *xdp, __u32 from, __u32 bytes, __u32 at, __u32 other)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 i, before = from - 0xfff8;
	__u8 *to;

	if (!scratch)
		return -1;
	to = (__u8 *)(other ? scratch->other : scratch->page) + tg_mask(at, TG_PAGE_BYTES - 1);
	if (before > 32 || bytes > 32 ||
	    bpf_xdp_load_bytes(xdp, 0xfff8, scratch->tail, tg_mask(before + bytes - 1, 63) + 1))
		return -1;
	for (i = 0; i < 32; i++)
		if (i < bytes)
			to[TG_PAGE_AT + i] = scratch->tail[tg_mask(before + i, 63)];
	__builtin_memset(scratch->tail, 0, sizeof(scratch->tail)); /* it may hold a token */
	return 0;
}

/*
 * The packet's bytes from seq on, 1..TG_PAGE_BYTES, to their place in scratch->page, or
 * ->other. 0 or -1.
 */
tg_inline int tg_page_load(struct xdp_md *xdp, struct tg_scratch *scratch, __u32 seq, __u32 bytes,
			   __u32 other)
{
	const struct tg_segment *segment = &scratch->segment;
	__u64 *to = other ? scratch->other : scratch->page;
	__u32 from = segment->offset + (seq - segment->seq), at = seq;

	if (from > 0xffff)
		return tg_page_load_far(xdp, from, bytes, at, other);
	at = tg_mask(at, TG_PAGE_BYTES - 1);
	bytes = tg_mask(bytes - 1, TG_PAGE_BYTES - 1) + 1;
	return bpf_xdp_load_bytes(xdp, from, (void *)to + TG_PAGE_AT + at, bytes) ? -1 : 0;
}

tg_inline void tg_page_clear(__u64 *page)
{
	__builtin_memset((void *)page + TG_PAGE_AT, 0, TG_PAGE_BYTES);
}

/* --- a segment comes in ------------------------------------------------------------ */

/* bytes from seq on are new: into their page. 0, or the packet's reason. */
tg_global __u32 tg_hold_put(struct xdp_md *xdp, struct tg_hold *hold, __u32 seq, __u32 bytes)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_held *page;
	__u64 *from;
	__u32 i;

	if (!scratch || !hold)
		return TG_PACKET_HOLD_FULL;
	tg_page_key(scratch, seq);
	page = bpf_map_lookup_elem(&held, &scratch->held_key);
	if (!page) {
		if (tg_page_add(hold))
			return TG_PACKET_HOLD_FULL;
		page = bpf_map_lookup_elem(&held, &scratch->held_key);
		if (!page)
			return TG_PACKET_HOLD_FULL;
	}
	if (tg_page_load(xdp, scratch, seq, bytes, 0))
		return TG_PACKET_HOLD_FULL;
	from = scratch->page + TG_PAGE_AT / 8;
	for (i = 0; i < TG_PAGE_WORDS; i++)
		page->words.word[i] ^= from[i];
	tg_page_clear(scratch->page);
	return 0;
}

/* Bit i of each byte from..end-1 of a word of 8. */
tg_inline __u64 tg_bytes_mask(__s32 from, __s32 end)
{
	__u64 mask = ~0ULL;

	if (from >= 8 || end <= 0)
		return 0;
	if (from > 0)
		mask <<= from * 8 & 63;
	if (end < 8)
		mask &= ~(~0ULL << (end * 8 & 63));
	return mask;
}

/* Of bytes at..end-1 of a page: do those of one word differ in scratch->page and ->other? */
tg_global int tg_word_differs(__u32 word, __u32 at, __u32 end)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 index = tg_mask(word, TG_PAGE_WORDS - 1) + TG_PAGE_AT / 8;

	if (!scratch)
		return 0;
	return ((scratch->page[index] ^ scratch->other[index]) &
		tg_bytes_mask(at - word * 8, end - word * 8)) != 0;
}

/* bytes from seq on are there already: do they say the same? 0, or the packet's reason. */
tg_global __u32 tg_hold_compare(struct xdp_md *xdp, __u32 seq, __u32 bytes)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 i, at = seq % TG_PAGE_BYTES, differ = 0;

	if (!scratch)
		return TG_PACKET_HOLD_FULL;
	tg_page_key(scratch, seq);
	if (tg_page_load(xdp, scratch, seq, bytes, 1) || tg_page_open()) {
		tg_page_clear(scratch->other);
		return TG_PACKET_HOLD_FULL;
	}
	for (i = 0; i < TG_PAGE_WORDS; i++)
		differ |= tg_word_differs(i, at, at + bytes);
	tg_page_clear(scratch->page);
	tg_page_clear(scratch->other);
	return differ ? TG_PACKET_AMBIGUOUS : 0;
}

/*
 * From scratch->hold_at on, up to the next border of a page or a run: keep, compare or,
 * in a body, step over. 1: all is done, or scratch->hold_result says why not.
 */
tg_global int tg_hold_step(struct xdp_md *xdp, struct tg_hold *hold)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 at, stop, bytes, there = 0, i;

	if (!scratch || !hold)
		return 1;
	at = scratch->hold_at;
	stop = scratch->hold_end;
	if (tg_seq_from(stop, at) <= 0)
		return 1;
	for (i = 0; i < TG_RUNS_MAX; i++) {
		TG_FORGET(stop);
		TG_FORGET(there);
		if (i >= hold->runs)
			break;
		if (tg_seq_from(hold->end[i], at) <= 0)
			continue;
		if (tg_seq_from(hold->begin[i], at) > 0) {
			if (tg_seq_from(stop, hold->begin[i]) > 0)
				stop = hold->begin[i];
		} else {
			there = 1;
			if (tg_seq_from(stop, hold->end[i]) > 0)
				stop = hold->end[i];
		}
	}
	bytes = stop - at;
	if (!there)
		scratch->hold_fresh = 1;
	if (tg_seq_from(scratch->hold_skip, at) > 0) {
		if (tg_seq_from(stop, scratch->hold_skip) > 0)
			bytes = scratch->hold_skip - at;
	} else {
		if (bytes > TG_PAGE_BYTES - at % TG_PAGE_BYTES)
			bytes = TG_PAGE_BYTES - at % TG_PAGE_BYTES;
		scratch->hold_result =
			there ? tg_hold_compare(xdp, at, bytes) : tg_hold_put(xdp, hold, at, bytes);
		if (scratch->hold_result)
			return 1;
	}
	scratch->hold_at = at + bytes;
	return 0;
}

struct tg_hold_run {
	struct xdp_md *xdp;
	struct tg_hold *hold;
};

/* bpf_loop callback */
static long tg_hold_further(__u32 index, struct tg_hold_run *run)
{
	(void)index;
	return tg_hold_step(run->xdp, run->hold) ? 1 : 0;
}

/*
 * Note begin..end-1 as there. 0, or -1: more runs than there is room for; nothing changed.
 * try: only say whether there is room.
 */
tg_global int tg_hold_note(struct tg_hold *hold, __u32 begin, __u32 end, __u32 try)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 i, count = 0, placed = 0;

	if (!scratch || !hold)
		return -1;
	for (i = 0; i < TG_RUNS_MAX; i++) {
		__u32 b, e;

		TG_FORGET(count);
		if (i >= hold->runs)
			break;
		b = hold->begin[i];
		e = hold->end[i];
		if (tg_seq_from(b, end) > 0) {
			if (!placed) {
				scratch->run_begin[count & (2 * TG_RUNS_MAX - 1)] = begin;
				scratch->run_stop[count & (2 * TG_RUNS_MAX - 1)] = end;
				count++;
				placed = 1;
			}
		} else if (tg_seq_from(e, begin) >= 0) {
			if (tg_seq_from(begin, b) > 0)
				begin = b;
			if (tg_seq_from(e, end) > 0)
				end = e;
			continue;
		}
		scratch->run_begin[count & (2 * TG_RUNS_MAX - 1)] = b;
		scratch->run_stop[count & (2 * TG_RUNS_MAX - 1)] = e;
		count++;
	}
	if (!placed) {
		scratch->run_begin[count & (2 * TG_RUNS_MAX - 1)] = begin;
		scratch->run_stop[count & (2 * TG_RUNS_MAX - 1)] = end;
		count++;
	}
	if (count > TG_RUNS_MAX)
		return -1;
	if (try)
		return 0;
	for (i = 0; i < TG_RUNS_MAX; i++) {
		hold->begin[i] = scratch->run_begin[i];
		hold->end[i] = scratch->run_stop[i];
	}
	hold->runs = count;
	return 0;
}

struct tg_drop_run {
	struct tg_scratch *scratch;
	struct tg_hold *hold;
	__u32 first;
};

/* bpf_loop callback: away with a page of scratch->held_key's connection. */
static long tg_page_drop(__u32 index, struct tg_drop_run *run)
{
	__u32 page = (run->first + index) % TG_PAGES_MAX;
	__u64 bit = 1ULL << (page % 64);
	struct tg_hold *hold = run->hold;

	if (!(hold->pages[page / 64] & bit))
		return 0;
	hold->pages[page / 64] &= ~bit;
	run->scratch->held_key.page = page;
	bpf_map_delete_elem(&held, &run->scratch->held_key);
	return 0;
}

/* Pages first to last of scratch->held_key's connection. */
tg_inline void tg_pages_drop(struct tg_scratch *scratch, struct tg_hold *hold, __u32 first,
			     __u32 last)
{
	struct tg_drop_run run = {scratch, hold, first};
	__u32 count = tg_pages_between(first, last) + 1;

	bpf_loop(count < TG_PAGES_MAX ? count : TG_PAGES_MAX, tg_page_drop, &run, 0);
}

/* Pages before the one that has seq are done with. */
tg_global int tg_hold_trim(struct tg_hold *hold, __u32 seq)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 page = tg_page_of(seq);

	if (!scratch || !hold || page == hold->first_page)
		return 0;
	tg_page_key(scratch, seq);
	tg_pages_drop(scratch, hold, hold->first_page, page - 1);
	hold->first_page = page;
	if (tg_pages_between(page, hold->last_page) >= TG_PAGES_MAX)
		hold->last_page = page; /* it was before this one */
	return 0;
}

/* Nothing is held of the connection any more. key: of it. */
tg_global int tg_hold_end(const struct tg_flow_key *key)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_hold *hold;

	if (!scratch || !key)
		return 0;
	scratch->held_key.flow = *key;
	hold = bpf_map_lookup_elem(&holds, &scratch->held_key.flow);
	if (!hold)
		return 0;
	tg_pages_drop(scratch, hold, hold->first_page, hold->last_page);
	bpf_map_delete_elem(&holds, &scratch->held_key.flow);
	return 0;
}

tg_inline struct tg_hold *tg_hold_get(struct tg_flow *flow, struct tg_scratch *scratch)
{
	const struct tg_flow_key *key = &scratch->segment.key;
	struct tg_hold *hold = bpf_map_lookup_elem(&holds, key);

	if (hold)
		return hold;
	__builtin_memset(&scratch->fresh_hold, 0, sizeof(scratch->fresh_hold));
	scratch->fresh_hold.first_page = tg_page_of(flow->next_seq);
	scratch->fresh_hold.last_page = scratch->fresh_hold.first_page;
	scratch->fresh_hold.since_jiffies = bpf_jiffies64();
	if (bpf_map_update_elem(&holds, key, &scratch->fresh_hold, BPF_NOEXIST))
		return 0;
	flow->flags |= TG_FLOW_HOLDS;
	return bpf_map_lookup_elem(&holds, key);
}

/*
 * Keep the segment, whose bytes from begin on lie ahead of the flow. Returns the
 * packet's reason: HELD, RETRANSMIT (all was there), HOLD_FULL, AMBIGUOUS.
 */
tg_global __u32 tg_hold_segment(struct xdp_md *xdp, struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	const struct tg_segment *segment;
	struct tg_hold_run run = {.xdp = xdp};
	struct tg_hold *hold;
	__u32 ahead, last;

	if (!scratch || !flow)
		return TG_PACKET_HOLD_FULL;
	segment = &scratch->segment;
	scratch->hold_at = segment->seq;
	scratch->hold_end = segment->seq + segment->bytes;
	scratch->hold_skip = segment->seq;
	scratch->hold_result = 0;
	scratch->hold_fresh = 0;
	ahead = scratch->hold_end - flow->next_seq;
	if (tg_phase_skips(flow->scan.phase)) {
		scratch->hold_skip = flow->scan.skip < ahead
					     ? flow->next_seq + (__u32)flow->scan.skip
					     : scratch->hold_end;
	}
	if (tg_seq_from(scratch->hold_end, scratch->hold_skip) > 0 &&
	    tg_pages_between(tg_page_of(flow->next_seq), tg_page_of(scratch->hold_end - 1)) >=
		    TG_PAGES_MAX - 1)
		return TG_PACKET_HOLD_FULL;
	hold = tg_hold_get(flow, scratch);
	if (!hold || tg_hold_note(hold, segment->seq, scratch->hold_end, 1))
		return TG_PACKET_HOLD_FULL;
	tg_hold_trim(hold, flow->next_seq); /* the flow may have caught up since */
	if (tg_seq_from(scratch->hold_end, scratch->hold_skip) > 0) {
		last = tg_page_of(scratch->hold_end - 1);
		if (tg_pages_between(hold->first_page, last) >
		    tg_pages_between(hold->first_page, hold->last_page))
			hold->last_page = last;
	}
	run.hold = hold;
	bpf_loop(TG_HOLD_STEPS_MAX, tg_hold_further, &run, 0);
	/* If it ended early: what was stored must be known, or it would be stored again. */
	if (scratch->hold_at != segment->seq &&
	    tg_hold_note(hold, segment->seq, scratch->hold_at, 0)) {
		tg_hold_end(&scratch->segment.key);
		flow->flags &= ~TG_FLOW_HOLDS;
		return TG_PACKET_HOLD_FULL;
	}
	if (scratch->hold_result)
		return scratch->hold_result;
	if (segment->fin) {
		hold->fin_seq = scratch->hold_end;
		hold->has_fin = 1;
	}
	return scratch->hold_fresh ? TG_PACKET_HELD : TG_PACKET_RETRANSMIT;
}

/* --- what was missing has come ----------------------------------------------------- */

/* Leave out runs that end before seq; of the first one that has it, its end. 0: none has. */
tg_inline __u32 tg_hold_reach(struct tg_hold *hold, __u32 seq, __u32 *end)
{
	__u32 i, found = 0, kept = 0;

	for (i = 0; i < TG_RUNS_MAX; i++) {
		__u32 b, e;

		TG_FORGET(kept);
		if (i >= hold->runs)
			break;
		b = hold->begin[i];
		e = hold->end[i];
		if (tg_seq_from(e, seq) <= 0)
			continue;
		if (tg_seq_from(b, seq) <= 0) {
			*end = e;
			found = 1;
		}
		hold->begin[kept & (TG_RUNS_MAX - 1)] = b;
		hold->end[kept & (TG_RUNS_MAX - 1)] = e;
		kept++;
	}
	hold->runs = kept;
	return found;
}

/*
 * The next held bytes in order, for the scanner: scratch->page from scratch->at to
 * scratch->limit. Steps over those of a body. 1: there are none (left).
 */
tg_global int tg_hold_next(struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	__u32 end = 0, bytes, at;
	struct tg_hold *hold;

	if (!scratch || !flow)
		return 1;
	hold = bpf_map_lookup_elem(&holds, &scratch->segment.key);
	if (!hold)
		return 1;
	tg_hold_trim(hold, flow->next_seq);
	if (!tg_hold_reach(hold, flow->next_seq, &end))
		return 1;
	scratch->run_end = end;
	bytes = end - flow->next_seq;
	if (tg_phase_skips(flow->scan.phase)) {
		bytes = tg_body_skip(&flow->scan, bytes);
		flow->unbilled_bytes += bytes;
		flow->offset += bytes;
		flow->next_seq += bytes;
		scratch->at = 0;
		scratch->limit = 0;
		return 0;
	}
	tg_page_key(scratch, flow->next_seq);
	if (tg_page_open())
		return 1; /* cannot be: what is read has pages */
	at = flow->next_seq % TG_PAGE_BYTES;
	if (bytes > TG_PAGE_BYTES - at)
		bytes = TG_PAGE_BYTES - at;
	scratch->at = TG_PAGE_AT + at;
	scratch->limit = scratch->at + bytes;
	scratch->base = flow->offset - scratch->at;
	return 0;
}

/* After draining. 1: the client's FIN is next, and nothing is missing before it. */
tg_global int tg_hold_settle(struct tg_flow *flow)
{
	struct tg_scratch *scratch = tg_scratch();
	struct tg_hold *hold;
	int over;

	if (!scratch || !flow)
		return 0;
	tg_page_clear(scratch->page);
	hold = bpf_map_lookup_elem(&holds, &scratch->segment.key);
	if (!hold)
		return 0;
	over = hold->has_fin && hold->fin_seq == flow->next_seq;
	hold->since_jiffies = bpf_jiffies64(); /* it went on: what is missing now is another byte */
	if (!hold->runs) {
		tg_hold_end(&scratch->segment.key);
		flow->flags &= ~TG_FLOW_HOLDS;
	}
	return over;
}

#endif

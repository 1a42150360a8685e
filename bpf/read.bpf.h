/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes that the scanner asks for. They lie in the packet, or in scratch->page when
 * they came too early and waited (hold.bpf.h). Offsets are those in the frame, or in the
 * page.
 */
#ifndef TOLLGATE_READ_BPF_H
#define TOLLGATE_READ_BPF_H

#include "hold.bpf.h"
#include "packet.bpf.h"
#include "../include/tollgate/http_state.h"

/* Highest packet offset that the verifier lets a pointer have, less a word. */
#define TG_DIRECT_OFFSET_MAX 0xff00

/* 8 bytes at a frame offset. Directly, or by helper from a further fragment. */
tg_inline int tg_read_word(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 offset,
			   __u64 *word)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;

	if (offset <= TG_DIRECT_OFFSET_MAX) {
		__u64 *at = data + offset;

		/* clang 14 adds data and offset once more for the load, as a pointer
		 * that the verifier has not seen compared with the end.
		 */
		asm volatile("" : "+r"(at));
		if ((void *)(at + 1) <= end) {
			*word = *at;
			return 0;
		}
	}
	if (offset <= 0xffff)
		return bpf_xdp_load_bytes(xdp, offset, word, sizeof(*word));
	/* The helper takes no higher offset (kernel: -EFAULT), but a longer read. */
	offset -= 0xfff8;
	TG_FORGET(offset);
	if (offset > sizeof(scratch->tail) - 8 ||
	    bpf_xdp_load_bytes(xdp, 0xfff8, scratch->tail, offset + 8))
		return -1;
	__builtin_memcpy(word, scratch->tail + offset, sizeof(*word));
	__builtin_memset(scratch->tail, 0, sizeof(scratch->tail)); /* it may hold a token */
	return 0;
}

tg_inline int tg_read_page(const struct tg_scratch *scratch, __u64 offset, __u64 *word)
{
	offset = tg_mask(offset, 0x7ff);
	__builtin_memcpy(word, (void *)scratch->page + offset, sizeof(*word));
	return 0;
}

tg_inline int tg_read(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 offset, __u64 *word)
{
	return scratch->from_page ? tg_read_page(scratch, offset, word)
				  : tg_read_word(xdp, scratch, offset, word);
}

/*
 * The next 1..8 of left bytes at a frame offset, the rest 0xff. The last word
 * is read from 8 bytes before the end, which still lie in the frame.
 */
tg_inline int tg_read_input(struct xdp_md *xdp, struct tg_scratch *scratch, __u64 at, __u64 left,
			    struct tg_input *in)
{
	__u32 short_bits;

	if (left >= 8) {
		in->bytes = 8;
		return tg_read(xdp, scratch, at, &in->word);
	}
	in->bytes = left;
	if (tg_read(xdp, scratch, at + left - 8, &in->word))
		return -1;
	short_bits = (8 - left) * 8 & 63;
	in->word = in->word >> short_bits | ~(~0ULL >> short_bits);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), fed a word at a time, so that a
 * token is hashed where it lies and may stop at any byte and go on in the next
 * segment. 64 bits under a secret key: tokens of one host cannot be matched
 * with those of another, and no one can search for collisions from outside.
 */
#ifndef TOLLGATE_SIPHASH_H
#define TOLLGATE_SIPHASH_H

#include "word.h"

struct tg_sip {
	__u64 v[4];
	__u64 tail;  /* bytes % 8 bytes that wait for a whole word */
	__u32 bytes; /* fed so far */
	__u32 pad;
};

#define TG_SIP_ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

#define TG_SIP_ROUND(v0, v1, v2, v3)                                                               \
	do {                                                                                       \
		v0 += v1;                                                                          \
		v1 = TG_SIP_ROTATE(v1, 13) ^ v0;                                                   \
		v0 = TG_SIP_ROTATE(v0, 32);                                                        \
		v2 += v3;                                                                          \
		v3 = TG_SIP_ROTATE(v3, 16) ^ v2;                                                   \
		v0 += v3;                                                                          \
		v3 = TG_SIP_ROTATE(v3, 21) ^ v0;                                                   \
		v2 += v1;                                                                          \
		v1 = TG_SIP_ROTATE(v1, 17) ^ v2;                                                   \
		v2 = TG_SIP_ROTATE(v2, 32);                                                        \
	} while (0)

tg_inline void tg_sip_start(struct tg_sip *sip, const __u64 key[2])
{
	sip->v[0] = key[0] ^ 0x736f6d6570736575ULL;
	sip->v[1] = key[1] ^ 0x646f72616e646f6dULL;
	sip->v[2] = key[0] ^ 0x6c7967656e657261ULL;
	sip->v[3] = key[1] ^ 0x7465646279746573ULL;
	sip->tail = 0;
	sip->bytes = 0;
	sip->pad = 0;
}

tg_inline void tg_sip_word(struct tg_sip *sip, __u64 word)
{
	__u64 v0 = sip->v[0], v1 = sip->v[1], v2 = sip->v[2], v3 = sip->v[3];

	v3 ^= word;
	TG_SIP_ROUND(v0, v1, v2, v3);
	TG_SIP_ROUND(v0, v1, v2, v3);
	v0 ^= word;
	sip->v[0] = v0;
	sip->v[1] = v1;
	sip->v[2] = v2;
	sip->v[3] = v3;
}

/* The first bytes (0..8) of word. */
tg_inline void tg_sip_add(struct tg_sip *sip, __u64 word, __u32 bytes)
{
	__u32 held = sip->bytes % 8, shift = held * 8;
	__u64 joined;

	word = tg_word_keep(word, bytes);
	joined = sip->tail | word << shift;
	sip->bytes += bytes;
	if (held + bytes < 8) {
		sip->tail = joined;
		return;
	}
	tg_sip_word(sip, joined);
	sip->tail = held ? word >> (64 - shift) : 0;
}

/* The hash of what was fed. sip itself stays as it was. */
tg_inline __u64 tg_sip_end(const struct tg_sip *sip)
{
	__u64 v0 = sip->v[0], v1 = sip->v[1], v2 = sip->v[2], v3 = sip->v[3];
	__u64 last = sip->tail | (__u64)sip->bytes << 56;

	v3 ^= last;
	TG_SIP_ROUND(v0, v1, v2, v3);
	TG_SIP_ROUND(v0, v1, v2, v3);
	v0 ^= last;
	v2 ^= 0xff;
	TG_SIP_ROUND(v0, v1, v2, v3);
	TG_SIP_ROUND(v0, v1, v2, v3);
	TG_SIP_ROUND(v0, v1, v2, v3);
	TG_SIP_ROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}

#endif

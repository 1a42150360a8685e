/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RFC 9112 sections 6 and 7: how long the body is, and over it by arithmetic.
 * Body bytes are never read; of a chunked body only the lines between chunks.
 */
#ifndef TOLLGATE_HTTP_BODY_H
#define TOLLGATE_HTTP_BODY_H

#include "http_header.h"

tg_inline void tg_message_end(struct tg_scan *scan)
{
	scan->phase = TG_PHASE_START;
	if (scan->flags & TG_SCAN_SWITCHING)
		scan->flags |= TG_SCAN_TUNNEL;
	scan->flags &= ~TG_SCAN_SWITCHING;
}

tg_inline void tg_chunk_start(struct tg_scan *scan, __u64 at)
{
	scan->phase = TG_PHASE_CHUNK_SIZE;
	scan->skip = 0;
	scan->sub = 0;
	scan->begin = at;
}

/* Bytes of the next left that are body: consumed without a look. */
tg_inline __u64 tg_body_skip(struct tg_scan *scan, __u64 left)
{
	__u64 bytes = scan->skip < left ? scan->skip : left;

	scan->skip -= bytes;
	if (!scan->skip) {
		if (scan->phase == TG_PHASE_BODY)
			tg_message_end(scan);
		else
			scan->phase = TG_PHASE_CHUNK_END;
	}
	return bytes;
}

tg_inline int tg_phase_skips(__u8 phase)
{
	return phase == TG_PHASE_BODY || phase == TG_PHASE_CHUNK_DATA;
}

/* The header is complete at stream offset at: what follows it? */
tg_inline __u32 tg_header_end(struct tg_scan *scan, struct tg_head *head,
			      const struct tg_http_config *config, __u64 at)
{
	__u16 flags = head->flags;
	__u64 bytes = at - scan->begin;

	if (bytes > config->header_bytes_max)
		return TG_ERROR(TG_PACKET_HEADER_TOO_LONG);
	if ((flags & TG_HEAD_BAD_FRAMING) ||
	    (flags & (TG_HEAD_CODING | TG_HEAD_CHUNKED)) == TG_HEAD_CODING)
		return TG_ERROR(TG_PACKET_BAD_FRAMING);
	if ((flags & TG_HEAD_AMBIGUOUS) ||
	    ((flags & TG_HEAD_CODING) && (flags & (TG_HEAD_LENGTH | TG_HEAD_OLD))))
		return TG_ERROR(TG_PACKET_AMBIGUOUS);
	head->header_bytes = bytes;
	scan->flags = (scan->flags & ~TG_SCAN_TENTATIVE) | TG_SCAN_SEEN;
	if (flags & TG_HEAD_SWITCH)
		scan->flags |= TG_SCAN_SWITCHING;
	if (flags & TG_HEAD_CODING) {
		tg_chunk_start(scan, at);
	} else if ((flags & TG_HEAD_LENGTH) && head->length) {
		scan->phase = TG_PHASE_BODY;
		scan->skip = head->length;
	} else {
		tg_message_end(scan);
	}
	return TG_STEP_REQUEST;
}

/*
 * scan->sub: 0 before the first digit, 1 after it, 2 after white space. The
 * size is checked before the shift as well, which may lose a digit at the top.
 */
tg_inline __u32 tg_step_chunk_size(struct tg_scan *scan, const struct tg_input *in)
{
	__u8 byte = in->word;
	__u32 digit = tg_hex_digit(byte);

	if (digit < 16 && scan->sub < 2) {
		scan->sub = 1;
		if (scan->skip > TG_BODY_BYTES_MAX / 16)
			return TG_FAIL(TG_PACKET_BAD_CHUNK, 0);
		scan->skip = scan->skip << 4 | digit;
		return scan->skip > TG_BODY_BYTES_MAX ? TG_FAIL(TG_PACKET_BAD_CHUNK, 0) : 1;
	}
	if (!scan->sub)
		return TG_FAIL(TG_PACKET_BAD_CHUNK, 0);
	switch (byte) {
	case ' ':
	case '\t':
		scan->sub = 2;
		return 1;
	case ';':
		scan->phase = TG_PHASE_CHUNK_EXTENSION;
		return 1;
	case '\r':
	case '\n':
		scan->line = TG_LINE_CHUNK_SIZE;
		return TG_STEP_LINE;
	}
	/* Behind white space nginx takes anything for an extension. */
	return TG_FAIL(scan->sub < 2 ? TG_PACKET_BAD_CHUNK : TG_PACKET_AMBIGUOUS, 0);
}

tg_inline __u32 tg_step_chunk_end(struct tg_scan *scan, const struct tg_input *in)
{
	__u8 byte = in->word;

	if (byte != '\r' && byte != '\n')
		return TG_FAIL(TG_PACKET_BAD_CHUNK, 0);
	scan->line = TG_LINE_CHUNK_DATA;
	return TG_STEP_LINE;
}

/* scan->sub in TG_PHASE_TRAILER; 0: at the first line. */
#define TG_TRAILER_NAME	   1 /* a name has begun */
#define TG_TRAILER_FURTHER 2 /* at a line that may continue the one before */

/* RFC 9112 section 7.1.2. nginx reads no field here, but only over lines. */
tg_inline __u32 tg_step_trailer(struct tg_scan *scan, const struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21) | tg_word_equal(in->word, ':');
	__u32 text;
	__u8 byte;
	int named;

	if (!stop) {
		scan->sub = TG_TRAILER_NAME;
		return in->bytes;
	}
	text = tg_word_first(stop);
	byte = tg_input_byte(in, text);
	named = text || scan->sub == TG_TRAILER_NAME;
	if (byte == ':' ? named : !named && scan->sub && (byte == ' ' || byte == '\t')) {
		scan->phase = TG_PHASE_TRAILER_VALUE;
		return text + 1;
	}
	if (named || (byte != '\r' && byte != '\n'))
		return TG_FAIL(TG_PACKET_AMBIGUOUS, text);
	scan->line = TG_LINE_TRAILER_END;
	return TG_STEP_LINE;
}

tg_inline __u32 tg_step_body(struct tg_scan *scan, const struct tg_input *in)
{
	switch (scan->phase) {
	case TG_PHASE_CHUNK_SIZE:
		return tg_step_chunk_size(scan, in);
	case TG_PHASE_CHUNK_EXTENSION:
		return tg_step_value_skip(scan, in, TG_LINE_CHUNK_SIZE);
	case TG_PHASE_CHUNK_END:
		return tg_step_chunk_end(scan, in);
	case TG_PHASE_TRAILER:
		return tg_step_trailer(scan, in);
	}
	return tg_step_value_skip(scan, in, TG_LINE_TRAILER);
}

#endif

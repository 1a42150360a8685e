/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RFC 9112 section 5: field-name ":" OWS field-value OWS. A name is looked up
 * in the header table; only values that have a row are read.
 */
#ifndef TOLLGATE_HTTP_HEADER_H
#define TOLLGATE_HTTP_HEADER_H

#include "http_origin.h"
#include "http_request_line.h"

#define TG_WORD_CHUNKED	 0x0064656b6e756863ULL /* "chunked" */
#define TG_CHUNKED_BYTES 7
/* scan->sub in TG_PHASE_CODING, beyond the count of bytes that match so far */
#define TG_CODING_SPACE 8 /* "chunked", then white space */
#define TG_CODING_OTHER 9
#define TG_CODING_COMMA 10 /* "chunked", then a comma */
/* scan->sub in TG_PHASE_LENGTH, after 0: nothing yet */
#define TG_LENGTH_DIGITS 1
#define TG_LENGTH_SPACE	 2 /* digits, then white space */
#define TG_LENGTH_COMMA	 3 /* digits, then a comma: a list */

#define TG_LENGTH_MAX (~0ULL >> 1) /* what servers take, in a signed number */

/* The row + 1 of the name in head->name, or 0. */
tg_inline __u32 tg_row_match(const struct tg_head *head, const struct tg_http_config *config)
{
	__u32 i, bytes = head->name_bytes;
	__u32 row = config->slot[tg_row_slot(head->name[0])];

	if (bytes > TG_NAME_BYTES_MAX)
		return 0;
	for (i = 0; i < TG_ROW_CHAIN_MAX; i++) {
		const struct tg_row *candidate;

		/* In one comparison: Linux 6.1 learns nothing from row being not 0. */
		if (row - 1 >= TG_ROWS_MAX)
			return 0;
		candidate = &config->row[row - 1];
		if (candidate->name_bytes == bytes && candidate->name[0] == head->name[0] &&
		    (bytes <= 8 || candidate->name[1] == head->name[1]) &&
		    (bytes <= 16 || candidate->name[2] == head->name[2]) &&
		    (bytes <= 24 || candidate->name[3] == head->name[3]))
			return row;
		row = candidate->next;
	}
	return 0;
}

/* One length is over, and another comes: nginx refuses that, HAProxy takes the same one again. */
tg_inline void tg_length_again(struct tg_head *head)
{
	head->flags |= TG_HEAD_AGAIN | TG_HEAD_AMBIGUOUS;
	head->name[0] = head->length;
	head->length = 0;
}

/* A value of a header with this row begins: which phase reads it? */
tg_inline __u8 tg_value_start(struct tg_scan *scan, struct tg_head *head,
			      const struct tg_http_config *config, const struct tg_row *row)
{
	__u8 whole = row->whole_place < head->best ? row->whole_place : TG_PLACE_NONE;

	scan->sub = 0;
	switch (row->kind) {
	case TG_ROW_CONTENT_LENGTH:
		if (head->flags & TG_HEAD_LENGTH)
			tg_length_again(head);
		head->flags |= TG_HEAD_LENGTH;
		head->length = 0;
		return TG_PHASE_LENGTH;
	case TG_ROW_TRANSFER_ENCODING:
		if (head->flags & TG_HEAD_CODING)
			head->flags |= TG_HEAD_AMBIGUOUS;
		head->flags |= TG_HEAD_CODING;
		return TG_PHASE_CODING;
	case TG_ROW_UPGRADE:
		head->flags |= TG_HEAD_SWITCH;
		return TG_PHASE_VALUE_SKIP;
	case TG_ROW_ORIGIN:
	case TG_ROW_REFERER:
		return tg_origin_start(head, config, row->kind);
	case TG_ROW_TOKEN:
		if (whole == TG_PLACE_NONE && !row->schemes)
			return TG_PHASE_VALUE_SKIP;
		tg_token_start(head, config, whole);
		head->name_bytes = 0;
		return row->schemes ? TG_PHASE_SCHEME : TG_PHASE_TOKEN;
	}
	return TG_PHASE_VALUE_SKIP;
}

tg_inline __u32 tg_step_name(struct tg_scan *scan, struct tg_head *head,
			     const struct tg_http_config *config, const struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21) | tg_word_equal(in->word, ':');
	__u32 text = stop ? tg_word_first(stop) : in->bytes, row;
	__u8 byte = tg_input_byte(in, text);

	if (scan->phase == TG_PHASE_LINE)
		head->name_bytes = 0;
	scan->phase = TG_PHASE_NAME;
	tg_word_append(head->name, TG_NAME_BYTES_MAX / 8, head->name_bytes, tg_word_lower(in->word),
		       text);
	head->name_bytes += text;
	if (!stop)
		return text;
	if (byte == ':' && head->name_bytes) {
		row = tg_row_match(head, config);
		head->row = row - 1;
		scan->phase = row ? TG_PHASE_VALUE_SPACE : TG_PHASE_VALUE_SKIP;
		return text + 1;
	}
	if (byte == '\r' || byte == '\n') {
		scan->line = head->name_bytes ? TG_LINE_NO_COLON : TG_LINE_HEADER_END;
		return text | TG_STEP_LINE;
	}
	/* HAProxy takes white space ahead for more of the line before; nginx refuses. */
	if (!head->name_bytes && (byte == ' ' || byte == '\t'))
		return TG_FAIL(TG_PACKET_AMBIGUOUS, text);
	return TG_FAIL(TG_PACKET_BAD_HEADER, text);
}

/* A value, or its rest, that says nothing to us. Used for trailers, too. */
tg_inline __u32 tg_step_value_skip(struct tg_scan *scan, const struct tg_input *in, __u8 line)
{
	__u64 stop = tg_word_below(in->word, 0x20);
	__u32 text;
	__u8 byte;

	if (!stop)
		return in->bytes;
	text = tg_word_first(stop);
	byte = tg_input_byte(in, text);
	if (!byte && line == TG_LINE_HEADER)
		return TG_FAIL(TG_PACKET_AMBIGUOUS, text); /* HAProxy takes NUL, nginx does not */
	if (byte != '\r' && byte != '\n')
		return text + 1;
	scan->line = line;
	return text | TG_STEP_LINE;
}

/*
 * RFC 9110 section 8.6: digits, or several alike in a list, which only HAProxy
 * takes; a tab is white space to it alone, too. All is found out here, and told
 * at the header's end.
 */
tg_inline __u32 tg_step_length(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_input *in)
{
	__u8 byte = in->word, sub = scan->sub;

	if (byte >= '0' && byte <= '9' && sub != TG_LENGTH_SPACE) {
		scan->sub = TG_LENGTH_DIGITS;
		if (head->length <= TG_LENGTH_MAX / 10) {
			head->length = head->length * 10 + (byte - '0');
			if (head->length <= TG_LENGTH_MAX)
				return 1;
		}
	} else if ((byte == ' ' || byte == '\t') && sub) {
		if (byte == '\t')
			head->flags |= TG_HEAD_AMBIGUOUS;
		if (sub == TG_LENGTH_DIGITS)
			scan->sub = TG_LENGTH_SPACE;
		return 1;
	} else if (sub == TG_LENGTH_DIGITS || sub == TG_LENGTH_SPACE) {
		if ((head->flags & TG_HEAD_AGAIN) && head->name[0] != head->length)
			head->flags |= TG_HEAD_BAD_FRAMING;
		if (byte == '\r' || byte == '\n') {
			scan->line = TG_LINE_HEADER;
			return TG_STEP_LINE;
		}
		if (byte == ',') {
			tg_length_again(head);
			scan->sub = TG_LENGTH_COMMA;
			return 1;
		}
	}
	if (!byte)
		return TG_FAIL(TG_PACKET_BAD_HEADER, 0);
	head->flags |= TG_HEAD_BAD_FRAMING;
	scan->phase = TG_PHASE_VALUE_SKIP;
	return tg_step_value_skip(scan, in, TG_LINE_HEADER);
}

/* A Transfer-Encoding ends. An empty one beside "chunked" is nothing to HAProxy alone. */
tg_inline void tg_coding_end(const struct tg_scan *scan, struct tg_head *head)
{
	__u8 sub = scan->sub;

	if (!sub)
		return;
	if ((sub < TG_CHUNKED_BYTES || sub == TG_CODING_OTHER) || (head->flags & TG_HEAD_CHUNKED))
		head->flags |= TG_HEAD_BAD_FRAMING;
	head->flags |= TG_HEAD_CHUNKED;
}

/*
 * RFC 9112 section 6.1: a list of codings, of which servers take "chunked" alone.
 * HAProxy alone takes tabs around it, and a comma behind it.
 */
tg_inline __u32 tg_step_coding(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_input *in)
{
	__u8 byte = in->word, at = scan->sub;

	if (byte == '\t')
		head->flags |= TG_HEAD_AMBIGUOUS;
	if (byte == ',' && (at == TG_CHUNKED_BYTES || at == TG_CODING_SPACE)) {
		head->flags |= TG_HEAD_AMBIGUOUS;
		scan->sub = TG_CODING_COMMA;
	} else if (byte == '\r' || byte == '\n') {
		tg_coding_end(scan, head);
		scan->line = TG_LINE_HEADER;
		return TG_STEP_LINE;
	} else if (byte == ' ' || byte == '\t') {
		if (at == TG_CHUNKED_BYTES)
			scan->sub = TG_CODING_SPACE;
		else if (at && at < TG_CODING_SPACE)
			scan->sub = TG_CODING_OTHER;
	} else if (!byte) {
		return TG_FAIL(TG_PACKET_BAD_HEADER, 0);
	} else if (at < TG_CHUNKED_BYTES && (byte | 0x20) == (__u8)(TG_WORD_CHUNKED >> (at * 8))) {
		scan->sub = at + 1;
	} else {
		scan->sub = TG_CODING_OTHER;
	}
	return 1;
}

tg_inline __u32 tg_step_value(struct tg_scan *scan, struct tg_head *head,
			      const struct tg_http_config *config, struct tg_input *in)
{
	switch (scan->phase) {
	case TG_PHASE_SCHEME:
		return tg_step_scheme(scan, head, config, in);
	case TG_PHASE_TOKEN:
		return tg_step_token(scan, head, in);
	case TG_PHASE_BASIC:
		return tg_step_basic(scan, head, in);
	case TG_PHASE_LENGTH:
		return tg_step_length(scan, head, in);
	case TG_PHASE_CODING:
		return tg_step_coding(scan, head, in);
	case TG_PHASE_ORIGIN:
		return tg_step_origin(scan, head, config, in);
	}
	return tg_step_value_skip(scan, in, TG_LINE_HEADER);
}

tg_inline int tg_row_frames(const struct tg_row *row)
{
	return row->kind == TG_ROW_CONTENT_LENGTH || row->kind == TG_ROW_TRANSFER_ENCODING;
}

/* White space before a value; then the value begins. */
tg_inline __u32 tg_step_value_space(struct tg_scan *scan, struct tg_head *head,
				    const struct tg_http_config *config, const struct tg_input *in)
{
	__u8 byte = in->word;
	__u32 row = head->row;

	if (byte == ' ')
		return 1;
	if (row >= TG_ROWS_MAX)
		return TG_FAIL(TG_PACKET_BAD_HEADER, 0); /* cannot be; for the verifier */
	if (byte == '\t') {
		if (tg_row_frames(&config->row[row]))
			head->flags |= TG_HEAD_AMBIGUOUS;
		return 1;
	}
	scan->phase = tg_value_start(scan, head, config, &config->row[row]);
	return 0;
}

#endif

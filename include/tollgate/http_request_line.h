/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RFC 9112 section 3: method SP request-target SP HTTP-version. Several spaces
 * are taken for one, as section 3 allows and servers do.
 */
#ifndef TOLLGATE_HTTP_REQUEST_LINE_H
#define TOLLGATE_HTTP_REQUEST_LINE_H

#include "http_token.h"

/* tchar of RFC 9110 section 5.6.2, as bits 0..63 and 64..127. */
#define TG_TCHAR_LOW  0x03ff6cfa00000000ULL
#define TG_TCHAR_HIGH 0x57ffffffc7fffffeULL

#define TG_WORD_CONNECT 0x005443454e4e4f43ULL /* "CONNECT" */
#define TG_WORD_GET	0x0000000000544547ULL /* "GET" */
#define TG_WORD_HTTP_1	0x002e312f50545448ULL /* "HTTP/1." */
#define TG_HTTP_1_BYTES 7
#define TG_HTTP_BYTES	5 /* "HTTP/" */

tg_inline int tg_is_tchar(__u8 byte)
{
	__u64 set = byte < 64 ? TG_TCHAR_LOW : TG_TCHAR_HIGH;

	return byte < 128 && (set >> (byte & 63) & 1);
}

/* Are the first bytes (0..8) of the word all A-Z? */
tg_inline int tg_word_is_upper(__u64 word, __u32 bytes)
{
	__u64 x = tg_word_keep(word, bytes) | (TG_BYTES('A') & ~tg_word_keep(~0ULL, bytes));

	return !((x | (x + TG_BYTES(0x7f - 'Z')) | (TG_BYTES(0x7f + 'A') - x)) & TG_HIGHS);
}

tg_inline __u32 tg_method_fail(const struct tg_scan *scan)
{
	return TG_FAIL(scan->flags & TG_SCAN_SEEN ? TG_PACKET_BAD_REQUEST_LINE : TG_PACKET_NOT_HTTP,
		       0);
}

/* Of tchars, nginx takes but these. */
tg_inline int tg_is_plain(__u8 byte)
{
	return (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_';
}

tg_inline __u32 tg_step_method(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_input *in)
{
	__u64 space = tg_word_equal(in->word, ' ');
	__u32 text = space ? tg_word_first(space) : in->bytes;
	__u8 byte = in->word;

	if (!tg_word_is_upper(in->word, text)) { /* unusual: a byte at a time */
		text = byte != ' ' && byte != '\t';
		space = !text;
		if (text && !tg_is_tchar(byte))
			return tg_method_fail(scan);
		/* HAProxy takes any tchars, and a tab for the space; nginx does not. */
		if (byte != ' ' && !tg_is_plain(byte))
			head->flags |= TG_HEAD_AMBIGUOUS;
	}
	tg_word_append(head->name, TG_NAME_BYTES_MAX / 8, head->name_bytes, in->word, text);
	head->name_bytes += text;
	if (!head->name_bytes) /* how long it may be, limits.header_bytes says */
		return tg_method_fail(scan);
	if (!space)
		return text;
	if (head->name_bytes == 7 && head->name[0] == TG_WORD_CONNECT)
		head->flags |= TG_HEAD_SWITCH;
	if (head->name_bytes == 3 && head->name[0] == TG_WORD_GET)
		head->flags |= TG_HEAD_GET;
	scan->phase = TG_PHASE_TARGET_SPACE;
	return text + 1;
}

/* What ends a target: a space, or (HTTP/0.9, or nonsense) something else below 0x21. */
tg_inline __u32 tg_target_end(struct tg_scan *scan, struct tg_head *head, __u8 byte, __u32 text)
{
	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_SIMPLE;
		return text | TG_STEP_LINE;
	}
	if (byte == '\t') /* as good as a space to HAProxy, not to nginx */
		head->flags |= TG_HEAD_AMBIGUOUS;
	else if (byte != ' ')
		return TG_FAIL(TG_PACKET_BAD_REQUEST_LINE, text);
	scan->phase = TG_PHASE_VERSION;
	scan->sub = 0;
	return text + 1;
}

tg_inline __u32 tg_step_path(struct tg_scan *scan, struct tg_head *head,
			     const struct tg_http_config *config, const struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21);
	__u32 text;
	__u8 byte;

	if (config->queries)
		stop |= tg_word_equal(in->word, '?');
	if (!stop)
		return in->bytes;
	text = tg_word_first(stop);
	byte = tg_input_byte(in, text);
	if (byte != '?')
		return tg_target_end(scan, head, byte, text);
	scan->phase = TG_PHASE_QUERY_NAME;
	head->name_bytes = 0;
	return text + 1;
}

tg_inline __u32 tg_step_target_space(struct tg_scan *scan, struct tg_head *head,
				     const struct tg_http_config *config, const struct tg_input *in)
{
	__u8 byte = in->word;

	if (byte == ' ')
		return 1;
	if (byte < 0x21)
		return TG_FAIL(TG_PACKET_BAD_REQUEST_LINE, 0);
	scan->phase = TG_PHASE_PATH;
	return tg_step_path(scan, head, config, in);
}

/* The query row whose name stands in head->name, or TG_QUERIES_MAX. */
tg_inline __u32 tg_query_match(const struct tg_head *head, const struct tg_http_config *config)
{
	__u32 i, bytes = head->name_bytes;

	for (i = 0; i < TG_QUERIES_MAX; i++) {
		const struct tg_query *query = &config->query[i];

		if (i < config->queries && query->name_bytes == bytes &&
		    query->name[0] == head->name[0] &&
		    (bytes <= 8 || query->name[1] == head->name[1]) &&
		    (bytes <= 16 || query->name[2] == head->name[2]) &&
		    (bytes <= 24 || query->name[3] == head->name[3]) && query->place < head->best)
			break;
	}
	return i;
}

tg_inline __u32 tg_step_query_name(struct tg_scan *scan, struct tg_head *head,
				   const struct tg_http_config *config, const struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21) | tg_word_equal(in->word, '&') |
		     tg_word_equal(in->word, '=');
	__u32 text = stop ? tg_word_first(stop) : in->bytes, i;
	__u8 byte = tg_input_byte(in, text);

	tg_word_append(head->name, TG_NAME_BYTES_MAX / 8, head->name_bytes, in->word, text);
	head->name_bytes += text;
	if (!stop)
		return text;
	if (byte == '&') {
		head->name_bytes = 0;
		return text + 1;
	}
	if (byte != '=')
		return tg_target_end(scan, head, byte, text);
	i = tg_query_match(head, config);
	scan->phase = TG_PHASE_QUERY_SKIP;
	if (i < TG_QUERIES_MAX) {
		scan->phase = TG_PHASE_QUERY_TOKEN;
		tg_token_start(head, config, config->query[i].place);
	}
	return text + 1;
}

tg_inline __u32 tg_step_query_skip(struct tg_scan *scan, struct tg_head *head,
				   const struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21) | tg_word_equal(in->word, '&');
	__u32 text;
	__u8 byte;

	if (!stop)
		return in->bytes;
	text = tg_word_first(stop);
	byte = tg_input_byte(in, text);
	if (byte != '&')
		return tg_target_end(scan, head, byte, text);
	scan->phase = TG_PHASE_QUERY_NAME;
	head->name_bytes = 0;
	return text + 1;
}

/* Hexadecimal digit -> 0..15; above: none. */
tg_inline __u32 tg_hex_digit(__u8 byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return 16;
}

/* Within %XX (RFC 3986 section 2.1); a bad escape stands for itself. */
tg_inline __u32 tg_step_query_escape(struct tg_head *head, struct tg_input *in)
{
	__u8 byte = in->word, seen = head->escape;
	__u32 digit = tg_hex_digit(byte);

	if (digit > 15) {
		head->escape = 0;
		tg_input_text(in, '%' | (__u64)head->escape_digit << 8, seen);
		return TG_STEP_TOKEN;
	}
	if (seen == 1) {
		head->escape_digit = byte;
		head->escape = 2;
		return 1;
	}
	head->escape = 0;
	tg_input_text(in, tg_hex_digit(head->escape_digit) << 4 | digit, 1);
	return 1 | TG_STEP_TOKEN;
}

tg_inline __u32 tg_step_query_token(struct tg_scan *scan, struct tg_head *head, struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21) | tg_word_equal(in->word, '&') |
		     tg_word_equal(in->word, '%');
	__u32 text = stop ? tg_word_first(stop) : in->bytes;
	__u8 byte = in->word;

	if (head->escape)
		return tg_step_query_escape(head, in);
	if (text) {
		tg_input_text(in, in->word, text);
		return text | TG_STEP_TOKEN;
	}
	if (byte == '%') {
		head->escape = 1;
		return 1;
	}
	if (byte != '&')
		return TG_STEP_TOKEN_END | tg_target_end(scan, head, byte, 0);
	scan->phase = TG_PHASE_QUERY_NAME;
	head->name_bytes = 0;
	return 1 | TG_STEP_TOKEN_END;
}

tg_inline __u32 tg_step_version(struct tg_scan *scan, struct tg_head *head,
				const struct tg_input *in)
{
	__u8 byte = in->word, at = scan->sub;

	if (!at && in->bytes == 8 && tg_word_keep(in->word, 7) == TG_WORD_HTTP_1) {
		scan->sub = TG_HTTP_1_BYTES;
		at = TG_HTTP_1_BYTES;
		byte = in->word >> 56;
	} else if (at < TG_HTTP_1_BYTES) {
		if (!at && byte == ' ')
			return 1;
		if (byte == (__u8)(TG_WORD_HTTP_1 >> (at * 8))) {
			scan->sub = at + 1;
			return 1;
		}
		if (!at && (byte == '\r' || byte == '\n')) {
			scan->line = TG_LINE_SIMPLE;
			return TG_STEP_LINE;
		}
		if (at >= TG_HTTP_BYTES)
			return TG_FAIL(TG_PACKET_BAD_VERSION, 0);
		return TG_FAIL(TG_PACKET_BAD_REQUEST_LINE, 0);
	} else {
		at = 0;
	}
	if (byte < '0' || byte > '9')
		return TG_FAIL(TG_PACKET_BAD_VERSION, 0);
	if (byte == '0')
		head->flags |= TG_HEAD_OLD;
	scan->phase = TG_PHASE_VERSION_END;
	scan->sub = 0;
	return at + 1;
}

/* nginx takes a second digit, and white space; HAProxy neither. scan->sub: there was white space.
 */
tg_inline __u32 tg_step_version_end(struct tg_scan *scan, struct tg_head *head,
				    const struct tg_input *in)
{
	__u8 byte = in->word;

	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_REQUEST;
		return TG_STEP_LINE;
	}
	if (byte != ' ' && (scan->sub || byte < '0' || byte > '9'))
		return TG_FAIL(TG_PACKET_BAD_VERSION, 0);
	scan->sub = byte == ' ';
	head->flags |= TG_HEAD_AMBIGUOUS;
	return 1;
}

#endif

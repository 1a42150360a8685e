/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The API credential: hashed where it lies, never copied but for its prefix.
 * It may stand as a header's value, after an auth-scheme, as the user name of
 * Basic credentials (RFC 7617) or in a query parameter.
 */
#ifndef TOLLGATE_HTTP_TOKEN_H
#define TOLLGATE_HTTP_TOKEN_H

#include "http_state.h"

tg_inline void tg_token_start(struct tg_head *head, const struct tg_http_config *config, __u8 place)
{
	head->place = place;
	head->flags &= ~TG_HEAD_SPACE;
	head->base64_bits = 0;
	head->base64 = 0;
	head->escape = 0;
	tg_sip_start(&head->sip, config->key);
}

tg_inline void tg_token_add(struct tg_head *head, __u64 word, __u32 bytes)
{
	tg_word_append(head->prefix, TG_PREFIX_BYTES_MAX / 8, head->sip.bytes, word, bytes);
	tg_sip_add(&head->sip, word, bytes);
}

/*
 * The token in progress is whole. It becomes the request's if it is not empty
 * and no better place had one. The prefix never shows the whole token.
 */
tg_inline void tg_token_take(struct tg_head *head, const struct tg_http_config *config)
{
	const struct tg_sip *sip = head->flags & TG_HEAD_SPACE ? &head->sip_text : &head->sip;
	__u32 bytes = sip->bytes, shown;
	__u64 *prefix = (__u64 *)head->token.prefix;
	__u64 id;

	if (!bytes || head->place >= head->best)
		return;
	id = tg_sip_end(sip);
	shown = bytes > TG_PREFIX_HIDDEN_MIN ? bytes - TG_PREFIX_HIDDEN_MIN : 0;
	if (shown > config->prefix_bytes)
		shown = config->prefix_bytes;
	prefix[0] = tg_word_keep(head->prefix[0], shown);
	prefix[1] = shown > 8 ? tg_word_keep(head->prefix[1], shown - 8) : 0;
	head->token.id = id ? id : 1;
	head->start[0] = tg_word_keep(head->prefix[0], bytes);
	head->start[1] = bytes > 8 ? tg_word_keep(head->prefix[1], bytes - 8) : 0;
	head->best = head->place;
}

/* Nothing of a token's own bytes stays behind. */
tg_inline void tg_token_forget(struct tg_head *head)
{
	head->base64 = 0;
	head->escape_digit = 0;
	head->prefix[0] = 0;
	head->prefix[1] = 0;
	head->name[0] = 0; /* tg_step_scheme: it may have been a token without a scheme */
	head->name[1] = 0;
	head->sip.tail = 0;
	head->sip_text.tail = 0;
}

/* Nor of the one that was taken, once policies have looked at it. */
tg_inline void tg_start_forget(struct tg_head *head)
{
	head->start[0] = 0;
	head->start[1] = 0;
}

/* The same; then its bytes are forgotten. */
tg_inline void tg_token_end(struct tg_head *head, const struct tg_http_config *config)
{
	tg_token_take(head, config);
	tg_token_forget(head);
}

/* White space: part of the token only if text came before it, and more follows. */
tg_inline __u32 tg_token_space(struct tg_head *head, struct tg_input *in, __u8 byte)
{
	if (!head->sip.bytes)
		return 1;
	if (!(head->flags & TG_HEAD_SPACE)) {
		head->sip_text = head->sip;
		head->flags |= TG_HEAD_SPACE;
	}
	tg_input_text(in, byte, 1);
	return 1 | TG_STEP_TOKEN;
}

/* A value that is the token, or what follows its scheme; outer white space is not part of it. */
tg_inline __u32 tg_step_token(struct tg_scan *scan, struct tg_head *head, struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21);
	__u32 text = stop ? tg_word_first(stop) : in->bytes;
	__u8 byte = in->word;

	if (text) {
		head->flags &= ~TG_HEAD_SPACE;
		tg_input_text(in, in->word, text);
		return text | TG_STEP_TOKEN;
	}
	if (byte == ' ' || byte == '\t')
		return tg_token_space(head, in, byte);
	if (!byte)
		return TG_FAIL(TG_PACKET_AMBIGUOUS, 0);
	if (byte != '\r' && byte != '\n') { /* a control byte is text, as for servers */
		head->flags &= ~TG_HEAD_SPACE;
		tg_input_text(in, byte, 1);
		return 1 | TG_STEP_TOKEN;
	}
	scan->line = TG_LINE_HEADER;
	return TG_STEP_LINE | TG_STEP_TOKEN_END;
}

/* The place that takes a value whose first word stands in head->name, or TG_PLACE_NONE. */
tg_inline __u8 tg_scheme_match(const struct tg_head *head, const struct tg_http_config *config,
			       const struct tg_row *row)
{
	__u32 place;

	for (place = 0; place < TG_PLACES_MAX; place++) {
		const struct tg_scheme *scheme = &config->scheme[place];

		if (!(row->schemes >> place))
			break;
		if ((row->schemes >> place & 1) && scheme->text_bytes == head->name_bytes &&
		    scheme->text[0] == head->name[0] &&
		    (head->name_bytes <= 8 || scheme->text[1] == head->name[1]))
			return place;
	}
	return TG_PLACE_NONE;
}

/*
 * The first word of a value that may be an auth-scheme (RFC 9110 section
 * 11.4). It is hashed as well, in case the whole value is a token.
 */
tg_inline __u32 tg_step_scheme(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_http_config *config, struct tg_input *in)
{
	__u64 stop = tg_word_below(in->word, 0x21);
	__u32 text = stop ? tg_word_first(stop) : in->bytes, row = head->row;
	__u32 whole = head->place != TG_PLACE_NONE;
	__u8 byte = in->word, place;

	if (text) {
		tg_word_append(head->name, TG_SCHEME_BYTES_MAX / 8, head->name_bytes,
			       tg_word_lower(in->word), text);
		head->name_bytes += text;
		tg_input_text(in, in->word, text);
		return text | (whole ? TG_STEP_TOKEN : 0);
	}
	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_HEADER;
		return TG_STEP_LINE | TG_STEP_TOKEN_END;
	}
	if (!byte || row >= TG_ROWS_MAX) /* row: for the verifier */
		return TG_FAIL(TG_PACKET_AMBIGUOUS, 0);
	if (byte != ' ' && byte != '\t') { /* a control byte is text, as for servers */
		head->name_bytes = TG_NAME_BYTES_MAX + 1; /* of no scheme */
		tg_input_text(in, byte, 1);
		return 1 | (whole ? TG_STEP_TOKEN : 0);
	}
	place = tg_scheme_match(head, config, &config->row[row]);
	if (place < head->best && place < TG_PLACES_MAX) {
		tg_token_start(head, config, place);
		scan->phase = config->scheme[place].kind == TG_PLACE_BASIC ? TG_PHASE_BASIC
									   : TG_PHASE_TOKEN;
		return 1;
	}
	scan->phase = whole ? TG_PHASE_TOKEN : TG_PHASE_VALUE_SKIP;
	return whole ? tg_token_space(head, in, byte) : 1 | TG_STEP_TOKEN_END;
}

/* RFC 4648 section 4 digit -> 0..63; above: none. */
tg_inline __u32 tg_base64_digit(__u8 byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	if (byte == '+')
		return 62;
	if (byte == '/')
		return 63;
	return 64;
}

/* Basic credentials: base64 of user ":" password; the user name is the token. */
tg_inline __u32 tg_step_basic(struct tg_scan *scan, struct tg_head *head, struct tg_input *in)
{
	__u8 byte = in->word;
	__u32 digit = tg_base64_digit(byte);

	if (digit < 64) {
		head->base64 = head->base64 << 6 | digit;
		head->base64_bits += 6;
		if (head->base64_bits < 8)
			return 1;
		head->base64_bits -= 8;
		byte = head->base64 >> (head->base64_bits & 7);
		if (byte != ':') {
			tg_input_text(in, byte, 1);
			return 1 | TG_STEP_TOKEN;
		}
		scan->phase = TG_PHASE_VALUE_SKIP;
		return 1 | TG_STEP_TOKEN_END;
	}
	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_HEADER;
		return TG_STEP_LINE | TG_STEP_TOKEN_END;
	}
	if ((byte == ' ' || byte == '\t') && !head->sip.bytes && !head->base64_bits)
		return 1;
	if (!byte)
		return TG_FAIL(TG_PACKET_AMBIGUOUS, 0);
	scan->phase = TG_PHASE_VALUE_SKIP;
	return byte == '=' || byte == ' ' || byte == '\t' ? 1 | TG_STEP_TOKEN_END : 1;
}

#endif

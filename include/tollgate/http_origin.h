/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The domain that a call says it comes from: the host of Origin (RFC 6454
 * section 7), else of Referer (RFC 9110 section 10.1.3), in lower case,
 * without scheme, user and port. Anyone can write anything there.
 */
#ifndef TOLLGATE_HTTP_ORIGIN_H
#define TOLLGATE_HTTP_ORIGIN_H

#include "http_state.h"

enum tg_origin_part { /* scan->sub in TG_PHASE_ORIGIN */
		      TG_ORIGIN_HOST,
		      TG_ORIGIN_COLON,	 /* ended the scheme, the host or a user name */
		      TG_ORIGIN_SLASH,	 /* "://" up to the first slash */
		      TG_ORIGIN_PORT,	 /* or a password, if an "@" follows */
		      TG_ORIGIN_LITERAL, /* within [ ] */
};

tg_inline void tg_origin_restart(struct tg_head *head, const struct tg_http_config *config)
{
	tg_sip_start(&head->sip, config->key);
	head->host_bytes = 0;
}

/*
 * Which phase reads the value of a header of this kind? The first Origin wins
 * even if it names no host: a Referer's text is lost as soon as it begins.
 */
tg_inline __u8 tg_origin_start(struct tg_head *head, const struct tg_http_config *config, __u8 kind)
{
	__u16 better = TG_HEAD_ORIGIN | (kind == TG_ROW_REFERER ? TG_HEAD_REFERER : 0);

	if (head->flags & better)
		return TG_PHASE_VALUE_SKIP;
	head->flags &= ~TG_HEAD_AUTHORITY;
	head->flags |= kind == TG_ROW_ORIGIN ? TG_HEAD_ORIGIN : TG_HEAD_REFERER;
	head->origin_id = 0;
	tg_origin_restart(head, config);
	return TG_PHASE_ORIGIN;
}

tg_inline void tg_origin_add(struct tg_head *head, __u64 word, __u32 bytes)
{
	word = tg_word_lower(word);
	tg_word_append(head->host, TG_HOST_BYTES_MAX / 8, head->host_bytes, word, bytes);
	tg_sip_add(&head->sip, word, bytes);
	head->host_bytes += bytes;
}

tg_inline void tg_origin_end(struct tg_head *head)
{
	__u64 id;

	if (!head->host_bytes)
		return;
	id = tg_sip_end(&head->sip);
	head->origin_id = id ? id : 1;
	head->origin_bytes = head->host_bytes;
}

tg_inline __u32 tg_origin_skip_rest(struct tg_scan *scan)
{
	scan->phase = TG_PHASE_VALUE_SKIP;
	return 1 | TG_STEP_HOST_END;
}

/* After a colon: "//" if it ended a scheme, else a port, else it was a user name's. */
tg_inline __u32 tg_step_origin_after(struct tg_scan *scan, struct tg_head *head,
				     const struct tg_http_config *config, __u8 byte)
{
	__u8 part = scan->sub;

	if (byte == '@') {
		tg_origin_restart(head, config);
		scan->sub = TG_ORIGIN_HOST;
		return 1;
	}
	if (byte == '/' && part == TG_ORIGIN_COLON && !(head->flags & TG_HEAD_AUTHORITY)) {
		scan->sub = TG_ORIGIN_SLASH;
		return 1;
	}
	if (byte == '/' && part == TG_ORIGIN_SLASH) {
		tg_origin_restart(head, config);
		head->flags |= TG_HEAD_AUTHORITY;
		scan->sub = TG_ORIGIN_HOST;
		return 1;
	}
	if (byte == '/' || byte == '?' || byte == '#' || part == TG_ORIGIN_SLASH)
		return tg_origin_skip_rest(scan);
	scan->sub = TG_ORIGIN_PORT;
	return 1;
}

/* Host bytes up to what may end or undo a host. */
tg_inline __u32 tg_step_origin_host(struct tg_scan *scan, struct tg_head *head,
				    const struct tg_http_config *config, struct tg_input *in)
{
	/* Controls and "#" lie below "-", which is the lowest byte of a host name. */
	__u64 stop = tg_word_below(in->word, '-') | tg_word_equal(in->word, '/') |
		     tg_word_equal(in->word, ':') | tg_word_equal(in->word, '?') |
		     tg_word_equal(in->word, '@') | tg_word_equal(in->word, '[');
	__u32 text = stop ? tg_word_first(stop) : in->bytes;
	__u8 byte = tg_input_byte(in, text);

	if (text) {
		tg_input_text(in, in->word, text);
		return text | TG_STEP_HOST;
	}
	switch (byte) {
	case ':':
		scan->sub = TG_ORIGIN_COLON;
		return 1;
	case '@':
		tg_origin_restart(head, config);
		return 1;
	case '/':
	case '?':
	case '#':
		return tg_origin_skip_rest(scan);
	case '[':
		if (!head->host_bytes)
			scan->sub = TG_ORIGIN_LITERAL;
	}
	tg_input_text(in, byte, 1);
	return 1 | TG_STEP_HOST;
}

tg_inline __u32 tg_step_origin(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_http_config *config, struct tg_input *in)
{
	__u8 byte = in->word;

	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_HEADER;
		return TG_STEP_LINE | TG_STEP_HOST_END;
	}
	if (byte == ' ' || byte == '\t')
		return tg_origin_skip_rest(scan);
	if (!byte)
		return TG_FAIL(TG_PACKET_AMBIGUOUS, 0);
	if (scan->sub == TG_ORIGIN_HOST)
		return tg_step_origin_host(scan, head, config, in);
	if (scan->sub != TG_ORIGIN_LITERAL)
		return tg_step_origin_after(scan, head, config, byte);
	if (byte == '/' || byte == '?' || byte == '#')
		return tg_origin_skip_rest(scan);
	if (byte == ']')
		scan->sub = TG_ORIGIN_HOST;
	tg_input_text(in, byte, 1);
	return 1 | TG_STEP_HOST;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Short cuts through the scanner for what lies whole in memory, as nearly all
 * requests do: a request line, a header line, a token, in a few tight loops.
 *
 * Each either takes bytes and leaves the state exactly as tg_scan_step() would
 * have, or takes none and leaves the state alone. They decide nothing: what is
 * unusual, wrong, or cut off is left to the steps. So the outcome cannot
 * depend on which way was gone, and the tests hold both against each other.
 */
#ifndef TOLLGATE_HTTP_FAST_H
#define TOLLGATE_HTTP_FAST_H

#include "http_scan.h"
#include "view.h"

#define TG_FAST_WORDS	   32	  /* of a loop's length, for the verifier */
#define TG_FAST_NAME_WORDS 4	  /* header names beyond it go by steps */
#define TG_FAST_OFFSET_MAX 0xf000 /* a short cut gets less than 0x800 further */

/*
 * Where the scanner stands, in registers: an offset, and the phase that goes
 * to scan->phase when the short cuts are over.
 */
struct tg_fast {
	__u64 at;
	__u64 phase;
};

/* At the byte that ends a value: over CR LF, to the next line. */
tg_inline void tg_fast_value_end(struct tg_fast *fast, const struct tg_view *view)
{
	if (!tg_view_crlf(view, fast->at))
		return;
	fast->phase = TG_PHASE_LINE;
	fast->at += 2;
}

/*
 * The name that begins at an offset: how many bytes, up to its colon; 0: not
 * as usual.
 */
tg_inline __u32 tg_fast_name_bytes(const struct tg_view *view, __u64 from)
{
	__u64 at = from, word, stop;
	__u32 text, i;

	for (i = 0; i < TG_FAST_NAME_WORDS; i++) {
		if (tg_view_word(view, at, &word))
			return 0;
		stop = tg_word_below(word, 0x21) | tg_word_equal(word, ':');
		if (stop)
			break;
		at += 8;
	}
	if (i == TG_FAST_NAME_WORDS)
		return 0;
	TG_FORGET_OFFSET(at);
	text = tg_word_first(stop);
	if ((__u8)(word >> (text * 8)) != ':' || at + text >= view->limit)
		return 0;
	return at + text - from;
}

/* TG_PHASE_LINE: a name that no row can have, and the word that its colon is in. */
tg_inline void tg_fast_name(const struct tg_http_config *config, const struct tg_view *view,
			    struct tg_fast *fast)
{
	__u64 at = fast->at, word, colon, stop;
	__u32 i, bit;

	if (tg_view_word(view, at, &word))
		return;
	bit = tg_row_filter(word, config->filter_mask);
	if (config->filter[bit / 64] >> (bit % 64) & 1)
		return;
	for (i = 0; i < TG_FAST_NAME_WORDS; i++) {
		colon = tg_word_equal(word, ':');
		stop = colon | tg_word_below(word, 0x21);
		if (stop || tg_view_word(view, at + 8, &word))
			break;
		at += 8;
	}
	/* The first hit must be a colon, within the stream, and not the line's first byte. */
	if (!(stop & -stop & colon) || at + 8 > view->limit || (stop & 0x80 && at == fast->at))
		return;
	stop = tg_word_below(word, 0x20);
	fast->at = at + (stop ? tg_word_first(stop) : 8);
	fast->phase = TG_PHASE_VALUE_SKIP;
}

/*
 * TG_PHASE_LINE: a name that may have a row, its colon, and the usual space if
 * the value is to be read. Returns the offset reached.
 */
tg_inline __u64 tg_fast_row(struct tg_scan *scan, struct tg_head *head,
			    const struct tg_http_config *config, const struct tg_view *view,
			    __u64 start)
{
	__u64 at = start, word;
	__u32 i, row, text = tg_fast_name_bytes(view, start), left = text;

	if (!text)
		return start;
	for (i = 0; i < TG_NAME_BYTES_MAX / 8; i++) {
		if (!left || tg_view_word(view, at, &word))
			break;
		head->name[i] = tg_word_keep(tg_word_lower(word), left);
		left -= left < 8 ? left : 8;
		at += 8;
	}
	head->name_bytes = text;
	row = tg_row_match(head, config);
	if (left)
		return start;
	at = start + text + 1;
	TG_FORGET_OFFSET(at);
	scan->phase = row ? TG_PHASE_VALUE_SPACE : TG_PHASE_VALUE_SKIP;
	if (!row)
		return at;
	head->row = --row;
	TG_UNKNOWN(row);
	if (row >= TG_ROWS_MAX || at + 2 > view->limit || tg_view_word(view, at, &word) ||
	    (__u8)word != ' ' || (__u8)(word >> 8) <= ' ')
		return at;
	scan->phase = tg_value_start(scan, head, config, &config->row[row]);
	return at + 1;
}

/* TG_PHASE_SCHEME before its first byte: a known scheme of up to 7 bytes, and a space. */
tg_inline __u64 tg_fast_scheme(struct tg_scan *scan, struct tg_head *head,
			       const struct tg_http_config *config, const struct tg_view *view,
			       __u64 at)
{
	__u32 text, row = head->row;
	__u64 word, stop;
	__u8 place;

	if (row >= TG_ROWS_MAX || tg_view_word(view, at, &word))
		return at;
	stop = tg_word_below(word, 0x21);
	if (!stop)
		return at;
	text = tg_word_first(stop);
	if ((__u8)(word >> (text * 8)) != ' ' || at + text >= view->limit)
		return at;
	head->name[0] = tg_word_keep(tg_word_lower(word), text);
	head->name_bytes = text;
	place = tg_scheme_match(head, config, &config->row[row]);
	if (place >= head->best || place >= TG_PLACES_MAX) {
		head->name_bytes = 0;
		return at;
	}
	tg_token_start(head, config, place);
	scan->phase =
		config->scheme[place].kind == TG_PLACE_BASIC ? TG_PHASE_BASIC : TG_PHASE_TOKEN;
	return at + text + 1;
}

/* Hash whole words up to the one that holds white space or the line's end; *word: that one. */
tg_inline __u64 tg_fast_hash(__u64 v[4], const struct tg_view *view, __u64 at, __u64 *word)
{
	__u64 v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3], next;
	int i;

	for (i = 0; i < TG_FAST_WORDS; i++) {
		if (tg_view_word(view, at, &next) || tg_word_below(next, 0x21))
			break;
		v3 ^= next;
		TG_SIP_ROUND(v0, v1, v2, v3);
		TG_SIP_ROUND(v0, v1, v2, v3);
		v0 ^= next;
		at += 8;
	}
	v[0] = v0;
	v[1] = v1;
	v[2] = v2;
	v[3] = v3;
	TG_FORGET_OFFSET(at);
	if (tg_view_word(view, at, word) && tg_view_tail(view, at, word))
		*word = 0;
	return at;
}

/* TG_PHASE_TOKEN before its first byte: hash up to white space or the line's end. */
tg_inline __u64 tg_fast_token(struct tg_head *head, const struct tg_view *view, __u64 start)
{
	__u64 v[4] = {head->sip.v[0], head->sip.v[1], head->sip.v[2], head->sip.v[3]};
	__u64 word, stop, first, second, at = tg_fast_hash(v, view, start, &word);
	__u32 text;

	stop = tg_word_below(word, 0x21);
	if (!stop)
		return start;
	text = tg_word_first(stop);
	if (at + text > view->limit || at + text == start)
		return start;
	first = word;
	if (at != start && tg_view_word(view, start, &first))
		return start;
	second = word;
	if (at > start + 8 && tg_view_word(view, start + 8, &second))
		return start;
	head->sip.v[0] = v[0];
	head->sip.v[1] = v[1];
	head->sip.v[2] = v[2];
	head->sip.v[3] = v[3];
	head->sip.tail = tg_word_keep(word, text);
	at += text;
	text = at - start;
	head->sip.bytes = text;
	head->prefix[0] = tg_word_keep(first, text);
	head->prefix[1] = text > 8 ? tg_word_keep(second, text - 8) : 0;
	return at;
}

/* At the byte that ends a target: over the rest of the line, if it is as usual. */
tg_inline void tg_fast_target_end(struct tg_scan *scan, struct tg_head *head,
				  const struct tg_view *view, struct tg_fast *fast)
{
	__u64 at = fast->at, space, version;

	/* SP "HTTP/1." digit CR LF */
	if (tg_view_word(view, at, &space) || (__u8)space != ' ' ||
	    tg_view_word(view, at + 1, &version) || tg_word_keep(version, 7) != TG_WORD_HTTP_1 ||
	    (__u8)((version >> 56) - '0') > 9 || !tg_view_crlf(view, at + 9))
		return;
	if (version >> 56 == '0')
		head->flags |= TG_HEAD_OLD;
	scan->flags &= ~TG_SCAN_TUNNEL;
	fast->phase = TG_PHASE_LINE;
	fast->at = at + 11;
}

/* TG_PHASE_START: a method of up to 7 capital letters, and one space. */
tg_inline void tg_fast_method(struct tg_scan *scan, struct tg_head *head,
			      const struct tg_view *view, struct tg_fast *fast, __u64 base)
{
	__u64 at = fast->at, word, space, next;
	__u32 text;

	if (tg_view_word(view, at, &word))
		return;
	space = tg_word_equal(word, ' ');
	if (!space)
		return;
	text = tg_word_first(space);
	if (!text || at + text + 2 > view->limit || !tg_word_is_upper(word, text) ||
	    tg_view_word(view, at + text + 1, &next) || (__u8)next <= ' ')
		return;
	tg_head_start(head);
	word = tg_word_keep(word, text);
	if (word == TG_WORD_CONNECT)
		head->flags |= TG_HEAD_SWITCH;
	if (word == TG_WORD_GET)
		head->flags |= TG_HEAD_GET;
	scan->begin = base + at;
	fast->phase = TG_PHASE_PATH;
	fast->at = at + text + 1;
}

/*
 * Take what a short cut can take. fast->at is at most TG_FAST_OFFSET_MAX, and
 * base + offset a byte's stream offset. If fast->at has not moved, neither has
 * the phase, and the next step must be a tg_scan_step().
 */
tg_inline void tg_scan_fast(struct tg_scan *scan, struct tg_head *head,
			    const struct tg_http_config *config, const struct tg_view *view,
			    struct tg_fast *fast, __u64 base)
{
	__u64 bound;

	if (fast->phase == TG_PHASE_LINE)
		tg_fast_name(config, view, fast);
	else if (fast->phase == TG_PHASE_START)
		tg_fast_method(scan, head, view, fast, base);
	if (fast->phase == TG_PHASE_VALUE_SKIP)
		bound = TG_BYTES(0x20);
	else if (fast->phase == TG_PHASE_PATH && !config->queries)
		bound = TG_BYTES(0x21);
	else
		return;
	TG_FORGET(bound);
	TG_FORGET(fast->phase);
	TG_FORGET_OFFSET(fast->at);
	fast->at = tg_view_find(view, fast->at, bound);
	if (fast->at >= view->limit)
		fast->at = view->limit;
	else if (fast->phase == TG_PHASE_PATH)
		tg_fast_target_end(scan, head, view, fast);
	else
		tg_fast_value_end(fast, view);
}

/*
 * TG_PHASE_LINE at an empty line: the header is complete, if nothing about it
 * is unusual. Returns TG_STEP_REQUEST or 0.
 */
tg_inline __u32 tg_fast_header_end(struct tg_scan *scan, struct tg_head *head,
				   const struct tg_http_config *config, const struct tg_view *view,
				   struct tg_fast *fast, __u64 base)
{
	__u64 at = fast->at;

	if ((head->flags & (TG_HEAD_BAD_FRAMING | TG_HEAD_CODING | TG_HEAD_AMBIGUOUS)) ||
	    !tg_view_crlf(view, at) || base + at + 2 - scan->begin > config->header_bytes_max)
		return 0;
	fast->at = at + 2;
	tg_header_end(scan, head, config, base + at + 2);
	fast->phase = scan->phase;
	return TG_STEP_REQUEST;
}

/* TG_PHASE_TOKEN before its first byte: the token, and its line if that ends with it. */
tg_inline __u64 tg_fast_token_line(struct tg_scan *scan, struct tg_head *head,
				   const struct tg_http_config *config, const struct tg_view *view,
				   __u64 at)
{
	at = tg_fast_token(head, view, at);
	TG_FORGET_OFFSET(at);
	if (!head->sip.bytes || !tg_view_crlf(view, at))
		return at;
	tg_token_end(head, config);
	scan->phase = TG_PHASE_LINE;
	return at + 2;
}

/*
 * The same for lines whose values are read, which are few; apart for that, and
 * with its state in memory. Returns the offset reached.
 */
tg_inline __u64 tg_scan_fast_row(struct tg_scan *scan, struct tg_head *head,
				 const struct tg_http_config *config, const struct tg_view *view,
				 __u64 at)
{
	if (scan->phase == TG_PHASE_LINE)
		at = tg_fast_row(scan, head, config, view, at);
	if (scan->phase == TG_PHASE_SCHEME && !head->name_bytes)
		at = tg_fast_scheme(scan, head, config, view, at);
	TG_FORGET_OFFSET(at);
	if (scan->phase == TG_PHASE_TOKEN && !head->sip.bytes)
		at = tg_fast_token_line(scan, head, config, view, at);
	return at;
}

/* Is tg_scan_fast_row() worth a call? */
tg_inline int tg_phase_in_row(__u8 phase)
{
	return phase == TG_PHASE_LINE || phase == TG_PHASE_SCHEME || phase == TG_PHASE_TOKEN;
}

#endif

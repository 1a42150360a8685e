/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The HTTP/1 request scanner (RFC 9112), a step at a time.
 *
 * It does not know where bytes come from: a step takes the next word of the
 * stream (1 to 8 bytes) and says how many of them it consumed. All that it
 * remembers stands in struct tg_scan and struct tg_head, so a stream may be
 * cut at any byte and go on later with the same outcome, and the same code
 * runs in XDP and in userspace. Feed it so:
 *
 *   tg_scan_start(&scan)                          once a connection
 *   while (bytes are left and the phase is not DEAD)
 *           if (tg_phase_skips(scan.phase)) consumed = tg_body_skip(&scan, left)
 *           else step = tg_scan_step(&scan, &head, config, &in), act on it
 *   tg_scan_pause(&scan, config, at)              when the input ends
 *
 * struct tg_head must be kept from one input to the next if
 * tg_phase_in_head(scan.phase); else it need not.
 */
#ifndef TOLLGATE_HTTP_SCAN_H
#define TOLLGATE_HTTP_SCAN_H

#include "http_body.h"

tg_inline void tg_scan_start(struct tg_scan *scan)
{
	scan->skip = 0;
	scan->begin = 0;
	scan->phase = TG_PHASE_START;
	scan->flags = 0;
	scan->line = 0;
	scan->sub = 0;
	scan->error = 0;
	__builtin_memset(scan->pad, 0, sizeof(scan->pad));
}

/* Only what is read before it is written: the rest is set when its part begins. */
tg_inline void tg_head_start(struct tg_head *head)
{
	__u64 *prefix = (__u64 *)head->token.prefix;

	prefix[0] = 0;
	prefix[1] = 0;
	head->token.id = 0;
	head->start[0] = 0;
	head->start[1] = 0;
	head->origin_id = 0;
	head->name_bytes = 0;
	head->flags = 0;
	head->best = TG_PLACE_NONE;
}

/* A line is over; at: the stream offset behind its LF. */
tg_inline __u32 tg_line_done(struct tg_scan *scan, struct tg_head *head,
			     const struct tg_http_config *config, __u64 at)
{
	switch (scan->line) {
	case TG_LINE_REQUEST:
		scan->flags &= ~TG_SCAN_TUNNEL;
		scan->phase = TG_PHASE_LINE;
		return 0;
	case TG_LINE_SIMPLE: /* of HTTP/0.9, nginx answers GET; HAProxy nothing */
		return head->flags & TG_HEAD_GET ? TG_ERROR(TG_AMBIGUOUS_REQUEST)
						 : TG_ERROR(TG_PACKET_BAD_VERSION);
	case TG_LINE_HEADER:
		scan->phase = TG_PHASE_LINE;
		return 0;
	case TG_LINE_NO_COLON: /* nginx passes over it, HAProxy refuses */
		return TG_ERROR(TG_PACKET_AMBIGUOUS);
	case TG_LINE_HEADER_END:
		return tg_header_end(scan, head, config, at);
	case TG_LINE_CHUNK_SIZE:
		if (at - scan->begin > config->header_bytes_max)
			return TG_ERROR(TG_PACKET_AMBIGUOUS);
		scan->phase = scan->skip ? TG_PHASE_CHUNK_DATA : TG_PHASE_TRAILER;
		scan->sub = 0;
		scan->begin = at;
		return 0;
	case TG_LINE_CHUNK_DATA:
		tg_chunk_start(scan, at);
		return 0;
	case TG_LINE_TRAILER:
		scan->phase = TG_PHASE_TRAILER;
		scan->sub = TG_TRAILER_FURTHER;
		return 0;
	case TG_LINE_TRAILER_END:
		if (at - scan->begin > config->header_bytes_max)
			return TG_ERROR(TG_PACKET_AMBIGUOUS);
		tg_message_end(scan);
		return 0;
	}
	scan->phase = TG_PHASE_START;
	return 0;
}

/* The byte at index is the CR or LF that ends scan->line. */
tg_inline __u32 tg_line_end(struct tg_scan *scan, struct tg_head *head,
			    const struct tg_http_config *config, const struct tg_input *in,
			    __u32 index)
{
	__u8 line = scan->line;

	if (tg_input_byte(in, index) == '\n')
		return index + 1 + tg_line_done(scan, head, config, in->at + index + 1);
	if (index + 1 >= in->bytes) {
		scan->phase = line == TG_LINE_EMPTY	   ? TG_PHASE_EMPTY_LF
			      : line <= TG_LINE_HEADER_END ? TG_PHASE_HEAD_LF
							   : TG_PHASE_BODY_LF;
		return index + 1;
	}
	if (tg_input_byte(in, index + 1) == '\n')
		return index + 2 + tg_line_done(scan, head, config, in->at + index + 2);
	return TG_FAIL(TG_PACKET_SEEN, index + 1);
}

/*
 * Names the error of a CR that no LF follows, but this byte. nginx takes several
 * CR at the end of a field for one, and those ahead of a request for nothing.
 */
tg_inline __u8 tg_bare_cr(const struct tg_scan *scan, __u8 byte)
{
	switch (scan->line) {
	case TG_LINE_EMPTY:
		return TG_PACKET_AMBIGUOUS;
	case TG_LINE_REQUEST:
		return TG_PACKET_BAD_REQUEST_LINE;
	case TG_LINE_SIMPLE:
		return TG_PACKET_BAD_VERSION;
	case TG_LINE_HEADER:
		return byte == '\r' ? TG_PACKET_AMBIGUOUS : TG_PACKET_BAD_HEADER;
	case TG_LINE_NO_COLON:
	case TG_LINE_HEADER_END:
		return TG_PACKET_BAD_HEADER;
	}
	return TG_PACKET_BAD_CHUNK;
}

tg_inline __u32 tg_step_start(struct tg_scan *scan, struct tg_head *head, const struct tg_input *in)
{
	__u8 byte = in->word;

	if (byte == '\r' || byte == '\n') {
		scan->line = TG_LINE_EMPTY;
		return TG_STEP_LINE;
	}
	scan->begin = in->at;
	scan->phase = TG_PHASE_METHOD;
	tg_head_start(head);
	return tg_step_method(scan, head, in);
}

tg_inline __u32 tg_step_request_line(struct tg_scan *scan, struct tg_head *head,
				     const struct tg_http_config *config, struct tg_input *in)
{
	switch (scan->phase) {
	case TG_PHASE_METHOD:
		return tg_step_method(scan, head, in);
	case TG_PHASE_TARGET_SPACE:
		return tg_step_target_space(scan, head, config, in);
	case TG_PHASE_PATH:
		return tg_step_path(scan, head, config, in);
	case TG_PHASE_QUERY_NAME:
		return tg_step_query_name(scan, head, config, in);
	case TG_PHASE_QUERY_TOKEN:
		return tg_step_query_token(scan, head, in);
	case TG_PHASE_QUERY_SKIP:
		return tg_step_query_skip(scan, head, in);
	case TG_PHASE_VERSION:
		return tg_step_version(scan, head, in);
	}
	return tg_step_version_end(scan, head, in);
}

/* Within a chunk's size line or the trailer: no longer than a header may be. */
tg_inline int tg_scan_in_chunk_lines(const struct tg_scan *scan)
{
	switch (scan->phase) {
	case TG_PHASE_CHUNK_SIZE:
	case TG_PHASE_CHUNK_EXTENSION:
	case TG_PHASE_TRAILER:
	case TG_PHASE_TRAILER_VALUE:
		return 1;
	}
	return scan->phase == TG_PHASE_BODY_LF && scan->line != TG_LINE_CHUNK_DATA;
}

/*
 * The connection's rest is not guessed at. An error beyond the length limit is
 * the limit's, or the answer would depend on where segments were cut.
 */
tg_inline __u32 tg_scan_fail(struct tg_scan *scan, const struct tg_http_config *config, __u8 error,
			     __u64 at)
{
	__u8 phase = scan->phase;

	if (phase >= TG_PHASE_METHOD && phase <= TG_PHASE_HEAD_LF &&
	    at - scan->begin > config->header_bytes_max)
		error = TG_PACKET_HEADER_TOO_LONG;
	if (tg_scan_in_chunk_lines(scan) && at - scan->begin > config->header_bytes_max)
		error = TG_PACKET_AMBIGUOUS;
	if (error == TG_PACKET_AMBIGUOUS && phase >= TG_PHASE_LINE && phase <= TG_PHASE_HEAD_LF)
		error = TG_AMBIGUOUS_REQUEST;
	scan->phase = TG_PHASE_DEAD;
	if (scan->flags & TG_SCAN_TENTATIVE) {
		scan->phase = TG_PHASE_SYNC;
		error = TG_PACKET_UNSYNCED;
	} else if (scan->flags & TG_SCAN_TUNNEL) {
		error = TG_PACKET_OPAQUE;
	}
	scan->error = TG_CODE_REASON(error);
	return TG_ERROR(error);
}

/* One step. in->bytes: 1..8. Phases BODY, CHUNK_DATA (tg_body_skip), SYNC, DEAD: do not call. */
tg_inline __u32 tg_scan_step(struct tg_scan *scan, struct tg_head *head,
			     const struct tg_http_config *config, struct tg_input *in)
{
	__u8 phase = scan->phase;
	__u32 step;

	if (phase == TG_PHASE_VALUE_SKIP)
		step = tg_step_value_skip(scan, in, TG_LINE_HEADER);
	else if (phase == TG_PHASE_LINE || phase == TG_PHASE_NAME)
		step = tg_step_name(scan, head, config, in);
	else if (phase == TG_PHASE_VALUE_SPACE)
		step = tg_step_value_space(scan, head, config, in);
	else if (phase == TG_PHASE_START)
		step = tg_step_start(scan, head, in);
	else if (tg_phase_in_request_line(phase))
		step = tg_step_request_line(scan, head, config, in);
	else if (phase == TG_PHASE_HEAD_LF || phase == TG_PHASE_BODY_LF ||
		 phase == TG_PHASE_EMPTY_LF)
		step = (__u8)in->word == '\n' ? TG_STEP_LINE : TG_FAIL(TG_PACKET_SEEN, 0);
	else if (tg_phase_in_body(phase))
		step = tg_step_body(scan, in);
	else
		step = tg_step_value(scan, head, config, in);

	TG_FORGET(step);
	if (step & TG_STEP_TOKEN)
		tg_token_add(head, in->text, in->text_bytes);
	if (step & TG_STEP_HOST)
		tg_origin_add(head, in->text, in->text_bytes);
	if (step & TG_STEP_TOKEN_END)
		tg_token_end(head, config);
	if (step & TG_STEP_HOST_END)
		tg_origin_end(head);
	if (step & TG_STEP_LINE)
		step = tg_line_end(scan, head, config, in, TG_STEP_BYTES(step));
	TG_FORGET(step);
	if (step & TG_STEP_ERROR) {
		__u32 bytes = TG_STEP_BYTES(step);
		__u8 error = TG_STEP_CODE(step);

		if (!error)
			error = tg_bare_cr(scan, tg_input_byte(in, bytes - 1));
		step = tg_scan_fail(scan, config, error, in->at + bytes) | bytes;
	}
	return step;
}

/*
 * The input ends, for now, at stream offset at. A line or header that is
 * already beyond its limit cannot become good: say so now. 0 or TG_STEP_ERROR.
 */
tg_inline __u32 tg_scan_pause(struct tg_scan *scan, const struct tg_http_config *config, __u64 at)
{
	__u64 bytes = at - scan->begin;
	__u8 phase = scan->phase;

	if ((scan->flags & TG_SCAN_TENTATIVE) && tg_phase_in_request_line(phase))
		return tg_scan_fail(scan, config, TG_PACKET_UNSYNCED, at);
	if (tg_phase_in_head(phase) && bytes > config->header_bytes_max)
		return tg_scan_fail(scan, config, TG_PACKET_HEADER_TOO_LONG, at);
	if (tg_scan_in_chunk_lines(scan) && bytes > config->header_bytes_max)
		return tg_scan_fail(scan, config, TG_PACKET_AMBIGUOUS, at);
	return 0;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "must.h"

#define FLAGS_KEPT                                                                                 \
	(TG_HEAD_LENGTH | TG_HEAD_CODING | TG_HEAD_CHUNKED | TG_HEAD_SWITCH | TG_HEAD_ORIGIN |     \
	 TG_HEAD_REFERER | TG_HEAD_OLD)

struct run {
	struct tg_feed feed; /* the first: its ears get to the rest by it */
	const struct fuzz_stream *stream;
	struct fuzz_trace *trace;
};

static void add_request(struct tg_feed *feed, size_t header_end)
{
	struct fuzz_trace *trace = ((struct run *)feed)->trace;
	const struct tg_head *head = &feed->head;
	struct fuzz_request *request = &trace->request[trace->requests++];
	size_t host =
		head->origin_bytes < TG_HOST_BYTES_MAX ? head->origin_bytes : TG_HOST_BYTES_MAX;

	must(trace->requests <= FUZZ_REQUESTS_MAX, "more requests than fit");
	*request = (struct fuzz_request){.begin = header_end - head->header_bytes,
					 .header_end = header_end,
					 .header_bytes = head->header_bytes,
					 .flags = head->flags & FLAGS_KEPT,
					 .phase = feed->scan.phase,
					 .token = head->token,
					 .start = {head->start[0], head->start[1]},
					 .origin_id = head->origin_id};
	if (head->flags & TG_HEAD_LENGTH)
		request->length = head->length;
	if (head->origin_id)
		memcpy(request->host, head->host, host);
	if (feed->scan.phase == TG_PHASE_START)
		request->end = header_end;
	trace->body = 0;
}

/* Bytes of a body or its framing went by; the message may be over. */
static void add_body(struct run *run, uint8_t before, size_t taken)
{
	struct fuzz_trace *trace = run->trace;

	trace->body += taken;
	if (tg_phase_in_body(before) && !tg_phase_in_body(run->feed.scan.phase) &&
	    run->feed.scan.phase == TG_PHASE_START)
		trace->request[trace->requests - 1].end = run->feed.at + taken;
}

/* Not by the byte before alone: the last of a chunk's data may be a CR. */
static void note_bare_lf(struct run *run, uint8_t before, size_t taken)
{
	const uint8_t *bytes = run->stream->bytes;
	size_t end = run->feed.at + taken;
	bool bare = false;

	if (run->trace->chunk_bare_lf || !taken || bytes[end - 1] != '\n')
		return;
	if (before == TG_PHASE_CHUNK_END)
		bare = taken == 1;
	else if (before == TG_PHASE_CHUNK_SIZE || before == TG_PHASE_CHUNK_EXTENSION)
		bare = bytes[end - 2] != '\r';
	if (bare)
		run->trace->chunk_bare_lf = end;
}

static void add_error(struct run *run, size_t at)
{
	run->trace->error_at = at;
	run->trace->too_long = run->feed.scan.error == TG_PACKET_HEADER_TOO_LONG ||
			       at - run->feed.scan.begin > run->stream->config->header_bytes_max;
}

static void hear_step(struct tg_feed *feed, uint8_t before, size_t taken)
{
	struct run *run = (struct run *)feed;

	if (tg_phase_in_body(before))
		add_body(run, before, taken);
	if (!tg_phase_skips(before))
		note_bare_lf(run, before, taken);
}

static void hear_error(struct tg_feed *feed, uint32_t step, size_t at)
{
	(void)step;
	add_error((struct run *)feed, at);
}

static void hear_fault(struct tg_feed *feed, const char *what)
{
	must(false, "%s, %s", tg_feed_way_names[feed->way], what);
}

static const struct tg_feed_ears ears = {hear_step, add_request, hear_error, hear_fault};

static void feed_segment(struct run *run, size_t end)
{
	if (!tg_feed_segment(&run->feed, run->stream->bytes, end))
		return;
	run->trace->error_at = end;
	run->trace->too_long = true;
}

void fuzz_trace_make(const struct fuzz_stream *stream, enum tg_feed_way way, bool whole,
		     struct fuzz_trace *out)
{
	struct run run = {.feed = {.ears = &ears, .config = stream->config, .way = way},
			  .stream = stream,
			  .trace = out};
	struct tg_scan *scan = &run.feed.scan;

	*out = (struct fuzz_trace){0};
	tg_feed_start(&run.feed);
	if (stream->picked_up)
		scan->phase = TG_PHASE_SYNC;
	for (size_t i = 0; run.feed.at < stream->count; i++) {
		if (scan->phase == TG_PHASE_SYNC) { /* as bpf/request.bpf.h does */
			scan->phase = TG_PHASE_START;
			scan->flags |= TG_SCAN_TENTATIVE;
		}
		feed_segment(&run,
			     whole ? stream->count : fuzz_stream_segment(stream, i, run.feed.at));
	}
	out->phase = scan->phase;
	out->flags = scan->flags;
	out->error = tg_feed_is_over(&run.feed) ? scan->error : 0;
	out->skip = tg_phase_in_body(out->phase) ? scan->skip : 0;
	if (tg_phase_in_head(out->phase) ||
	    (tg_phase_in_body(out->phase) && !tg_phase_skips(out->phase)))
		out->begin = scan->begin;
}

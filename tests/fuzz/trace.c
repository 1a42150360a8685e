/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "must.h"

#define ROOM_BYTES    (1 << 14)
#define PADDING_BYTES 43
#define FLAGS_KEPT                                                                                 \
	(TG_HEAD_LENGTH | TG_HEAD_CODING | TG_HEAD_CHUNKED | TG_HEAD_SWITCH | TG_HEAD_ORIGIN |     \
	 TG_HEAD_REFERER | TG_HEAD_OLD)

const char *const fuzz_way_names[FUZZ_WAYS] = {"by steps", "by short cuts", "by short cuts, padded",
					       "by short cuts, padded with LF",
					       "by short cuts, padded with CR LF"};

/* As behind a short Ethernet frame, but such as would complete what a segment began. */
static const char padding[3][PADDING_BYTES + 1] = {
	"a: b\r\nX-API-Key: behind!\r\n\r\nGET / HTTP/1.1\n",
	"\n\r\nGET / HTTP/1.1\r\nX-API-Key: behind!\r\n\r\n  ",
	"\r\n\r\nGET / HTTP/1.1\r\nX-API-Key: behind!\r\n\r\n ",
};

static uint8_t *room; /* ROOM_BYTES, then a page that may not be touched */

struct run {
	const struct fuzz_stream *stream;
	enum fuzz_way way;
	struct fuzz_trace *trace;
	struct tg_scan scan;
	struct tg_head head;
	size_t at; /* stream bytes fed */
};

static void make_room(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (room)
		return;
	room = mmap(NULL, ROOM_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (room == MAP_FAILED || mprotect(room + ROOM_BYTES, page, PROT_NONE))
		abort();
}

static void add_request(struct run *run, size_t header_end)
{
	struct fuzz_trace *trace = run->trace;
	const struct tg_head *head = &run->head;
	struct fuzz_request *request = &trace->request[trace->requests++];
	size_t host =
		head->origin_bytes < TG_HOST_BYTES_MAX ? head->origin_bytes : TG_HOST_BYTES_MAX;

	must(trace->requests <= FUZZ_REQUESTS_MAX, "more requests than fit");
	*request = (struct fuzz_request){.begin = header_end - head->header_bytes,
					 .header_end = header_end,
					 .header_bytes = head->header_bytes,
					 .flags = head->flags & FLAGS_KEPT,
					 .phase = run->scan.phase,
					 .token = head->token,
					 .start = {head->start[0], head->start[1]},
					 .origin_id = head->origin_id};
	if (head->flags & TG_HEAD_LENGTH)
		request->length = head->length;
	if (head->origin_id)
		memcpy(request->host, head->host, host);
	if (run->scan.phase == TG_PHASE_START)
		request->end = header_end;
	trace->body = 0;
}

/* Bytes of a body or its framing went by; the message may be over. */
static void add_body(struct run *run, uint8_t before, size_t taken)
{
	struct fuzz_trace *trace = run->trace;

	trace->body += taken;
	if (tg_phase_in_body(before) && !tg_phase_in_body(run->scan.phase) &&
	    run->scan.phase == TG_PHASE_START)
		trace->request[trace->requests - 1].end = run->at + taken;
}

/* Not by the byte before alone: the last of a chunk's data may be a CR. */
static void note_bare_lf(struct run *run, uint8_t before, size_t taken)
{
	const uint8_t *bytes = run->stream->bytes;
	size_t end = run->at + taken;
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
	run->trace->too_long = run->scan.error == TG_PACKET_HEADER_TOO_LONG ||
			       at - run->scan.begin > run->stream->config->header_bytes_max;
}

/* The short cuts, in the program's order: 0 to all bytes. */
static size_t short_cut(struct run *run, const struct tg_view *view, size_t at)
{
	const struct tg_http_config *config = run->stream->config;
	struct tg_fast fast = {.at = at, .phase = run->scan.phase};
	uint64_t base = run->at - at;
	uint32_t step = 0;

	tg_scan_fast(&run->scan, &run->head, config, view, &fast, base);
	run->scan.phase = (uint8_t)fast.phase;
	if (fast.at != at)
		return fast.at - at;
	if (fast.phase == TG_PHASE_LINE)
		step = tg_fast_header_end(&run->scan, &run->head, config, view, &fast, base);
	run->scan.phase = (uint8_t)fast.phase;
	if (step)
		add_request(run, base + fast.at);
	else if (tg_phase_in_row((uint8_t)fast.phase))
		fast.at = tg_scan_fast_row(&run->scan, &run->head, config, view, at);
	return fast.at - at;
}

static struct tg_input input(const uint8_t *bytes, size_t left, size_t at)
{
	struct tg_input in = {.word = ~0ULL, .bytes = left < 8 ? (uint32_t)left : 8, .at = at};

	memcpy(&in.word, bytes, in.bytes);
	return in;
}

static size_t step(struct run *run, const struct tg_view *view, size_t at)
{
	struct tg_input in = input((uint8_t *)view->data + at, view->limit - at, run->at);
	uint8_t before = run->scan.phase;
	uint32_t step;
	size_t taken;

	if (tg_phase_skips(before)) {
		taken = tg_body_skip(&run->scan, view->limit - at);
		add_body(run, before, taken);
		return taken;
	}
	step = tg_scan_step(&run->scan, &run->head, run->stream->config, &in);
	taken = TG_STEP_BYTES(step);
	must(taken <= in.bytes, "a step took %zu bytes of %u in phase %u", taken, in.bytes, before);
	if (tg_phase_in_body(before))
		add_body(run, before, taken);
	note_bare_lf(run, before, taken);
	if (step & TG_STEP_REQUEST)
		add_request(run, run->at + taken);
	if (step & TG_STEP_ERROR)
		add_error(run, run->at + taken);
	return taken;
}

static bool is_over(const struct run *run)
{
	return run->scan.phase == TG_PHASE_DEAD || run->scan.phase == TG_PHASE_SYNC;
}

/* As much of the head as one may rely on between segments, and nothing else. */
static void forget_head(struct run *run)
{
	if (!tg_phase_in_head(run->scan.phase))
		memset(&run->head, 0xa5, sizeof(run->head));
}

static void feed(struct run *run, size_t end)
{
	size_t bytes = end - run->at, pad = run->way >= FUZZ_PADDED ? PADDING_BYTES : 0;
	uint8_t *segment = room + ROOM_BYTES - pad - bytes;
	const struct tg_view view = {segment, room + ROOM_BYTES, (uint32_t)bytes};
	size_t at = 0, idle = 0, taken;

	memcpy(segment, run->stream->bytes + run->at, bytes);
	if (pad)
		memcpy(segment + bytes, padding[run->way - FUZZ_PADDED], pad);
	while (at < bytes && !is_over(run)) {
		taken = run->way == FUZZ_STEPS ? 0 : short_cut(run, &view, at);
		if (!taken)
			taken = step(run, &view, at);
		idle = taken ? 0 : idle + 1;
		must(idle < 3 && taken <= bytes - at, "%zu bytes taken at %zu in phase %u", taken,
		     run->at, run->scan.phase);
		at += taken;
		run->at += taken;
	}
	run->at = end;
	if (!is_over(run) &&
	    tg_scan_pause(&run->scan, run->stream->config, run->at) & TG_STEP_ERROR) {
		run->trace->error_at = run->at;
		run->trace->too_long = true;
	}
	forget_head(run);
}

void fuzz_trace_make(const struct fuzz_stream *stream, enum fuzz_way way, bool whole,
		     struct fuzz_trace *out)
{
	struct run run = {.stream = stream, .way = way, .trace = out};

	make_room();
	*out = (struct fuzz_trace){0};
	tg_scan_start(&run.scan);
	if (stream->picked_up)
		run.scan.phase = TG_PHASE_SYNC;
	forget_head(&run);
	for (size_t i = 0; run.at < stream->count; i++) {
		if (run.scan.phase == TG_PHASE_SYNC) { /* as bpf/request.bpf.h does */
			run.scan.phase = TG_PHASE_START;
			run.scan.flags |= TG_SCAN_TENTATIVE;
		}
		feed(&run, whole ? stream->count : fuzz_stream_segment(stream, i, run.at));
	}
	out->phase = run.scan.phase;
	out->flags = run.scan.flags;
	out->error = is_over(&run) ? run.scan.error : 0;
	out->skip = tg_phase_in_body(out->phase) ? run.scan.skip : 0;
	if (tg_phase_in_head(out->phase) ||
	    (tg_phase_in_body(out->phase) && !tg_phase_skips(out->phase)))
		out->begin = run.scan.begin;
}

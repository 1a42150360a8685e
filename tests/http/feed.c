/* SPDX-License-Identifier: BSD-2-Clause */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../include/tollgate/http_fast.h"

#define ROOM_BYTES    (1 << 17)
#define PADDING_BYTES 43

_Static_assert(TG_FEED_SEGMENT_MAX + PADDING_BYTES <= ROOM_BYTES, "room for a segment");

const char *const tg_feed_way_names[TG_FEED_WAYS] = {
	"by steps", "by short cuts", "by short cuts, padded", "by short cuts, padded with LF",
	"by short cuts, padded with CR LF"};

/* As behind a short Ethernet frame, but such as would complete what a segment began. */
static const char padding[3][PADDING_BYTES + 1] = {
	"x: y\r\nX-API-Key: padding\r\n\r\nGET / HTTP/1.1\n",
	"\n\r\nGET / HTTP/1.1\r\nX-API-Key: padding\r\n\r\n  ",
	"\r\n\r\nGET / HTTP/1.1\r\nX-API-Key: padding\r\n\r\n ",
};

static uint8_t *room; /* ROOM_BYTES, then a page that may not be touched */

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

bool tg_feed_is_over(const struct tg_feed *feed)
{
	return feed->scan.phase == TG_PHASE_DEAD || feed->scan.phase == TG_PHASE_SYNC;
}

/* As much of the head as one may rely on between segments, and nothing else. */
static void forget_head(struct tg_feed *feed)
{
	if (!tg_phase_in_head(feed->scan.phase))
		memset(&feed->head, 0xa5, sizeof(feed->head));
}

void tg_feed_start(struct tg_feed *feed)
{
	make_room();
	feed->at = 0;
	tg_scan_start(&feed->scan);
	forget_head(feed);
}

/* The short cuts, in the program's order: 0 to all bytes. */
static size_t short_cut(struct tg_feed *feed, const struct tg_view *view, size_t at)
{
	struct tg_fast fast = {.at = at, .phase = feed->scan.phase};
	uint64_t base = feed->at - at;
	uint32_t step = 0;

	tg_scan_fast(&feed->scan, &feed->head, feed->config, view, &fast, base);
	feed->scan.phase = (uint8_t)fast.phase;
	if (fast.at != at)
		return fast.at - at;
	if (fast.phase == TG_PHASE_LINE)
		step = tg_fast_header_end(&feed->scan, &feed->head, feed->config, view, &fast,
					  base);
	feed->scan.phase = (uint8_t)fast.phase;
	if (step)
		feed->ears->request(feed, base + fast.at);
	else if (tg_phase_in_row((uint8_t)fast.phase))
		fast.at = tg_scan_fast_row(&feed->scan, &feed->head, feed->config, view, at);
	return fast.at - at;
}

/* The next 1 to 8 bytes: fewer than a word only where no more are left. */
static struct tg_input input(const uint8_t *bytes, size_t left, size_t at)
{
	struct tg_input in = {.word = ~0ULL, .bytes = left < 8 ? (uint32_t)left : 8, .at = at};

	memcpy(&in.word, bytes, in.bytes);
	return in;
}

static void check_taken(struct tg_feed *feed, bool right, size_t taken, size_t left)
{
	char what[120];

	if (right)
		return;
	snprintf(what, sizeof(what), "%zu bytes of %zu taken at %zu in phase %u", taken, left,
		 feed->at, feed->scan.phase);
	feed->ears->fault(feed, what);
}

static size_t step(struct tg_feed *feed, const struct tg_view *view, size_t at)
{
	struct tg_input in = input((uint8_t *)view->data + at, view->limit - at, feed->at);
	uint8_t before = feed->scan.phase;
	uint32_t step = 0;
	size_t taken;

	if (tg_phase_skips(before)) {
		taken = tg_body_skip(&feed->scan, view->limit - at);
	} else {
		step = tg_scan_step(&feed->scan, &feed->head, feed->config, &in);
		taken = TG_STEP_BYTES(step);
		check_taken(feed, taken <= in.bytes, taken, in.bytes);
	}
	feed->ears->step(feed, before, taken);
	if (step & TG_STEP_REQUEST)
		feed->ears->request(feed, feed->at + taken);
	if (step & TG_STEP_ERROR)
		feed->ears->error(feed, step, feed->at + taken);
	return taken;
}

static struct tg_view lay_out(const struct tg_feed *feed, const uint8_t *bytes, size_t count)
{
	size_t pad = feed->way >= TG_FEED_PADDED ? PADDING_BYTES : 0;
	uint8_t *segment = room + ROOM_BYTES - pad - count;

	if (count > TG_FEED_SEGMENT_MAX)
		abort();
	memcpy(segment, bytes, count);
	if (pad)
		memcpy(segment + count, padding[feed->way - TG_FEED_PADDED], pad);
	return (struct tg_view){segment, room + ROOM_BYTES, (uint32_t)count};
}

uint32_t tg_feed_segment(struct tg_feed *feed, const uint8_t *stream, size_t end)
{
	size_t bytes = end - feed->at, at = 0, idle = 0, taken;
	const struct tg_view view = lay_out(feed, stream + feed->at, bytes);
	uint32_t pause = 0;

	while (at < bytes && !tg_feed_is_over(feed)) {
		taken = 0;
		if (feed->way != TG_FEED_STEPS && at <= TG_FAST_OFFSET_MAX)
			taken = short_cut(feed, &view, at);
		if (!taken)
			taken = step(feed, &view, at);
		idle = taken ? 0 : idle + 1;
		check_taken(feed, idle < 3 && taken <= bytes - at, taken, bytes - at);
		at += taken;
		feed->at += taken;
	}
	feed->at = end;
	if (!tg_feed_is_over(feed))
		pause = tg_scan_pause(&feed->scan, feed->config, feed->at);
	forget_head(feed);
	return pause & TG_STEP_ERROR;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "lane.h"

#include <string.h>

#include "cuts.h"
#include "dice.h"

#define WAIT_MIN_NS 500000

/* What is under way through the lane: a frame, and what decides about it. */
struct passage {
	struct chaos_lane *lane;
	struct chaos_dice dice;
	uint64_t flow;
	uint64_t now_ns;
};

/* --- late ---------------------------------------------------------------------------- */

static void give(struct chaos_lane *lane, const uint8_t *frame, size_t bytes)
{
	lane->counts.sent++;
	lane->send(lane->to, frame, bytes);
}

/* Those for whom it is time, oldest first. */
static void release(struct chaos_lane *lane, uint64_t now_ns)
{
	size_t i, kept = 0;

	for (i = 0; i < lane->held_count; i++) {
		struct chaos_held *held = &lane->held[i];

		if (held->behind && now_ns < held->until_ns) {
			if (kept != i)
				lane->held[kept] = *held;
			kept++;
			continue;
		}
		lane->counts.overtaken += held->overtaken;
		give(lane, held->frame, held->bytes);
	}
	lane->held_count = kept;
}

/* Overtakes all that is held. */
static void pass(struct passage *by, const uint8_t *frame, size_t bytes)
{
	struct chaos_lane *lane = by->lane;
	bool any = false;
	size_t i;

	give(lane, frame, bytes);
	for (i = 0; i < lane->held_count; i++) {
		lane->held[i].overtaken |= lane->held[i].flow == by->flow;
		any |= !--lane->held[i].behind;
	}
	if (any)
		release(lane, by->now_ns);
}

/* rate: of being held up. */
static void pass_or_hold(struct passage *by, unsigned int rate, const uint8_t *frame, size_t bytes)
{
	struct chaos_lane *lane = by->lane;
	struct chaos_held *held = &lane->held[lane->held_count];

	if (!chaos_dice_hit(&by->dice, rate) || lane->held_count == CHAOS_HELD_MAX) {
		pass(by, frame, bytes);
		return;
	}
	held->flow = by->flow;
	held->behind = 1 + (unsigned int)chaos_dice_below(&by->dice, CHAOS_BEHIND_MAX);
	held->until_ns =
		by->now_ns + WAIT_MIN_NS + chaos_dice_below(&by->dice, CHAOS_WAIT_NS - WAIT_MIN_NS);
	held->overtaken = false;
	held->bytes = bytes;
	memcpy(held->frame, frame, bytes);
	lane->held_count++;
	lane->counts.held++;
}

/* --- not at all, or twice -------------------------------------------------------------- */

static void lose_or_pass(struct passage *by, const uint8_t *frame, size_t bytes)
{
	struct chaos_lane *lane = by->lane;

	if (chaos_dice_hit(&by->dice, lane->rates.loss)) {
		lane->counts.lost++;
		return;
	}
	pass_or_hold(by, lane->rates.reorder, frame, bytes);
	if (!chaos_dice_hit(&by->dice, lane->rates.duplicate))
		return;
	lane->counts.duplicated++;
	/* One copy in two comes when others have come. */
	pass_or_hold(by, CHAOS_CERTAIN / 2, frame, bytes);
}

/* --- in pieces ----------------------------------------------------------------------- */

static void pass_pieces(struct passage *by, const struct chaos_segment *segment)
{
	struct chaos_lane *lane = by->lane;
	uint8_t frame[CHAOS_FRAME_MAX];
	struct chaos_cuts cuts;
	size_t i, bytes;

	chaos_cuts_draw(&by->dice, segment->count, lane->rates.overlap, &cuts);
	lane->counts.resegmented++;
	lane->counts.pieces += cuts.count - cuts.overlaps;
	lane->counts.overlaps += cuts.overlaps;
	for (i = 0; i < cuts.count; i++) {
		const struct chaos_piece *piece = &cuts.pieces[i];
		bool last = piece->to == segment->count && !piece->again;

		bytes = chaos_segment_cut(segment, piece->from, piece->to, last, (unsigned int)i,
					  frame);
		lose_or_pass(by, frame, bytes);
	}
}

/* --- across two segments --------------------------------------------------------------- */

static struct chaos_tail *tail_of(struct chaos_lane *lane, const struct chaos_segment *segment)
{
	return &lane->tails[segment->flow % CHAOS_TAILS];
}

/* A frame that begins before the segment, if it is known what stood there. */
static void pass_bridge(struct passage *by, const struct chaos_segment *segment)
{
	const struct chaos_tail *tail = tail_of(by->lane, segment);
	size_t head = segment->count < CHAOS_BRIDGE_MAX ? segment->count : CHAOS_BRIDGE_MAX;
	uint8_t frame[CHAOS_FRAME_MAX];
	size_t count;

	if (!tail->count || tail->flow != segment->flow || tail->next_seq != segment->seq ||
	    !chaos_dice_hit(&by->dice, by->lane->rates.overlap))
		return;
	count = 1 + chaos_dice_below(&by->dice, tail->count);
	head = 1 + chaos_dice_below(&by->dice, head);
	by->lane->counts.bridges++;
	lose_or_pass(by, frame,
		     chaos_segment_bridge(segment, tail->bytes + tail->count - count, count, head,
					  frame));
}

static void remember(struct chaos_lane *lane, const struct chaos_segment *segment)
{
	struct chaos_tail *tail = tail_of(lane, segment);

	tail->flow = segment->flow;
	tail->next_seq = segment->seq + (uint32_t)segment->count;
	tail->count = segment->count < CHAOS_BRIDGE_MAX ? segment->count : CHAOS_BRIDGE_MAX;
	memcpy(tail->bytes, segment->frame + segment->payload + segment->count - tail->count,
	       tail->count);
}

/* --- all of it ------------------------------------------------------------------------ */

static void pass_segment(struct passage *by, const struct chaos_segment *segment, size_t bytes)
{
	struct chaos_lane *lane = by->lane;

	if (!chaos_segment_has_data(segment)) {
		lose_or_pass(by, segment->frame, bytes);
		return;
	}
	pass_bridge(by, segment);
	if (chaos_dice_hit(&by->dice, lane->rates.resegment) && segment->count > 1)
		pass_pieces(by, segment);
	else
		lose_or_pass(by, segment->frame, bytes);
	remember(lane, segment);
}

void chaos_lane_take(struct chaos_lane *lane, const uint8_t *frame, size_t bytes, uint64_t now_ns)
{
	struct passage by = {lane, chaos_dice_of(lane->seed, lane->number++), 0, now_ns};
	struct chaos_segment segment;

	/* Without neighbours there is no link to disturb. */
	if (!chaos_segment_read(frame, bytes, &segment)) {
		lane->counts.other++;
		lane->send(lane->to, frame, bytes);
		return;
	}
	by.flow = segment.flow;
	lane->counts.taken++;
	if (chaos_segment_is_sound(&segment)) {
		pass_segment(&by, &segment, bytes);
		return;
	}
	/* Its pieces would be given right checksums: whoever broke it must not be covered up. */
	lane->counts.unsound++;
	lose_or_pass(&by, frame, bytes);
}

void chaos_lane_tick(struct chaos_lane *lane, uint64_t now_ns)
{
	release(lane, now_ns);
}

uint64_t chaos_lane_due(const struct chaos_lane *lane)
{
	uint64_t due = UINT64_MAX;
	size_t i;

	for (i = 0; i < lane->held_count; i++)
		due = lane->held[i].until_ns < due ? lane->held[i].until_ns : due;
	return due;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP segment in an Ethernet frame, IPv4 or IPv6, and frames that carry part of its
 * payload: as a sender would have made them who had cut the stream there.
 */
#ifndef TOLLGATE_CHAOS_SEGMENT_H
#define TOLLGATE_CHAOS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAOS_FRAME_MAX	 2048
#define CHAOS_BRIDGE_MAX 256 /* bytes on either side of a bridge */

#define CHAOS_FIN 0x01
#define CHAOS_SYN 0x02
#define CHAOS_RST 0x04
#define CHAOS_PSH 0x08
#define CHAOS_URG 0x20
#define CHAOS_CWR 0x80

struct chaos_segment {
	const uint8_t *frame;
	size_t tcp;	/* where its header begins */
	size_t payload; /* where it begins */
	size_t count;	/* bytes of payload; what the frame holds beyond is padding */
	uint32_t seq;
	uint8_t flags;
	bool ipv6;
	uint64_t flow; /* of addresses and ports: the same for segments of one direction */
};

/* false: no TCP, a fragment, a tag, an IPv6 extension header, or malformed. */
bool chaos_segment_read(const uint8_t *frame, size_t bytes, struct chaos_segment *segment);

/* Are the checksums those of the bytes? */
bool chaos_segment_is_sound(const struct chaos_segment *segment);

/* Has it payload that could come in other frames as well? */
bool chaos_segment_has_data(const struct chaos_segment *segment);

/*
 * The frame with the payload's bytes from..to; its size. last: it carries what belongs to
 * the segment's end, PSH and FIN. number: added to the IPv4 identification.
 */
size_t chaos_segment_cut(const struct chaos_segment *segment, size_t from, size_t to, bool last,
			 unsigned int number, uint8_t *out);

/* The frame with tail, which is what the stream held before the segment, and the first head bytes.
 */
size_t chaos_segment_bridge(const struct chaos_segment *segment, const uint8_t *tail,
			    size_t tail_count, size_t head, uint8_t *out);

#endif

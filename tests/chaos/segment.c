/* SPDX-License-Identifier: BSD-2-Clause */
#include "segment.h"

#include <string.h>

#define ETHERNET    14
#define IPV4_MIN    20
#define IPV6	    40
#define TCP_MIN	    20
#define TCP	    6
#define FLAGS	    13 /* in the TCP header */
#define CHECKSUM    16
#define FRAGMENTING 0x3fff /* more fragments, or an offset */

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* --- checksums ----------------------------------------------------------------------- */

/* Words in the machine's order: the sum of swapped words is the swapped sum (RFC 1071). */
static uint64_t sum(uint64_t sum, const uint8_t *at, size_t count)
{
	uint32_t word;

	for (; count >= sizeof(word); count -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, at, count);
	return sum + word;
}

/* As it stands in a header, big-endian read. */
static unsigned int folded(uint64_t sum)
{
	uint8_t bytes[2];
	uint16_t word;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	word = (uint16_t)~sum;
	memcpy(bytes, &word, sizeof(bytes));
	return get16(bytes);
}

/* Of the header from ip to tcp. 0 when the field is in and right. */
static unsigned int ip_checksum(const uint8_t *frame, size_t tcp)
{
	return folded(sum(0, frame + ETHERNET, tcp - ETHERNET));
}

static unsigned int tcp_checksum(const uint8_t *frame, bool ipv6, size_t tcp, size_t count)
{
	const uint8_t *ip = frame + ETHERNET;
	uint8_t pseudo[8] = {0};
	uint64_t total;

	put32(pseudo, (uint32_t)count);
	pseudo[7] = TCP;
	total = sum(0, pseudo, sizeof(pseudo));
	total = ipv6 ? sum(total, ip + 8, 32) : sum(total, ip + 12, 8);
	return folded(sum(total, frame + tcp, count));
}

/* --- reading ------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t hash, const uint8_t *at, size_t count)
{
	while (count--)
		hash = (hash ^ *at++) * 0x100000001b3ULL;
	return hash;
}

/* Where TCP begins, and where the packet ends; false: none of ours. */
static bool read_ip(const uint8_t *frame, size_t bytes, struct chaos_segment *segment, size_t *end)
{
	const uint8_t *ip = frame + ETHERNET;

	if (bytes >= ETHERNET + IPV4_MIN && get16(frame + 12) == 0x0800) {
		segment->ipv6 = false;
		segment->tcp = ETHERNET + (ip[0] & 15) * 4;
		*end = ETHERNET + get16(ip + 2);
		segment->flow = mixed(1, ip + 12, 8);
		return ip[0] >> 4 == 4 && segment->tcp >= ETHERNET + IPV4_MIN && ip[9] == TCP &&
		       !(get16(ip + 6) & FRAGMENTING);
	}
	if (bytes >= ETHERNET + IPV6 && get16(frame + 12) == 0x86dd) {
		segment->ipv6 = true;
		segment->tcp = ETHERNET + IPV6;
		*end = segment->tcp + get16(ip + 4);
		segment->flow = mixed(1, ip + 8, 32);
		return ip[0] >> 4 == 6 && ip[6] == TCP;
	}
	return false;
}

bool chaos_segment_read(const uint8_t *frame, size_t bytes, struct chaos_segment *segment)
{
	const uint8_t *tcp;
	size_t end;

	if (!read_ip(frame, bytes, segment, &end) || end > bytes || segment->tcp + TCP_MIN > end)
		return false;
	tcp = frame + segment->tcp;
	segment->payload = segment->tcp + (tcp[12] >> 4) * 4;
	if (segment->payload < segment->tcp + TCP_MIN || segment->payload > end)
		return false;
	segment->frame = frame;
	segment->count = end - segment->payload;
	segment->seq = get32(tcp + 4);
	segment->flags = tcp[FLAGS];
	segment->flow = mixed(segment->flow, tcp, 4);
	return true;
}

bool chaos_segment_is_sound(const struct chaos_segment *segment)
{
	size_t count = segment->payload - segment->tcp + segment->count;

	if (!segment->ipv6 && ip_checksum(segment->frame, segment->tcp))
		return false;
	return !tcp_checksum(segment->frame, segment->ipv6, segment->tcp, count);
}

bool chaos_segment_has_data(const struct chaos_segment *segment)
{
	return segment->count && !(segment->flags & (CHAOS_SYN | CHAOS_RST | CHAOS_URG));
}

/* --- making -------------------------------------------------------------------------- */

/* Headers as the segment's, for count bytes of payload, which stand in out already. */
static size_t head_over(const struct chaos_segment *segment, uint32_t seq, uint8_t flags,
			unsigned int number, size_t count, uint8_t *out)
{
	uint8_t *ip = out + ETHERNET, *tcp = out + segment->tcp;
	size_t end = segment->payload + count;

	memcpy(out, segment->frame, segment->payload);
	put32(tcp + 4, seq);
	tcp[FLAGS] = flags;
	if (segment->ipv6) {
		put16(ip + 4, (unsigned int)(end - segment->tcp));
	} else {
		put16(ip + 2, (unsigned int)(end - ETHERNET));
		put16(ip + 4, get16(ip + 4) + number);
		put16(ip + 10, 0);
		put16(ip + 10, ip_checksum(out, segment->tcp));
	}
	put16(tcp + CHECKSUM, 0);
	put16(tcp + CHECKSUM, tcp_checksum(out, segment->ipv6, segment->tcp, end - segment->tcp));
	return end;
}

size_t chaos_segment_cut(const struct chaos_segment *segment, size_t from, size_t to, bool last,
			 unsigned int number, uint8_t *out)
{
	uint8_t flags = segment->flags;

	if (!last)
		flags &= (uint8_t) ~(CHAOS_FIN | CHAOS_PSH);
	if (from)
		flags &= (uint8_t)~CHAOS_CWR;
	memcpy(out + segment->payload, segment->frame + segment->payload + from, to - from);
	return head_over(segment, segment->seq + (uint32_t)from, flags, number, to - from, out);
}

size_t chaos_segment_bridge(const struct chaos_segment *segment, const uint8_t *tail,
			    size_t tail_count, size_t head, uint8_t *out)
{
	uint8_t flags = segment->flags & (uint8_t) ~(CHAOS_FIN | CHAOS_PSH | CHAOS_CWR);
	uint8_t *payload = out + segment->payload;

	memcpy(payload, tail, tail_count);
	memcpy(payload + tail_count, segment->frame + segment->payload, head);
	return head_over(segment, segment->seq - (uint32_t)tail_count, flags, 0, tail_count + head,
			 out);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include <string.h>

#include "../../include/tollgate/abi.h"

enum { MORE = TG_PACKET_SEEN };

/* The bytes that are left: [at, count). */
struct reader {
	const uint8_t *bytes;
	size_t at, count, total;
};

static bool has(const struct reader *reader, size_t bytes)
{
	return reader->at <= reader->count && reader->count - reader->at >= bytes;
}

static uint8_t u8(const struct reader *reader, size_t offset)
{
	return reader->bytes[reader->at + offset];
}

static uint16_t u16(const struct reader *reader, size_t offset)
{
	return (uint16_t)(u8(reader, offset) << 8 | u8(reader, offset + 1));
}

static uint32_t u32(const struct reader *reader, size_t offset)
{
	return (uint32_t)u16(reader, offset) << 16 | u16(reader, offset + 2);
}

bool frame_port_is_metered(uint16_t port)
{
	return port == 80 || port == 8080 || port == 65535;
}

uint16_t frame_ipv4_sum(const uint8_t *header, size_t bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* IEEE 802.3 and 802.1Q; at most two tags. */
static int read_ethernet(struct reader *reader, uint16_t *type)
{
	size_t tags = 0;

	if (!has(reader, 14))
		return TG_PACKET_TRUNCATED;
	*type = u16(reader, 12);
	reader->at += 14;
	while (*type == 0x8100 || *type == 0x88a8) {
		if (++tags == 3)
			return TG_PACKET_VLAN_DEEP;
		if (!has(reader, 4))
			return TG_PACKET_TRUNCATED;
		*type = u16(reader, 2);
		reader->at += 4;
	}
	return MORE;
}

static int judge_protocol(uint8_t protocol)
{
	if (protocol == 6)
		return MORE;
	/* IP in IP, IPv6 in IP, GRE, ESP, AH */
	if (protocol == 4 || protocol == 41 || protocol == 47 || protocol == 50 || protocol == 51)
		return TG_PACKET_TUNNEL;
	return TG_PACKET_NOT_TCP;
}

static void map_ipv4(uint8_t out[16], const struct reader *reader, size_t offset)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	for (size_t i = 0; i < 4; i++)
		out[12 + i] = u8(reader, offset + i);
}

/* Those of RFC 791 that a host takes: NOP, record route (7), time stamp (68); RFC 2113's 148. */
static bool takes_options(const uint8_t *options, size_t bytes)
{
	size_t at = 0;

	while (at < bytes && options[at] != 0) {
		if (options[at] == 1) {
			at++;
			continue;
		}
		if (options[at] != 7 && options[at] != 68 && options[at] != 148)
			return false;
		if (at + 1 >= bytes || options[at + 1] < 4 || at + options[at + 1] > bytes)
			return false;
		at += options[at + 1];
	}
	return true;
}

/* RFC 791. *left: bytes of the datagram behind its header. */
static int read_ipv4(struct reader *reader, struct frame *out, uint32_t *left)
{
	size_t header;
	int reason;

	if (!has(reader, 20))
		return TG_PACKET_TRUNCATED;
	header = (size_t)(u8(reader, 0) & 15) * 4;
	if (u8(reader, 0) >> 4 != 4 || header < 20 || u16(reader, 2) < header)
		return TG_PACKET_BAD_IP;
	if (FRAME_IPV4_CHECKSUM) {
		if (!has(reader, header))
			return TG_PACKET_TRUNCATED;
		if (frame_ipv4_sum(reader->bytes + reader->at, header))
			return TG_PACKET_BAD_CHECKSUM;
	}
	if (!takes_options(reader->bytes + reader->at + 20, header - 20))
		return TG_PACKET_BAD_IP;
	out->ipv6 = false;
	map_ipv4(out->client, reader, 12);
	map_ipv4(out->server, reader, 16);
	if (u16(reader, 6) & 0x3fff) /* more fragments, or an offset */
		return TG_PACKET_FRAGMENT;
	reason = judge_protocol(u8(reader, 9));
	*left = (uint32_t)(u16(reader, 2) - header);
	reader->at += header;
	return reason;
}

static bool is_extension(uint8_t next)
{
	/* hop by hop, routing, fragment, destination options */
	return next == 0 || next == 43 || next == 44 || next == 60;
}

/* RFC 8200 section 4: at most six of them. */
static int read_extensions(struct reader *reader, uint8_t *next, uint32_t *left)
{
	for (size_t extensions = 0; is_extension(*next); extensions++) {
		size_t bytes = 8;

		if (!has(reader, bytes)) /* the least that one has */
			return TG_PACKET_TRUNCATED;
		if (*next == 44 && u16(reader, 2) & 0xfff9) /* not an atomic fragment */
			return TG_PACKET_FRAGMENT;
		if (*next != 44)
			bytes = ((size_t)u8(reader, 1) + 1) * 8;
		if (bytes > *left)
			return TG_PACKET_BAD_IP;
		if (extensions == 6)
			return TG_PACKET_IPV6_EXT;
		*left -= (uint32_t)bytes;
		*next = u8(reader, 0);
		reader->at += bytes;
	}
	return MORE;
}

/* RFC 8200 section 3. */
static int read_ipv6(struct reader *reader, struct frame *out, uint32_t *left)
{
	uint8_t next;
	int reason;

	if (!has(reader, 40))
		return TG_PACKET_TRUNCATED;
	if (u8(reader, 0) >> 4 != 6)
		return TG_PACKET_BAD_IP;
	out->ipv6 = true;
	for (size_t i = 0; i < 16; i++) {
		out->client[i] = u8(reader, 8 + i);
		out->server[i] = u8(reader, 24 + i);
	}
	*left = u16(reader, 4);
	next = u8(reader, 6);
	reader->at += 40;
	reason = read_extensions(reader, &next, left);
	return reason == MORE ? judge_protocol(next) : reason;
}

/* RFC 9293 section 3.1. left: bytes of the segment with its header. */
static int read_tcp(struct reader *reader, struct frame *out, uint32_t left)
{
	size_t header;

	if (left < 20)
		return TG_PACKET_BAD_TCP;
	if (!has(reader, 20))
		return TG_PACKET_TRUNCATED;
	if (!frame_port_is_metered(u16(reader, 2)))
		return TG_PACKET_OTHER_PORT;
	header = (size_t)(u8(reader, 12) >> 4) * 4;
	if (header < 20 || header > left)
		return TG_PACKET_BAD_TCP;
	out->client_port = u16(reader, 0);
	out->server_port = u16(reader, 2);
	out->fin = u8(reader, 13) & 1;
	out->syn = u8(reader, 13) & 2;
	out->rst = u8(reader, 13) & 4;
	out->seq = u32(reader, 4) + out->syn; /* of the first byte that is data */
	out->ack = u32(reader, 8);
	out->payload_bytes = left - (uint32_t)header;
	reader->at += header;
	return MORE;
}

int frame_read(const uint8_t *bytes, size_t count, size_t total, struct frame *out)
{
	struct reader reader = {bytes, 0, count, total};
	uint16_t type = 0;
	uint32_t left = 0;
	int reason = read_ethernet(&reader, &type);

	if (reason != MORE)
		return reason;
	out->ip = reader.at;
	if (type == 0x0800)
		reason = read_ipv4(&reader, out, &left);
	else if (type == 0x86dd)
		reason = read_ipv6(&reader, out, &left);
	else
		return TG_PACKET_NOT_IP;
	if (reason != MORE)
		return reason;
	out->tcp = reader.at;
	reason = read_tcp(&reader, out, left);
	if (reason != MORE)
		return reason;
	out->payload = reader.at;
	/* What the IP header states must be there, if not all in the first part. */
	return out->payload + out->payload_bytes > total ? TG_PACKET_TRUNCATED : MORE;
}

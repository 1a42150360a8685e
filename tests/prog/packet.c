/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdlib.h>
#include <string.h>

#define IP4_BYTES  20
#define IP6_BYTES  40
#define TCP_BYTES  20
#define TIMESTAMPS 12 /* two no-ops, and RFC 7323's option */

static const uint8_t server4[4] = {192, 0, 2, 80};
static const uint8_t server6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 80};

static uint8_t *lay(struct tg_packet *packet, size_t count)
{
	uint8_t *at = packet->bytes + packet->count;

	if (packet->count + count > TG_PACKET_ROOM)
		abort();
	memset(at, 0, count);
	packet->count += count;
	return at;
}

static void set16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void set32(uint8_t *at, uint32_t value)
{
	set16(at, value >> 16);
	set16(at + 2, value);
}

uint16_t tg_packet_get16(const struct tg_packet *packet, size_t at)
{
	return packet->bytes[at] << 8 | packet->bytes[at + 1];
}

void tg_packet_set16(struct tg_packet *packet, size_t at, uint16_t value)
{
	set16(packet->bytes + at, value);
}

void tg_packet_ethernet(struct tg_packet *packet, uint16_t type)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint8_t *header;

	packet->count = packet->ip = packet->tcp = packet->payload = 0;
	header = lay(packet, ETH_HLEN);
	memcpy(header, addresses, sizeof(addresses));
	set16(header + 12, type);
}

void tg_packet_vlan(struct tg_packet *packet, uint16_t tag, uint16_t type)
{
	uint8_t *header = lay(packet, 4);

	set16(header, tag);
	set16(header + 2, type);
}

void tg_packet_ipv4(struct tg_packet *packet, const uint8_t *from, const uint8_t *to,
		    uint8_t protocol, size_t option_bytes)
{
	uint8_t *header;

	packet->ip = packet->count;
	packet->ipv6 = false;
	header = lay(packet, IP4_BYTES + option_bytes);
	header[0] = 0x40 | (IP4_BYTES + option_bytes) / 4;
	header[8] = 64;
	header[9] = protocol;
	memcpy(header + 12, from, 4);
	memcpy(header + 16, to, 4);
	memset(header + IP4_BYTES, 1, option_bytes);
}

void tg_packet_ipv6(struct tg_packet *packet, const uint8_t *from, const uint8_t *to, uint8_t next)
{
	uint8_t *header;

	packet->ip = packet->count;
	packet->ipv6 = true;
	header = lay(packet, IP6_BYTES);
	header[0] = 0x60;
	header[6] = next;
	header[7] = 64;
	memcpy(header + 8, from, 16);
	memcpy(header + 24, to, 16);
}

void tg_packet_extension(struct tg_packet *packet, uint8_t next, size_t bytes)
{
	uint8_t *header = lay(packet, bytes);

	header[0] = next;
	header[1] = bytes / 8 - 1;
	header[2] = 1; /* PadN, or for routing headers an unknown type with no segments left */
	header[3] = bytes - 4;
}

void tg_packet_fragment(struct tg_packet *packet, uint8_t next, uint16_t offset, bool more)
{
	uint8_t *header = lay(packet, 8);

	header[0] = next;
	set16(header + 2, offset << 3 | more);
	set32(header + 4, 0x1234567);
}

void tg_packet_tcp(struct tg_packet *packet, uint16_t from, uint16_t to, uint32_t seq,
		   uint8_t flags, size_t option_bytes)
{
	uint8_t *header;

	packet->tcp = packet->count;
	header = lay(packet, TCP_BYTES + option_bytes);
	packet->payload = packet->count;
	set16(header, from);
	set16(header + 2, to);
	set32(header + 4, seq);
	set32(header + 8, flags & TG_ACK ? 0x01020304 : 0);
	header[12] = (TCP_BYTES + option_bytes) / 4 << 4;
	header[13] = flags;
	set16(header + 14, 64240);
	memset(header + TCP_BYTES, 1, option_bytes);
	if (option_bytes == TIMESTAMPS) {
		header[TCP_BYTES + 2] = 8;
		header[TCP_BYTES + 3] = 10;
	}
}

void tg_packet_payload(struct tg_packet *packet, const void *bytes, size_t count)
{
	memcpy(lay(packet, count), bytes, count);
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	if (count % 2)
		sum += bytes[count - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void finish_tcp(struct tg_packet *packet)
{
	const uint8_t *ip = packet->bytes + packet->ip;
	uint8_t *tcp = packet->bytes + packet->tcp;
	size_t bytes = packet->count - packet->tcp;
	uint32_t sum = bytes + IPPROTO_TCP;

	if (packet->ipv6)
		sum = sum16(sum, ip + 8, 32);
	else
		sum = sum16(sum, ip + 12, 8);
	set16(tcp + 16, 0);
	set16(tcp + 16, ~sum16(sum, tcp, bytes));
}

void tg_packet_sum_ipv4(struct tg_packet *packet)
{
	uint8_t *ip = packet->bytes + packet->ip;

	set16(ip + 10, 0);
	set16(ip + 10, ~sum16(0, ip, (ip[0] & 0xf) * 4));
}

void tg_packet_finish(struct tg_packet *packet)
{
	uint8_t *ip = packet->bytes + packet->ip;
	size_t bytes = packet->count - packet->ip;

	if (!packet->ip)
		return;
	if (packet->ipv6) {
		set16(ip + 4, bytes - IP6_BYTES);
	} else {
		set16(ip + 2, bytes);
		tg_packet_sum_ipv4(packet);
	}
	if (packet->tcp)
		finish_tcp(packet);
}

void tg_packet_padding(struct tg_packet *packet, size_t count)
{
	memset(lay(packet, count), 0xee, count);
}

void tg_client_segment(struct tg_client *client, struct tg_packet *packet, uint8_t flags,
		       const void *bytes, size_t count)
{
	tg_packet_ethernet(packet, client->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (client->ipv6)
		tg_packet_ipv6(packet, client->address, server6, IPPROTO_TCP);
	else
		tg_packet_ipv4(packet, client->address, server4, IPPROTO_TCP, 0);
	tg_packet_tcp(packet, client->port, client->server_port, client->seq, flags, TIMESTAMPS);
	tg_packet_payload(packet, bytes, count);
	tg_packet_finish(packet);
	client->seq += count + !!(flags & TG_SYN) + !!(flags & TG_FIN);
}

void tg_client_source(const struct tg_client *client, uint8_t out[16])
{
	memset(out, 0, 16);
	if (client->ipv6) {
		memcpy(out, client->address, 8);
		return;
	}
	out[10] = out[11] = 0xff;
	memcpy(out + 12, client->address, 4);
}

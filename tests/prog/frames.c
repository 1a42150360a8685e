/* SPDX-License-Identifier: BSD-2-Clause */
#include "frames.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <string.h>

#define CLIENT_PORT 40000

static const uint8_t client4[4] = {198, 51, 100, 7}, server4[4] = {192, 0, 2, 80};
static const uint8_t client6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 7};
static const uint8_t server6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 80};

void tg_frame_ip4(struct tg_packet *packet, uint8_t protocol, size_t option_bytes)
{
	tg_packet_ipv4(packet, client4, server4, protocol, option_bytes);
}

void tg_frame_ip6(struct tg_packet *packet, uint8_t next)
{
	tg_packet_ipv6(packet, client6, server6, next);
}

void tg_frame_tcp(struct tg_packet *packet, uint16_t port, uint8_t flags, size_t option_bytes,
		  const char *text)
{
	tg_packet_tcp(packet, CLIENT_PORT, port, 1000, flags, option_bytes);
	tg_packet_payload(packet, text, strlen(text));
	tg_packet_finish(packet);
}

void tg_frame_request(struct tg_packet *packet)
{
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK | TG_PSH, 12, TG_FRAME_REQUEST);
}

void tg_frame_ip4_request(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

void tg_frame_ip6_request(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_TCP);
	tg_frame_request(packet);
}

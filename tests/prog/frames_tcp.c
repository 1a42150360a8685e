/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP: options, flags, header lengths, ports; padding behind it. */
#include <linux/if_ether.h>
#include <linux/in.h>

#include "frames.h"

static void in_ip4(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
}

static void in_ip6(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_TCP);
}

static void tcp_no_options(struct tg_packet *packet)
{
	in_ip4(packet);
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK, 0, TG_FRAME_REQUEST);
}

static void tcp_all_options(struct tg_packet *packet)
{
	in_ip6(packet);
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK, 40, TG_FRAME_REQUEST);
}

static void tcp_flags(struct tg_packet *packet, uint8_t flags)
{
	in_ip4(packet);
	tg_frame_tcp(packet, TG_METER_PORT, flags, 12, TG_FRAME_REQUEST);
}

static void tcp_odd_flags(struct tg_packet *packet)
{
	tcp_flags(packet, TG_ACK | 0xc0); /* ECN: ECE and CWR */
}

static void tcp_urgent(struct tg_packet *packet)
{
	tcp_flags(packet, TG_ACK | TG_URG);
}

static void tcp_syn_data(struct tg_packet *packet)
{
	tcp_flags(packet, TG_SYN); /* RFC 7413, Fast Open */
}

static void tcp_fin_data(struct tg_packet *packet)
{
	tcp_flags(packet, TG_ACK | TG_FIN);
}

static void tcp_rst_data(struct tg_packet *packet)
{
	tcp_flags(packet, TG_RST);
}

static void tcp_header_of(struct tg_packet *packet, uint8_t words)
{
	tg_frame_ip4_request(packet);
	packet->bytes[packet->tcp + 12] = words << 4;
}

static void tcp_short_header(struct tg_packet *packet)
{
	tcp_header_of(packet, 4);
}

static void tcp_no_header(struct tg_packet *packet)
{
	tcp_header_of(packet, 0);
}

static void tcp_long_header(struct tg_packet *packet)
{
	in_ip4(packet);
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK, 12, "GET");
	packet->bytes[packet->tcp + 12] = 9 << 4;
}

static void tcp_to_port(struct tg_packet *packet, uint16_t port)
{
	in_ip6(packet);
	tg_frame_tcp(packet, port, TG_ACK, 12, TG_FRAME_REQUEST);
}

static void tcp_other_port(struct tg_packet *packet)
{
	tcp_to_port(packet, TG_METER_PORT + 1);
}

static void tcp_port_0(struct tg_packet *packet)
{
	tcp_to_port(packet, 0);
}

static void tcp_port_65535(struct tg_packet *packet)
{
	tcp_to_port(packet, 65535);
}

static void tcp_port_swapped(struct tg_packet *packet)
{
	tcp_to_port(packet, (uint16_t)(TG_METER_PORT << 8 | TG_METER_PORT >> 8));
}

static void tcp_from_server(struct tg_packet *packet)
{
	tcp_to_port(packet, 40000);
	tg_packet_set16(packet, packet->tcp, TG_METER_PORT);
}

static void tcp_other_port_bad(struct tg_packet *packet)
{
	tcp_other_port(packet);
	packet->bytes[packet->tcp + 12] = 0;
}

static void tcp_bare(struct tg_packet *packet, uint8_t flags)
{
	in_ip4(packet);
	tg_frame_tcp(packet, TG_METER_PORT, flags, 0, "");
}

static void tcp_ack(struct tg_packet *packet)
{
	tcp_bare(packet, TG_ACK);
}

static void tcp_syn(struct tg_packet *packet)
{
	tcp_bare(packet, TG_SYN);
}

static void tcp_syn_fin(struct tg_packet *packet)
{
	tcp_bare(packet, TG_SYN | TG_FIN);
}

static void tcp_fin(struct tg_packet *packet)
{
	tcp_bare(packet, TG_ACK | TG_FIN);
}

static void tcp_rst(struct tg_packet *packet)
{
	tcp_bare(packet, TG_RST);
}

static void tcp_rst_ack(struct tg_packet *packet)
{
	tcp_bare(packet, TG_RST | TG_ACK);
}

static void tcp_fin_rst(struct tg_packet *packet)
{
	tcp_bare(packet, TG_FIN | TG_RST);
}

static void tcp_no_flags(struct tg_packet *packet)
{
	tcp_bare(packet, 0);
}

static void padded_ack(struct tg_packet *packet)
{
	tcp_ack(packet);
	tg_packet_padding(packet, 6);
}

static void padded_request(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	tg_packet_padding(packet, 40);
}

static void padding_is_no_payload(struct tg_packet *packet)
{
	in_ip4(packet);
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK, 0, "GET / HTTP/1.1\r\n");
	tg_packet_payload(packet, "\r\nGET / HTTP/1.1\r\n\r\n", 22);
}

static void lone_body(struct tg_packet *packet)
{
	in_ip6(packet);
	tg_frame_tcp(packet, TG_METER_PORT, TG_ACK, 12, "{\"some\": \"json\"}");
}

const struct tg_frame tg_frames_tcp[] = {
	TG_COUNTS("TCP without options", tcp_no_options),
	TG_COUNTS("TCP, 40 bytes of options", tcp_all_options),
	TG_COUNTS("TCP, odd flags", tcp_odd_flags),
	TG_COUNTS("TCP, urgent data", tcp_urgent),
	TG_COUNTS("TCP, SYN with data", tcp_syn_data),
	TG_COUNTS("TCP, FIN with data", tcp_fin_data),
	TG_PASSES("TCP, RST with data", tcp_rst_data, RST),
	TG_PASSES("TCP, header of 16 bytes", tcp_short_header, BAD_TCP),
	TG_PASSES("TCP, header of 0 bytes", tcp_no_header, BAD_TCP),
	TG_PASSES("TCP, header longer than the segment", tcp_long_header, BAD_TCP),
	TG_PASSES("TCP, another port", tcp_other_port, OTHER_PORT),
	TG_PASSES("TCP, from the metered port", tcp_from_server, OTHER_PORT),
	TG_PASSES("TCP, another port and a bad header", tcp_other_port_bad, OTHER_PORT),
	TG_PASSES("TCP, port 0", tcp_port_0, OTHER_PORT),
	TG_PASSES("TCP, port 65535", tcp_port_65535, OTHER_PORT),
	TG_PASSES("TCP, the port's bytes swapped", tcp_port_swapped, OTHER_PORT),
	TG_PASSES("bare ACK", tcp_ack, ACK),
	TG_PASSES("SYN", tcp_syn, SYN),
	TG_PASSES("SYN and FIN", tcp_syn_fin, SYN),
	TG_PASSES("FIN", tcp_fin, FIN),
	TG_PASSES("RST", tcp_rst, RST),
	TG_PASSES("RST and ACK", tcp_rst_ack, RST),
	TG_PASSES("FIN and RST", tcp_fin_rst, RST),
	TG_PASSES("no flags at all, no payload", tcp_no_flags, ACK),
	TG_PASSES("bare ACK in a padded frame", padded_ack, ACK),
	TG_COUNTS("request in a padded frame", padded_request),
	TG_PASSES("padding that would complete a request", padding_is_no_payload, HEADER),
	TG_PASSES("part of a body", lone_body, UNSYNCED),
	{0},
};

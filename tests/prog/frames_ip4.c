/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4: options, fragments, lengths, other protocols. */
#include <linux/if_ether.h>
#include <linux/in.h>

#include "frames.h"

static void ip4_options(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 4);
	tg_frame_request(packet);
}

static void ip4_all_options(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 40);
	tg_frame_request(packet);
}

/* A field of the IPv4 header, and the checksum with it. */
static void set_byte(struct tg_packet *packet, size_t at, uint8_t value)
{
	packet->bytes[packet->ip + at] = value;
	tg_packet_sum_ipv4(packet);
}

static void set_total(struct tg_packet *packet, uint16_t bytes)
{
	tg_packet_set16(packet, packet->ip + 2, bytes);
	tg_packet_sum_ipv4(packet);
}

static void ip4_flags(struct tg_packet *packet, uint16_t flags)
{
	tg_frame_ip4_request(packet);
	tg_packet_set16(packet, packet->ip + 6, flags);
	tg_packet_sum_ipv4(packet);
}

static void ip4_do_not_fragment(struct tg_packet *packet)
{
	ip4_flags(packet, 0x4000);
}

static void ip4_first_fragment(struct tg_packet *packet)
{
	ip4_flags(packet, 0x2000);
}

static void ip4_middle_fragment(struct tg_packet *packet)
{
	ip4_flags(packet, 0x2001);
}

static void ip4_last_fragment(struct tg_packet *packet)
{
	ip4_flags(packet, 0x00b9);
}

static void ip4_highest_fragment(struct tg_packet *packet)
{
	ip4_flags(packet, 0x1000);
}

static void ip4_version_5(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_byte(packet, 0, 0x55);
}

static void ip4_version_6(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_byte(packet, 0, 0x65);
}

static void ip4_short_header(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_byte(packet, 0, 0x44);
}

static void ip4_total_below_header(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_total(packet, 19);
}

static void ip4_total_0(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_total(packet, 0); /* as Linux writes BIG TCP over IPv4 */
}

static void ip4_total_below_options(struct tg_packet *packet)
{
	ip4_all_options(packet);
	set_total(packet, 59);
}

static void ip4_total_without_tcp(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_total(packet, 39);
}

static void ip4_total_beyond_frame(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_total(packet, tg_packet_get16(packet, packet->ip + 2) + 1);
}

static void ip4_total_65535(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	set_total(packet, 65535);
}

static void ip4_protocol(struct tg_packet *packet, uint8_t protocol)
{
	tg_frame_ip4_request(packet);
	set_byte(packet, 9, protocol);
}

static void ip4_icmp(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_ICMP);
}

static void ip4_udp(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_UDP);
}

static void ip4_sctp(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_SCTP);
}

static void ip4_in_ip4(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_IPIP, 0);
	tg_packet_finish(packet);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

static void ip6_in_ip4(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_IPV6);
}

static void ip4_gre(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_GRE);
}

static void ip4_esp(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_ESP);
}

static void ip4_ah(struct tg_packet *packet)
{
	ip4_protocol(packet, IPPROTO_AH);
}

/* RFC 1071: one bit, one bit of each of two words, an option's, the checksum's own. */
static void flip(struct tg_packet *packet, size_t at, uint8_t bits)
{
	packet->bytes[packet->ip + at] ^= bits;
}

static void ip4_bad_sum(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	flip(packet, 11, 1);
}

static void ip4_no_sum(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	tg_packet_set16(packet, packet->ip + 10, 0);
}

static void ip4_other_source(struct tg_packet *packet)
{
	tg_frame_ip4_request(packet);
	flip(packet, 15, 0x80);
}

static void ip4_options_bad_sum(struct tg_packet *packet)
{
	ip4_options(packet);
	flip(packet, 10, 0x40);
}

static void ip4_last_option_byte(struct tg_packet *packet)
{
	ip4_all_options(packet);
	flip(packet, 59, 0x10);
}

/* Words in another order have the same sum: one's complement cannot tell; the options do. */
static void ip4_swapped_words(struct tg_packet *packet)
{
	ip4_all_options(packet);
	packet->bytes[packet->ip + 40] = 2;
	packet->bytes[packet->ip + 42] = 0;
}

/* A fragment's checksum is checked before it is known for one. */
static void ip4_fragment_bad_sum(struct tg_packet *packet)
{
	ip4_first_fragment(packet);
	flip(packet, 8, 1);
}

/* 0xffff and 0 are the same number in one's complement; the server takes both. */
static void ip4_sum_of_ones(struct tg_packet *packet)
{
	uint16_t sum;

	tg_frame_ip4_request(packet);
	sum = tg_packet_get16(packet, packet->ip + 10);
	tg_packet_set16(packet, packet->ip + 4, sum); /* the identification takes it all */
	tg_packet_set16(packet, packet->ip + 10, 0xffff);
}

static void ip4_tunnel_bad_sum(struct tg_packet *packet)
{
	ip4_in_ip4(packet);
	packet->bytes[14 + 10] ^= 1;
}

const struct tg_frame tg_frames_ip4[] = {
	TG_COUNTS("IPv4, options", ip4_options),
	TG_COUNTS("IPv4, 40 bytes of options", ip4_all_options),
	TG_COUNTS("IPv4, do not fragment", ip4_do_not_fragment),
	TG_PASSES("IPv4, first fragment", ip4_first_fragment, FRAGMENT),
	TG_PASSES("IPv4, fragment between", ip4_middle_fragment, FRAGMENT),
	TG_PASSES("IPv4, last fragment", ip4_last_fragment, FRAGMENT),
	TG_PASSES("IPv4, highest bit of the fragment offset", ip4_highest_fragment, FRAGMENT),
	TG_PASSES("IPv4, version 5", ip4_version_5, BAD_IP),
	TG_PASSES("IPv4 type, version 6", ip4_version_6, BAD_IP),
	TG_PASSES("IPv4, header of 16 bytes", ip4_short_header, BAD_IP),
	TG_PASSES("IPv4, total length below the header's", ip4_total_below_header, BAD_IP),
	TG_PASSES("IPv4, total length 0", ip4_total_0, BAD_IP),
	TG_PASSES("IPv4, total length ends in the options", ip4_total_below_options, BAD_IP),
	TG_PASSES("IPv4, total length ends in the TCP header", ip4_total_without_tcp, BAD_TCP),
	TG_PASSES("IPv4, total length one beyond the frame", ip4_total_beyond_frame, TRUNCATED),
	TG_PASSES("IPv4, total length 65535", ip4_total_65535, TRUNCATED),
	TG_PASSES("IPv4, ICMP", ip4_icmp, NOT_TCP),
	TG_PASSES("IPv4, UDP", ip4_udp, NOT_TCP),
	TG_PASSES("IPv4, SCTP", ip4_sctp, NOT_TCP),
	TG_PASSES("IPv4 in IPv4", ip4_in_ip4, TUNNEL),
	TG_PASSES("IPv6 in IPv4", ip6_in_ip4, TUNNEL),
	TG_PASSES("GRE in IPv4", ip4_gre, TUNNEL),
	TG_PASSES("ESP in IPv4", ip4_esp, TUNNEL),
	TG_PASSES("AH in IPv4", ip4_ah, TUNNEL),
	TG_PASSES("IPv4, wrong checksum", ip4_bad_sum, BAD_CHECKSUM),
	TG_PASSES("IPv4, checksum of 0", ip4_no_sum, BAD_CHECKSUM),
	TG_PASSES("IPv4, source changed on the way", ip4_other_source, BAD_CHECKSUM),
	TG_PASSES("IPv4, options, wrong checksum", ip4_options_bad_sum, BAD_CHECKSUM),
	TG_PASSES("IPv4, last byte of all options", ip4_last_option_byte, BAD_CHECKSUM),
	TG_PASSES("IPv4, options, words swapped", ip4_swapped_words, BAD_IP),
	TG_COUNTS("IPv4, checksum of ones", ip4_sum_of_ones),
	TG_PASSES("IPv4, fragment, wrong checksum", ip4_fragment_bad_sum, BAD_CHECKSUM),
	TG_PASSES("IPv4 in IPv4, wrong checksum", ip4_tunnel_bad_sum, BAD_CHECKSUM),
	{0},
};

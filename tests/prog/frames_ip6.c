/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv6: extension headers, fragments, lengths, other protocols. */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "frames.h"

static void ip6_of_extensions(struct tg_packet *packet, unsigned int count, size_t bytes)
{
	static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING,
					IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS,
					IPPROTO_DSTOPTS, IPPROTO_DSTOPTS};

	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_frame_ip6(packet, count ? kinds[0] : IPPROTO_TCP);
	for (unsigned int i = 1; i <= count; i++)
		tg_packet_extension(packet, i == count ? IPPROTO_TCP : kinds[i], bytes);
	tg_frame_request(packet);
}

static void ip6_one_extension(struct tg_packet *packet)
{
	ip6_of_extensions(packet, 1, 8);
}

static void ip6_long_extension(struct tg_packet *packet)
{
	ip6_of_extensions(packet, 1, 256);
}

static void ip6_three_extensions(struct tg_packet *packet)
{
	ip6_of_extensions(packet, 3, 24);
}

static void ip6_most_extensions(struct tg_packet *packet)
{
	ip6_of_extensions(packet, TG_IPV6_EXT_MAX, 8);
}

static void ip6_too_many_extensions(struct tg_packet *packet)
{
	ip6_of_extensions(packet, TG_IPV6_EXT_MAX + 1, 8);
}

static void ip6_extension_beyond_payload(struct tg_packet *packet)
{
	ip6_one_extension(packet);
	packet->bytes[packet->ip + 40 + 1] = 200;
}

static void ip6_extension_cut_off(struct tg_packet *packet)
{
	ip6_one_extension(packet);
	packet->count = packet->ip + 40 + 3;
}

static void ip6_extension_ends_frame(struct tg_packet *packet)
{
	ip6_long_extension(packet);
	packet->count = packet->ip + 40 + 64;
}

static void ip6_of_fragment(struct tg_packet *packet, uint16_t offset, bool more)
{
	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_FRAGMENT);
	tg_packet_fragment(packet, IPPROTO_TCP, offset, more);
	tg_frame_request(packet);
}

static void ip6_atomic_fragment(struct tg_packet *packet)
{
	ip6_of_fragment(packet, 0, false);
}

static void ip6_first_fragment(struct tg_packet *packet)
{
	ip6_of_fragment(packet, 0, true);
}

static void ip6_middle_fragment(struct tg_packet *packet)
{
	ip6_of_fragment(packet, 1, true);
}

static void ip6_last_fragment(struct tg_packet *packet)
{
	ip6_of_fragment(packet, 0x1fff, false);
}

static void ip6_fragment_behind_extension(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_HOPOPTS);
	tg_packet_extension(packet, IPPROTO_FRAGMENT, 16);
	tg_packet_fragment(packet, IPPROTO_TCP, 0, false);
	tg_frame_request(packet);
}

static void ip6_version_4(struct tg_packet *packet)
{
	tg_frame_ip6_request(packet);
	packet->bytes[packet->ip] = 0x40;
}

static void ip6_payload_0(struct tg_packet *packet)
{
	tg_frame_ip6_request(packet);
	tg_packet_set16(packet, packet->ip + 4, 0);
}

static void ip6_payload_without_tcp(struct tg_packet *packet)
{
	tg_frame_ip6_request(packet);
	tg_packet_set16(packet, packet->ip + 4, 19);
}

static void ip6_payload_beyond_frame(struct tg_packet *packet)
{
	tg_frame_ip6_request(packet);
	tg_packet_set16(packet, packet->ip + 4, tg_packet_get16(packet, packet->ip + 4) + 1);
}

static void ip6_next(struct tg_packet *packet, uint8_t next)
{
	tg_frame_ip6_request(packet);
	packet->bytes[packet->ip + 6] = next;
}

static void ip6_icmp(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_ICMPV6);
}

static void ip6_udp(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_UDP);
}

static void ip6_nothing(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_NONE);
}

static void ip4_in_ip6(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_IPIP);
}

static void ip6_in_ip6(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_IPV6);
}

static void ip6_gre(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_GRE);
}

static void ip6_esp(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_ESP);
}

static void ip6_ah(struct tg_packet *packet)
{
	ip6_next(packet, IPPROTO_AH);
}

const struct tg_frame tg_frames_ip6[] = {
	TG_COUNTS("IPv6, an extension header", ip6_one_extension),
	TG_COUNTS("IPv6, an extension header of 256 bytes", ip6_long_extension),
	TG_COUNTS("IPv6, three extension headers", ip6_three_extensions),
	TG_COUNTS("IPv6, as many extension headers as are walked", ip6_most_extensions),
	TG_PASSES("IPv6, one extension header more", ip6_too_many_extensions, IPV6_EXT),
	TG_PASSES("IPv6, extension longer than all", ip6_extension_beyond_payload, BAD_IP),
	TG_PASSES("IPv6, frame ends within an extension", ip6_extension_cut_off, TRUNCATED),
	TG_PASSES("IPv6, frame ends in a long extension", ip6_extension_ends_frame, TRUNCATED),
	TG_COUNTS("IPv6, atomic fragment", ip6_atomic_fragment),
	TG_COUNTS("IPv6, atomic fragment behind options", ip6_fragment_behind_extension),
	TG_PASSES("IPv6, first fragment", ip6_first_fragment, FRAGMENT),
	TG_PASSES("IPv6, fragment between", ip6_middle_fragment, FRAGMENT),
	TG_PASSES("IPv6, last fragment", ip6_last_fragment, FRAGMENT),
	TG_PASSES("IPv6 type, version 4", ip6_version_4, BAD_IP),
	TG_PASSES("IPv6, payload length 0", ip6_payload_0, BAD_TCP),
	TG_PASSES("IPv6, payload length ends in the TCP header", ip6_payload_without_tcp, BAD_TCP),
	TG_PASSES("IPv6, payload length one beyond the frame", ip6_payload_beyond_frame, TRUNCATED),
	TG_PASSES("ICMPv6", ip6_icmp, NOT_TCP),
	TG_PASSES("IPv6, UDP", ip6_udp, NOT_TCP),
	TG_PASSES("IPv6, no next header", ip6_nothing, NOT_TCP),
	TG_PASSES("IPv4 in IPv6", ip4_in_ip6, TUNNEL),
	TG_PASSES("IPv6 in IPv6", ip6_in_ip6, TUNNEL),
	TG_PASSES("GRE in IPv6", ip6_gre, TUNNEL),
	TG_PASSES("ESP in IPv6", ip6_esp, TUNNEL),
	TG_PASSES("AH in IPv6", ip6_ah, TUNNEL),
	{0},
};

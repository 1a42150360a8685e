/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet and VLAN tags. */
#include <linux/if_ether.h>
#include <linux/in.h>

#include "frames.h"

static void tagged_ip4(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_vlan(packet, 0x6005, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

static void tagged_ip6(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_vlan(packet, 0, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_TCP);
	tg_frame_request(packet);
}

static void service_tagged(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021AD);
	tg_packet_vlan(packet, 9, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

static void tagged_twice(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021AD);
	tg_packet_vlan(packet, 9, ETH_P_8021Q);
	tg_packet_vlan(packet, 10, ETH_P_IPV6);
	tg_frame_ip6(packet, IPPROTO_TCP);
	tg_frame_request(packet);
}

static void tagged_twice_alike(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_vlan(packet, 9, ETH_P_8021Q);
	tg_packet_vlan(packet, 10, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

static void tagged_three_times(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021AD);
	tg_packet_vlan(packet, 9, ETH_P_8021Q);
	tg_packet_vlan(packet, 10, ETH_P_8021Q);
	tg_packet_vlan(packet, 11, ETH_P_IP);
	tg_frame_ip4(packet, IPPROTO_TCP, 0);
	tg_frame_request(packet);
}

static void tagged_arp(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_vlan(packet, 9, ETH_P_ARP);
	tg_packet_padding(packet, 28);
}

static void tag_cut_off(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_padding(packet, 3);
}

static void second_tag_cut_off(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_8021Q);
	tg_packet_vlan(packet, 9, ETH_P_8021Q);
}

static void of_type(struct tg_packet *packet, uint16_t type)
{
	tg_frame_ip4_request(packet);
	tg_packet_set16(packet, 12, type);
}

static void arp(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_ARP);
	tg_packet_padding(packet, 28);
}

static void length_for_type(struct tg_packet *packet)
{
	of_type(packet, 100);
}

static void mpls(struct tg_packet *packet)
{
	of_type(packet, ETH_P_MPLS_UC);
}

static void pppoe(struct tg_packet *packet)
{
	of_type(packet, ETH_P_PPP_SES);
}

static void old_qinq(struct tg_packet *packet)
{
	of_type(packet, 0x9100);
}

static void header_only(struct tg_packet *packet)
{
	tg_packet_ethernet(packet, ETH_P_IP);
}

const struct tg_frame tg_frames_link[] = {
	TG_COUNTS("IPv4", tg_frame_ip4_request),
	TG_COUNTS("IPv6", tg_frame_ip6_request),
	TG_COUNTS("VLAN, IPv4", tagged_ip4),
	TG_COUNTS("VLAN, priority tag, IPv6", tagged_ip6),
	TG_COUNTS("802.1ad alone", service_tagged),
	TG_COUNTS("QinQ", tagged_twice),
	TG_COUNTS("802.1Q twice", tagged_twice_alike),
	TG_PASSES("three tags", tagged_three_times, VLAN_DEEP),
	TG_PASSES("ARP in a VLAN", tagged_arp, NOT_IP),
	TG_PASSES("frame ends within a tag", tag_cut_off, TRUNCATED),
	TG_PASSES("frame ends before IP, in a second tag", second_tag_cut_off, TRUNCATED),
	TG_PASSES("ARP", arp, NOT_IP),
	TG_PASSES("802.3 length", length_for_type, NOT_IP),
	TG_PASSES("MPLS", mpls, NOT_IP),
	TG_PASSES("PPPoE", pppoe, NOT_IP),
	TG_PASSES("pre-standard QinQ", old_qinq, NOT_IP),
	TG_PASSES("Ethernet header alone", header_only, TRUNCATED),
	{0},
};

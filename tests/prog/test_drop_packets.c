/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c */
/* What becomes of a blocked source's packets, one by one, and what the server learns of it. */
#include <linux/if_ether.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define A  "198.51.100.1"
#define C  "203.0.113.1"
#define V6 "2001:db8:1:2::1"

static struct tg_rig rig;

/* --- single packets --------------------------------------------------------------- */

static struct tg_out send_text(const struct tg_peer *peer, uint8_t flags, uint32_t seq,
			       const char *text, uint32_t *reason)
{
	const struct tg_sent sent = {flags, seq, 77, text, strlen(text)};

	return tg_rig_send(&rig, peer, &sent, reason);
}

/* Each packet of a blocked source counts, in the entry too, whatever it is. */
static void test_counted(void **state)
{
	static const uint8_t flags[] = {TG_SYN, TG_ACK, TG_ACK | TG_FIN, TG_RST, TG_ACK | TG_PSH};
	uint64_t packets = 0, bytes = 0;
	struct tg_drop drop;

	(void)state;
	tg_rig_block(&rig, "source:198.51.100.0/24", 0);
	for (const struct tg_path *path = tg_paths; path->what; path++) {
		struct tg_peer peer = tg_peer(path, path->ipv6 ? V6 : A, 4000);
		static struct tg_packet packet;

		if (path->ipv6)
			continue;
		for (size_t i = 0; i < sizeof(flags); i++) {
			const struct tg_sent sent = {flags[i], 1, 1, "GET / HTTP/1.1\r\n\r\n",
						     flags[i] & TG_PSH ? 18 : 0};
			uint32_t reason;

			tg_peer_segment(&peer, &sent, &packet);
			assert_int_equal(tg_rig_packet(&rig, &packet, &reason).kind, TG_OUT_DROP);
			assert_int_equal(reason, TG_PACKET_BLOCKED);
			packets++;
			bytes += packet.count;
		}
	}
	drop = tg_rig_drop(&rig, "source:198.51.100.0/24");
	assert_int_equal(drop.packets, packets);
	assert_int_equal(drop.bytes, bytes);
	tg_rig_block(&rig, "source:198.51.100.0/24", 60); /* as said last, counters kept */
	assert_int_equal(tg_rig_drop(&rig, "source:198.51.100.0/24").packets, packets);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_EMBRYOS, NULL, NULL, 0), 0);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_FLOWS, NULL, NULL, 0), 0);
	tg_rig_check_books(&rig);
}

static void test_other_ports(void **state)
{
	uint32_t reason;

	(void)state;
	tg_rig_block(&rig, "source:::/0", 0);
	for (const struct tg_path *path = tg_paths; path->what; path++) {
		struct tg_peer peer = tg_peer(path, path->ipv6 ? V6 : A, 4000);

		peer.server_port = 22;
		assert_int_equal(send_text(&peer, TG_SYN, 1, "", &reason).kind, TG_OUT_PASS);
		assert_int_equal(reason, TG_PACKET_OTHER_PORT);
	}
	assert_int_equal(tg_rig_drop(&rig, "source:::/0").packets, 0);
}

static void fragment4(struct tg_packet *packet, uint16_t offset_and_flags)
{
	static const uint8_t from[4] = {198, 51, 100, 1}, to[4] = {192, 0, 2, 80};

	tg_packet_ethernet(packet, ETH_P_IP);
	tg_packet_ipv4(packet, from, to, 6, 0);
	tg_packet_payload(packet, "a fragment of something, 32 byte", 32);
	tg_packet_set16(packet, packet->ip + 6, offset_and_flags);
	packet->tcp = 0;
	tg_packet_finish(packet);
}

static void fragment6(struct tg_packet *packet, uint16_t offset, bool more)
{
	static const uint8_t from[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, [15] = 1},
			     to[16] = {0x20, 1};

	tg_packet_ethernet(packet, ETH_P_IPV6);
	tg_packet_ipv6(packet, from, to, 44);
	tg_packet_fragment(packet, 6, offset, more);
	tg_packet_payload(packet, "a fragment of something, 32 byte", 32);
	packet->tcp = 0;
	tg_packet_finish(packet);
}

static void send_fragments(enum tg_out_kind kind, uint32_t expected)
{
	static struct tg_packet packet;
	uint32_t reason;

	for (unsigned int i = 0; i < 6; i++) {
		if (i < 3)
			fragment4(&packet, (uint16_t[]){0x2000, 0x0010, 0x2010}[i]);
		else
			fragment6(&packet, (uint16_t[]){0, 16, 16}[i - 3], i != 4);
		assert_int_equal(tg_rig_packet(&rig, &packet, &reason).kind, kind);
		assert_int_equal(reason, expected);
	}
}

/* First, last, in the middle: their port is not known, their source is. */
static void test_fragments(void **state)
{
	(void)state;
	tg_rig_block(&rig, "source:" C, 0);
	send_fragments(TG_OUT_PASS, TG_PACKET_FRAGMENT);
	tg_rig_block(&rig, "source:198.51.100.0/24", 0);
	tg_rig_block(&rig, "source:2001:db8:1:2::/64", 0);
	send_fragments(TG_OUT_DROP, TG_PACKET_BLOCKED);
	assert_int_equal(tg_rig_drop(&rig, "source:198.51.100.0/24").packets, 3);
	assert_int_equal(tg_rig_drop(&rig, "source:2001:db8:1:2::/64").packets, 3);
}

/* --- open connections --------------------------------------------------------------------------
 */

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define BYTES	((uint32_t)sizeof(REQUEST) - 1)

static void block_open(const struct tg_path *path, const char *text, uint8_t flags)
{
	struct tg_peer peer = tg_peer(path, path->ipv6 ? V6 : A, 4000);
	struct tg_out out;
	uint32_t reason;

	tg_rig_reset(&rig);
	send_text(&peer, TG_SYN, 999, "", &reason);
	assert_int_equal(send_text(&peer, TG_ACK, 1000, REQUEST, &reason).kind, TG_OUT_PASS);
	tg_rig_block(&rig, path->ipv6 ? "source:" V6 : "source:" A, 0);
	out = send_text(&peer, flags, 1000 + BYTES, text, &reason);
	assert_int_equal(reason, TG_PACKET_BLOCKED);
	assert_int_equal(out.kind, TG_OUT_ABORT);
	assert_int_equal(out.seq, 1000 + BYTES);
	assert_int_equal(out.ack, 77);
	out = send_text(&peer, flags, 1000 + BYTES, text, &reason);
	assert_int_equal(reason, TG_PACKET_BLOCKED);
	assert_int_equal(out.kind, TG_OUT_DROP);
	assert_int_equal(tg_meter_rows(&rig.meter, TG_MAP_FLOWS, NULL, NULL, 0), 0);
	assert_int_equal(tg_rig_drop(&rig, path->ipv6 ? "source:" V6 : "source:" A).packets, 2);
}

/* Its first blocked packet tells the server that it is over, at the byte it waits for. */
static void test_open_connection(void **state)
{
	(void)state;
	for (const struct tg_path *path = tg_paths; path->what; path++) {
		block_open(path, REQUEST, TG_ACK | TG_PSH);
		block_open(path, "", TG_ACK);
		block_open(path, "", TG_ACK | TG_FIN);
		block_open(path, "", TG_RST | TG_ACK);
	}
}

/* A SYN says nothing about the connection that is there. */
static void test_open_connection_syn(void **state)
{
	struct tg_peer peer = tg_peer(&tg_paths[0], A, 4000);
	uint32_t reason;

	(void)state;
	assert_int_equal(send_text(&peer, TG_ACK, 1000, REQUEST, &reason).kind, TG_OUT_PASS);
	tg_rig_block(&rig, "source:" A, 0);
	assert_int_equal(send_text(&peer, TG_SYN, 5, "", &reason).kind, TG_OUT_DROP);
	assert_int_equal(send_text(&peer, TG_ACK, 1000 + BYTES, "", &reason).kind, TG_OUT_ABORT);
}

/* A refused connection that is blocked: RST where the server stands, and it counts no more. */
static void test_refused_connection(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "1/day"), {0}};
	struct tg_peer peer = tg_peer(&tg_paths[0], A, 4000);
	struct tg_out out;
	char text[256];
	uint32_t reason, bytes = tg_rig_request(text, NULL);

	(void)state;
	tg_rig_put(&rig, rules);
	tg_rig_ask(&rig, A, NULL);
	assert_int_equal(send_text(&peer, TG_ACK, 1000, text, &reason).kind, TG_OUT_429);
	assert_int_equal(rig.meter.maps.control->refused, 1);
	tg_rig_block(&rig, "source:" A, 0);
	out = send_text(&peer, TG_ACK, 1000 + bytes, "", &reason);
	assert_int_equal(out.kind, TG_OUT_ABORT);
	assert_int_equal(out.seq, 1000);
	assert_int_equal(rig.meter.maps.control->refused, 0);
}

/* --- all -------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_counted, tg_rig_start),
		cmocka_unit_test_setup(test_other_ports, tg_rig_start),
		cmocka_unit_test_setup(test_fragments, tg_rig_start),
		cmocka_unit_test_setup(test_open_connection, tg_rig_start),
		cmocka_unit_test_setup(test_open_connection_syn, tg_rig_start),
		cmocka_unit_test_setup(test_refused_connection, tg_rig_start),
	};

	return tg_rig_run(&rig, 64, "drop_packets", tests, argc, argv);
}

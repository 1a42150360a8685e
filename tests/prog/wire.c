/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t server4[4] = {192, 0, 2, 80};
static const uint8_t server6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 80};

const struct tg_path tg_paths[] = {
	{.what = "IPv4, time stamps", .stamps = true},
	{.what = "IPv4"},
	{.what = "IPv6, time stamps", .ipv6 = true, .stamps = true},
	{.what = "IPv6", .ipv6 = true},
	{.what = "IPv4, VLAN, time stamps", .stamps = true, .vlans = 1},
	{.what = "IPv6, two VLANs", .ipv6 = true, .vlans = 2},
	{.what = "IPv4 options", .option_bytes = 8},
	{.what = "IPv4 options, all, time stamps", .stamps = true, .option_bytes = 40},
	{.what = "IPv6 extension, time stamps", .ipv6 = true, .stamps = true, .option_bytes = 16},
	{0},
};

const char *tg_out_name(enum tg_out_kind kind)
{
	static const char *const names[] = {"passes", "is dropped",	   "429",   "ACK",
					    "RST",    "RST to the server", "is cut"};

	return names[kind];
}

struct tg_peer tg_peer(const struct tg_path *path, const char *address, uint16_t port)
{
	struct tg_peer peer = {.path = path, .port = port, .server_port = TG_METER_PORT};

	assert_int_equal(inet_pton(path->ipv6 ? AF_INET6 : AF_INET, address, peer.address), 1);
	return peer;
}

/* --- in --------------------------------------------------------------------------- */

static void lay_ip(const struct tg_peer *peer, struct tg_packet *packet)
{
	const struct tg_path *path = peer->path;

	if (!path->ipv6) {
		tg_packet_ipv4(packet, peer->address, server4, IPPROTO_TCP, path->option_bytes);
		return;
	}
	tg_packet_ipv6(packet, peer->address, server6,
		       path->option_bytes ? IPPROTO_DSTOPTS : IPPROTO_TCP);
	if (path->option_bytes)
		tg_packet_extension(packet, IPPROTO_TCP, path->option_bytes);
}

static void set32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

#define STAMPS_BYTES 12
#define STAMP_OWN    0x11223344
#define STAMP_ECHO   0x55667788

void tg_peer_segment(const struct tg_peer *peer, const struct tg_sent *sent,
		     struct tg_packet *packet)
{
	const struct tg_path *path = peer->path;
	uint16_t type = path->ipv6 ? ETH_P_IPV6 : ETH_P_IP;

	tg_packet_ethernet(packet, path->vlans ? ETH_P_8021Q : type);
	for (unsigned int i = path->vlans; i > 0; i--)
		tg_packet_vlan(packet, i, i > 1 ? ETH_P_8021Q : type);
	lay_ip(peer, packet);
	tg_packet_tcp(packet, peer->port, peer->server_port, sent->seq, sent->flags,
		      path->stamps ? STAMPS_BYTES : 0);
	set32(packet->bytes + packet->tcp + 8, sent->ack);
	if (path->stamps) {
		set32(packet->bytes + packet->tcp + 24, STAMP_OWN);
		set32(packet->bytes + packet->tcp + 28, STAMP_ECHO);
	}
	if (sent->count)
		tg_packet_payload(packet, sent->bytes, sent->count);
	tg_packet_finish(packet);
}

/* --- out -------------------------------------------------------------------------- */

struct parsed {
	const struct tg_packet *packet;
	const uint8_t *ip, *tcp, *payload;
	size_t ip_bytes, tcp_bytes; /* of the IP packet, of the segment */
	size_t payload_bytes;
	uint8_t flags;
};

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* tcp_offset: from the IP header on. Lengths and checksums must be right. */
static struct parsed parse(const struct tg_packet *packet, size_t ip_offset, bool ipv6,
			   size_t tcp_offset)
{
	struct parsed p = {.packet = packet, .ip = packet->bytes + ip_offset};
	uint32_t sum;
	size_t header;

	p.tcp = p.ip + tcp_offset;
	p.ip_bytes = ipv6 ? 40 + get16(p.ip + 4) : get16(p.ip + 2);
	assert_true(ip_offset + p.ip_bytes <= packet->count);
	assert_true(p.ip_bytes >= tcp_offset + 20);
	if (ipv6) {
		assert_int_equal(p.ip[0] >> 4, 6);
		sum = add_words(0, p.ip + 8, 32);
	} else {
		assert_int_equal(p.ip[0], 0x40 | tcp_offset / 4);
		assert_int_equal(p.ip[9], IPPROTO_TCP);
		assert_int_equal(add_words(0, p.ip, tcp_offset), 0xffff);
		sum = add_words(0, p.ip + 12, 8);
	}
	p.tcp_bytes = p.ip_bytes - tcp_offset;
	sum = add_words(sum + IPPROTO_TCP + p.tcp_bytes, p.tcp, p.tcp_bytes);
	if (sum != 0xffff)
		fail_msg("TCP checksum of %zu bytes: sum %04x", p.tcp_bytes, sum);
	header = p.tcp[12] >> 4 << 2;
	assert_true(header >= 20 && header <= p.tcp_bytes);
	assert_int_equal(p.tcp[12] & 0xf, 0);
	p.payload = p.tcp + header;
	p.payload_bytes = p.tcp_bytes - header;
	p.flags = p.tcp[13];
	return p;
}

/* Addresses and ports: those of the packet that came, or turned round. */
static void check_ends(const struct tg_packet *in, const struct parsed *out, bool turned)
{
	size_t bytes = in->ipv6 ? 16 : 4, at = in->ipv6 ? 8 : 12;
	const uint8_t *ip = in->bytes + in->ip, *tcp = in->bytes + in->tcp;

	assert_memory_equal(out->ip + at, ip + at + (turned ? bytes : 0), bytes);
	assert_memory_equal(out->ip + at + bytes, ip + at + (turned ? 0 : bytes), bytes);
	assert_memory_equal(out->tcp, tcp + (turned ? 2 : 0), 2);
	assert_memory_equal(out->tcp + 2, tcp + (turned ? 0 : 2), 2);
	assert_memory_equal(out->packet->bytes, in->bytes + (turned ? 6 : 0), 6);
	assert_memory_equal(out->packet->bytes + 6, in->bytes + (turned ? 0 : 6), 6);
	assert_memory_equal(out->packet->bytes + 12, in->bytes + 12, in->ip - 12); /* tags, type */
}

static void check_made_ip(const struct parsed *out, bool ipv6)
{
	const uint8_t *end = out->packet->bytes + out->packet->count;

	if (ipv6) {
		assert_int_equal(get32(out->ip) & 0x0fffffff, 0);
		assert_int_equal(out->ip[6], IPPROTO_TCP);
		assert_int_equal(out->ip[7], 64);
	} else {
		assert_int_equal(get16(out->ip + 6), 0x4000);
		assert_int_equal(out->ip[8], 64);
	}
	assert_int_equal(get16(out->tcp + 18), 0); /* urgent pointer */
	for (const uint8_t *at = out->ip + out->ip_bytes; at < end; at++)
		if (*at)
			fail_msg("byte %zd behind the packet is %02x", at - out->ip, *at);
}

static bool has_stamps(const struct tg_packet *in)
{
	return in->payload - in->tcp == 20 + STAMPS_BYTES;
}

static void check_options(const struct parsed *out, bool stamps)
{
	assert_int_equal(out->payload - out->tcp, stamps ? 20 + STAMPS_BYTES : 20);
	if (!stamps)
		return;
	assert_int_equal(get32(out->tcp + 20), 0x0101080a);
	assert_int_equal(get32(out->tcp + 24), STAMP_ECHO);
	assert_int_equal(get32(out->tcp + 28), STAMP_OWN);
}

static void take_numbers(const struct parsed *out, struct tg_out *read)
{
	read->seq = get32(out->tcp + 4);
	read->ack = get32(out->tcp + 8);
	read->bytes = out->payload_bytes;
}

static void read_made(const struct tg_packet *in, const struct tg_packet *bytes, bool turned,
		      struct tg_out *read)
{
	struct parsed out = parse(bytes, in->ip, in->ipv6, in->ipv6 ? 40 : 20);
	bool reset = out.flags & TG_RST;

	check_ends(in, &out, turned);
	check_made_ip(&out, in->ipv6);
	check_options(&out, has_stamps(in) && !reset);
	assert_true(out.flags & TG_ACK);
	take_numbers(&out, read);
	assert_int_equal(get16(out.tcp + 14), reset ? 0 : 0xffff);
	if (reset || !turned) {
		assert_int_equal(out.flags, TG_RST | TG_ACK);
		assert_int_equal(out.payload_bytes, 0);
		read->kind = turned ? TG_OUT_RST : TG_OUT_ABORT;
		return;
	}
	if (!out.payload_bytes) {
		assert_int_equal(out.flags, TG_ACK);
		read->kind = TG_OUT_ACK;
		return;
	}
	assert_int_equal(out.flags, TG_ACK | TG_PSH | TG_FIN);
	assert_true(out.payload_bytes < sizeof(read->text));
	memcpy(read->text, out.payload, out.payload_bytes);
	read->kind = TG_OUT_429;
}

static void read_cut(const struct tg_packet *in, const struct tg_packet *bytes, struct tg_out *read)
{
	struct parsed out = parse(bytes, in->ip, in->ipv6, in->tcp - in->ip);
	uint8_t head[140];
	size_t count = in->payload - in->ip;

	check_ends(in, &out, false);
	assert_true(out.payload_bytes < in->count - in->payload ||
		    (in->bytes[in->tcp + 13] & TG_FIN));
	assert_int_equal(out.payload - bytes->bytes, in->payload);
	/* The headers: as they came, but for what a cut changes. */
	assert_true(count <= sizeof(head));
	memcpy(head, in->bytes + in->ip, count);
	head[in->tcp - in->ip + 13] &= ~TG_FIN;
	memcpy(head + (in->tcp - in->ip) + 16, out.tcp + 16, 2);
	memcpy(head + (in->ipv6 ? 4 : 2), out.ip + (in->ipv6 ? 4 : 2), 2);
	if (!in->ipv6)
		memcpy(head + 10, out.ip + 10, 2);
	assert_memory_equal(out.ip, head, count);
	assert_memory_equal(out.payload, in->bytes + in->payload, out.payload_bytes);
	take_numbers(&out, read);
	read->kind = TG_OUT_CUT;
}

void tg_out_read(const struct tg_packet *in, uint32_t action, const struct tg_packet *out,
		 struct tg_out *read)
{
	memset(read, 0, sizeof(*read));
	read->kind = TG_OUT_DROP;
	if (action == XDP_DROP)
		return;
	assert_int_equal(out->count, in->count);
	if (action == XDP_TX) {
		read_made(in, out, true, read);
		return;
	}
	assert_int_equal(action, XDP_PASS);
	if (!memcmp(in->bytes, out->bytes, in->count))
		read->kind = TG_OUT_PASS;
	else if (out->bytes[in->ip + (in->ipv6 ? 40 : 20) + 13] & TG_RST)
		read_made(in, out, false, read);
	else
		read_cut(in, out, read);
}

/* --- the text of a 429 ------------------------------------------------------------ */

/* The field that begins at *at, without its line's end; moves *at behind it. */
static const char *next_line(char **at)
{
	char *line = *at, *end = strstr(line, "\r\n");

	assert_non_null(end);
	*end = 0;
	*at = end + 2;
	return line;
}

unsigned long tg_out_retry(const struct tg_out *out)
{
	char text[sizeof(out->text)], *at = text;
	const char *line;
	unsigned long retry = 0;

	memcpy(text, out->text, sizeof(text));
	assert_int_equal(strlen(text), out->bytes);
	assert_int_equal(strncmp(next_line(&at), "HTTP/1.1 429 ", 13), 0);
	for (line = next_line(&at); *line; line = next_line(&at)) {
		if (!strncmp(line, "Retry-After:", 12)) {
			char *end;

			assert_int_equal(retry, 0);
			assert_true(line[12] == ' ' && line[13] >= '1' && line[13] <= '9');
			retry = strtoul(line + 13, &end, 10);
			assert_int_equal(*end, 0);
			assert_true(retry > 0);
		} else if (strcmp(line, "Content-Length: 0") && strcmp(line, "Connection: close")) {
			fail_msg("a header field is %s", line);
		}
	}
	assert_int_equal(*at, 0);
	assert_true(retry);
	return retry;
}

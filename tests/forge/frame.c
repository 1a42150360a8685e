/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define TCP_BYTES 20

static const char flag_names[] = "FSRPAU"; /* bit 0 first */

/* --- text ---------------------------------------------------------------------- */

static bool read_address(struct tg_forge *forge, const char *text, uint8_t *out)
{
	forge->ipv6 = strchr(text, ':') != NULL;
	return inet_pton(forge->ipv6 ? AF_INET6 : AF_INET, text, out) == 1;
}

static bool read_hex(struct tg_forge *forge, const char *text)
{
	size_t bytes = strlen(text) / 2;

	if (bytes > TG_FORGE_PAYLOAD_MAX)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

		forge->payload[i] = strtoul(pair, NULL, 16);
	}
	forge->payload_bytes = bytes;
	return true;
}

static bool read_flags(struct tg_forge *forge, const char *text)
{
	for (; *text; text++) {
		const char *at = strchr(flag_names, *text);

		if (!at)
			return false;
		forge->flags |= 1 << (at - flag_names);
	}
	return true;
}

static bool read_random(struct tg_forge *forge, const char *text)
{
	if (strstr(text, "hosts"))
		forge->random_hosts = 0x1ffff; /* of 198.18.0.0/15 */
	forge->random_port = strstr(text, "port");
	forge->random_seq = strstr(text, "seq");
	forge->random_ack = strstr(text, "ack");
	return true;
}

static bool read_ports(struct tg_forge *forge, char *text)
{
	char *comma = strchr(text, ',');

	if (!comma)
		return false;
	forge->from_port = strtoul(text, NULL, 10);
	forge->to_port = strtoul(comma + 1, NULL, 10);
	return true;
}

static bool read_wrong(struct tg_forge *forge, const char *text)
{
	forge->wrong_ip_sum = forge->wrong_ip_sum || !strcmp(text, "ip");
	forge->wrong_tcp_sum = forge->wrong_tcp_sum || !strcmp(text, "tcp");
	return true;
}

static bool read_number(struct tg_forge *forge, const char *name, const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (!strcmp(name, "seq"))
		forge->seq = value;
	else if (!strcmp(name, "ack"))
		forge->ack = value;
	else if (!strcmp(name, "count"))
		forge->count = value;
	else if (!strcmp(name, "stamp") || !strcmp(name, "stamp_last")) {
		forge->stamp = value;
		forge->stamps = name[5] ? TG_FORGE_STAMPS_LAST : TG_FORGE_STAMPS;
	} else
		return false;
	return true;
}

static bool read_field(struct tg_forge *forge, const char *name, char *value)
{
	if (!strcmp(name, "from"))
		return read_address(forge, value, forge->from);
	if (!strcmp(name, "to"))
		return read_address(forge, value, forge->to);
	if (!strcmp(name, "ports"))
		return read_ports(forge, value);
	if (!strcmp(name, "flags"))
		return read_flags(forge, value);
	if (!strcmp(name, "payload"))
		return read_hex(forge, value);
	if (!strcmp(name, "wrong"))
		return read_wrong(forge, value);
	if (!strcmp(name, "random"))
		return read_random(forge, value);
	return read_number(forge, name, value);
}

bool tg_forge_read(struct tg_forge *forge, char *line)
{
	char *rest = NULL, *field;

	memset(forge, 0, sizeof(*forge));
	forge->count = 1;
	for (field = strtok_r(line, " \n", &rest); field; field = strtok_r(NULL, " \n", &rest)) {
		char *value = strchr(field, '=');

		if (!value)
			return false;
		*value++ = '\0';
		if (!read_field(forge, field, value))
			return false;
	}
	return true;
}

/* --- frame --------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state) /* xorshift64 (Marsaglia 2003) */
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t sum_of(const uint8_t *at, size_t bytes, uint32_t sum)
{
	for (; bytes > 1; bytes -= 2, at += 2)
		sum += at[0] << 8 | at[1];
	return bytes ? sum + (at[0] << 8) : sum;
}

static uint16_t sum_end(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static size_t put_stamps(const struct tg_forge *forge, uint8_t *at)
{
	size_t first = forge->stamps == TG_FORGE_STAMPS ? 2 : 0;

	if (forge->stamps == TG_FORGE_NO_STAMPS)
		return 0;
	memset(at, 1, 12);
	at[first] = 8;
	at[first + 1] = 10;
	put32(at + first + 2, forge->stamp);
	put32(at + first + 6, 0);
	return 12;
}

/* source: of the address that the IP header has. Returns the segment's length. */
static size_t put_tcp(const struct tg_forge *forge, const uint8_t *source, uint8_t *tcp,
		      uint64_t *random)
{
	size_t header = TCP_BYTES + put_stamps(forge, tcp + TCP_BYTES);
	size_t bytes = header + forge->payload_bytes, address = forge->ipv6 ? 16 : 4;
	uint16_t from = forge->from_port;
	uint32_t sum;

	if (forge->random_port)
		from = 1024 + next_random(random) % 64000;
	put16(tcp, from);
	put16(tcp + 2, forge->to_port);
	put32(tcp + 4, forge->random_seq ? next_random(random) : forge->seq);
	put32(tcp + 8, forge->random_ack ? next_random(random) : forge->ack);
	tcp[12] = header / 4 << 4;
	tcp[13] = forge->flags;
	put16(tcp + 14, 65535);
	put32(tcp + 16, 0);
	if (forge->flags & 0x20)
		put16(tcp + 18, 1);
	memcpy(tcp + header, forge->payload, forge->payload_bytes);
	sum = sum_of(source, address, 6 + bytes);
	sum = sum_end(sum_of(tcp, bytes, sum_of(forge->to, address, sum)));
	put16(tcp + 16, forge->wrong_tcp_sum ? sum ^ 0x5a5a : sum);
	return bytes;
}

static size_t put_ipv4(const struct tg_forge *forge, uint8_t *ip, uint64_t *random)
{
	uint32_t source, mask = forge->random_hosts;
	size_t bytes;
	uint16_t sum;

	memcpy(&source, forge->from, 4);
	source = ntohl(source);
	if (mask)
		source = (source & ~mask) | (next_random(random) & mask);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 4, next_random(random));
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, source);
	memcpy(ip + 16, forge->to, 4);
	bytes = 20 + put_tcp(forge, ip + 12, ip + 20, random);
	put16(ip + 2, bytes);
	sum = sum_end(sum_of(ip, 20, 0));
	put16(ip + 10, forge->wrong_ip_sum ? sum ^ 0x5a5a : sum);
	return bytes;
}

static size_t put_ipv6(const struct tg_forge *forge, uint8_t *ip, uint64_t *random)
{
	size_t bytes;

	memset(ip, 0, 8);
	ip[0] = 0x60;
	ip[6] = 6;
	ip[7] = 64;
	memcpy(ip + 8, forge->from, 16);
	memcpy(ip + 24, forge->to, 16);
	bytes = put_tcp(forge, ip + 8, ip + 40, random);
	put16(ip + 4, bytes);
	return 40 + bytes;
}

size_t tg_forge_frame(const struct tg_forge *forge, const uint8_t to[6], const uint8_t from[6],
		      uint64_t *random, uint8_t frame[TG_FORGE_FRAME_MAX])
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	put16(frame + 12, forge->ipv6 ? 0x86dd : 0x0800);
	return 14 + (forge->ipv6 ? put_ipv6(forge, frame + 14, random)
				 : put_ipv4(forge, frame + 14, random));
}

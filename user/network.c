/* SPDX-License-Identifier: BSD-2-Clause */
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "quote.h"
#include "words.h"

#define V4_BITS 96 /* of ::ffff:0:0, in which IPv4 addresses stand */

static const uint8_t v4_prefix[V4_BITS / 8] = {[10] = 0xff, [11] = 0xff};

bool tg_network_is_v4(const struct tg_subject *network)
{
	return network->bits >= V4_BITS && !memcmp(network->bytes, v4_prefix, sizeof(v4_prefix));
}

bool tg_never_block_exempts(const struct tg_subject *network, unsigned int ipv6_prefix)
{
	return tg_network_is_v4(network) || network->bits <= ipv6_prefix;
}

struct tg_subject tg_network_around(const struct tg_subject *network, uint32_t bits)
{
	struct tg_subject around = *network;

	around.bits = bits;
	for (uint32_t i = 0; i < sizeof(around.bytes); i++) {
		uint32_t kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			around.bytes[i] &= (uint8_t)(0xff00u >> kept);
	}
	return around;
}

bool tg_network_contains(const struct tg_subject *outer, const struct tg_subject *inner)
{
	struct tg_subject around;

	if (inner->bits < outer->bits)
		return false;
	around = tg_network_around(inner, outer->bits);
	return !memcmp(around.bytes, outer->bytes, sizeof(outer->bytes));
}

/* An address alone: a network of all its bits. */
static int read_address(const char *text, size_t bytes, struct tg_subject *out)
{
	char address[INET6_ADDRSTRLEN];

	if (bytes >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	*out = (struct tg_subject){.kind = TG_KIND_SOURCE, .bits = 128};
	if (inet_pton(AF_INET, address, out->bytes + V4_BITS / 8) == 1) {
		memcpy(out->bytes, v4_prefix, sizeof(v4_prefix));
		return 0;
	}
	return inet_pton(AF_INET6, address, out->bytes) == 1 ? 0 : -EINVAL;
}

int tg_network_read(const char *before, const char *text, struct tg_subject *out, char *error,
		    size_t error_bytes)
{
	char whole[64], quote[TG_QUOTE_BYTES], meant[TG_SUBJECT_TEXT_BYTES];
	size_t bytes = strcspn(text, "/");
	struct tg_subject address, network;
	uint32_t skipped;
	uint64_t length;

	snprintf(whole, sizeof(whole), "%s%s", before, text);
	tg_quote(quote, whole, TG_QUOTE_MAX);
	if (read_address(text, bytes, &address))
		return tg_error(-EINVAL, error, error_bytes,
				"%s has no valid address; write for example %s192.0.2.0/24 or "
				"%s2001:db8::/32",
				quote, before, before);
	/* As written: ::ffff:192.0.2.0/120 has the length of an IPv6 prefix. */
	skipped = memchr(text, ':', bytes) ? 0 : V4_BITS;
	length = 128 - skipped;
	if (text[bytes]) {
		struct tg_word word = {text + bytes + 1, strlen(text + bytes + 1)};

		if (tg_word_number(&word, 128 - skipped, &length))
			return tg_error(-EINVAL, error, error_bytes,
					"%s has no valid prefix length; it is 0 to %u", quote,
					128 - skipped);
	}
	network = tg_network_around(&address, skipped + (uint32_t)length);
	tg_network_print(&network, meant);
	if (memcmp(network.bytes, address.bytes, sizeof(network.bytes)))
		return tg_error(-EINVAL, error, error_bytes,
				"%s has bits behind its prefix; write %s%s", quote, before, meant);
	*out = network;
	return 0;
}

int tg_network_parse(const char *text, struct tg_subject *out, char *error, size_t error_bytes)
{
	return tg_network_read("", text, out, error, error_bytes);
}

void tg_network_print(const struct tg_subject *network, char out[TG_SUBJECT_TEXT_BYTES])
{
	bool v4 = tg_network_is_v4(network);
	uint32_t skipped = v4 ? V4_BITS : 0;
	size_t at;

	inet_ntop(v4 ? AF_INET : AF_INET6, network->bytes + skipped / 8, out,
		  TG_SUBJECT_TEXT_BYTES);
	at = strlen(out);
	if (network->bits < 128)
		snprintf(out + at, TG_SUBJECT_TEXT_BYTES - at, "/%u", network->bits - skipped);
}

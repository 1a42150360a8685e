/* SPDX-License-Identifier: BSD-2-Clause */
#include "format.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_ours(const char *text, size_t bytes)
{
	static const char *const words[] = {TG_FORMAT_NONE, TG_FORMAT_EMPTY, TG_FORMAT_OTHER};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (bytes == strlen(words[i]) && !memcmp(text, words[i], bytes))
			return true;
	}
	return false;
}

/* out: 4 * bytes + 1. Returns the end. */
static char *escape(char *out, const char *text, size_t bytes)
{
	bool hide_first = is_ours(text, bytes);

	for (size_t i = 0; i < bytes; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c < 0x20 || c > 0x7e || c == '\\' || (hide_first && i == 0))
			out += sprintf(out, "\\x%02x", c);
		else
			*out++ = (char)c;
	}
	*out = '\0';
	return out;
}

/* Length without the zero padding at the end; a zero inside is a byte like others. */
static size_t padded_bytes(const char *text, size_t bytes)
{
	while (bytes && !text[bytes - 1])
		bytes--;
	return bytes;
}

void tg_format_source(char out[TG_FORMAT_SOURCE_BYTES], const struct tg_addr *source,
		      unsigned int ipv6_prefix)
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (!memcmp(source->bytes, v4_mapped, sizeof(v4_mapped))) {
		inet_ntop(AF_INET, source->bytes + 12, out, TG_FORMAT_SOURCE_BYTES);
		return;
	}
	inet_ntop(AF_INET6, source->bytes, out, TG_FORMAT_SOURCE_BYTES);
	if (ipv6_prefix < 128)
		sprintf(out + strlen(out), "/%u", ipv6_prefix);
}

void tg_format_prefix(char out[TG_FORMAT_PREFIX_BYTES], const struct tg_token *token)
{
	size_t bytes = padded_bytes(token->prefix, sizeof(token->prefix));

	if (bytes)
		escape(out, token->prefix, bytes);
	else
		strcpy(out, token->id ? TG_FORMAT_EMPTY : TG_FORMAT_NONE);
}

void tg_format_token_id(char out[TG_FORMAT_ID_BYTES], const struct tg_token *token)
{
	if (token->id)
		snprintf(out, TG_FORMAT_ID_BYTES, "%016" PRIx64, (uint64_t)token->id);
	else
		strcpy(out, TG_FORMAT_NONE);
}

void tg_format_host(char out[TG_FORMAT_HOST_BYTES], const struct tg_origin *origin)
{
	size_t bytes = padded_bytes(origin->host, sizeof(origin->host));
	char *end;

	if (!bytes) {
		strcpy(out, TG_FORMAT_NONE);
		return;
	}
	end = escape(out, origin->host, bytes);
	if (origin->host_bytes > sizeof(origin->host))
		strcpy(end, "...");
}

void tg_format_interface(char out[TG_FORMAT_INTERFACE_BYTES], const struct tg_interface *interface,
			 uint32_t slot)
{
	size_t bytes = strnlen(interface->name, sizeof(interface->name));

	if (bytes)
		escape(out, interface->name, bytes);
	else
		sprintf(out, "slot%u", slot);
}

void tg_format_time(char out[TG_FORMAT_TIME_BYTES], uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;
	size_t bytes;

	gmtime_r(&seconds, &tm);
	bytes = strftime(out, TG_FORMAT_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + bytes, TG_FORMAT_TIME_BYTES - bytes, ".%03uZ",
		 (unsigned int)(unix_ns / 1000000 % 1000));
}

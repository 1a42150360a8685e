/* SPDX-License-Identifier: BSD-2-Clause */
#include "token.h"

#include <string.h>

#include "../include/tollgate/siphash.h"

static uint64_t id_of(const struct tg_http_config *http, const char *text, size_t bytes)
{
	struct tg_sip sip;
	uint64_t id;

	tg_sip_start(&sip, http->key);
	for (size_t at = 0; at < bytes; at += 8) {
		size_t count = bytes - at < 8 ? bytes - at : 8;
		__u64 word = 0;

		memcpy(&word, text + at, count);
		tg_sip_add(&sip, word, (__u32)count);
	}
	id = tg_sip_end(&sip);
	explicit_bzero(&sip, sizeof(sip));
	return id ? id : 1;
}

void tg_token_identify(const struct tg_http_config *http, const char *text, size_t bytes,
		       struct tg_token *out, uint8_t start[TG_PREFIX_BYTES_MAX])
{
	size_t shown = bytes > TG_PREFIX_HIDDEN_MIN ? bytes - TG_PREFIX_HIDDEN_MIN : 0;

	memset(out, 0, sizeof(*out));
	memset(start, 0, TG_PREFIX_BYTES_MAX);
	if (!bytes)
		return;
	if (shown > http->prefix_bytes)
		shown = http->prefix_bytes;
	memcpy(out->prefix, text, shown);
	memcpy(start, text, bytes < TG_PREFIX_BYTES_MAX ? bytes : TG_PREFIX_BYTES_MAX);
	out->id = id_of(http, text, bytes);
}

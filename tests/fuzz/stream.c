/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "../http/cases.h"

const char *const fuzz_places[FUZZ_PLACES] = {
	"Authorization:Bearer X-API-Key",
	"Authorization:Bearer X-API-Key ?key",
	"Authorization:Basic",
	"Authorization:Basic Authorization:Bearer Authorization X-API-Key",
	"?key ?api_key X-API-Key",
	"Authorization",
	"X-A-Very-Long-Name-Of-A-Header-0:Bearer ?key Cookie",
	"X-API-Key Authorization:Negotiate-Extend ?k",
};

/* [places][is the header's limit small] */
static const struct tg_http_config *config_of(uint8_t choice)
{
	static struct tg_http_config made[FUZZ_PLACES][2];
	static bool is_made;

	for (int i = 0; !is_made && i < FUZZ_PLACES; i++) {
		for (int low = 0; low < 2; low++) {
			struct tg_case_config config = {.header_bytes = low ? FUZZ_HEADER_BYTES_LO
									    : FUZZ_HEADER_BYTES,
							.prefix_bytes = low ? 16 : 12};

			strcpy(config.tokens, fuzz_places[i]);
			if (tg_case_http_config(&config, &made[i][low]))
				abort();
		}
	}
	is_made = true;
	return &made[choice % FUZZ_PLACES][!!(choice & FUZZ_CHOICE_SHORT)];
}

bool fuzz_stream_read(const uint8_t *data, size_t bytes, struct fuzz_stream *out)
{
	if (bytes <= FUZZ_CHOICE_BYTES || bytes - FUZZ_CHOICE_BYTES > FUZZ_STREAM_MAX)
		return false;
	*out = (struct fuzz_stream){.config = config_of(data[0]),
				    .bytes = data + FUZZ_CHOICE_BYTES,
				    .count = bytes - FUZZ_CHOICE_BYTES,
				    .lengths = data + 1,
				    .picked_up = data[0] & FUZZ_CHOICE_PICKED};
	return true;
}

size_t fuzz_stream_segment(const struct fuzz_stream *stream, size_t number, size_t begin)
{
	uint8_t chosen = stream->lengths[number % (FUZZ_CHOICE_BYTES - 1)];
	size_t bytes = chosen < 192 ? chosen + 1u : (chosen - 191u) * 64;

	return bytes < stream->count - begin ? begin + bytes : stream->count;
}

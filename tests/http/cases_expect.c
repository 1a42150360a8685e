/* SPDX-License-Identifier: BSD-2-Clause */
/* What the meter is expected to keep of a case's requests, worked out plainly. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/http_table.h"
#include "cases.h"
#include "siphash_plain.h"

const uint8_t tg_case_secret[16] = "a secret of 16 b";

static struct tg_config_place parse_place(char *text)
{
	struct tg_config_place place = {0};
	char *colon = strchr(text, ':');

	if (*text == '?') {
		place.query = text + 1;
		return place;
	}
	place.header = text;
	if (colon) {
		*colon = 0;
		place.scheme = colon + 1;
	}
	return place;
}

int tg_case_http_config(const struct tg_case_config *from, struct tg_http_config *out)
{
	struct tg_config_place places[TG_PLACES_MAX];
	struct tg_config config = {.identity.tokens = places};
	char error[256] = "", tokens[sizeof(from->tokens)], *word, *save;
	int err;

	memcpy(tokens, from->tokens, sizeof(tokens));
	for (word = strtok_r(tokens, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (config.identity.tokens_count == TG_PLACES_MAX)
			return -E2BIG;
		places[config.identity.tokens_count++] = parse_place(word);
	}
	config.identity.token_prefix_bytes = from->prefix_bytes;
	config.identity.ipv6_prefix = 64;
	config.limits.header_bytes = from->header_bytes;
	err = tg_http_config_build(&config, tg_case_secret, out, error, sizeof(error));
	if (err)
		fprintf(stderr, "tokens %s: %s\n", from->tokens, error);
	return err;
}

static uint64_t id_of(const char *text, size_t bytes)
{
	uint64_t id = tg_siphash_plain(tg_case_secret, (const uint8_t *)text, bytes);

	return id ? id : 1;
}

struct tg_token tg_case_token(const struct tg_case *c, const struct tg_case_request *request)
{
	struct tg_token token = {0};
	size_t shown = c->config.prefix_bytes;

	if (!request->token)
		return token;
	if (request->token_bytes < shown + TG_PREFIX_HIDDEN_MIN)
		shown = request->token_bytes > TG_PREFIX_HIDDEN_MIN
				? request->token_bytes - TG_PREFIX_HIDDEN_MIN
				: 0;
	memcpy(token.prefix, request->token, shown);
	token.id = id_of(request->token, request->token_bytes);
	return token;
}

uint64_t tg_case_origin_id(const struct tg_case_request *request)
{
	return request->origin ? id_of(request->origin, request->origin_bytes) : 0;
}

void tg_case_host(const struct tg_case_request *request, uint8_t host[TG_HOST_BYTES_MAX])
{
	size_t bytes = request->origin_bytes;

	memset(host, 0, TG_HOST_BYTES_MAX);
	if (request->origin)
		memcpy(host, request->origin,
		       bytes < TG_HOST_BYTES_MAX ? bytes : TG_HOST_BYTES_MAX);
}

enum tg_case_end tg_case_end_of(const struct tg_scan *scan, uint32_t *reason)
{
	if (scan->phase == TG_PHASE_DEAD && scan->error == TG_PACKET_OPAQUE)
		return TG_CASE_OPAQUE;
	if (scan->phase == TG_PHASE_DEAD || scan->phase == TG_PHASE_SYNC) {
		*reason = scan->error;
		return TG_CASE_ERROR;
	}
	if (tg_phase_in_head(scan->phase))
		return TG_CASE_HEADER;
	if (tg_phase_in_body(scan->phase))
		return TG_CASE_BODY;
	return scan->flags & TG_SCAN_TUNNEL ? TG_CASE_TUNNEL : TG_CASE_OPEN;
}

bool tg_case_breaks_body(const struct tg_case *c)
{
	return c->end == TG_CASE_ERROR && (c->reason == TG_PACKET_BAD_CHUNK ||
					   (c->reason == TG_PACKET_AMBIGUOUS && !c->broke_request));
}

int tg_case_unattributed(const struct tg_case *c)
{
	if (c->end != TG_CASE_ERROR)
		return -1;
	switch (c->reason) {
	case TG_PACKET_BAD_HEADER:
		return TG_UNATTRIBUTED_BAD_HEADER;
	case TG_PACKET_BAD_FRAMING:
		return TG_UNATTRIBUTED_BAD_FRAMING;
	case TG_PACKET_HEADER_TOO_LONG:
		return TG_UNATTRIBUTED_HEADER_TOO_LONG;
	case TG_PACKET_AMBIGUOUS:
		return c->broke_request ? TG_UNATTRIBUTED_AMBIGUOUS : -1;
	default:
		return -1;
	}
}

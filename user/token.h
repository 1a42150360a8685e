/* SPDX-License-Identifier: BSD-2-Clause */
/* A token's text -> what may be known of it, as the scanner in the kernel makes it. */
#ifndef TOLLGATE_TOKEN_H
#define TOLLGATE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/http_config.h"

/*
 * bytes 0: no token, all zero. start: its first bytes, zero-padded, as policies match
 * them; wipe it after use.
 */
void tg_token_identify(const struct tg_http_config *http, const char *text, size_t bytes,
		       struct tg_token *out, uint8_t start[TG_PREFIX_BYTES_MAX]);

#endif

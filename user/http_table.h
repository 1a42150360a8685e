/* SPDX-License-Identifier: BSD-2-Clause */
/* identity.tokens and the fixed headers -> the table that the scanner reads. */
#ifndef TOLLGATE_HTTP_TABLE_H
#define TOLLGATE_HTTP_TABLE_H

#include "../include/tollgate/http_config.h"
#include "config.h"

/*
 * Fill out from config and the host's secret (16 bytes). 0, or -EINVAL with
 * one line in error (for example two places that cannot both be told apart).
 */
int tg_http_config_build(const struct tg_config *config, const uint8_t secret[16],
			 struct tg_http_config *out, char *error, size_t error_bytes);

#endif

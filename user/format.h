/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a key looks like to people. Every text here is printable ASCII; bytes
 * that are not, and the backslash, become \xNN, so that no client can send
 * terminal sequences to an operator, or two tokens look like one.
 *
 * "-" (none), "*" (nothing of it may be shown) and "other" (the rest) are
 * words of ours: a prefix or a host that spells one of them has its first byte
 * escaped, so nobody can name himself into them.
 */
#ifndef TOLLGATE_FORMAT_H
#define TOLLGATE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/abi.h"

#define TG_FORMAT_NONE	"-"
#define TG_FORMAT_EMPTY "*"
#define TG_FORMAT_OTHER "other"

#define TG_FORMAT_SOURCE_BYTES	  52 /* INET6_ADDRSTRLEN, "/128" and NUL */
#define TG_FORMAT_PREFIX_BYTES	  (TG_PREFIX_BYTES_MAX * 4 + 1)
#define TG_FORMAT_ID_BYTES	  17
#define TG_FORMAT_HOST_BYTES	  (TG_HOST_BYTES_MAX * 4 + 4)
#define TG_FORMAT_INTERFACE_BYTES (TG_IFACE_NAME_BYTES * 4 + 1)
#define TG_FORMAT_TIME_BYTES	  32
#define TG_FORMAT_BYTES		  TG_FORMAT_HOST_BYTES /* enough for each of them */

/* "192.0.2.7"; "2001:db8:1:2::/64", without /LEN where ipv6_prefix is 128. */
void tg_format_source(char out[TG_FORMAT_SOURCE_BYTES], const struct tg_addr *source,
		      unsigned int ipv6_prefix);

/* The prefix; "-" for no token, "*" for a token of which nothing is shown. */
void tg_format_prefix(char out[TG_FORMAT_PREFIX_BYTES], const struct tg_token *token);

/* 16 hex digits; "-" for no token. */
void tg_format_token_id(char out[TG_FORMAT_ID_BYTES], const struct tg_token *token);

/* The host, with "..." after it where it was cut; "-" for none. */
void tg_format_host(char out[TG_FORMAT_HOST_BYTES], const struct tg_origin *origin);

/* The interface's name; "slotN" for a slot without one. */
void tg_format_interface(char out[TG_FORMAT_INTERFACE_BYTES], const struct tg_interface *interface,
			 uint32_t slot);

/* RFC 3339, UTC, milliseconds (rounded down): "2026-01-31T23:59:59.999Z". */
void tg_format_time(char out[TG_FORMAT_TIME_BYTES], uint64_t unix_ns);

#endif

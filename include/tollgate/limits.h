/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every fixed bound of the data plane, in one place. What a user may set in
 * the configuration has its bound here and its default in user/config.c.
 */
#ifndef TOLLGATE_LIMITS_H
#define TOLLGATE_LIMITS_H

#define TG_IFACES_MAX		64 /* interface slots, kept by name for good */
#define TG_IFACE_NAME_BYTES	16 /* IFNAMSIZ */
#define TG_PORTS_MAX		32 /* listen_ports */
#define TG_VLAN_TAGS_MAX	2  /* 802.1Q in 802.1ad */
#define TG_IPV6_EXT_MAX		6  /* extension headers walked */
#define TG_PREFIX_BYTES_MAX	16 /* identity.token_prefix_bytes */
#define TG_PREFIX_HIDDEN_MIN	4  /* bytes of a token that a prefix never shows */
#define TG_HOST_BYTES_MAX	64 /* of an Origin or Referer host that is kept */
#define TG_PLACES_MAX		8  /* identity.tokens */
#define TG_ROWS_MAX		24 /* header names that are looked at */
#define TG_ROW_SLOTS		64 /* hash slots of the header table, power of 2 */
#define TG_ROW_CHAIN_MAX	13 /* rows of one slot that are tried: all there can be */
#define TG_NAME_BYTES_MAX	32 /* header or query parameter name */
#define TG_SCHEME_BYTES_MAX	16 /* Authorization scheme */
#define TG_QUERIES_MAX		4  /* query parameter names */
#define TG_HEADER_BYTES_DEFAULT 16384
#define TG_HEADER_BYTES_MAX	65536
#define TG_POLICY_SLOTS		32768 /* of map policies: all of them may change at once */
#define TG_POLICIES_MAX		16384 /* in force at a time, less 1; owners, too */
#define TG_LIMITS_MAX		4     /* limits of a policy */
#define TG_RATE_MAX		1000000 /* requests a second: intervals stay whole nanoseconds within 0.1 % */
#define TG_AMOUNT_MAX		0xfffffffeu /* requests a calendar period: a counter has 32 bits */
#define TG_PERIODS_MAX		64	    /* calendar periods that the kernel knows ahead */
#define TG_DROP_TEXT_BYTES	64
#define TG_DROP_LENGTHS_MAX	16	  /* different prefix lengths of blocked sources */
#define TG_BUDGETS_MAX		(1 << 23) /* slots have 24 bits in TG_MATCH, with those of policies */
#define TG_HELD_DEFAULT		16384	  /* pages of 1 KiB for segments that came too early */
#define TG_BODY_BYTES_MAX	(1ULL << 60) /* larger lengths are malformed */

#endif

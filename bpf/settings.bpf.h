/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the loader sets before the program is loaded: constants for the
 * verifier and the JIT. A new configuration is a new program, swapped in.
 */
#ifndef TOLLGATE_SETTINGS_BPF_H
#define TOLLGATE_SETTINGS_BPF_H

#include <linux/types.h>

/*
 * Always 0, but the verifier does not know: it takes a number from writable
 * memory for any number. What was bounded must be bounded anew after it.
 */
volatile __u64 tg_zero;
volatile __u64 tg_cookie_jiffies; /* when a SYN cookie last brought a connection back */
#define TG_FORGET(number) asm volatile("%0 ^= %1" : "+r"(number) : "r"(tg_zero))

#include "../include/tollgate/http_config.h"

const volatile struct tg_http_config tg_http;
const volatile __u32 tg_iface;		 /* slot of this instance's interface */
const volatile __u32 tg_workplace;	 /* index in scratch_map: enum tg_workplace_index */
const volatile __u8 tg_ports[8192];	 /* bit p of the bitmap: TCP port p is metered */
const volatile __u32 tg_server_place;	 /* enum tg_server_place, of this interface */
const volatile __u32 tg_tcp_checksum;	 /* check it, as no card or sender is left to */
const volatile __u8 tg_ipv6_prefix = 64; /* bits of an IPv6 source that count */

/*
 * The table, without volatile. The compiler must not see where the pointer
 * comes from: it would read zeros out of a constant that has no initializer.
 */
static inline __attribute__((always_inline)) const struct tg_http_config *tg_http_config(void)
{
	const struct tg_http_config *config = (const struct tg_http_config *)&tg_http;

	asm volatile("" : "+r"(config));
	return config;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Address prefixes: what subject.c and policy.c need beyond policy.h. */
#ifndef TOLLGATE_NETWORK_H
#define TOLLGATE_NETWORK_H

#include "policy.h"

/* As tg_network_parse. before: what stands before text where the user wrote it ("source:"). */
int tg_network_read(const char *before, const char *text, struct tg_subject *out, char *error,
		    size_t error_bytes);

/* Only IPv4 addresses? A shorter prefix such as ::/0 holds them and others. */
bool tg_network_is_v4(const struct tg_subject *network);

/* The network of bits (not more than it has) around network. */
struct tg_subject tg_network_around(const struct tg_subject *network, uint32_t bits);

#endif

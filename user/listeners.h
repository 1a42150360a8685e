/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP sockets of this network namespace that listen. The only user of sock_diag. */
#ifndef TOLLGATE_LISTENERS_H
#define TOLLGATE_LISTENERS_H

#include <stdint.h>

struct tg_listeners {
	uint8_t ports[65536 / 8]; /* bit p of the bitmap: somebody listens on TCP port p */
};

/* On IPv4 or IPv6. 0, or -errno. */
int tg_listeners_read(struct tg_listeners *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* An address to listen on, as the configuration writes it. */
#ifndef TOLLGATE_LISTEN_H
#define TOLLGATE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * "ADDR:PORT" or "[ADDR]:PORT" with a numeric IPv4 or IPv6 address and a port
 * from 1 to 65535 -> a socket address (network byte order, as bind(2) wants
 * it). 0, or -EINVAL with the outputs untouched.
 */
int tg_listen_parse(const char *text, struct sockaddr_storage *address, socklen_t *bytes);

/* Two of them, on whichever addresses: do they want one port? */
bool tg_listen_same_port(const char *one, const char *other);

#endif

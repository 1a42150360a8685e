/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers' sockets, for segments that are made by hand: in a network namespace of our own. */
#ifndef TOLLGATE_BENCH_SOCKETS_H
#define TOLLGATE_BENCH_SOCKETS_H

/* From here on this process is in it, as are the programs that it runs. */
void bench_sockets_namespace(void);

/* A server that listens on BENCH_SERVER. */
void bench_sockets_listen(unsigned int port);

/* ... and answers SYNs with cookies from now on, as under a flood. */
void bench_sockets_cookies(unsigned int port);

/*
 * The server's end of a connection of BENCH_SOURCE, port client_port, with BENCH_PORT, which
 * expects BENCH_SEQ next and has sent up to BENCH_ACK_SEQ. There is no client.
 */
void bench_sockets_accept(unsigned int client_port);

#endif

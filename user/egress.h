/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second program of an interface whose servers are forwarded: a filter at tc
 * egress, where it sees what they send. It stays when the agent dies, as long as
 * the interface is there. The only user of tc.
 *
 * The filter is known by its handle, "toll", at priority 1, before those that might
 * end a packet's way. Nobody else's filter is touched, nor a qdisc that has one.
 */
#ifndef TOLLGATE_EGRESS_H
#define TOLLGATE_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_EGRESS_KIND_BYTES 32

/* Put the program there, atomically in the place of one that is there. 0, or -errno. */
int tg_egress_attach(uint32_t ifindex, const char *ifname, int program_fd, char *error,
		     size_t error_bytes);

/* Is there room for it: no qdisc where clsact must stand, or clsact? */
bool tg_egress_possible(uint32_t ifindex);

/* The id of our program there; 0: none. */
uint32_t tg_egress_program(uint32_t ifindex);

/* 0, too, when none is there; or -errno. */
int tg_egress_take_off(uint32_t ifindex);

/*
 * Has a filter at tc egress the priority that the program needs, and is none that the
 * program can stand beside (kind bpf, of all protocols)? kind: of which kind it is.
 */
bool tg_egress_rival(uint32_t ifindex, char kind[TG_EGRESS_KIND_BYTES]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The XDP programs that are on an interface now, whoever put them there. */
#ifndef TOLLGATE_XDP_H
#define TOLLGATE_XDP_H

#include <stdint.h>

#include "config.h"

#define TG_XDP_NAME_BYTES  16 /* BPF_OBJ_NAME_LEN */
#define TG_XDP_TITLE_BYTES 64

/*
 * Program ids, 0: none. A program offloaded to the hardware is left out: it
 * runs before the others and keeps none of them off.
 */
struct tg_xdp_state {
	uint32_t native_id;
	uint32_t generic_id;
};

/* One program on an interface. */
struct tg_xdp_program {
	uint32_t id;
	uint32_t link_id; /* the bpf_link that holds it there; 0: put there by netlink */
	enum tg_mode mode;
	char name[TG_XDP_NAME_BYTES]; /* "": the kernel tells it to CAP_SYS_ADMIN only */
};

/* 0, or -errno (-ENODEV). */
int tg_xdp_query(uint32_t ifindex, struct tg_xdp_state *out);

/* The programs that stand in the way of another one: 0..2 of them, or -errno. */
int tg_xdp_programs(uint32_t ifindex, struct tg_xdp_program out[2]);

/* What an error calls it: "xdp_filter" (id 12). */
void tg_xdp_title(const struct tg_xdp_program *program, char out[TG_XDP_TITLE_BYTES]);

/* The shell command that takes the program off the interface of that name. */
void tg_xdp_off_command(const struct tg_xdp_program *program, const char *ifname, char *out,
			size_t out_bytes);

/* Take the program off, whatever holds it there. 0, or -errno. */
int tg_xdp_take_off(uint32_t ifindex, const struct tg_xdp_program *program);

#endif

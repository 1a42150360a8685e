/* SPDX-License-Identifier: BSD-2-Clause */
/* A program onto an interface, by a link that is pinned under its name. */
#ifndef TOLLGATE_ATTACH_H
#define TOLLGATE_ATTACH_H

#include "config.h"
#include "loader.h"

struct bpf_link_info;

struct tg_attach {
	const struct tg_config *config;
	const struct tg_config_interface *interface; /* of config */
	uint32_t ifindex;
	int program_fd;
	uint32_t program_id;
};

struct tg_attached {
	int link_fd;
	uint32_t link_id;
	enum tg_mode mode; /* NATIVE or GENERIC */
	char why[160];	   /* generic though native was wished for: the reason; else "" */
};

/*
 * Take over the link that is pinned for this interface (or was, under the name
 * it had) and swap the program in it; else attach anew and pin. -EBUSY:
 * another program is there; it stays unless interface->replace.
 */
int tg_attach(const struct tg_attach *ask, struct tg_attached *out, char *error,
	      size_t error_bytes);

/* A link as the kernel has it. -EINVAL: not an XDP link. */
int tg_attach_info(int link_fd, struct bpf_link_info *info);

/* Is the link's program on that interface, here: in which mode. */
bool tg_attach_on(const struct bpf_link_info *info, uint32_t ifindex, enum tg_mode *mode);

/*
 * The link counts on an interface that cannot be seen from here: it is in another network
 * namespace, *ifindex there. Nobody else's to end.
 */
bool tg_attach_elsewhere(int link_fd, uint32_t *ifindex);

/*
 * Take the program off, and the egress program of the same interface, and remove the
 * pin of that name; it stays while the egress program does, so that there is something
 * to try again by. Closes link_fd. 0, or -errno.
 */
int tg_attach_take_off(int link_fd, const char *ifname, const char *pin);

/*
 * The interface that a link was pinned for is gone, or has another name. Does
 * away with link and pin, unless the link's interface is configured under its
 * new name (tg_attach of that one takes it over). Closes link_fd. 1: so
 * configured; 0: done away with; or -errno.
 */
int tg_attach_forget(const struct tg_config *config, const char *ifname, int link_fd);

#endif

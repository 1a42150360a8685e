/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libnl-route: network interfaces that come, go and change their name, as
 * events for an epoll loop, and what an interface is now. The only user of
 * rtnetlink.
 */
#ifndef TOLLGATE_LINK_H
#define TOLLGATE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/limits.h"

enum tg_link_change {
	TG_LINK_NEW,	 /* made, or moved into this network namespace */
	TG_LINK_GONE,	 /* deleted, or moved away */
	TG_LINK_RENAMED, /* was: its name until now */
	TG_LINK_CHANGED, /* up, down, or another MTU */
};

struct tg_link_event {
	enum tg_link_change change;
	char name[TG_IFACE_NAME_BYTES];
	char was[TG_IFACE_NAME_BYTES]; /* RENAMED, else "" */
	uint32_t ifindex;
	uint32_t mtu;
	bool up; /* administratively */
};

typedef void (*tg_link_changed)(const struct tg_link_event *event, void *arg);

struct tg_link; /* a netlink socket and the interfaces as last seen */

/*
 * Subscribe to RTNLGRP_LINK. (An XDP program that comes or goes by a bpf_link
 * is not told there.) What is there at that time is taken as seen: no
 * event for it. 0, or -errno with *out untouched.
 */
int tg_link_open(struct tg_link **out, tg_link_changed changed, void *arg);

/* For epoll: readable when something waits. */
int tg_link_fd(const struct tg_link *link);

/*
 * Take what waits and call changed for each event; never blocks. Events that
 * the socket lost (ENOBUFS) are made up for by a dump and its differences.
 * 0, or -errno.
 */
int tg_link_read(struct tg_link *link);

void tg_link_close(struct tg_link *link);

/* What an interface is now. */
struct tg_link_info {
	char name[TG_IFACE_NAME_BYTES];
	uint32_t ifindex;
	uint32_t mtu;
	bool up;
	char operstate[16];  /* RFC 2863 ifOperStatus: "up", "down", "dormant", ... */
	char kind[16];	     /* "veth", "vlan", "bond", ...; "" for hardware */
	char driver[32];     /* ethtool's; "" when it has none, such as lo */
	uint32_t queues;     /* receive queues of the device */
	uint32_t peer;	     /* veth, vlan: ifindex of the other or lower one, else 0 */
	bool peer_elsewhere; /* peer counts in another network namespace */
};

/* 0, -ENODEV: no interface of that name in this network namespace, or -errno. */
int tg_link_query(const char *name, struct tg_link_info *out);

/* libnl has error numbers of its own: -NLE_... -> -errno. */
int tg_link_errno(int nl_error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says a driver can do for XDP: the netdev generic netlink family. */
#ifndef TOLLGATE_NETDEV_GENL_H
#define TOLLGATE_NETDEV_GENL_H

#include <stdint.h>

/* NETDEV_XDP_ACT_*, linux/netdev.h; Debian 12's headers have none of it. */
#define TG_NETDEV_XDP_BASIC 0x01 /* native programs; verdicts that stay on the device */
#define TG_NETDEV_XDP_RX_SG 0x20 /* packets of several buffers: large MTUs */

/* 0, -EOPNOTSUPP: the kernel is older than 6.3, or -errno. */
int tg_netdev_xdp_features(uint32_t ifindex, uint64_t *features);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver of an interface says: the SIOCETHTOOL ioctls. Reads only. */
#ifndef TOLLGATE_ETHTOOL_H
#define TOLLGATE_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ETHTOOL_GDRVINFO: "veth", "virtio_net", ... 0, or -errno with out untouched. */
int tg_ethtool_driver(const char *name, char *out, size_t out_bytes);

struct tg_ethtool_channels { /* ETHTOOL_GCHANNELS */
	uint32_t rx, rx_max; /* combined ones included */
	uint32_t tx, tx_max;
};

/* 0, or -errno (-EOPNOTSUPP: the driver has none) with out untouched. */
int tg_ethtool_channels(const char *name, struct tg_ethtool_channels *out);

/*
 * Is an offload on, by the kernel's name of it ("rx-lro", "rx-gro-hw",
 * "tx-tcp-segmentation"). 0, or -errno; -ENOENT: this kernel knows none of
 * that name.
 */
int tg_ethtool_feature(const char *name, const char *feature, bool *on);

#endif

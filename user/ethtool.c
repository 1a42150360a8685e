/* SPDX-License-Identifier: BSD-2-Clause */
#include "ethtool.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

/* What the kernel knows of offloads, in words of 32. */
#define WORDS_MAX 8

static int ask(const char *name, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq request = {0};

	if (fd < 0)
		return -errno;
	if (snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name) >= IFNAMSIZ) {
		close(fd);
		return -ENODEV;
	}
	request.ifr_data = command;
	err = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return err;
}

int tg_ethtool_driver(const char *name, char *out, size_t out_bytes)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int err = ask(name, &info);

	if (!err)
		snprintf(out, out_bytes, "%.*s", (int)sizeof(info.driver), info.driver);
	return err;
}

int tg_ethtool_channels(const char *name, struct tg_ethtool_channels *out)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int err = ask(name, &channels);

	if (err)
		return err;
	out->rx = channels.rx_count + channels.combined_count;
	out->rx_max = channels.max_rx + channels.max_combined;
	out->tx = channels.tx_count + channels.combined_count;
	out->tx_max = channels.max_tx + channels.max_combined;
	return 0;
}

/* How many offloads this kernel has names for; 0: could not be asked. */
static unsigned int features_count(const char *name)
{
	union { /* the array at the end has no room of its own */
		struct ethtool_sset_info info;
		__u8 room[sizeof(struct ethtool_sset_info) + sizeof(__u32)];
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};

	return !ask(name, &set) && set.info.sset_mask ? set.info.data[0] : 0;
}

/* The offload's bit, -ENOENT, or another -errno. */
static int feature_bit(const char *name, const char *feature, unsigned int count)
{
	struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	int err, bit = -ENOENT;

	if (!names)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count;
	err = ask(name, names);
	for (unsigned int i = 0; !err && bit < 0 && i < count; i++)
		if (!strncmp((char *)names->data + (size_t)i * ETH_GSTRING_LEN, feature,
			     ETH_GSTRING_LEN))
			bit = i;
	free(names);
	return err ? err : bit;
}

int tg_ethtool_feature(const char *name, const char *feature, bool *on)
{
	union {
		struct ethtool_gfeatures head;
		__u8 room[sizeof(struct ethtool_gfeatures) +
			  WORDS_MAX * sizeof(struct ethtool_get_features_block)];
	} set = {.head = {.cmd = ETHTOOL_GFEATURES, .size = WORDS_MAX}};
	unsigned int count = features_count(name);
	int bit, err;

	if (!count || count > WORDS_MAX * 32)
		return -EOPNOTSUPP;
	bit = feature_bit(name, feature, count);
	if (bit < 0)
		return bit;
	err = ask(name, &set);
	if (!err)
		*on = set.head.features[bit / 32].active & (1U << (bit % 32));
	return err;
}

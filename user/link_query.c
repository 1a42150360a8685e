/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interface is now: rtnetlink's answer and ethtool's. */
#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>

#include "ethtool.h"
#include "link.h"

static void describe(struct rtnl_link *link, struct tg_link_info *out)
{
	const char *kind = rtnl_link_get_type(link);
	int32_t netns = -1;

	out->ifindex = rtnl_link_get_ifindex(link);
	out->mtu = rtnl_link_get_mtu(link);
	out->up = rtnl_link_get_flags(link) & IFF_UP;
	rtnl_link_operstate2str(rtnl_link_get_operstate(link), out->operstate,
				sizeof(out->operstate));
	snprintf(out->kind, sizeof(out->kind), "%s", kind ?: "");
	out->queues = rtnl_link_get_num_rx_queues(link);
	out->peer = rtnl_link_get_link(link);
	out->peer_elsewhere = !rtnl_link_get_link_netnsid(link, &netns) && netns >= 0;
}

static int get(const char *name, struct tg_link_info *out)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct rtnl_link *link;
	int err = -NLE_NOMEM;

	if (socket)
		err = nl_connect(socket, NETLINK_ROUTE);
	if (err >= 0)
		err = rtnl_link_get_kernel(socket, 0, name, &link);
	if (err >= 0) {
		describe(link, out);
		rtnl_link_put(link);
	}
	nl_socket_free(socket);
	if (err == -NLE_OBJ_NOTFOUND || err == -NLE_NODEV)
		return -ENODEV;
	if (err == -NLE_NOMEM)
		return -ENOMEM;
	return err < 0 ? -EIO : 0;
}

int tg_link_query(const char *name, struct tg_link_info *out)
{
	struct tg_link_info info = {0};
	struct tg_ethtool_channels channels;
	int err;

	if (snprintf(info.name, sizeof(info.name), "%s", name) >= (int)sizeof(info.name))
		return -ENODEV;
	err = get(name, &info);
	if (err)
		return err;
	tg_ethtool_driver(name, info.driver, sizeof(info.driver));
	if (!tg_ethtool_channels(name, &channels) && channels.rx)
		info.queues = channels.rx;
	*out = info;
	return 0;
}

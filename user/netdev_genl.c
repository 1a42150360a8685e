/* SPDX-License-Identifier: BSD-2-Clause */
#include "netdev_genl.h"

#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* linux/netdev.h, since 6.3. */
enum { NETDEV_CMD_DEV_GET = 1 };
enum { NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3, NETDEV_A_DEV_MAX = 3 };

struct answer {
	uint64_t features;
	int err;
};

static int take(struct nl_msg *message, void *arg)
{
	struct nlattr *attrs[NETDEV_A_DEV_MAX + 1];
	struct answer *answer = arg;

	if (genlmsg_parse(nlmsg_hdr(message), 0, attrs, NETDEV_A_DEV_MAX, NULL) ||
	    !attrs[NETDEV_A_DEV_XDP_FEATURES])
		return NL_OK;
	answer->features = nla_get_u64(attrs[NETDEV_A_DEV_XDP_FEATURES]);
	answer->err = 0;
	return NL_OK;
}

static int ask(struct nl_sock *socket, int family, uint32_t ifindex)
{
	struct nl_msg *message = nlmsg_alloc();
	int err = -NLE_NOMEM;

	if (message &&
	    genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, NETDEV_CMD_DEV_GET, 1))
		err = nla_put_u32(message, NETDEV_A_DEV_IFINDEX, ifindex);
	if (err >= 0)
		err = nl_send_auto(socket, message);
	nlmsg_free(message);
	return err < 0 ? err : nl_recvmsgs_default(socket);
}

int tg_netdev_xdp_features(uint32_t ifindex, uint64_t *features)
{
	struct answer answer = {.err = -EOPNOTSUPP};
	struct nl_sock *socket = nl_socket_alloc();
	int family, err;

	if (!socket)
		return -ENOMEM;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take, &answer);
	err = genl_connect(socket);
	family = err < 0 ? err : genl_ctrl_resolve(socket, "netdev");
	if (family >= 0)
		err = ask(socket, family, ifindex);
	nl_socket_free(socket);
	if (family < 0)
		return -EOPNOTSUPP;
	if (err < 0)
		return err == -NLE_NODEV || err == -NLE_OBJ_NOTFOUND ? -ENODEV : -EIO;
	if (!answer.err)
		*features = answer.features;
	return answer.err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "listeners.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#include "link.h"

static int note(struct nl_msg *message, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct tg_listeners *out = arg;

	if (nlmsg_datalen(header) >= (int)sizeof(struct inet_diag_msg)) {
		const struct inet_diag_msg *socket = nlmsg_data(header);
		uint16_t port = ntohs(socket->id.idiag_sport);

		out->ports[port >> 3] |= 1 << (port & 7);
	}
	return NL_OK;
}

static int dump(struct nl_sock *socket, uint8_t family)
{
	struct inet_diag_req_v2 request = {.sdiag_family = family,
					   .sdiag_protocol = IPPROTO_TCP,
					   .idiag_states = 1 << TCP_LISTEN};
	int err =
		nl_send_simple(socket, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));

	return err < 0 ? err : nl_recvmsgs_default(socket);
}

int tg_listeners_read(struct tg_listeners *out)
{
	struct nl_sock *socket = nl_socket_alloc();
	int err = socket ? nl_connect(socket, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	memset(out, 0, sizeof(*out));
	if (err >= 0)
		err = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, note, out);
	if (err >= 0)
		err = dump(socket, AF_INET);
	if (err >= 0)
		err = dump(socket, AF_INET6);
	nl_socket_free(socket);
	return err < 0 ? tg_link_errno(err) : 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BYTES (1 << 20) /* a burst of containers that start at once */
#define DUMP_TRIES    5

/* An interface as it was last seen. */
struct seen {
	char name[TG_IFACE_NAME_BYTES];
	uint32_t ifindex;
	uint32_t mtu;
	bool up;
	bool in_dump; /* seen by the dump that is being read */
};

struct tg_link {
	struct nl_sock *socket;
	tg_link_changed changed;
	void *arg;
	bool quiet; /* the first dump: what is there is no news */
	struct seen *all;
	size_t count;
	size_t room;
};

int tg_link_errno(int nl_error)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AGAIN:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

/* --- the table and its events ----------------------------------------------------------- */

static struct seen *find(struct tg_link *link, uint32_t ifindex)
{
	for (size_t i = 0; i < link->count; i++)
		if (link->all[i].ifindex == ifindex)
			return &link->all[i];
	return NULL;
}

static void tell(struct tg_link *link, enum tg_link_change change, const struct seen *now,
		 const char *was)
{
	struct tg_link_event event = {
		.change = change, .ifindex = now->ifindex, .mtu = now->mtu, .up = now->up};

	if (link->quiet)
		return;
	memcpy(event.name, now->name, sizeof(event.name));
	strncpy(event.was, was, sizeof(event.was) - 1);
	link->changed(&event, link->arg);
}

static void remove_seen(struct tg_link *link, uint32_t ifindex)
{
	struct seen *seen = find(link, ifindex), gone;

	if (!seen)
		return;
	gone = *seen;
	*seen = link->all[--link->count];
	tell(link, TG_LINK_GONE, &gone, "");
}

static int add_seen(struct tg_link *link, const struct seen *now)
{
	size_t room = link->room ? 2 * link->room : 64;
	struct seen *all;

	if (link->count == link->room) {
		all = realloc(link->all, room * sizeof(*all));
		if (!all)
			return -ENOMEM;
		link->all = all;
		link->room = room;
	}
	link->all[link->count++] = *now;
	tell(link, TG_LINK_NEW, now, "");
	return 0;
}

static int update_seen(struct tg_link *link, const struct seen *now)
{
	struct seen *seen = find(link, now->ifindex), was;

	if (!seen)
		return add_seen(link, now);
	was = *seen;
	*seen = *now;
	if (strcmp(was.name, now->name))
		tell(link, TG_LINK_RENAMED, now, was.name);
	if (was.up != now->up || was.mtu != now->mtu)
		tell(link, TG_LINK_CHANGED, now, "");
	return 0;
}

/* --- messages -------------------------------------------------------------------------- */

/* false: not about an interface as such; bridges tell of their ports by such messages. */
static bool parse(struct nl_msg *message, struct seen *out)
{
	struct nlmsghdr *head = nlmsg_hdr(message);
	struct ifinfomsg *info = nlmsg_data(head);
	struct nlattr *attrs[IFLA_MAX + 1];

	if ((head->nlmsg_type != RTM_NEWLINK && head->nlmsg_type != RTM_DELLINK) ||
	    nlmsg_parse(head, sizeof(*info), attrs, IFLA_MAX, NULL) ||
	    info->ifi_family != AF_UNSPEC || !attrs[IFLA_IFNAME])
		return false;
	memset(out, 0, sizeof(*out));
	out->ifindex = info->ifi_index;
	out->up = info->ifi_flags & IFF_UP;
	out->mtu = attrs[IFLA_MTU] ? nla_get_u32(attrs[IFLA_MTU]) : 0;
	nla_strlcpy(out->name, attrs[IFLA_IFNAME], sizeof(out->name));
	return true;
}

static int take_event(struct nl_msg *message, void *arg)
{
	struct tg_link *link = arg;
	struct seen now;

	if (!parse(message, &now))
		return NL_OK;
	if (nlmsg_hdr(message)->nlmsg_type == RTM_DELLINK)
		remove_seen(link, now.ifindex);
	else if (update_seen(link, &now))
		return -NLE_NOMEM;
	return NL_OK;
}

static int take_dumped(struct nl_msg *message, void *arg)
{
	struct tg_link *link = arg;
	struct seen now;

	if (!parse(message, &now))
		return NL_OK;
	now.in_dump = true;
	return update_seen(link, &now) ? -NLE_NOMEM : NL_OK;
}

/* --- dump ------------------------------------------------------------------------------ */

static int read_dump(struct tg_link *link)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct ifinfomsg request = {.ifi_family = AF_UNSPEC};
	int err;

	if (!socket)
		return -NLE_NOMEM;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take_dumped, link);
	err = nl_connect(socket, NETLINK_ROUTE);
	if (err >= 0)
		err = nl_send_simple(socket, RTM_GETLINK, NLM_F_DUMP, &request, sizeof(request));
	if (err >= 0)
		err = nl_recvmsgs_default(socket);
	nl_socket_free(socket);
	return err < 0 ? err : 0;
}

/* All interfaces anew; events for what differs from the table. */
static int dump(struct tg_link *link)
{
	int err = -NLE_DUMP_INTR;

	for (int tries = 0; err == -NLE_DUMP_INTR && tries < DUMP_TRIES; tries++) {
		for (size_t i = 0; i < link->count; i++)
			link->all[i].in_dump = false;
		err = read_dump(link);
	}
	if (err)
		return tg_link_errno(err);
	for (size_t i = link->count; i--;)
		if (!link->all[i].in_dump)
			remove_seen(link, link->all[i].ifindex);
	return 0;
}

/* --- open, read, close -------------------------------------------------------------------- */

/* Subscribe first, dump then: nothing falls between, and to be told twice does no harm. */
static int connect_and_dump(struct tg_link *link)
{
	int err = nl_connect(link->socket, NETLINK_ROUTE);

	if (err >= 0)
		err = nl_socket_set_nonblocking(link->socket);
	if (err >= 0)
		err = nl_socket_set_buffer_size(link->socket, RECEIVE_BYTES, 0);
	if (err >= 0)
		err = nl_socket_add_membership(link->socket, RTNLGRP_LINK);
	if (err < 0)
		return tg_link_errno(err);
	link->quiet = true;
	err = dump(link);
	link->quiet = false;
	return err;
}

int tg_link_open(struct tg_link **out, tg_link_changed changed, void *arg)
{
	struct tg_link *link = calloc(1, sizeof(*link));
	int err = -ENOMEM;

	if (!link)
		return err;
	link->changed = changed;
	link->arg = arg;
	link->socket = nl_socket_alloc();
	if (link->socket) {
		nl_socket_disable_seq_check(link->socket);
		nl_socket_modify_cb(link->socket, NL_CB_VALID, NL_CB_CUSTOM, take_event, link);
		err = connect_and_dump(link);
	}
	if (err)
		tg_link_close(link);
	else
		*out = link;
	return err;
}

int tg_link_fd(const struct tg_link *link)
{
	return nl_socket_get_fd(link->socket);
}

/* libnl makes NLE_NOMEM of ENOBUFS: the kernel had to drop messages. */
int tg_link_read(struct tg_link *link)
{
	bool lost = false;
	int err;

	while ((err = nl_recvmsgs_default(link->socket)) >= 0 || err == -NLE_NOMEM)
		lost |= err == -NLE_NOMEM;
	if (err != -NLE_AGAIN)
		return tg_link_errno(err);
	return lost ? dump(link) : 0;
}

void tg_link_close(struct tg_link *link)
{
	if (!link)
		return;
	nl_socket_free(link->socket);
	free(link->all);
	free(link);
}

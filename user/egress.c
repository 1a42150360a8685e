/* SPDX-License-Identifier: BSD-2-Clause */
#include "egress.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define HANDLE	 0x746f6c6c /* "toll" */
#define PRIORITY 1

/* --- the qdisc ------------------------------------------------------------------- */

static struct nl_sock *connect_route(void)
{
	struct nl_sock *socket = nl_socket_alloc();

	if (socket && nl_connect(socket, NETLINK_ROUTE) < 0) {
		nl_socket_free(socket);
		return NULL;
	}
	return socket;
}

/* Which qdisc stands where clsact would; "" : none, or it cannot be asked for. */
static void qdisc_kind(uint32_t ifindex, char out[TG_EGRESS_KIND_BYTES])
{
	struct nl_sock *socket = connect_route();
	struct rtnl_qdisc *qdisc = NULL;
	struct nl_cache *cache = NULL;

	*out = '\0';
	if (socket && rtnl_qdisc_alloc_cache(socket, &cache) >= 0)
		qdisc = rtnl_qdisc_get_by_parent(cache, (int)ifindex, TC_H_CLSACT);
	if (qdisc) {
		snprintf(out, TG_EGRESS_KIND_BYTES, "%s", rtnl_tc_get_kind(TC_CAST(qdisc)) ?: "");
		rtnl_qdisc_put(qdisc);
	}
	nl_cache_free(cache);
	nl_socket_free(socket);
}

static bool has_clsact(uint32_t ifindex)
{
	char kind[TG_EGRESS_KIND_BYTES];

	qdisc_kind(ifindex, kind);
	return !strcmp(kind, "clsact");
}

/*
 * "ingress" stands where clsact would, and takes a filter for egress, too: but runs it
 * on what comes in.
 */
bool tg_egress_possible(uint32_t ifindex)
{
	char kind[TG_EGRESS_KIND_BYTES];

	qdisc_kind(ifindex, kind);
	return !*kind || !strcmp(kind, "clsact");
}

/* What cannot be read has some. */
static bool has_filters(struct nl_sock *socket, uint32_t ifindex, uint32_t side)
{
	struct nl_cache *cache = NULL;
	bool some = true;

	if (rtnl_cls_alloc_cache(socket, (int)ifindex, TC_H_MAKE(TC_H_CLSACT, side), &cache) >= 0)
		some = nl_cache_nitems(cache);
	nl_cache_free(cache);
	return some;
}

static void remove_if_empty(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct nl_sock *socket = connect_route();

	if (socket && has_clsact(ifindex) && !has_filters(socket, ifindex, TC_H_MIN_INGRESS) &&
	    !has_filters(socket, ifindex, TC_H_MIN_EGRESS))
		bpf_tc_hook_destroy(&both);
	nl_socket_free(socket);
}

/* --- the filter ------------------------------------------------------------------ */

static int put_filter(const struct bpf_tc_hook *hook, int program_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = PRIORITY,
		    .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(hook, &filter);
}

static int say_failed(int err, const char *ifname, char *error, size_t error_bytes)
{
	const char *hint = "";

	if (err == -EPERM)
		hint = "; run as root, or with CAP_NET_ADMIN and CAP_BPF";
	else if (err == -EINVAL)
		hint = "; is priority 1 taken by a filter of another kind?";
	return tg_error(err, error, error_bytes,
			"%s: the egress program cannot be attached: %s%s; see `tc filter show dev "
			"%s egress`",
			ifname, strerror(-err), hint, ifname);
}

int tg_egress_attach(uint32_t ifindex, const char *ifname, int program_fd, char *error,
		     size_t error_bytes)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	int made = bpf_tc_hook_create(&hook), err;

	if (made && made != -EEXIST)
		return tg_error(made, error, error_bytes,
				"%s: a clsact qdisc for the egress program cannot be made: %s",
				ifname, strerror(-made));
	if (made && !has_clsact(ifindex))
		return tg_error(
			-EBUSY, error, error_bytes,
			"%s: an ingress qdisc stands where the egress program needs clsact; "
			"see `tc qdisc show dev %s`",
			ifname, ifname);
	err = put_filter(&hook, program_fd);
	if (!err)
		return 0;
	if (!made)
		remove_if_empty(ifindex);
	return say_failed(err, ifname, error, error_bytes);
}

uint32_t tg_egress_program(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = PRIORITY);

	return ifindex && !bpf_tc_query(&hook, &filter) ? filter.prog_id : 0;
}

int tg_egress_take_off(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = PRIORITY);
	int err;

	if (!tg_egress_program(ifindex))
		return 0;
	err = bpf_tc_detach(&hook, &filter);
	if (!err)
		remove_if_empty(ifindex);
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

/* --- filters of others ------------------------------------------------------------- */

static bool is_rival(struct rtnl_cls *filter)
{
	uint32_t chain;

	if (rtnl_cls_get_prio(filter) != PRIORITY)
		return false;
	if (!rtnl_tc_get_chain(TC_CAST(filter), &chain) && chain)
		return false;
	return strcmp(rtnl_tc_get_kind(TC_CAST(filter)) ?: "", "bpf") ||
	       rtnl_cls_get_protocol(filter) != ETH_P_ALL;
}

bool tg_egress_rival(uint32_t ifindex, char kind[TG_EGRESS_KIND_BYTES])
{
	struct nl_sock *socket = connect_route();
	struct nl_cache *cache = NULL;
	struct nl_object *at = NULL;

	if (socket && has_clsact(ifindex) &&
	    rtnl_cls_alloc_cache(socket, (int)ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
				 &cache) >= 0)
		at = nl_cache_get_first(cache);
	while (at && !is_rival((struct rtnl_cls *)at))
		at = nl_cache_get_next(at);
	if (at)
		snprintf(kind, TG_EGRESS_KIND_BYTES, "%s",
			 rtnl_tc_get_kind(TC_CAST((struct rtnl_cls *)at)) ?: "?");
	nl_cache_free(cache);
	nl_socket_free(socket);
	return at;
}

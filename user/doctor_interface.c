/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_checks.h"
#include "ethtool.h"
#include "loader.h"
#include "netdev_genl.h"
#include "xdp.h"

/*
 * Of a page of 4096 bytes the largest MTU that drivers still take as one
 * buffer: without headroom (256), struct skb_shared_info (320), Ethernet
 * header and two VLAN tags (22).
 */
#define ONE_BUFFER_MTU 3498

static bool wants_native(const struct tg_doctor_interface *interface)
{
	return interface->config->mode != TG_MODE_GENERIC;
}

static bool is_loopback(const struct tg_doctor_interface *interface)
{
	return !strcmp(interface->config->name, "lo");
}

static bool up(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	if (interface->link.up)
		return tg_doctor_say(out, TG_DOCTOR_OK, "up, operational state %s",
				     interface->link.operstate);
	tg_doctor_mend(out, "ip link set dev %s up", interface->config->name);
	return tg_doctor_say(out, TG_DOCTOR_WARN, "down: no packet comes in");
}

static bool driver(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	const struct tg_link_info *link = &interface->link;

	return tg_doctor_say(out, TG_DOCTOR_OK, "%s%s%s", *link->driver ? link->driver : "none",
			     *link->kind ? ", kind " : "", link->kind);
}

static bool native_missing(const struct tg_doctor_interface *interface,
			   struct tg_doctor_result *out)
{
	if (interface->config->mode == TG_MODE_NATIVE) {
		tg_doctor_mend(out, "set mode: generic for %s in %s", interface->config->name,
			       interface->target->config_path);
		return tg_doctor_say(out, TG_DOCTOR_FAIL, "the driver has no native XDP");
	}
	return tg_doctor_say(out, is_loopback(interface) ? TG_DOCTOR_OK : TG_DOCTOR_WARN,
			     "the driver has no native XDP; mode auto takes generic");
}

static bool native_xdp(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	if (!wants_native(interface))
		return false;
	if (!interface->features_known)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN,
				     "kernels tell since 6.3; attaching finds out");
	if (!(interface->features & TG_NETDEV_XDP_BASIC))
		return native_missing(interface, out);
	return tg_doctor_say(out, TG_DOCTOR_OK, "the driver has it");
}

static bool native_possible(const struct tg_doctor_interface *interface)
{
	return wants_native(interface) &&
	       (!interface->features_known || interface->features & TG_NETDEV_XDP_BASIC);
}

static bool mtu(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	uint32_t bytes = interface->link.mtu;
	const char *name = interface->config->name;

	if (!native_possible(interface) || bytes <= ONE_BUFFER_MTU)
		return tg_doctor_say(out, TG_DOCTOR_OK, "%u", bytes);
	if (interface->features_known && interface->features & TG_NETDEV_XDP_RX_SG)
		return tg_doctor_say(out, TG_DOCTOR_OK,
				     "%u: the driver hands over packets of several buffers", bytes);
	tg_doctor_mend(out, "ip link set dev %s mtu %u", name, ONE_BUFFER_MTU);
	if (!interface->features_known)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN,
				     "%u: native XDP needs a driver for packets of several buffers",
				     bytes);
	return tg_doctor_say(
		out, interface->config->mode == TG_MODE_NATIVE ? TG_DOCTOR_FAIL : TG_DOCTOR_WARN,
		"%u: too large for native XDP with this driver, which takes packets "
		"of one buffer only",
		bytes);
}

/* An offload that glues segments together before the program sees them. */
static bool offload_off(const struct tg_doctor_interface *interface, const char *feature,
			const char *ethtool_name, struct tg_doctor_result *out)
{
	const char *name = interface->config->name;
	bool on;

	if (tg_ethtool_feature(name, feature, &on))
		return false;
	if (!on)
		return tg_doctor_say(out, TG_DOCTOR_OK, "off");
	tg_doctor_mend(out, "ethtool -K %s %s off", name, ethtool_name);
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "on: the card joins segments, and a driver may refuse native XDP");
}

static bool lro(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	return offload_off(interface, "rx-lro", "lro", out);
}

static bool gro_hw(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	return offload_off(interface, "rx-gro-hw", "rx-gro-hw", out);
}

/* The program runs where the queue's interrupt does: one queue is one CPU. */
static bool channels(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	const char *name = interface->config->name;
	struct tg_ethtool_channels has;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t could;

	if (tg_ethtool_channels(name, &has) || cpus < 1)
		return false;
	could = has.rx_max < (uint32_t)cpus ? has.rx_max : (uint32_t)cpus;
	if (has.rx >= could)
		return tg_doctor_say(out, TG_DOCTOR_OK, "receive queues: %u, at most %u; CPUs: %ld",
				     has.rx, has.rx_max, cpus);
	tg_doctor_mend(out, "ethtool -L %s %s %u", name,
		       strcmp(interface->link.kind, "veth") ? "combined" : "rx", could);
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "receive queues: %u of %u: packets are metered on so many of %ld CPUs",
			     has.rx, has.rx_max, cpus);
}

/* Is that program the one of our pinned link? */
static bool is_ours(const struct tg_doctor_interface *interface,
		    const struct tg_xdp_program *program)
{
	struct tg_attachment ours[TG_IFACES_MAX];
	int count = tg_loader_attachments(interface->pin_dir, ours, TG_IFACES_MAX);

	for (int i = 0; i < count; i++)
		if (ours[i].program_id == program->id && ours[i].ifindex == interface->link.ifindex)
			return true;
	return false;
}

static bool other_program(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	struct tg_xdp_program programs[2];
	char title[TG_XDP_TITLE_BYTES];
	int count = tg_xdp_programs(interface->link.ifindex, programs);

	if (count < 0)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN, "cannot be asked for: %s",
				     strerror(-count));
	for (int i = 0; i < count; i++) {
		if (is_ours(interface, &programs[i]))
			continue;
		tg_xdp_title(&programs[i], title);
		tg_xdp_off_command(&programs[i], interface->config->name, out->mend,
				   sizeof(out->mend));
		return tg_doctor_say(
			out, interface->config->replace ? TG_DOCTOR_WARN : TG_DOCTOR_FAIL,
			"XDP program %s is attached%s", title,
			interface->config->replace ? "; replace: true takes it off" : "");
	}
	return tg_doctor_say(out, TG_DOCTOR_OK, "%s", count ? "none but Tollgate's" : "none");
}

static bool veth(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	if (strcmp(interface->link.kind, "veth"))
		return false;
	if (!wants_native(interface))
		return tg_doctor_say(out, TG_DOCTOR_OK, "generic mode keeps the peer's TSO");
	tg_doctor_mend(out, "for bulk transfers set mode: generic for %s in %s",
		       interface->config->name, interface->target->config_path);
	return tg_doctor_say(
		out, TG_DOCTOR_WARN,
		"native XDP switches the peer's TSO off: more and smaller packets; and a "
		"429 or reset leaves only if the peer has an XDP program, too");
}

static bool generic_mode(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	if (native_possible(interface))
		return false;
	if (is_loopback(interface))
		return tg_doctor_say(out, TG_DOCTOR_OK, "the only mode that lo has");
	if (interface->features_known && interface->features & TG_NETDEV_XDP_BASIC)
		tg_doctor_mend(out, "set mode: auto for %s in %s", interface->config->name,
			       interface->target->config_path);
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "the program runs after the kernel has built its packet (skb): each "
			     "packet costs more than in native mode");
}

const struct tg_doctor_interface_check tg_doctor_interface_checks[] = {
	{"up", up},
	{"driver", driver},
	{"native_xdp", native_xdp},
	{"mtu", mtu},
	{"lro", lro},
	{"gro_hw", gro_hw},
	{"channels", channels},
	{"other_program", other_program},
	{"veth", veth},
	{"generic_mode", generic_mode},
	{"server", tg_doctor_server},
	{"tcp_checksum", tg_doctor_tcp_checksum},
	{0},
};

/* SPDX-License-Identifier: BSD-2-Clause */
/* Are the servers where the configuration says that they are? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor_checks.h"
#include "egress.h"
#include "listeners.h"

static bool is_on(const char *setting)
{
	FILE *file = fopen(setting, "re");
	int value = 0;

	if (!file)
		return false;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static bool forwards(void)
{
	return is_on("/proc/sys/net/ipv4/ip_forward") ||
	       is_on("/proc/sys/net/ipv6/conf/all/forwarding");
}

/* The first port of the configuration that no socket here listens on; 0: all have one. */
static int find_deserted(const struct tg_config *config, unsigned int *port)
{
	struct tg_listeners listeners;
	int err = tg_listeners_read(&listeners);

	*port = 0;
	for (unsigned int i = 0; !err && !*port && i < config->listen_ports_count; i++) {
		unsigned int one = config->listen_ports[i];

		if (!(listeners.ports[one >> 3] >> (one & 7) & 1))
			*port = one;
	}
	return err;
}

static bool local(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	unsigned int port;
	int err = find_deserted(interface->target->config, &port);

	if (err)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN,
				     "local; the sockets that listen cannot be asked for: %s",
				     strerror(-err));
	if (!forwards())
		return port ? tg_doctor_say(out, TG_DOCTOR_OK, "local; none listens on port %u yet",
					    port)
			    : tg_doctor_say(out, TG_DOCTOR_OK,
					    "local; one listens on every listen port");
	tg_doctor_mend(out, "set server: forwarded for %s in %s%s", interface->config->name,
		       interface->target->config_path, port ? "" : ", if ports are published");
	if (port)
		return tg_doctor_say(out, TG_DOCTOR_WARN,
				     "no server listens on port %u in this network namespace; if "
				     "it is behind this host set server: forwarded",
				     port);
	/* docker-proxy listens, too, though no connection that is rewritten comes to it. */
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "one listens on every listen port, but this host forwards: published "
			     "ports (DNAT, Docker) need server: forwarded, or nothing of them "
			     "counts");
}

static bool forwarded(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	uint32_t ifindex = interface->link.ifindex;
	char kind[TG_EGRESS_KIND_BYTES];

	if (!tg_egress_possible(ifindex)) {
		tg_doctor_mend(out, "tc qdisc del dev %s ingress", interface->config->name);
		return tg_doctor_say(out, TG_DOCTOR_FAIL,
				     "forwarded; an ingress qdisc stands where the egress program "
				     "needs clsact: nothing is counted");
	}
	if (!tg_egress_rival(ifindex, kind))
		return tg_doctor_say(out, TG_DOCTOR_OK,
				     "forwarded; tc egress is free for the "
				     "program that sees what they send");
	tg_doctor_mend(out, "tc filter del dev %s egress prio 1", interface->config->name);
	return tg_doctor_say(out, TG_DOCTOR_FAIL,
			     "forwarded; a %s filter at tc egress has priority 1, which the egress "
			     "program needs: nothing is counted; put it at another one",
			     kind);
}

static bool unseen(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	tg_doctor_mend(out, "set server: local or forwarded for %s in %s, if they can be seen",
		       interface->config->name, interface->target->config_path);
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "unseen: every segment is believed, and forged ones count, too");
}

bool tg_doctor_server(const struct tg_doctor_interface *interface, struct tg_doctor_result *out)
{
	if (!interface->target->config)
		return false;
	switch (interface->config->server) {
	case TG_SERVER_FORWARDED:
		return forwarded(interface, out);
	case TG_SERVER_UNSEEN:
		return unseen(interface, out);
	default:
		return local(interface, out);
	}
}

/* Does what sends to it leave checksums to hardware that is not there? */
static bool has_offload_only(const struct tg_doctor_interface *interface)
{
	return interface->config->mode == TG_MODE_GENERIC ||
	       !strcmp(interface->config->name, "lo") || !strcmp(interface->link.kind, "veth") ||
	       !strcmp(interface->link.driver, "virtio_net");
}

bool tg_doctor_tcp_checksum(const struct tg_doctor_interface *interface,
			    struct tg_doctor_result *out)
{
	if (!interface->config->tcp_checksum)
		return false;
	if (!has_offload_only(interface))
		return tg_doctor_say(out, TG_DOCTOR_OK, "checked");
	tg_doctor_mend(out, "set tcp_checksum: false for %s in %s", interface->config->name,
		       interface->target->config_path);
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "checked, though senders may leave it to hardware that is not there: "
			     "their requests do not count");
}

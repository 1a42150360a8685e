/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ETHERTYPE_EXPERIMENT 0x88b5 /* IEEE 802: local experiments; nobody else sends it */

static void build_config(struct sandbox *sandbox)
{
	struct tg_config *config = &sandbox->config;

	sandbox->interfaces[0] =
		(struct tg_config_interface){.name = "near", .mode = TG_MODE_NATIVE};
	sandbox->interfaces[1] =
		(struct tg_config_interface){.name = "near2", .mode = TG_MODE_NATIVE};
	sandbox->ports[0] = 80;
	sandbox->places[0] = (struct tg_config_place){.header = "X-API-Key"};
	config->interfaces = sandbox->interfaces;
	config->interfaces_count = 1;
	config->listen_ports = sandbox->ports;
	config->listen_ports_count = 1;
	config->identity.token_prefix_bytes = 12;
	config->identity.ipv6_prefix = 64;
	config->identity.secret_file = sandbox->secret_file;
	config->identity.tokens = sandbox->places;
	config->identity.tokens_count = 1;
	config->limits.header_bytes = 16384;
	config->limits.flows = 1024;
	config->limits.partials = 128;
	config->limits.held = 1000;
	config->limits.usage = 1000;
	config->limits.origins = 200;
	config->limits.spill = 300;
	config->limits.flow_idle_s = 600;
	config->limits.usage_idle_s = 86400;
	config->metrics.listen = "";
	config->state_dir = sandbox->state_dir;
	config->run_dir = sandbox->state_dir;
	config->pin_dir = sandbox->pin_dir;
}

int sandbox_setup(void **state)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
	static unsigned int number;

	if (!sandbox || unshare(CLONE_NEWNET))
		return -1;
	snprintf(sandbox->state_dir, sizeof(sandbox->state_dir), "/tmp/tg-test-XXXXXX");
	if (!mkdtemp(sandbox->state_dir))
		return -1;
	snprintf(sandbox->secret_file, sizeof(sandbox->secret_file), "%s/secret",
		 sandbox->state_dir);
	snprintf(sandbox->pin_dir, sizeof(sandbox->pin_dir), "/sys/fs/bpf/tg-test-%d-%u", getpid(),
		 number++);
	build_config(sandbox);
	*state = sandbox;
	return 0;
}

/* The test itself may have failed anywhere: no use is made of the code under test. */
int sandbox_teardown(void **state)
{
	struct sandbox *sandbox = *state;
	char command[256];
	int err;

	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", sandbox->pin_dir,
		 sandbox->state_dir);
	err = system(command);
	free(sandbox);
	return err;
}

void sandbox_run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("failed: %s", command);
}

void sandbox_make_pair(const char *near, const char *far)
{
	sandbox_run("ip link add %s type veth peer name %s && ip link set %s up && "
		    "ip link set %s up",
		    near, far, near, far);
}

uint32_t sandbox_index(const char *ifname)
{
	uint32_t index = if_nametoindex(ifname);

	assert_int_not_equal(index, 0);
	return index;
}

bool sandbox_pinned(const struct sandbox *sandbox, const char *below)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", sandbox->pin_dir, below);
	return !access(path, F_OK);
}

struct tg_loader *sandbox_open(struct sandbox *sandbox)
{
	struct tg_loader *loader = NULL;

	if (tg_loader_open(&sandbox->config, &loader, sandbox->error, sizeof(sandbox->error)))
		fail_msg("open: %s", sandbox->error);
	return loader;
}

struct tg_attachment sandbox_attach(struct sandbox *sandbox, struct tg_loader *loader,
				    unsigned int which)
{
	struct tg_attachment attachment;

	if (tg_loader_attach(loader, which, sandbox_index(sandbox->interfaces[which].name),
			     &attachment, sandbox->error, sizeof(sandbox->error)))
		fail_msg("attach: %s", sandbox->error);
	assert_true(attachment.attached);
	return attachment;
}

struct tg_loader *sandbox_start(struct sandbox *sandbox, struct tg_attachment *out)
{
	struct tg_loader *loader = sandbox_open(sandbox);
	struct tg_attachment attachment = sandbox_attach(sandbox, loader, 0);

	if (out)
		*out = attachment;
	return loader;
}

unsigned int sandbox_detach(struct sandbox *sandbox)
{
	unsigned int removed;

	if (tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, sandbox->error,
			     sizeof(sandbox->error)))
		fail_msg("detach: %s", sandbox->error);
	return removed;
}

int sandbox_open_fails(struct sandbox *sandbox)
{
	struct tg_loader *loader = NULL;
	int err = tg_loader_open(&sandbox->config, &loader, sandbox->error, sizeof(sandbox->error));

	assert_null(loader);
	return err;
}

int sandbox_attach_fails(struct sandbox *sandbox, struct tg_loader *loader, const char *ifname)
{
	struct tg_attachment out;

	return tg_loader_attach(loader, 0, sandbox_index(ifname), &out, sandbox->error,
				sizeof(sandbox->error));
}

uint32_t sandbox_native_program(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	assert_int_equal(bpf_xdp_query(sandbox_index(ifname), 0, &opts), 0);
	return opts.drv_prog_id;
}

/* What someone without the agent reads. */
uint64_t sandbox_counted_from_pins(struct sandbox *sandbox, uint32_t slot)
{
	struct tg_maps maps;
	uint64_t count;

	if (tg_maps_open(&maps, sandbox->pin_dir, sandbox->error, sizeof(sandbox->error)))
		fail_msg("%s", sandbox->error);
	count = sandbox_counted(&maps, slot);
	tg_maps_close(&maps);
	return count;
}

void sandbox_send(const char *far, unsigned int frames)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = sandbox_index(far)};
	unsigned char frame[60] = {0xff,
				   0xff,
				   0xff,
				   0xff,
				   0xff,
				   0xff,
				   2,
				   0,
				   0,
				   0,
				   0,
				   1,
				   ETHERTYPE_EXPERIMENT >> 8,
				   ETHERTYPE_EXPERIMENT & 0xff};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	for (unsigned int i = 0; i < frames; i++)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (const void *)&to, sizeof(to)),
				 sizeof(frame));
	close(fd);
	usleep(50000); /* native veth: NAPI of the other end may run after sendto */
}

uint64_t sandbox_counted(const struct tg_maps *maps, uint32_t slot)
{
	static struct tg_packets packets[TG_IFACES_MAX][TG_PACKET_REASONS];

	assert_int_equal(tg_maps_packets(maps, &packets[0][0]), 0);
	return packets[slot][TG_PACKET_NOT_IP].packets;
}

int sandbox_other_program(const char *name)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insns, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

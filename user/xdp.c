/* SPDX-License-Identifier: BSD-2-Clause */
#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(TG_XDP_NAME_BYTES == BPF_OBJ_NAME_LEN, "names are copied whole");

int tg_xdp_query(uint32_t ifindex, struct tg_xdp_state *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int err = bpf_xdp_query(ifindex, 0, &opts);

	if (err)
		return err;
	out->native_id = opts.drv_prog_id;
	out->generic_id = opts.skb_prog_id;
	return 0;
}

static bool link_holds(int fd, uint32_t ifindex, uint32_t program_id)
{
	struct bpf_link_info info = {0};
	__u32 bytes = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &bytes) && info.type == BPF_LINK_TYPE_XDP &&
	       info.xdp.ifindex == ifindex && info.prog_id == program_id;
}

/* The kernel does not tell a program's link: all links are asked. 0: none has it. */
static uint32_t find_link(uint32_t ifindex, uint32_t program_id)
{
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		int fd = bpf_link_get_fd_by_id(id);
		bool found = fd >= 0 && link_holds(fd, ifindex, program_id);

		if (fd >= 0)
			close(fd);
		if (found)
			return id;
	}
	return 0;
}

static void program_name(uint32_t id, char out[TG_XDP_NAME_BYTES])
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes) && info.name[0])
		memcpy(out, info.name, TG_XDP_NAME_BYTES);
	else
		strcpy(out, fd == -EPERM ? "" : "unnamed");
	out[TG_XDP_NAME_BYTES - 1] = 0;
	if (fd >= 0)
		close(fd);
}

static void describe(uint32_t ifindex, uint32_t id, enum tg_mode mode, struct tg_xdp_program *out)
{
	out->id = id;
	out->mode = mode;
	out->link_id = find_link(ifindex, id);
	program_name(id, out->name);
}

int tg_xdp_programs(uint32_t ifindex, struct tg_xdp_program out[2])
{
	struct tg_xdp_state state;
	int count = 0, err = tg_xdp_query(ifindex, &state);

	if (err)
		return err;
	if (state.native_id)
		describe(ifindex, state.native_id, TG_MODE_NATIVE, &out[count++]);
	if (state.generic_id)
		describe(ifindex, state.generic_id, TG_MODE_GENERIC, &out[count++]);
	return count;
}

void tg_xdp_title(const struct tg_xdp_program *program, char out[TG_XDP_TITLE_BYTES])
{
	if (*program->name)
		snprintf(out, TG_XDP_TITLE_BYTES, "\"%s\" (id %u)", program->name, program->id);
	else
		snprintf(out, TG_XDP_TITLE_BYTES, "id %u (`sudo tollgate doctor` tells its name)",
			 program->id);
}

void tg_xdp_off_command(const struct tg_xdp_program *program, const char *ifname, char *out,
			size_t out_bytes)
{
	if (!strcmp(program->name, "xdp_dispatcher"))
		snprintf(out, out_bytes, "xdp-loader unload %s --all", ifname);
	else if (program->link_id)
		snprintf(out, out_bytes, "bpftool link detach id %u", program->link_id);
	else
		snprintf(out, out_bytes, "ip link set dev %s %s off", ifname,
			 program->mode == TG_MODE_NATIVE ? "xdpdrv" : "xdpgeneric");
}

static int detach_link(uint32_t id)
{
	int fd = bpf_link_get_fd_by_id(id), err;

	if (fd < 0)
		return fd;
	err = bpf_link_detach(fd);
	close(fd);
	return err;
}

/*
 * Only while it is still this program, not one that came in its place
 * meanwhile. Without CAP_SYS_ADMIN the kernel hands out nobody's programs by
 * their ids, and this one is taken off without that care.
 */
static int detach_netlink(uint32_t ifindex, const struct tg_xdp_program *program)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int fd = bpf_prog_get_fd_by_id(program->id), err;

	if (fd < 0 && fd != -EPERM)
		return fd;
	opts.old_prog_fd = fd < 0 ? 0 : fd;
	err = bpf_xdp_detach(
		ifindex, program->mode == TG_MODE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
		&opts);
	if (fd >= 0)
		close(fd);
	return err;
}

int tg_xdp_take_off(uint32_t ifindex, const struct tg_xdp_program *program)
{
	return program->link_id ? detach_link(program->link_id) : detach_netlink(ifindex, program);
}

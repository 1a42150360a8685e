/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor_checks.h"
#include "maps.h"
#include "program.h"

#define KERNEL_MAJOR 6 /* the floor: bpf_loop, xdp_load_bytes, fragments, links */
#define KERNEL_MINOR 1

#define MAP_ROW_BYTES 96 /* what the kernel adds to key and value of a hash row, and its bucket */

/* A number in a file; -ENOENT, ... when there is none. */
static int read_number(const char *path, long *out)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", out) != 1)
		err = -EINVAL;
	fclose(file);
	return err;
}

static bool kernel(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	struct utsname name;
	int major, minor;

	(void)target;
	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN, "the release cannot be read");
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		return tg_doctor_say(out, TG_DOCTOR_OK, "%s", name.release);
	tg_doctor_mend(out, "apt-get install linux-image-amd64 && reboot");
	return tg_doctor_say(out, TG_DOCTOR_FAIL, "%s: older than %d.%d", name.release,
			     KERNEL_MAJOR, KERNEL_MINOR);
}

/* There one packet's run of the program may begin within another's, in the same working memory. */
static bool preempt_rt(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	long realtime = 0;

	(void)target;
	if (read_number("/sys/kernel/realtime", &realtime) || !realtime)
		return false;
	tg_doctor_mend(out, "apt-get install linux-image-amd64 && reboot");
	return tg_doctor_say(out, TG_DOCTOR_WARN,
			     "a PREEMPT_RT kernel: packets may interrupt each other in the "
			     "program, which is not made for it: counts may go wrong");
}

static bool btf(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	(void)target;
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		return tg_doctor_say(out, TG_DOCTOR_OK, "the kernel has its types");
	tg_doctor_mend(out, "use a kernel with CONFIG_DEBUG_INFO_BTF=y");
	return tg_doctor_say(out, TG_DOCTOR_FAIL,
			     "/sys/kernel/btf/vmlinux is missing: without the kernel's types the "
			     "program, which reads its sockets, cannot be loaded");
}

/* Has a loaded program machine code? -errno: cannot be found out. */
static int is_compiled(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "tg_jit", "GPL", insns, 2, NULL), err;

	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	close(fd);
	return err ? err : info.jited_prog_len > 0;
}

/* The setting stands in the first network namespace only. */
static bool jit(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	long enabled = -1;

	(void)target;
	if (read_number("/proc/sys/net/core/bpf_jit_enable", &enabled))
		enabled = is_compiled();
	if (enabled < 0)
		return tg_doctor_say(
			out, TG_DOCTOR_UNKNOWN,
			"net.core.bpf_jit_enable cannot be read, nor a program loaded");
	if (enabled == 1)
		return tg_doctor_say(out, TG_DOCTOR_OK, "on");
	tg_doctor_mend(out, "sysctl -w net.core.bpf_jit_enable=1");
	return tg_doctor_say(out, TG_DOCTOR_WARN, "%s",
			     enabled ? "on, with every program written to the kernel log"
				     : "off: the program is interpreted, some ten times slower");
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static bool bpffs(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	const char *pin_dir = target->config ? target->config->pin_dir : TG_DOCTOR_PIN_DIR;

	if (is_bpffs(pin_dir) || (!strncmp(pin_dir, "/sys/fs/bpf/", 12) && is_bpffs("/sys/fs/bpf")))
		return tg_doctor_say(out, TG_DOCTOR_OK, "mounted");
	if (!strncmp(pin_dir, "/sys/fs/bpf/", 12)) {
		tg_doctor_mend(out, "mount -t bpf bpf /sys/fs/bpf");
		return tg_doctor_say(out, TG_DOCTOR_WARN,
				     "/sys/fs/bpf is not mounted: the agent does it, if it may");
	}
	tg_doctor_mend(out, "mount -t bpf bpf %s", pin_dir);
	return tg_doctor_say(out, TG_DOCTOR_FAIL, "pin_dir %s is not on a BPF file system",
			     pin_dir);
}

/* CapEff of this process; the agent's unit grants these to the agent. */
static bool capabilities(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"},
		      {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		      {CAP_PERFMON, "CAP_PERFMON"}};
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long effective = 0;
	char line[256], missing[64] = "";

	(void)target;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	if (file)
		fclose(file);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!(effective >> needed[i].bit & 1)) {
			strcat(missing, " ");
			strcat(missing, needed[i].name);
		}
	if (!*missing)
		return tg_doctor_say(out, TG_DOCTOR_OK, "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
	tg_doctor_mend(out, "sudo tollgate doctor");
	return tg_doctor_say(out, TG_DOCTOR_FAIL, "missing here:%s", missing);
}

static bool unprivileged_bpf(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	long disabled;

	(void)target;
	if (read_number("/proc/sys/kernel/unprivileged_bpf_disabled", &disabled))
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN,
				     "kernel.unprivileged_bpf_disabled cannot be read");
	if (disabled)
		return tg_doctor_say(out, TG_DOCTOR_OK, "disabled");
	tg_doctor_mend(out, "sysctl -w kernel.unprivileged_bpf_disabled=2");
	return tg_doctor_say(out, TG_DOCTOR_WARN, "every user of this host may load BPF programs");
}

static bool config(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	if (target->config)
		return tg_doctor_say(out, TG_DOCTOR_OK, "%s", target->config_path);
	tg_doctor_mend(out, "tollgate check -c %s", target->config_path);
	return tg_doctor_say(out, TG_DOCTOR_FAIL, "%s", target->config_error);
}

static bool pins(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	const char *pin_dir = target->config ? target->config->pin_dir : TG_DOCTOR_PIN_DIR;
	char error[512] = "";
	struct tg_maps maps;
	int err = tg_maps_open(&maps, pin_dir, error, sizeof(error));

	if (err == -ENOENT)
		return tg_doctor_say(out, TG_DOCTOR_OK, "none yet below %s", pin_dir);
	if (err == -EPROTO) {
		tg_doctor_mend(out, "tollgate detach -c %s", target->config_path);
		return tg_doctor_say(out, TG_DOCTOR_FAIL, "%s", error);
	}
	if (err)
		return tg_doctor_say(out, TG_DOCTOR_UNKNOWN, "%s", error);
	tg_maps_close(&maps);
	return tg_doctor_say(out, TG_DOCTOR_OK, "ABI %u below %s", TG_ABI_VERSION, pin_dir);
}

static long available_mib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long kib = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib < 0 ? -1 : kib / 1024;
}

/* Hash maps take all their memory when they are made. value_bytes: as the program has them. */
static uint64_t map_bytes(const struct tg_config *config, enum tg_map map, uint32_t value_bytes)
{
	uint64_t row = tg_map_shape(map)->key_bytes + value_bytes + MAP_ROW_BYTES;

	return row * tg_program_map_entries(config, map);
}

static bool memory(const struct tg_doctor_target *target, struct tg_doctor_result *out)
{
	uint32_t value_bytes[TG_MAPS];
	uint64_t bytes = 0;
	long free_mib = available_mib(), need_mib;

	if (!target->config || tg_program_value_bytes(value_bytes))
		return false;
	for (int map = 0; map < TG_MAPS; map++)
		bytes += map_bytes(target->config, map, value_bytes[map]);
	need_mib = (long)(bytes >> 20) + 1;
	if (free_mib < 0)
		return tg_doctor_say(
			out, TG_DOCTOR_UNKNOWN,
			"the maps take about %ld MiB; what is available cannot be read", need_mib);
	if (need_mib < free_mib / 2)
		return tg_doctor_say(out, TG_DOCTOR_OK,
				     "the maps take about %ld MiB of %ld MiB available", need_mib,
				     free_mib);
	tg_doctor_mend(out, "lower limits (usage, flows, held, origins, spill) in %s",
		       target->config_path);
	return tg_doctor_say(out, need_mib < free_mib ? TG_DOCTOR_WARN : TG_DOCTOR_FAIL,
			     "the maps take about %ld MiB of %ld MiB available", need_mib,
			     free_mib);
}

const struct tg_doctor_host_check tg_doctor_host_checks[] = {
	{"kernel", kernel},
	{"preempt_rt", preempt_rt},
	{"btf", btf},
	{"jit", jit},
	{"bpffs", bpffs},
	{"capabilities", capabilities},
	{"unprivileged_bpf", unprivileged_bpf},
	{"config", config},
	{"pins", pins},
	{"program", tg_doctor_program},
	{"memory", memory},
	{0},
};

/* SPDX-License-Identifier: BSD-2-Clause */
#include "maintain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define NEVER	   INT64_MAX	/* idle jiffies that nothing reaches; sums do not overflow */
#define HZ_SPAN_NS 200000000ULL /* tells 250 from 300 even when each end is a jiffy off */

static int run(const struct tg_maintain *maintain, enum tg_maintenance_program program,
	       struct tg_sweep *sweep)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = sweep, .ctx_size_in = sizeof(*sweep));
	int err = bpf_prog_test_run_opts(maintain->fd[program], &opts);

	return err ? err : (int)opts.retval;
}

int tg_maintain_open(const struct tg_maps *maps, struct tg_maintain *out, char *error,
		     size_t error_bytes)
{
	struct tg_sweep sweep = {.idle_jiffies = NEVER};
	struct tg_maintain opened = {0};
	int err = tg_program_load_maintenance(maps, opened.fd, error, error_bytes);

	if (err)
		return err;
	err = run(&opened, TG_PROGRAM_CLOCKS, &sweep);
	if (err) {
		tg_maintain_close(&opened);
		return tg_error(err, error, error_bytes,
				"the maintenance program: cannot be run: %s", strerror(-err));
	}
	opened.maps = maps;
	opened.first_jiffies = sweep.now_jiffies;
	opened.first_ns = sweep.now_ns;
	*out = opened;
	return 0;
}

void tg_maintain_close(struct tg_maintain *maintain)
{
	for (int i = 0; i < TG_PROGRAMS; i++) {
		if (maintain->fd[i] >= 0)
			close(maintain->fd[i]);
		maintain->fd[i] = -1;
	}
}

/* --- HZ ------------------------------------------------------------------------- */

static unsigned int nearest_hz(uint64_t measured)
{
	static const unsigned int choices[] = {100, 250, 300, 1000}; /* kernel/Kconfig.hz */
	unsigned int best = choices[0];

	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
		if (llabs((long long)(measured - choices[i])) < llabs((long long)(measured - best)))
			best = choices[i];
	return best;
}

static void wait_until_ns(uint64_t boot_ns)
{
	const struct timespec until = {boot_ns / 1000000000, boot_ns % 1000000000};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/*
 * No system call tells the kernel's HZ (sysconf tells userspace's), and the
 * rows are dated in jiffies, which cost the program nothing.
 */
unsigned int tg_maintain_hz(struct tg_maintain *maintain)
{
	struct tg_sweep sweep = {.idle_jiffies = NEVER};

	if (maintain->hz)
		return maintain->hz;
	wait_until_ns(maintain->first_ns + HZ_SPAN_NS);
	if (run(maintain, TG_PROGRAM_CLOCKS, &sweep))
		return 1000; /* too large only keeps idle rows longer; asked again next time */
	maintain->hz = nearest_hz((sweep.now_jiffies - maintain->first_jiffies) * 1000000000ULL /
				  (sweep.now_ns - maintain->first_ns));
	return maintain->hz;
}

/* --- runs ------------------------------------------------------------------------ */

int tg_maintain_sweep_flows(const struct tg_maintain *maintain, struct tg_sweep *sweep)
{
	return run(maintain, TG_PROGRAM_SWEEP_FLOWS, sweep);
}

/* An update of a map of maps returns after an RCU grace period (kernel/bpf/syscall.c). */
static int wait_by_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tg_inner", 4, 4, 1, NULL), outer = -1, err;
	__u32 zero = 0;

	if (inner < 0)
		return inner;
	opts.inner_map_fd = inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tg_grace", 4, 4, 1, &opts);
	err = outer < 0 ? outer : bpf_map_update_elem(outer, &zero, &inner, BPF_ANY);
	if (outer >= 0)
		close(outer);
	close(inner);
	return err;
}

int tg_maintain_wait(void)
{
	if (!syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	return wait_by_map(); /* a kernel with nohz_full= has no such membarrier */
}

int tg_maintain_retire(const struct tg_maintain *maintain, struct tg_sweep *sweep)
{
	struct tg_sweep marked = *sweep;
	int err = run(maintain, TG_PROGRAM_MARK_IDLE, &marked);

	if (!err)
		err = tg_maintain_wait();
	return err ? err : run(maintain, TG_PROGRAM_RETIRE_MARKED, sweep);
}

int tg_maintain_jiffies(const struct tg_maintain *maintain, uint64_t *jiffies)
{
	struct tg_sweep sweep = {.idle_jiffies = NEVER};
	int err = run(maintain, TG_PROGRAM_CLOCKS, &sweep);

	if (!err)
		*jiffies = sweep.now_jiffies;
	return err;
}

int tg_maintain_retire_budgets(const struct tg_maintain *maintain, struct tg_sweep *sweep)
{
	struct tg_sweep marked = *sweep;
	int err = tg_maps_free_dead_budgets(maintain->maps, NULL);

	if (!err)
		err = run(maintain, TG_PROGRAM_MARK_BUDGETS, &marked);
	if (!err && !marked.removed) {
		sweep->removed = 0;
		return 0;
	}
	if (!err)
		err = tg_maintain_wait();
	return err ? err : run(maintain, TG_PROGRAM_RETIRE_BUDGETS, sweep);
}

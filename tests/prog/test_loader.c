/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/* Interfaces that go, come and are renamed; reload, detach, maintenance. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

#define ERROR sandbox->error, sizeof(sandbox->error)

/* --- interfaces that go, come and are renamed ----------------------------------------------- */

static void a_new_interface_of_the_name_goes_on(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, gone, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	sandbox_send("far", 3);
	sandbox_run("ip link del near");
	assert_int_equal(tg_loader_refresh(loader, 0, &gone), 0);
	assert_false(gone.attached);
	tg_loader_forget(loader, 0);
	assert_false(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_refresh(loader, 0, &gone), 0);
	assert_int_equal(gone.ifindex, 0);
	assert_int_equal(gone.slot, first.slot);
	sandbox_make_pair("near", "far");
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.slot, first.slot);
	sandbox_send("far", 4);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), first.slot), 7);
	tg_loader_close(loader);
}

static void a_stale_pin_gives_way(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, seen, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, &first));
	sandbox_run("ip link del near");
	assert_true(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_false(seen.attached);
	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.link_id, first.link_id);
	sandbox_send("far", 2);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), second.slot), 2);
	tg_loader_close(loader);
}

static void a_renamed_interface_keeps_its_link(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, &first));
	sandbox_run("ip link set near down && ip link set near name lan0 && ip link set lan0 up");
	sandbox->interfaces[0].name = "lan0";
	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_not_equal(second.slot, first.slot);
	assert_true(sandbox_pinned(sandbox, "links/lan0"));
	assert_false(sandbox_pinned(sandbox, "links/near"));
	sandbox_send("far", 2);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), second.slot), 2);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), first.slot), 0);
	tg_loader_close(loader);
}

static void a_name_that_passed_on_is_attached(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, &first));
	sandbox_run("ip link set near down && ip link set near name old");
	sandbox_make_pair("near", "far2");
	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.link_id, first.link_id);
	assert_int_equal(sandbox_native_program("old"), 0);
	assert_int_equal(sandbox_native_program("near"), second.program_id);
	tg_loader_close(loader);
}

static void renamed_under_the_agent_to_what_nobody_configured(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, NULL);
	sandbox_run("ip link set near down && ip link set near name old");
	tg_loader_forget(loader, 0);
	assert_int_equal(sandbox_native_program("old"), 0);
	assert_false(sandbox_pinned(sandbox, "links/near"));
	tg_loader_close(loader);
}

static void what_is_not_configured_any_more_is_detached(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox->config.interfaces_count = 2;
	loader = sandbox_start(sandbox, NULL);
	sandbox_attach(sandbox, loader, 1);
	tg_loader_close(loader);
	sandbox->config.interfaces_count = 1;
	loader = sandbox_open(sandbox);
	assert_int_equal(sandbox_native_program("near2"), 0);
	assert_int_not_equal(sandbox_native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, "links/near2"));
	tg_loader_close(loader);
}

/* --- reload --------------------------------------------------------------------------------- */

static void reload_swaps_the_programs(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_config next = sandbox->config;
	uint16_t ports[] = {80, 8080};
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	next.listen_ports = ports;
	next.listen_ports_count = 2;
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), 0);
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.program_id, first.program_id);
	assert_int_equal(sandbox_native_program("near"), second.program_id);
	first = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(first.program_id, second.program_id);
	tg_loader_close(loader);
}

static void reload_follows_the_interfaces(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config next = sandbox->config;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	loader = sandbox_start(sandbox, NULL);
	next.interfaces = &sandbox->interfaces[1];
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), 0);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_attach(loader, 0, sandbox_index("near2"), &attachment, ERROR),
			 0);
	assert_int_equal(sandbox_native_program("near2"), attachment.program_id);
	tg_loader_close(loader);
}

static void reload_that_fails_changes_nothing(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config next = sandbox->config;
	struct tg_attachment first, second;
	struct tg_loader *loader;
	char secret_file[160];

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	next.pin_dir = "/sys/fs/bpf/elsewhere";
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), -EINVAL);
	next.pin_dir = sandbox->config.pin_dir;
	snprintf(secret_file, sizeof(secret_file), "%s2", sandbox->secret_file);
	next.identity.secret_file = secret_file;
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), -ENOENT);
	assert_non_null(strstr(sandbox->error, secret_file));
	assert_int_equal(access(secret_file, F_OK), -1); /* none is made: it was mistyped */
	sandbox_run("(umask 077; echo 00112233445566778899aabbccddeeff >%s)", secret_file);
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), -EKEYREJECTED);
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	tg_loader_close(loader);
}

static int refuse(const struct tg_config *config, void *arg, char *error, size_t error_bytes)
{
	struct sandbox *sandbox = arg;

	(void)config;
	/* Asked while no interface is off: there is a way back. */
	assert_int_not_equal(sandbox_native_program("near"), 0);
	assert_int_not_equal(sandbox_native_program("near2"), 0);
	assert_true(sandbox_pinned(sandbox, "links/near2"));
	snprintf(error, error_bytes, "no");
	return -EPERM;
}

static void reload_that_others_refuse_changes_nothing(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second, seen;
	struct tg_config next;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox->config.interfaces_count = 2;
	loader = sandbox_start(sandbox, &first);
	second = sandbox_attach(sandbox, loader, 1);
	next = sandbox->config;
	next.interfaces_count = 1;
	assert_int_equal(tg_loader_reload(loader, &next, refuse, sandbox, ERROR), -EPERM);
	assert_string_equal(sandbox->error, "no");
	memset(&next, 0, sizeof(next)); /* the caller's to free: the loader has no use for it */
	assert_int_equal(tg_loader_refresh(loader, 0, &seen), 0);
	assert_memory_equal(&seen, &first, sizeof(seen));
	assert_int_equal(tg_loader_refresh(loader, 1, &seen), 0);
	assert_memory_equal(&seen, &second, sizeof(seen));
	assert_true(sandbox_pinned(sandbox, "links/near2"));
	tg_loader_close(loader);
}

/* --- detach --------------------------------------------------------------------------------- */

static void detach_removes_all_pins(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, NULL));
	assert_int_equal(sandbox_detach(sandbox), 1);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, ""));
	assert_int_equal(sandbox_detach(sandbox), 0);
}

static void detach_takes_off_what_is_named(void **state)
{
	struct sandbox *sandbox = *state;
	char *names[] = {"near2", "eth9"};
	struct tg_loader *loader;
	unsigned int removed;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox->config.interfaces_count = 2;
	loader = sandbox_start(sandbox, NULL);
	sandbox_attach(sandbox, loader, 1);
	tg_loader_close(loader);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, names, 2, &removed, ERROR), -ENOENT);
	assert_non_null(strstr(sandbox->error, "eth9"));
	assert_int_not_equal(sandbox_native_program("near2"), 0);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, names, 1, &removed, ERROR), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(sandbox_native_program("near2"), 0);
	assert_int_not_equal(sandbox_native_program("near"), 0);
	assert_true(sandbox_pinned(sandbox, "usage"));
}

static void an_agent_survives_a_detach(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, off, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	sandbox_send("far", 3);
	sandbox_detach(sandbox);
	assert_int_equal(tg_loader_refresh(loader, 0, &off), 0);
	assert_false(off.attached);
	assert_non_null(strstr(off.why, "taken off"));
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_not_equal(second.link_id, first.link_id);
	sandbox_send("far", 4);
	assert_int_equal(sandbox_counted_from_pins(sandbox, second.slot), 7);
	tg_loader_close(loader);
}

/* A process that keeps the pins, and stops at its first word of the log, until it is read. */
static pid_t keep_pins_slowly(struct sandbox *sandbox, struct tg_loader *loader, int *log)
{
	char filling[4096] = "";
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], filling, sizeof(filling)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		_exit(tg_loader_keep_pins(loader, ERROR) ? 1 : 0);
	}
	close(ends[1]);
	*log = ends[0];
	return child;
}

static void detach_is_obeyed_while_pins_are_kept(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;
	char said[4096];
	int log, status;
	pid_t child;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, NULL);
	sandbox_run("rm %s/flows", sandbox->pin_dir);
	child = keep_pins_slowly(sandbox, loader, &log);
	for (int i = 0; !sandbox_pinned(sandbox, "flows") && i < 500; i++)
		usleep(10000);
	assert_true(sandbox_pinned(sandbox, "flows"));
	assert_int_equal(sandbox_detach(sandbox), 1);
	while (read(log, said, sizeof(said)) > 0)
		;
	close(log);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	sandbox_run("[ -z \"$(find %s -type f)\" ]", sandbox->pin_dir);
	tg_loader_close(loader);
}

/* --- maintenance ------------------------------------------------------------------------------ */

static void hz_is_one_of_the_kernels(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader = sandbox_open(sandbox);
	uint64_t hz = tg_loader_jiffies(loader, 1);

	assert_true(hz == 100 || hz == 250 || hz == 300 || hz == 1000);
	assert_int_equal(tg_loader_jiffies(loader, 60), 60 * hz);
	tg_loader_close(loader);
}

static void retiring_moves_counts_and_loses_none(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_usage_key key = {.token.id = 7, .iface = 1};
	struct tg_usage row = {.counts = {.requests = 5, .bytes = 500}};
	struct tg_token_key token = {.token.id = 7, .iface = 1};
	struct tg_loader *loader = sandbox_open(sandbox);
	const struct tg_maps *maps = tg_loader_maps(loader);
	struct tg_sweep sweep = {.idle_jiffies = tg_loader_jiffies(loader, 1000000)};
	struct tg_counts spilled;
	uint32_t rows;

	assert_int_equal(tg_loader_retire_usage(loader, &sweep), 0);
	row.last_jiffies = sweep.now_jiffies;
	assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_USAGE], &key, &row, 0), 0);
	assert_int_equal(tg_loader_retire_usage(loader, &sweep), 0);
	assert_int_equal(tg_maps_count(maps, TG_MAP_USAGE, &rows), 0);
	assert_int_equal(rows, 1); /* not idle for so long */

	row.last_jiffies = sweep.now_jiffies - tg_loader_jiffies(loader, 100);
	assert_int_equal(bpf_map_update_elem(maps->fd[TG_MAP_USAGE], &key, &row, 0), 0);
	sweep.idle_jiffies = tg_loader_jiffies(loader, 50);
	assert_int_equal(tg_loader_retire_usage(loader, &sweep), 0);
	assert_int_equal(sweep.removed, 1);
	assert_int_equal(tg_maps_count(maps, TG_MAP_USAGE, &rows), 0);
	assert_int_equal(rows, 0);
	assert_int_equal(bpf_map_lookup_elem(maps->fd[TG_MAP_TOKEN_SPILL], &token, &spilled), 0);
	assert_int_equal(spilled.requests, 5);
	assert_int_equal(spilled.bytes, 500);
	tg_loader_close(loader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(a_new_interface_of_the_name_goes_on),
		SANDBOX_TEST(a_stale_pin_gives_way),
		SANDBOX_TEST(a_renamed_interface_keeps_its_link),
		SANDBOX_TEST(a_name_that_passed_on_is_attached),
		SANDBOX_TEST(renamed_under_the_agent_to_what_nobody_configured),
		SANDBOX_TEST(what_is_not_configured_any_more_is_detached),
		SANDBOX_TEST(reload_swaps_the_programs),
		SANDBOX_TEST(reload_follows_the_interfaces),
		SANDBOX_TEST(reload_that_fails_changes_nothing),
		SANDBOX_TEST(reload_that_others_refuse_changes_nothing),
		SANDBOX_TEST(detach_removes_all_pins),
		SANDBOX_TEST(detach_takes_off_what_is_named),
		SANDBOX_TEST(an_agent_survives_a_detach),
		SANDBOX_TEST(detach_is_obeyed_while_pins_are_kept),
		SANDBOX_TEST(hz_is_one_of_the_kernels),
		SANDBOX_TEST(retiring_moves_counts_and_loses_none),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}

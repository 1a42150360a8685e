/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/* The pinned maps: made, adopted, refused and then untouched. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

#define ERROR sandbox->error, sizeof(sandbox->error)

/* --- open ---------------------------------------------------------------------------- */

static void open_makes_all_pins(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader = sandbox_open(sandbox);
	const struct tg_maps *maps = tg_loader_maps(loader);
	struct tg_meta meta;

	for (int map = 0; map < TG_MAPS; map++)
		assert_true(sandbox_pinned(sandbox, tg_map_name(map)));
	assert_int_equal(maps->capacity[TG_MAP_USAGE], 1000);
	assert_int_equal(maps->capacity[TG_MAP_ORIGINS], 200);
	assert_int_equal(maps->capacity[TG_MAP_TOKEN_SPILL], 300);
	assert_int_equal(maps->capacity[TG_MAP_SOURCE_SPILL], 300);
	assert_int_equal(maps->capacity[TG_MAP_FLOWS], 1024);
	assert_int_equal(maps->capacity[TG_MAP_PARTIALS], 128);
	assert_int_equal(maps->capacity[TG_MAP_HELD], 1000);
	assert_int_equal(maps->capacity[TG_MAP_HOLDS], 250);
	assert_int_equal(tg_maps_meta(maps, &meta), 0);
	assert_int_equal(meta.abi_version, TG_ABI_VERSION);
	assert_int_equal(meta.generation, 1);
	assert_true(meta.created_unix_ns > 1500000000ULL * 1000000000);
	tg_loader_close(loader);
	for (int map = 0; map < TG_MAPS; map++)
		assert_true(sandbox_pinned(sandbox, tg_map_name(map)));
}

static void open_adopts_the_maps(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_usage_key key = {.token.id = 7};
	struct tg_usage row = {.counts.requests = 5};
	struct tg_loader *loader = sandbox_open(sandbox);
	struct tg_meta meta;

	assert_int_equal(
		bpf_map_update_elem(tg_loader_maps(loader)->fd[TG_MAP_USAGE], &key, &row, 0), 0);
	tg_loader_close(loader);
	sandbox->config.limits.usage = 2000; /* an adopted map keeps its size */
	loader = sandbox_open(sandbox);
	assert_int_equal(tg_loader_maps(loader)->capacity[TG_MAP_USAGE], 1000);
	row.counts.requests = 0;
	assert_int_equal(bpf_map_lookup_elem(tg_loader_maps(loader)->fd[TG_MAP_USAGE], &key, &row),
			 0);
	assert_int_equal(row.counts.requests, 5);
	assert_int_equal(tg_maps_meta(tg_loader_maps(loader), &meta), 0);
	assert_int_equal(meta.generation, 2);
	tg_loader_close(loader);
}

static void open_ends_what_was_interrupted(void **state)
{
	struct sandbox *sandbox = *state;

	tg_loader_close(sandbox_open(sandbox));
	sandbox_run("rm %s/meta %s/usage", sandbox->pin_dir, sandbox->pin_dir);
	tg_loader_close(sandbox_open(sandbox));
	assert_true(sandbox_pinned(sandbox, "meta"));
	assert_true(sandbox_pinned(sandbox, "usage"));
}

static void open_refuses_a_second_agent(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader = sandbox_open(sandbox);

	assert_int_equal(sandbox_open_fails(sandbox), -EBUSY);
	assert_non_null(strstr(sandbox->error, "another agent"));
	tg_loader_close(loader);
	tg_loader_close(sandbox_open(sandbox));
}

static void open_refuses_a_directory_elsewhere(void **state)
{
	struct sandbox *sandbox = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "%s/pins", sandbox->state_dir);
	sandbox->config.pin_dir = pin_dir;
	assert_int_equal(sandbox_open_fails(sandbox), -EINVAL);
	assert_non_null(strstr(sandbox->error, "not on a BPF file system"));
	assert_int_not_equal(access(pin_dir, F_OK), 0);
}

/* In a mount namespace of its own, where nobody has mounted it. */
static int open_unmounted(struct sandbox *sandbox)
{
	struct tg_loader *loader;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    umount2("/sys/fs/bpf", MNT_DETACH))
		return 2;
	if (tg_loader_open(&sandbox->config, &loader, ERROR) || !sandbox_pinned(sandbox, "usage"))
		return 3;
	tg_loader_close(loader);
	return 0;
}

static void open_mounts_the_bpf_file_system(void **state)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(open_unmounted(*state));
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- refused, and untouched ------------------------------------------------------------ */

static void set_abi(struct sandbox *sandbox, uint32_t version)
{
	struct tg_maps maps;
	struct tg_meta meta;
	char path[128];

	tg_maps_init(&maps, 1);
	snprintf(path, sizeof(path), "%s/meta", sandbox->pin_dir);
	maps.fd[TG_MAP_META] = bpf_obj_get(path);
	assert_true(maps.fd[TG_MAP_META] >= 0);
	assert_int_equal(tg_maps_meta(&maps, &meta), 0);
	meta.abi_version = version;
	assert_int_equal(tg_maps_set_meta(&maps, &meta), 0);
	tg_maps_close(&maps);
}

static void another_abi_is_refused_and_untouched(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment before, after;
	struct tg_loader *loader;
	struct tg_maps maps;
	char ours[16];

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, &before));
	set_abi(sandbox, 77);
	assert_int_equal(sandbox_open_fails(sandbox), -EPROTO);
	assert_non_null(strstr(sandbox->error, "ABI 77"));
	snprintf(ours, sizeof(ours), "ABI %d;", TG_ABI_VERSION);
	assert_non_null(strstr(sandbox->error, ours));
	assert_non_null(strstr(sandbox->error, "tollgate usage -o json"));
	assert_non_null(strstr(sandbox->error, "tollgate detach"));
	assert_int_equal(tg_maps_open(&maps, sandbox->pin_dir, ERROR), -EPROTO);
	assert_int_equal(sandbox_native_program("near"), before.program_id);
	sandbox_send("far", 5);
	set_abi(sandbox, TG_ABI_VERSION);
	assert_int_equal(sandbox_counted_from_pins(sandbox, before.slot), 5);
	loader = sandbox_start(sandbox, &after);
	assert_int_equal(after.link_id, before.link_id);
	tg_loader_close(loader);
}

static void another_abi_can_be_detached(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	tg_loader_close(sandbox_start(sandbox, NULL));
	set_abi(sandbox, 77);
	assert_int_equal(sandbox_detach(sandbox), 1);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, ""));
}

static void another_secret_is_refused(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_meta before, after;
	struct tg_maps maps;

	tg_loader_close(sandbox_open(sandbox));
	assert_int_equal(tg_maps_open(&maps, sandbox->pin_dir, ERROR), 0);
	assert_int_equal(tg_maps_meta(&maps, &before), 0);
	sandbox_run("rm %s", sandbox->secret_file);
	assert_int_equal(sandbox_open_fails(sandbox), -EKEYREJECTED);
	assert_non_null(strstr(sandbox->error, sandbox->secret_file));
	assert_int_equal(tg_maps_meta(&maps, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	tg_maps_close(&maps);
}

static void other_prefix_lengths_are_refused(void **state)
{
	struct sandbox *sandbox = *state;

	tg_loader_close(sandbox_open(sandbox));
	sandbox->config.identity.ipv6_prefix = 56;
	assert_int_equal(sandbox_open_fails(sandbox), -EKEYREJECTED);
	assert_non_null(strstr(sandbox->error, "ipv6_prefix 64"));
	sandbox->config.identity.ipv6_prefix = 64;
	sandbox->config.identity.token_prefix_bytes = 4;
	assert_int_equal(sandbox_open_fails(sandbox), -EKEYREJECTED);
	assert_non_null(strstr(sandbox->error, "token_prefix_bytes 12"));
	sandbox->config.identity.token_prefix_bytes = 12;
	tg_loader_close(sandbox_open(sandbox));
}

static void another_map_is_refused(void **state)
{
	struct sandbox *sandbox = *state;

	tg_loader_close(sandbox_open(sandbox));
	sandbox_run("rm %s/flows && bpftool map create %s/flows type hash key 36 value 8 "
		    "entries 9 name flows",
		    sandbox->pin_dir, sandbox->pin_dir);
	assert_int_equal(sandbox_open_fails(sandbox), -EPROTO);
	assert_non_null(strstr(sandbox->error, "/flows: not a map of this build"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(open_makes_all_pins),
		SANDBOX_TEST(open_adopts_the_maps),
		SANDBOX_TEST(open_ends_what_was_interrupted),
		SANDBOX_TEST(open_refuses_a_second_agent),
		SANDBOX_TEST(open_refuses_a_directory_elsewhere),
		SANDBOX_TEST(open_mounts_the_bpf_file_system),
		SANDBOX_TEST(another_abi_is_refused_and_untouched),
		SANDBOX_TEST(another_abi_can_be_detached),
		SANDBOX_TEST(another_secret_is_refused),
		SANDBOX_TEST(other_prefix_lengths_are_refused),
		SANDBOX_TEST(another_map_is_refused),
	};

	return cmocka_run_group_tests_name("books", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/* The loader on real interfaces: a veth pair in a network namespace of its own. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

#define ERROR sandbox->error, sizeof(sandbox->error)

static int open_fails(struct sandbox *sandbox)
{
	struct tg_loader *loader = NULL;
	int err = tg_loader_open(&sandbox->config, &loader, ERROR);

	assert_null(loader);
	return err;
}

static int attach_fails(struct sandbox *sandbox, struct tg_loader *loader, const char *ifname)
{
	struct tg_attachment out;

	return tg_loader_attach(loader, 0, sandbox_index(ifname), &out, ERROR);
}

static uint32_t native_program(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	assert_int_equal(bpf_xdp_query(sandbox_index(ifname), 0, &opts), 0);
	return opts.drv_prog_id;
}

/* What someone without the agent reads. */
static uint64_t counted_from_pins(struct sandbox *sandbox, uint32_t slot)
{
	struct tg_maps maps;
	uint64_t count;

	if (tg_maps_open(&maps, sandbox->pin_dir, ERROR))
		fail_msg("%s", sandbox->error);
	count = sandbox_counted(&maps, slot);
	tg_maps_close(&maps);
	return count;
}

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

	assert_int_equal(open_fails(sandbox), -EBUSY);
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
	assert_int_equal(open_fails(sandbox), -EINVAL);
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

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	before = sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	set_abi(sandbox, 77);
	assert_int_equal(open_fails(sandbox), -EPROTO);
	assert_non_null(strstr(sandbox->error, "ABI 77"));
	assert_non_null(strstr(sandbox->error, "ABI 1;"));
	assert_non_null(strstr(sandbox->error, "tollgate usage -o json"));
	assert_non_null(strstr(sandbox->error, "tollgate detach"));
	assert_int_equal(tg_maps_open(&maps, sandbox->pin_dir, ERROR), -EPROTO);
	assert_int_equal(native_program("near"), before.program_id);
	sandbox_send("far", 5);
	set_abi(sandbox, TG_ABI_VERSION);
	assert_int_equal(counted_from_pins(sandbox, before.slot), 5);
	loader = sandbox_open(sandbox);
	after = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(after.link_id, before.link_id);
	tg_loader_close(loader);
}

static void another_abi_can_be_detached(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;
	unsigned int removed;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	set_abi(sandbox, 77);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(native_program("near"), 0);
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
	assert_int_equal(open_fails(sandbox), -EKEYREJECTED);
	assert_non_null(strstr(sandbox->error, sandbox->secret_file));
	assert_int_equal(tg_maps_meta(&maps, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	tg_maps_close(&maps);
}

static void another_map_is_refused(void **state)
{
	struct sandbox *sandbox = *state;

	tg_loader_close(sandbox_open(sandbox));
	sandbox_run("rm %s/flows && bpftool map create %s/flows type hash key 36 value 8 "
		    "entries 9 name flows",
		    sandbox->pin_dir, sandbox->pin_dir);
	assert_int_equal(open_fails(sandbox), -EPROTO);
	assert_non_null(strstr(sandbox->error, "/flows: not a map of this build"));
}

/* --- attach ------------------------------------------------------------------------------ */

static void counts_on_without_an_agent_and_is_adopted(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second, seen;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(first.mode, TG_MODE_NATIVE);
	assert_int_equal(first.program_id, native_program("near"));
	assert_int_equal(first.ifindex, sandbox_index("near"));
	assert_true(sandbox_pinned(sandbox, "links/near"));
	sandbox_send("far", 3);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), first.slot), 3);
	tg_loader_close(loader);

	sandbox_send("far", 4);
	assert_int_equal(counted_from_pins(sandbox, first.slot), 7);
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_string_equal(seen.name, "near");
	assert_true(seen.attached);
	assert_int_equal(seen.mode, TG_MODE_NATIVE);
	assert_int_equal(seen.slot, first.slot);
	assert_int_equal(seen.link_id, first.link_id);

	loader = sandbox_open(sandbox);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.program_id, first.program_id);
	assert_int_equal(second.program_id, native_program("near"));
	sandbox_send("far", 2);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), second.slot), 9);
	tg_loader_close(loader);
}

static void attaching_again_changes_nothing(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	second = sandbox_attach(sandbox, loader, 0);
	assert_memory_equal(&first, &second, sizeof(first));
	tg_loader_close(loader);
}

static void attaches_in_generic_mode(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].mode = TG_MODE_GENERIC;
	loader = sandbox_open(sandbox);
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_string_equal(attachment.why, "");
	assert_int_equal(native_program("near"), 0);
	sandbox_send("far", 3);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), attachment.slot), 3);
	tg_loader_close(loader);
}

static void auto_takes_native_where_it_can(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].mode = TG_MODE_AUTO;
	loader = sandbox_open(sandbox);
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(attachment.mode, TG_MODE_NATIVE);
	assert_string_equal(attachment.why, "");
	tg_loader_close(loader);
}

static void auto_goes_generic_and_says_why(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox->interfaces[0] = (struct tg_config_interface){.name = "lo", .mode = TG_MODE_AUTO};
	loader = sandbox_open(sandbox);
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_non_null(strstr(attachment.why, "native XDP refused"));
	attachment = sandbox_attach(sandbox, loader, 0); /* the reason stays */
	assert_non_null(strstr(attachment.why, "native XDP refused"));
	tg_loader_close(loader);
	loader = sandbox_open(sandbox);
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_non_null(strstr(attachment.why, "tollgate detach lo"));
	tg_loader_close(loader);
}

static void native_refused_is_an_error(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox->interfaces[0] = (struct tg_config_interface){.name = "lo", .mode = TG_MODE_NATIVE};
	loader = sandbox_open(sandbox);
	assert_int_equal(attach_fails(sandbox, loader, "lo"), -EOPNOTSUPP);
	assert_non_null(strstr(sandbox->error, "lo: native XDP refused"));
	assert_non_null(strstr(sandbox->error, "generic"));
	assert_int_equal(tg_loader_refresh(loader, 0, &attachment), 0);
	assert_false(attachment.attached);
	assert_non_null(strstr(attachment.why, "native XDP refused"));
	assert_false(sandbox_pinned(sandbox, "links/lo"));
	tg_loader_close(loader);
}

static void another_mode_attaches_anew(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].mode = TG_MODE_GENERIC;
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	sandbox_send("far", 3);
	tg_loader_close(loader);
	sandbox->interfaces[0].mode = TG_MODE_NATIVE;
	loader = sandbox_open(sandbox);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.mode, TG_MODE_NATIVE);
	assert_int_not_equal(second.link_id, first.link_id);
	sandbox_send("far", 3);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), second.slot), 6);
	tg_loader_close(loader);
}

static void names_with_dots_are_pinned(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment seen;
	struct tg_loader *loader;

	sandbox_make_pair("near.100", "far");
	sandbox->interfaces[0].name = "near.100";
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	assert_true(sandbox_pinned(sandbox, "links/near%2E100"));
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_string_equal(seen.name, "near.100");
}

static void each_interface_counts_in_its_slot(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox->config.interfaces_count = 2;
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	second = sandbox_attach(sandbox, loader, 1);
	assert_int_not_equal(first.slot, second.slot);
	sandbox_send("far", 3);
	sandbox_send("far2", 4);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), first.slot), 3);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), second.slot), 4);
	tg_loader_close(loader);
}

/* Interface indexes repeat in every network namespace: the link tells no difference. */
static void a_link_of_another_namespace_is_left_alone(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, seen;
	struct tg_loader *loader;
	int elsewhere;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	elsewhere = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(elsewhere >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	sandbox_make_pair("near", "far");
	assert_int_equal(sandbox_index("near"), first.ifindex);
	loader = sandbox_open(sandbox);
	assert_int_equal(attach_fails(sandbox, loader, "near"), -EBUSY);
	assert_non_null(strstr(sandbox->error, "another network namespace"));
	tg_loader_close(loader);
	assert_int_equal(native_program("near"), 0);
	assert_int_equal(setns(elsewhere, CLONE_NEWNET), 0);
	close(elsewhere);
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_int_equal(seen.program_id, first.program_id);
	assert_true(seen.attached);
}

/* --- another program ---------------------------------------------------------------------- */

static void other_program_is_named_and_stays(void **state)
{
	struct sandbox *sandbox = *state;
	int other = sandbox_other_program("xdp_filter");
	struct tg_loader *loader;
	uint32_t index, id;
	char expect[64];

	sandbox_make_pair("near", "far");
	index = sandbox_index("near");
	assert_int_equal(bpf_xdp_attach(index, other, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = native_program("near");
	loader = sandbox_open(sandbox);
	assert_int_equal(attach_fails(sandbox, loader, "near"), -EBUSY);
	snprintf(expect, sizeof(expect), "near: XDP program \"xdp_filter\" (id %u)", id);
	assert_non_null(strstr(sandbox->error, expect));
	assert_non_null(strstr(sandbox->error, "ip link set dev near xdpdrv off"));
	assert_non_null(strstr(sandbox->error, "replace: true"));
	assert_int_equal(native_program("near"), id);
	tg_loader_close(loader);
	close(other);
}

static void the_command_it_names_works(void **state)
{
	struct sandbox *sandbox = *state;
	int other = sandbox_other_program("xdp_filter");
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	assert_int_equal(bpf_xdp_attach(sandbox_index("near"), other, XDP_FLAGS_SKB_MODE, NULL), 0);
	loader = sandbox_open(sandbox);
	assert_int_equal(attach_fails(sandbox, loader, "near"), -EBUSY);
	assert_non_null(strstr(sandbox->error, "`ip link set dev near xdpgeneric off`"));
	sandbox_run("ip link set dev near xdpgeneric off");
	sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	close(other);
}

static void other_program_is_replaced_when_told(void **state)
{
	struct sandbox *sandbox = *state;
	int other = sandbox_other_program("xdp_filter");
	static const uint32_t modes[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
	struct tg_attachment attachment;
	struct tg_loader *loader;
	unsigned int removed;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].replace = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bpf_xdp_attach(sandbox_index("near"), other, modes[i], NULL), 0);
		loader = sandbox_open(sandbox);
		attachment = sandbox_attach(sandbox, loader, 0);
		assert_int_equal(native_program("near"), attachment.program_id);
		tg_loader_close(loader);
		assert_int_equal(tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR), 0);
	}
	close(other);
}

static void other_program_of_a_link_is_replaced_when_told(void **state)
{
	struct sandbox *sandbox = *state;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int other = sandbox_other_program("xdp_filter"), link;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	link = bpf_link_create(other, sandbox_index("near"), BPF_XDP, &opts);
	assert_true(link >= 0);
	loader = sandbox_open(sandbox);
	assert_int_equal(attach_fails(sandbox, loader, "near"), -EBUSY);
	assert_non_null(strstr(sandbox->error, "`bpftool link detach id "));
	sandbox->interfaces[0].replace = true;
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(native_program("near"), attachment.program_id);
	tg_loader_close(loader);
	close(link);
	close(other);
}

/* --- interfaces that go, come and are renamed ----------------------------------------------- */

static void a_new_interface_of_the_name_goes_on(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, gone, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
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
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	sandbox_run("ip link del near");
	assert_true(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_false(seen.attached);
	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	second = sandbox_attach(sandbox, loader, 0);
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
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	sandbox_run("ip link set near down && ip link set near name lan0 && ip link set lan0 up");
	sandbox->interfaces[0].name = "lan0";
	loader = sandbox_open(sandbox);
	second = sandbox_attach(sandbox, loader, 0);
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
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	sandbox_run("ip link set near down && ip link set near name old");
	sandbox_make_pair("near", "far2");
	loader = sandbox_open(sandbox);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.link_id, first.link_id);
	assert_int_equal(native_program("old"), 0);
	assert_int_equal(native_program("near"), second.program_id);
	tg_loader_close(loader);
}

static void renamed_under_the_agent_to_what_nobody_configured(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	sandbox_run("ip link set near down && ip link set near name old");
	tg_loader_forget(loader, 0);
	assert_int_equal(native_program("old"), 0);
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
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	sandbox_attach(sandbox, loader, 1);
	tg_loader_close(loader);
	sandbox->config.interfaces_count = 1;
	loader = sandbox_open(sandbox);
	assert_int_equal(native_program("near2"), 0);
	assert_int_not_equal(native_program("near"), 0);
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
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	next.listen_ports = ports;
	next.listen_ports_count = 2;
	assert_int_equal(tg_loader_reload(loader, &next, ERROR), 0);
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.program_id, first.program_id);
	assert_int_equal(native_program("near"), second.program_id);
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
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	next.interfaces = &sandbox->interfaces[1];
	assert_int_equal(tg_loader_reload(loader, &next, ERROR), 0);
	assert_int_equal(native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_attach(loader, 0, sandbox_index("near2"), &attachment, ERROR),
			 0);
	assert_int_equal(native_program("near2"), attachment.program_id);
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
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	next.pin_dir = "/sys/fs/bpf/elsewhere";
	assert_int_equal(tg_loader_reload(loader, &next, ERROR), -EINVAL);
	next.pin_dir = sandbox->config.pin_dir;
	snprintf(secret_file, sizeof(secret_file), "%s2", sandbox->secret_file);
	next.identity.secret_file = secret_file;
	assert_int_equal(tg_loader_reload(loader, &next, ERROR), -EKEYREJECTED);
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	tg_loader_close(loader);
}

/* --- detach --------------------------------------------------------------------------------- */

static void detach_removes_all_pins(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;
	unsigned int removed;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	tg_loader_close(loader);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, ""));
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR), 0);
	assert_int_equal(removed, 0);
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
	loader = sandbox_open(sandbox);
	sandbox_attach(sandbox, loader, 0);
	sandbox_attach(sandbox, loader, 1);
	tg_loader_close(loader);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, names, 2, &removed, ERROR), -ENOENT);
	assert_non_null(strstr(sandbox->error, "eth9"));
	assert_int_not_equal(native_program("near2"), 0);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, names, 1, &removed, ERROR), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(native_program("near2"), 0);
	assert_int_not_equal(native_program("near"), 0);
	assert_true(sandbox_pinned(sandbox, "usage"));
}

static void an_agent_survives_a_detach(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, off, second;
	struct tg_loader *loader;
	unsigned int removed;

	sandbox_make_pair("near", "far");
	loader = sandbox_open(sandbox);
	first = sandbox_attach(sandbox, loader, 0);
	sandbox_send("far", 3);
	assert_int_equal(tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR), 0);
	assert_int_equal(tg_loader_refresh(loader, 0, &off), 0);
	assert_false(off.attached);
	assert_non_null(strstr(off.why, "taken off"));
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_not_equal(second.link_id, first.link_id);
	sandbox_send("far", 4);
	assert_int_equal(counted_from_pins(sandbox, second.slot), 7);
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

#define T(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_makes_all_pins),
		T(open_adopts_the_maps),
		T(open_ends_what_was_interrupted),
		T(open_refuses_a_second_agent),
		T(open_refuses_a_directory_elsewhere),
		T(open_mounts_the_bpf_file_system),
		T(another_abi_is_refused_and_untouched),
		T(another_abi_can_be_detached),
		T(another_secret_is_refused),
		T(another_map_is_refused),
		T(counts_on_without_an_agent_and_is_adopted),
		T(attaching_again_changes_nothing),
		T(attaches_in_generic_mode),
		T(auto_takes_native_where_it_can),
		T(auto_goes_generic_and_says_why),
		T(native_refused_is_an_error),
		T(another_mode_attaches_anew),
		T(names_with_dots_are_pinned),
		T(each_interface_counts_in_its_slot),
		T(a_link_of_another_namespace_is_left_alone),
		T(other_program_is_named_and_stays),
		T(the_command_it_names_works),
		T(other_program_is_replaced_when_told),
		T(other_program_of_a_link_is_replaced_when_told),
		T(a_new_interface_of_the_name_goes_on),
		T(a_stale_pin_gives_way),
		T(a_renamed_interface_keeps_its_link),
		T(a_name_that_passed_on_is_attached),
		T(renamed_under_the_agent_to_what_nobody_configured),
		T(what_is_not_configured_any_more_is_detached),
		T(reload_swaps_the_programs),
		T(reload_follows_the_interfaces),
		T(reload_that_fails_changes_nothing),
		T(detach_removes_all_pins),
		T(detach_takes_off_what_is_named),
		T(an_agent_survives_a_detach),
		T(hz_is_one_of_the_kernels),
		T(retiring_moves_counts_and_loses_none),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}

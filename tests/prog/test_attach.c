/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/* A program on a real interface: modes, adoption, programs of others. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

#define ERROR sandbox->error, sizeof(sandbox->error)

/* --- attach ------------------------------------------------------------------------------ */

static void counts_on_without_an_agent_and_is_adopted(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second, seen;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	assert_int_equal(first.mode, TG_MODE_NATIVE);
	assert_int_equal(first.program_id, sandbox_native_program("near"));
	assert_int_equal(first.ifindex, sandbox_index("near"));
	assert_true(sandbox_pinned(sandbox, "links/near"));
	sandbox_send("far", 3);
	assert_int_equal(sandbox_counted(tg_loader_maps(loader), first.slot), 3);
	tg_loader_close(loader);

	sandbox_send("far", 4);
	assert_int_equal(sandbox_counted_from_pins(sandbox, first.slot), 7);
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_string_equal(seen.name, "near");
	assert_true(seen.attached);
	assert_int_equal(seen.mode, TG_MODE_NATIVE);
	assert_int_equal(seen.slot, first.slot);
	assert_int_equal(seen.link_id, first.link_id);

	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_equal(second.slot, first.slot);
	assert_int_not_equal(second.program_id, first.program_id);
	assert_int_equal(second.program_id, sandbox_native_program("near"));
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
	loader = sandbox_start(sandbox, &first);
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
	loader = sandbox_start(sandbox, &attachment);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_string_equal(attachment.why, "");
	assert_int_equal(sandbox_native_program("near"), 0);
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
	loader = sandbox_start(sandbox, &attachment);
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
	loader = sandbox_start(sandbox, &attachment);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_non_null(strstr(attachment.why, "native XDP refused"));
	attachment = sandbox_attach(sandbox, loader, 0); /* the reason stays */
	assert_non_null(strstr(attachment.why, "native XDP refused"));
	tg_loader_close(loader);
	loader = sandbox_start(sandbox, &attachment);
	assert_int_equal(attachment.mode, TG_MODE_GENERIC);
	assert_true(*attachment.why);
	tg_loader_close(loader);
}

/* To try native would take the program off for a moment, at each restart. */
static void auto_keeps_what_was_attached_in_generic(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].mode = TG_MODE_GENERIC;
	tg_loader_close(sandbox_start(sandbox, &first));
	sandbox->interfaces[0].mode = TG_MODE_AUTO;
	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.mode, TG_MODE_GENERIC);
	assert_int_equal(second.link_id, first.link_id);
	assert_non_null(strstr(second.why, "tollgate detach near"));
	tg_loader_close(loader);
}

static void native_refused_is_an_error(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox->interfaces[0] = (struct tg_config_interface){.name = "lo", .mode = TG_MODE_NATIVE};
	loader = sandbox_open(sandbox);
	assert_int_equal(sandbox_attach_fails(sandbox, loader, "lo"), -EOPNOTSUPP);
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
	loader = sandbox_start(sandbox, &first);
	sandbox_send("far", 3);
	tg_loader_close(loader);
	sandbox->interfaces[0].mode = TG_MODE_NATIVE;
	loader = sandbox_start(sandbox, &second);
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

	sandbox_make_pair("near.100", "far");
	sandbox->interfaces[0].name = "near.100";
	tg_loader_close(sandbox_start(sandbox, NULL));
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
	loader = sandbox_start(sandbox, &first);
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
	tg_loader_close(sandbox_start(sandbox, &first));
	elsewhere = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(elsewhere >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	sandbox_make_pair("near", "far");
	assert_int_equal(sandbox_index("near"), first.ifindex);
	loader = sandbox_open(sandbox);
	assert_int_equal(sandbox_attach_fails(sandbox, loader, "near"), -EBUSY);
	assert_non_null(strstr(sandbox->error, "another network namespace"));
	tg_loader_close(loader);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_int_equal(setns(elsewhere, CLONE_NEWNET), 0);
	close(elsewhere);
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_int_equal(seen.program_id, first.program_id);
	assert_true(seen.attached);
}

/* Nor is it ended where the configuration does not name its interface. */
static void an_unnamed_link_of_another_namespace_is_left_alone(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, seen;
	int elsewhere;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].server = TG_SERVER_FORWARDED;
	tg_loader_close(sandbox_start(sandbox, &first));
	assert_int_not_equal(first.egress_id, 0);
	elsewhere = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(elsewhere >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	sandbox->interfaces[0].name = "another";
	tg_loader_close(sandbox_open(sandbox));
	assert_int_equal(setns(elsewhere, CLONE_NEWNET), 0);
	close(elsewhere);
	assert_int_equal(sandbox_native_program("near"), first.program_id);
	assert_true(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_int_equal(seen.egress_id, first.egress_id);
	assert_int_equal(seen.slot, first.slot);
	/* Here it is, and is ended, both programs of it. */
	tg_loader_close(sandbox_open(sandbox));
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_false(sandbox_pinned(sandbox, "links/near"));
	sandbox_run("! tc filter show dev near egress | grep .");
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
	id = sandbox_native_program("near");
	loader = sandbox_open(sandbox);
	assert_int_equal(sandbox_attach_fails(sandbox, loader, "near"), -EBUSY);
	snprintf(expect, sizeof(expect), "near: XDP program \"xdp_filter\" (id %u)", id);
	assert_non_null(strstr(sandbox->error, expect));
	assert_non_null(strstr(sandbox->error, "ip link set dev near xdpdrv off"));
	assert_non_null(strstr(sandbox->error, "replace: true"));
	assert_int_equal(sandbox_native_program("near"), id);
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
	assert_int_equal(sandbox_attach_fails(sandbox, loader, "near"), -EBUSY);
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

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].replace = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bpf_xdp_attach(sandbox_index("near"), other, modes[i], NULL), 0);
		loader = sandbox_start(sandbox, &attachment);
		assert_int_equal(sandbox_native_program("near"), attachment.program_id);
		tg_loader_close(loader);
		sandbox_detach(sandbox);
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
	assert_int_equal(sandbox_attach_fails(sandbox, loader, "near"), -EBUSY);
	assert_non_null(strstr(sandbox->error, "`bpftool link detach id "));
	sandbox->interfaces[0].replace = true;
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(sandbox_native_program("near"), attachment.program_id);
	tg_loader_close(loader);
	close(link);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(counts_on_without_an_agent_and_is_adopted),
		SANDBOX_TEST(attaching_again_changes_nothing),
		SANDBOX_TEST(attaches_in_generic_mode),
		SANDBOX_TEST(auto_takes_native_where_it_can),
		SANDBOX_TEST(auto_goes_generic_and_says_why),
		SANDBOX_TEST(auto_keeps_what_was_attached_in_generic),
		SANDBOX_TEST(native_refused_is_an_error),
		SANDBOX_TEST(another_mode_attaches_anew),
		SANDBOX_TEST(names_with_dots_are_pinned),
		SANDBOX_TEST(each_interface_counts_in_its_slot),
		SANDBOX_TEST(a_link_of_another_namespace_is_left_alone),
		SANDBOX_TEST(an_unnamed_link_of_another_namespace_is_left_alone),
		SANDBOX_TEST(other_program_is_named_and_stays),
		SANDBOX_TEST(the_command_it_names_works),
		SANDBOX_TEST(other_program_is_replaced_when_told),
		SANDBOX_TEST(other_program_of_a_link_is_replaced_when_told),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}

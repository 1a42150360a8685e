/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/*
 * The second program of an interface whose servers are forwarded: when it is there, when
 * it goes, and that nobody else's filters go with it.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/egress.h"
#include "sandbox.h"

#define ERROR sandbox->error, sizeof(sandbox->error)

static uint32_t egress(const char *ifname)
{
	return tg_egress_program(sandbox_index(ifname));
}

/* What iproute2 sees, which knows nothing of us. */
static bool shows(const char *command, const char *regex)
{
	char line[512];

	snprintf(line, sizeof(line), "%s | grep -qE '%s'", command, regex);
	return !system(line);
}

static bool has_clsact(void)
{
	return shows("tc qdisc show dev near", "clsact");
}

static struct tg_loader *open_forwarded(struct sandbox *sandbox, struct tg_attachment *out)
{
	sandbox->interfaces[0].server = TG_SERVER_FORWARDED;
	return sandbox_start(sandbox, out);
}

static void comes_and_goes(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment, seen;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = open_forwarded(sandbox, &attachment);
	assert_string_equal(attachment.why, "");
	assert_int_not_equal(attachment.egress_id, 0);
	assert_int_equal(attachment.egress_id, egress("near"));
	assert_true(shows("tc filter show dev near egress",
			  "pref 1 .*handle 0x746f6c6c .*tg_egress.*direct-action"));
	assert_false(shows("tc filter show dev near ingress", "."));
	tg_loader_close(loader);
	/* It outlives the agent; the pins tell of it. */
	assert_int_equal(egress("near"), attachment.egress_id);
	assert_int_equal(tg_loader_attachments(sandbox->pin_dir, &seen, 1), 1);
	assert_int_equal(seen.egress_id, attachment.egress_id);
	sandbox_detach(sandbox);
	assert_int_equal(egress("near"), 0);
	assert_false(has_clsact());
}

static void only_where_forwarded(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &attachment);
	assert_int_equal(attachment.egress_id, 0);
	assert_string_equal(attachment.why, "");
	assert_int_equal(egress("near"), 0);
	assert_false(has_clsact());
	tg_loader_close(loader);
}

/* A second agent puts its own in the place of the first one's. */
static void swapped_by_the_next_agent(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;

	sandbox_make_pair("near", "far");
	tg_loader_close(open_forwarded(sandbox, &first));
	tg_loader_close(open_forwarded(sandbox, &second));
	assert_int_not_equal(second.egress_id, first.egress_id);
	assert_int_equal(egress("near"), second.egress_id);
	assert_true(shows("tc filter show dev near egress | grep -c 0x746f6c6c", "^1$"));
}

/* An agent that wants none takes off what one before it left. */
static void not_wanted_any_more(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	tg_loader_close(open_forwarded(sandbox, &first));
	sandbox->interfaces[0].server = TG_SERVER_LOCAL;
	loader = sandbox_start(sandbox, &second);
	assert_int_equal(second.egress_id, 0);
	assert_int_equal(second.link_id, first.link_id);
	assert_int_equal(egress("near"), 0);
	tg_loader_close(loader);
}

/* The configuration names another interface: both programs of this one go. */
static void not_configured_any_more(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first;

	sandbox_make_pair("near", "far");
	tg_loader_close(open_forwarded(sandbox, &first));
	sandbox->interfaces[0].name = "another";
	tg_loader_close(sandbox_open(sandbox));
	assert_int_equal(egress("near"), 0);
	assert_int_equal(sandbox_native_program("near"), 0);
}

static void reload(struct sandbox *sandbox, struct tg_loader *loader, struct tg_config *next,
		   struct tg_config_interface *interface, enum tg_server_place server)
{
	*next = sandbox->config;
	*interface = sandbox->interfaces[0];
	interface->server = server;
	next->interfaces = interface;
	if (tg_loader_reload(loader, next, NULL, NULL, ERROR))
		fail_msg("reload: %s", sandbox->error);
}

static void swapped_on_reload(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config_interface interface[3];
	struct tg_attachment first, second;
	struct tg_config next[3];
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	/* It is there before the meter that needs it is: no attach is waited for. */
	reload(sandbox, loader, &next[0], &interface[0], TG_SERVER_FORWARDED);
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_int_not_equal(second.egress_id, 0);
	assert_int_not_equal(second.program_id, first.program_id);
	first = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(first.egress_id, second.egress_id);
	reload(sandbox, loader, &next[1], &interface[1], TG_SERVER_FORWARDED);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_not_equal(second.egress_id, first.egress_id);
	assert_int_equal(second.egress_id, egress("near"));
	/* And goes with it, as a reload may be taken back without an attach. */
	reload(sandbox, loader, &next[2], &interface[2], TG_SERVER_UNSEEN);
	assert_int_equal(egress("near"), 0);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.egress_id, 0);
	assert_string_equal(second.why, "");
	assert_int_equal(egress("near"), 0);
	tg_loader_close(loader);
}

/* What stands in the way keeps the old configuration in force, programs and all. */
static void reload_refused(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config next = sandbox->config;
	struct tg_config_interface interfaces[2];
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox->config.interfaces_count = 2;
	loader = sandbox_start(sandbox, &first);
	sandbox_attach(sandbox, loader, 1);
	sandbox_run("tc qdisc add dev near2 ingress");
	memcpy(interfaces, sandbox->interfaces, sizeof(interfaces));
	interfaces[0].server = interfaces[1].server = TG_SERVER_FORWARDED;
	next.interfaces = interfaces;
	next.interfaces_count = 2;
	assert_int_equal(tg_loader_reload(loader, &next, NULL, NULL, ERROR), -EBUSY);
	assert_non_null(strstr(sandbox->error, "near2: an ingress qdisc stands"));
	assert_int_equal(tg_loader_refresh(loader, 0, &second), 0);
	assert_int_equal(second.program_id, first.program_id);
	assert_int_equal(egress("near"), 0);
	assert_int_equal(egress("near2"), 0);
	assert_true(shows("tc qdisc show dev near2", "ingress"));
	tg_loader_close(loader);
}

/* near and near2, after a command that leaves one no room for its egress program. */
static struct tg_loader *open_two_forwarded(struct sandbox *sandbox, const char *command,
					    struct tg_attachment *first,
					    struct tg_attachment *second)
{
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_make_pair("near2", "far2");
	sandbox_run(command);
	sandbox->config.interfaces_count = 2;
	sandbox->interfaces[1].server = TG_SERVER_FORWARDED;
	loader = open_forwarded(sandbox, first);
	*second = sandbox_attach(sandbox, loader, 1);
	return loader;
}

/* What was missing before the reload keeps nothing else from its new configuration. */
static void reload_goes_on_without(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config next = sandbox->config;
	struct tg_attachment first, second, seen;
	uint16_t ports[] = {80, 8080};
	struct tg_loader *loader;

	loader = open_two_forwarded(sandbox, "tc qdisc add dev near ingress", &first, &second);
	next.interfaces_count = 2;
	next.listen_ports = ports;
	next.listen_ports_count = 2;
	if (tg_loader_reload(loader, &next, NULL, NULL, ERROR))
		fail_msg("reload: %s", sandbox->error);
	assert_int_equal(tg_loader_refresh(loader, 0, &seen), 0);
	assert_int_not_equal(seen.program_id, first.program_id);
	assert_int_equal(seen.egress_id, 0);
	assert_non_null(strstr(seen.why, "an ingress qdisc stands"));
	assert_int_equal(tg_loader_refresh(loader, 1, &seen), 0);
	assert_int_not_equal(seen.egress_id, second.egress_id);
	assert_int_equal(seen.egress_id, egress("near2"));
	/* There is room again: the next reload fills it. */
	sandbox_run("tc qdisc del dev near ingress");
	assert_int_equal(tg_loader_reload(loader, &sandbox->config, NULL, NULL, ERROR), 0);
	assert_int_equal(tg_loader_refresh(loader, 0, &seen), 0);
	assert_int_not_equal(seen.egress_id, 0);
	assert_string_equal(seen.why, "");
	tg_loader_close(loader);
}

static int refuse(const struct tg_config *config, void *arg, char *error, size_t error_bytes)
{
	(void)config;
	(void)arg;
	snprintf(error, error_bytes, "no");
	return -EPERM;
}

/* Taken back to what was there: programs of the old kind, or none where none could be. */
static void reload_refused_by_others(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config_interface interfaces[2];
	struct tg_attachment first, second, seen;
	struct tg_config next = sandbox->config;
	struct tg_loader *loader;

	loader = open_two_forwarded(sandbox, "tc qdisc add dev near2 ingress", &first, &second);
	assert_int_equal(second.egress_id, 0);
	memcpy(interfaces, sandbox->interfaces, sizeof(interfaces));
	interfaces[1].server = TG_SERVER_LOCAL;
	next.interfaces = interfaces;
	next.interfaces_count = 2;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(tg_loader_reload(loader, &next, refuse, NULL, ERROR), -EPERM);
		assert_int_equal(tg_loader_refresh(loader, 0, &seen), 0);
		assert_memory_equal(&seen, &first, sizeof(seen));
		assert_int_equal(egress("near"), first.egress_id);
		assert_int_equal(tg_loader_refresh(loader, 1, &seen), 0);
		assert_memory_equal(&seen, &second, sizeof(seen));
		interfaces[0].server = TG_SERVER_LOCAL; /* the other way round */
	}
	tg_loader_close(loader);
}

/* One that it had not does not come, either. */
static void reload_refused_brings_none(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config_interface interface;
	struct tg_config next = sandbox->config;
	struct tg_attachment first, seen;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, &first);
	interface = sandbox->interfaces[0];
	interface.server = TG_SERVER_FORWARDED;
	next.interfaces = &interface;
	assert_int_equal(tg_loader_reload(loader, &next, refuse, NULL, ERROR), -EPERM);
	assert_int_equal(tg_loader_refresh(loader, 0, &seen), 0);
	assert_memory_equal(&seen, &first, sizeof(seen));
	assert_int_equal(egress("near"), 0);
	assert_false(has_clsact());
	tg_loader_close(loader);
}

/* The meter is attached all the same, and says what it lacks. */
static void ingress_qdisc(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_run("tc qdisc add dev near ingress");
	loader = open_forwarded(sandbox, &attachment);
	assert_int_equal(attachment.egress_id, 0);
	assert_non_null(strstr(attachment.why, "an ingress qdisc stands"));
	assert_false(shows("tc filter show dev near ingress", "."));
	/* It goes: the next attach finds room. */
	sandbox_run("tc qdisc del dev near ingress");
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_string_equal(attachment.why, "");
	assert_int_equal(attachment.egress_id, egress("near"));
	tg_loader_close(loader);
}

static void priority_taken(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox_run("tc qdisc add dev near clsact && tc filter add dev near egress prio 1 "
		    "protocol all u32 match u32 0 0");
	loader = open_forwarded(sandbox, &attachment);
	assert_int_equal(attachment.egress_id, 0);
	assert_non_null(strstr(attachment.why, "is priority 1 taken"));
	tg_loader_close(loader);
	sandbox_detach(sandbox);
	assert_true(shows("tc filter show dev near egress", "pref 1 u32"));
}

/* Beside the filters of others, which stay, as their qdisc does. */
static void filters_of_others(void **state)
{
	static const char *const sides[] = {"ingress", "egress"};
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;

	for (size_t i = 0; i < 2; i++) {
		char show[64];

		snprintf(show, sizeof(show), "tc filter show dev near %s", sides[i]);
		sandbox_make_pair("near", "far");
		sandbox_run("tc qdisc add dev near clsact && tc filter add dev near %s prio 7 "
			    "protocol all u32 match u32 0 0",
			    sides[i]);
		tg_loader_close(open_forwarded(sandbox, &attachment));
		assert_int_not_equal(attachment.egress_id, 0);
		assert_true(shows(show, "pref 7 u32"));
		sandbox_detach(sandbox);
		assert_int_equal(egress("near"), 0);
		assert_true(has_clsact());
		assert_true(shows(show, "pref 7 u32"));
		sandbox_run("ip link del near");
	}
}

static void taken_off(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = open_forwarded(sandbox, &attachment);
	sandbox_run("tc filter del dev near egress pref 1");
	assert_int_equal(tg_loader_refresh(loader, 0, &attachment), 0);
	assert_true(attachment.attached);
	assert_int_equal(attachment.egress_id, 0);
	assert_non_null(strstr(attachment.why, "egress program was taken off by someone"));
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(attachment.egress_id, egress("near"));
	assert_string_equal(attachment.why, "");
	sandbox_run("tc qdisc del dev near clsact");
	attachment = sandbox_attach(sandbox, loader, 0);
	assert_int_not_equal(attachment.egress_id, 0);
	assert_int_equal(attachment.egress_id, egress("near"));
	tg_loader_close(loader);
}

/* Someone took the meter off, and detach finds the other program all the same. */
static void detach_without_meter(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;

	sandbox_make_pair("near", "far");
	tg_loader_close(open_forwarded(sandbox, &attachment));
	sandbox_run("bpftool link detach id %u", attachment.link_id);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_int_equal(egress("near"), attachment.egress_id);
	sandbox_detach(sandbox);
	assert_int_equal(egress("near"), 0);
}

/* In a process that may do nothing to interfaces. */
static int detach_without_right(struct sandbox *sandbox)
{
	pid_t child = fork();
	unsigned int removed;
	int status;

	assert_true(child >= 0);
	if (!child) {
		struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
		struct __user_cap_data_struct sets[2];

		if (syscall(SYS_capget, &header, sets))
			_exit(1);
		sets[0].effective &= ~(1U << CAP_NET_ADMIN);
		if (syscall(SYS_capset, &header, sets))
			_exit(1);
		_exit(-tg_loader_detach(sandbox->pin_dir, NULL, 0, &removed, ERROR));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* As long as a filter is left, so is what tells of it: who may, detaches it by that. */
static void pinned_until_it_is_off(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment attachment;

	sandbox_make_pair("near", "far");
	tg_loader_close(open_forwarded(sandbox, &attachment));
	assert_int_equal(detach_without_right(sandbox), -EPERM);
	assert_int_equal(sandbox_native_program("near"), 0);
	assert_int_equal(egress("near"), attachment.egress_id);
	assert_true(sandbox_pinned(sandbox, "links/near"));
	assert_int_equal(sandbox_detach(sandbox), 1);
	assert_int_equal(egress("near"), 0);
	assert_false(sandbox_pinned(sandbox, ""));
	/* An agent finds its way, too. */
	tg_loader_close(open_forwarded(sandbox, &attachment));
	assert_int_equal(detach_without_right(sandbox), -EPERM);
	tg_loader_close(open_forwarded(sandbox, &attachment));
	assert_int_equal(egress("near"), attachment.egress_id);
	assert_int_equal(sandbox_native_program("near"), attachment.program_id);
}

static void interface_made_again(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_attachment first, second;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = open_forwarded(sandbox, &first);
	sandbox_run("ip link del near");
	tg_loader_forget(loader, 0);
	sandbox_make_pair("near", "far");
	assert_int_equal(egress("near"), 0);
	second = sandbox_attach(sandbox, loader, 0);
	assert_int_equal(second.egress_id, egress("near"));
	assert_int_equal(second.egress_id, first.egress_id); /* the same program, once loaded */
	tg_loader_close(loader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(comes_and_goes),
		SANDBOX_TEST(only_where_forwarded),
		SANDBOX_TEST(swapped_by_the_next_agent),
		SANDBOX_TEST(not_wanted_any_more),
		SANDBOX_TEST(not_configured_any_more),
		SANDBOX_TEST(swapped_on_reload),
		SANDBOX_TEST(reload_refused),
		SANDBOX_TEST(reload_goes_on_without),
		SANDBOX_TEST(reload_refused_by_others),
		SANDBOX_TEST(reload_refused_brings_none),
		SANDBOX_TEST(ingress_qdisc),
		SANDBOX_TEST(priority_taken),
		SANDBOX_TEST(filters_of_others),
		SANDBOX_TEST(taken_off),
		SANDBOX_TEST(detach_without_meter),
		SANDBOX_TEST(pinned_until_it_is_off),
		SANDBOX_TEST(interface_made_again),
	};

	return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}

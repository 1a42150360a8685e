/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/prog/sandbox.c */
/* What the doctor finds on interfaces that were made so, and that its commands mend it. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/doctor_checks.h"
#include "../../user/egress.h"
#include "../../user/program.h"
#include "sandbox.h"

#define RESULTS_MAX 64
#define TWICE	    "identity.tokens[1]: the same place as tokens[0]; remove one"

static struct tg_doctor_result results[RESULTS_MAX];
static unsigned int results_count;

static void keep(const struct tg_doctor_result *result, void *arg)
{
	assert_null(arg);
	assert_true(results_count < RESULTS_MAX);
	assert_true(*result->found);
	assert_true(result->level != TG_DOCTOR_OK || !*result->mend);
	results[results_count++] = *result;
}

static unsigned int examine(struct sandbox *sandbox, const char *only)
{
	const struct tg_doctor_target target = {.config = &sandbox->config,
						.config_path = "test.yaml"};

	results_count = 0;
	return tg_doctor_run(&target, only, keep, NULL);
}

static const struct tg_doctor_result *result_of(const char *subject, const char *check)
{
	for (unsigned int i = 0; i < results_count; i++)
		if (!strcmp(results[i].subject, subject) && !strcmp(results[i].check, check))
			return &results[i];
	return NULL;
}

static enum tg_doctor_level level_of(const char *subject, const char *check)
{
	const struct tg_doctor_result *result = result_of(subject, check);

	if (!result)
		fail_msg("%s %s: not checked", subject, check);
	return result->level;
}

/* Finds fault, names a command, and the command ends it. */
static void check_mends(struct sandbox *sandbox, const char *check, enum tg_doctor_level level)
{
	examine(sandbox, NULL);
	assert_int_equal(level_of("near", check), level);
	sandbox_run("%s", result_of("near", check)->mend);
	examine(sandbox, NULL);
	assert_int_equal(level_of("near", check), TG_DOCTOR_OK);
}

static void this_host_can_run_the_meter(void **state)
{
	static const char *const checks[] = {"kernel", "bpffs",	  "capabilities", "jit",
					     "config", "program", "pins",	  "memory"};
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	assert_int_equal(examine(sandbox, NULL), 0);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		assert_int_equal(level_of("host", checks[i]), TG_DOCTOR_OK);
	assert_int_equal(level_of("near", "exists"), TG_DOCTOR_OK);
	assert_int_equal(level_of("near", "up"), TG_DOCTOR_OK);
	assert_non_null(strstr(result_of("near", "driver")->found, "veth"));
	assert_false(sandbox_pinned(sandbox, ""));
}

static void a_missing_interface_fails(void **state)
{
	struct sandbox *sandbox = *state;

	assert_int_equal(examine(sandbox, NULL), 1);
	assert_int_equal(level_of("near", "exists"), TG_DOCTOR_FAIL);
	assert_null(result_of("near", "up"));
}

static void only_the_one_that_is_named(void **state)
{
	struct sandbox *sandbox = *state;

	assert_int_equal(examine(sandbox, "lo"), 0);
	assert_int_equal(level_of("lo", "exists"), TG_DOCTOR_OK);
	assert_null(result_of("near", "exists"));
}

static void an_unreadable_configuration_fails(void **state)
{
	const struct tg_doctor_target target = {.config_path = "x.yaml",
						.config_error = "x.yaml: no"};
	struct sandbox *sandbox = *state;

	(void)sandbox;
	results_count = 0;
	assert_int_equal(tg_doctor_run(&target, "lo", keep, NULL), 1);
	assert_int_equal(level_of("host", "config"), TG_DOCTOR_FAIL);
	assert_string_equal(result_of("host", "config")->found, "x.yaml: no");
	assert_int_equal(level_of("lo", "exists"), TG_DOCTOR_OK);
}

static void maps_that_do_not_fit_into_memory_fail(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	sandbox->config.limits.usage = 4000000000u;
	assert_int_equal(examine(sandbox, NULL), 1);
	assert_int_equal(level_of("host", "memory"), TG_DOCTOR_FAIL);
}

/* In a mount namespace of its own, where the kernel tells nothing but what is put there. */
static void examine_mute_kernel(struct sandbox *sandbox, const char *put)
{
	int back = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/sys/kernel", "tmpfs", 0, NULL), 0);
	sandbox_run("%s", put);
	examine(sandbox, "lo");
	assert_int_equal(setns(back, CLONE_NEWNS), 0);
	close(back);
}

static void a_kernel_without_types_fails(void **state)
{
	struct sandbox *sandbox = *state;

	examine_mute_kernel(sandbox, "true");
	assert_int_equal(level_of("host", "btf"), TG_DOCTOR_FAIL);
	assert_non_null(strstr(result_of("host", "btf")->mend, "CONFIG_DEBUG_INFO_BTF"));
	assert_null(result_of("host", "preempt_rt"));
}

static void a_real_time_kernel_is_warned_of(void **state)
{
	struct sandbox *sandbox = *state;

	examine_mute_kernel(sandbox, "echo 1 >/sys/kernel/realtime");
	assert_int_equal(level_of("host", "preempt_rt"), TG_DOCTOR_WARN);
}

static void check_program(struct sandbox *sandbox, enum tg_doctor_level level, const char *found)
{
	const struct tg_doctor_target target = {.config = &sandbox->config,
						.config_path = "test.yaml"};
	struct tg_doctor_result result = {0};

	assert_true(tg_doctor_program(&target, &result));
	if (result.level != level || strcmp(result.found, found))
		fail_msg("%s: %s", tg_doctor_level_name(result.level), result.found);
	assert_false(sandbox_pinned(sandbox, ""));
	assert_int_equal(access(sandbox->secret_file, F_OK), -1);
}

/* Of each kind of interface once, with the table of the token places. */
static void the_programs_of_the_configuration_are_tried(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_config_interface *interface = sandbox->interfaces;
	struct tg_config_place twice[] = {{.header = (char *)"X-Token"},
					  {.header = (char *)"x-token"}};

	sandbox->config.interfaces_count = 2;
	check_program(sandbox, TG_DOCTOR_OK, "the verifier accepts it: local");
	interface[1].server = TG_SERVER_FORWARDED;
	interface[1].tcp_checksum = true;
	check_program(sandbox, TG_DOCTOR_OK,
		      "the verifier accepts it: local, forwarded with tcp_checksum");
	sandbox->config.identity.tokens = twice;
	sandbox->config.identity.tokens_count = 2;
	check_program(sandbox, TG_DOCTOR_FAIL, TWICE);
}

/* What the kernel says that the maps of this configuration take. */
static unsigned long taken_mib(const struct sandbox *sandbox)
{
	unsigned long sum = 0, one;
	char error[256], path[64], line[128];
	struct tg_maps maps;

	assert_int_equal(tg_program_make_maps(&sandbox->config, &maps, error, sizeof(error)), 0);
	for (int map = 0; map < TG_MAPS; map++) {
		FILE *info;

		if (!tg_program_map_entries(&sandbox->config, map))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", maps.fd[map]);
		info = fopen(path, "re");
		assert_non_null(info);
		while (fgets(line, sizeof(line), info))
			if (sscanf(line, "memlock: %lu", &one) == 1)
				sum += one;
		fclose(info);
	}
	tg_maps_close(&maps);
	return sum >> 20;
}

/* The tracker's own maps among them, for which no size stands in the ABI. */
static void the_memory_of_the_maps_is_not_told_too_small(void **state)
{
	struct sandbox *sandbox = *state;
	unsigned long told = 0, taken;

	sandbox->config.limits.flows = 1 << 18;
	sandbox->config.limits.budgets = 1024;
	sandbox->config.limits.drops = 1024;
	examine(sandbox, "lo");
	assert_int_equal(
		sscanf(result_of("host", "memory")->found, "the maps take about %lu MiB", &told),
		1);
	taken = taken_mib(sandbox);
	assert_in_range(told, taken, 2 * taken);
}

static void a_link_that_is_down_is_mended(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	sandbox_run("ip link set near down");
	check_mends(sandbox, "up", TG_DOCTOR_WARN);
}

static void unused_queues_are_mended(void **state)
{
	struct sandbox *sandbox = *state;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	sandbox_run("ip link add near numrxqueues 2 numtxqueues 2 type veth peer name far && "
		    "ethtool -L near rx 1 && ip link set near up");
	check_mends(sandbox, "channels", TG_DOCTOR_WARN);
}

static void another_program_is_mended(void **state)
{
	static const uint32_t modes[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
	int other = sandbox_other_program("xdp_filter");
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bpf_xdp_attach(sandbox_index("near"), other, modes[i], NULL), 0);
		check_mends(sandbox, "other_program", TG_DOCTOR_FAIL);
	}
	assert_int_equal(bpf_xdp_attach(sandbox_index("near"), other, modes[0], NULL), 0);
	sandbox->interfaces[0].replace = true;
	assert_int_equal(examine(sandbox, NULL), 0);
	assert_int_equal(level_of("near", "other_program"), TG_DOCTOR_WARN);
	close(other);
}

static void our_own_program_is_no_other(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	loader = sandbox_start(sandbox, NULL);
	assert_int_equal(examine(sandbox, NULL), 0);
	assert_int_equal(level_of("near", "other_program"), TG_DOCTOR_OK);
	tg_loader_close(loader);
}

static void native_mode_without_a_driver_fails(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox->interfaces[0] = (struct tg_config_interface){.name = "lo", .mode = TG_MODE_NATIVE};
	examine(sandbox, NULL);
	if (level_of("lo", "native_xdp") == TG_DOCTOR_UNKNOWN)
		skip(); /* a kernel before 6.3 */
	assert_int_equal(level_of("lo", "native_xdp"), TG_DOCTOR_FAIL);
	sandbox->interfaces[0].mode = TG_MODE_AUTO;
	examine(sandbox, NULL);
	assert_int_equal(level_of("lo", "native_xdp"), TG_DOCTOR_OK);
	assert_int_equal(level_of("lo", "generic_mode"), TG_DOCTOR_OK);
}

static void generic_mode_costs_and_spares_the_peers_tso(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	examine(sandbox, NULL);
	assert_int_equal(level_of("near", "veth"), TG_DOCTOR_WARN);
	assert_null(result_of("near", "generic_mode"));
	sandbox->interfaces[0].mode = TG_MODE_GENERIC;
	examine(sandbox, NULL);
	assert_int_equal(level_of("near", "veth"), TG_DOCTOR_OK);
	assert_int_equal(level_of("near", "generic_mode"), TG_DOCTOR_WARN);
}

/* One check of near alone: loading the programs takes its time. */
static struct tg_doctor_result look(struct sandbox *sandbox,
				    bool (*check)(const struct tg_doctor_interface *interface,
						  struct tg_doctor_result *out))
{
	const struct tg_doctor_target target = {.config = &sandbox->config,
						.config_path = "test.yaml"};
	struct tg_doctor_interface interface = {.target = &target,
						.config = &sandbox->interfaces[0]};
	struct tg_doctor_result result = {0};

	assert_int_equal(tg_link_query("near", &interface.link), 0);
	if (!check(&interface, &result))
		strcpy(result.found, "not checked");
	return result;
}

static void check_server(struct sandbox *sandbox, enum tg_doctor_level level, const char *found)
{
	struct tg_doctor_result result = look(sandbox, tg_doctor_server);

	if (result.level != level || !strstr(result.found, found))
		fail_msg("%s: %s", tg_doctor_level_name(result.level), result.found);
	assert_int_equal(level == TG_DOCTOR_OK, !*result.mend);
}

/* Sockets and routing are this test's network namespace's own. */
static void servers_are_sought_where_they_should_be(void **state)
{
	struct sandbox *sandbox = *state;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	int listener = socket(AF_INET6, SOCK_STREAM, 0);

	sandbox_make_pair("near", "far");
	check_server(sandbox, TG_DOCTOR_OK, "none listens on port 80 yet");
	sandbox_run("echo 1 >/proc/sys/net/ipv4/ip_forward");
	check_server(sandbox, TG_DOCTOR_WARN, "no server listens on port 80 in this network");
	sandbox_run("echo 0 >/proc/sys/net/ipv4/ip_forward; "
		    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	assert_int_equal(bind(listener, (void *)&any, sizeof(any)), 0); /* is not listening */
	check_server(sandbox, TG_DOCTOR_WARN, "no server listens on port 80 in this network");
	assert_int_equal(listen(listener, 1), 0);
	check_server(sandbox, TG_DOCTOR_WARN, "published ports"); /* docker-proxy does so */
	sandbox_run("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
	check_server(sandbox, TG_DOCTOR_OK, "listens on every");
	sandbox_run("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	sandbox->ports[0] = 81;
	check_server(sandbox, TG_DOCTOR_WARN, "no server listens on port 81 in this network");
	close(listener);
}

static void servers_that_are_forwarded_need_clsact(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].server = TG_SERVER_FORWARDED;
	check_server(sandbox, TG_DOCTOR_OK, "free");
	sandbox_run("tc qdisc add dev near clsact");
	check_server(sandbox, TG_DOCTOR_OK, "free");
	sandbox_run("tc qdisc del dev near clsact && tc qdisc add dev near ingress");
	check_mends(sandbox, "server", TG_DOCTOR_FAIL);
}

/* Only a bpf filter of all protocols may be at the priority of ours. */
static void servers_that_are_forwarded_need_the_priority(void **state)
{
	struct sandbox *sandbox = *state;
	static const char *const rivals[] = {"protocol ip u32 match u32 0 0",
					     "protocol all u32 match u32 0 0"};

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].server = TG_SERVER_FORWARDED;
	sandbox_run("tc qdisc add dev near clsact && "
		    "tc filter add dev near egress prio 2 protocol ip u32 match u32 0 0 && "
		    "tc filter add dev near ingress prio 1 protocol ip u32 match u32 0 0");
	check_server(sandbox, TG_DOCTOR_OK, "free");
	for (int i = 0; i < 2; i++) {
		struct tg_doctor_result result;

		sandbox_run("tc filter add dev near egress prio 1 %s", rivals[i]);
		check_server(sandbox, TG_DOCTOR_FAIL, "a u32 filter");
		result = look(sandbox, tg_doctor_server);
		sandbox_run("%s", result.mend);
		check_server(sandbox, TG_DOCTOR_OK, "free");
	}
	sandbox_run("tc filter add dev near egress prio 1 protocol ip bpf da bytecode '1,6 0 0 0'");
	check_server(sandbox, TG_DOCTOR_FAIL, "a bpf filter");
}

/* Our own is none. */
static void our_own_egress_program_is_no_rival(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_loader *loader;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].server = TG_SERVER_FORWARDED;
	loader = sandbox_start(sandbox, NULL);
	assert_true(tg_egress_program(sandbox_index("near")));
	check_server(sandbox, TG_DOCTOR_OK, "free");
	tg_loader_close(loader);
}

static void believing_all_is_warned_of(void **state)
{
	struct sandbox *sandbox = *state;

	sandbox_make_pair("near", "far");
	sandbox->interfaces[0].server = TG_SERVER_UNSEEN;
	check_server(sandbox, TG_DOCTOR_WARN, "forged ones count");
}

static void checksums_that_nobody_makes_are_warned_of(void **state)
{
	struct sandbox *sandbox = *state;
	struct tg_doctor_result result;

	sandbox_make_pair("near", "far");
	result = look(sandbox, tg_doctor_tcp_checksum);
	assert_string_equal(result.found, "not checked");
	sandbox->interfaces[0].tcp_checksum = true;
	result = look(sandbox, tg_doctor_tcp_checksum);
	assert_int_equal(result.level, TG_DOCTOR_WARN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(this_host_can_run_the_meter),
		SANDBOX_TEST(a_missing_interface_fails),
		SANDBOX_TEST(only_the_one_that_is_named),
		SANDBOX_TEST(an_unreadable_configuration_fails),
		SANDBOX_TEST(maps_that_do_not_fit_into_memory_fail),
		SANDBOX_TEST(a_kernel_without_types_fails),
		SANDBOX_TEST(a_real_time_kernel_is_warned_of),
		SANDBOX_TEST(the_programs_of_the_configuration_are_tried),
		SANDBOX_TEST(the_memory_of_the_maps_is_not_told_too_small),
		SANDBOX_TEST(a_link_that_is_down_is_mended),
		SANDBOX_TEST(unused_queues_are_mended),
		SANDBOX_TEST(another_program_is_mended),
		SANDBOX_TEST(our_own_program_is_no_other),
		SANDBOX_TEST(native_mode_without_a_driver_fails),
		SANDBOX_TEST(generic_mode_costs_and_spares_the_peers_tso),
		SANDBOX_TEST(servers_are_sought_where_they_should_be),
		SANDBOX_TEST(servers_that_are_forwarded_need_clsact),
		SANDBOX_TEST(servers_that_are_forwarded_need_the_priority),
		SANDBOX_TEST(our_own_egress_program_is_no_rival),
		SANDBOX_TEST(believing_all_is_warned_of),
		SANDBOX_TEST(checksums_that_nobody_makes_are_warned_of),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}

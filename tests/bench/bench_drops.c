/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets per second of a source that is in the drop map, beside a bare XDP_DROP and
 * beside nft with a limit per source, over a veth pair in a namespace of its own.
 * The generator (BPF_F_TEST_XDP_LIVE_FRAMES with XDP_TX) sends from the same CPU
 * that receives; sides take turns.
 */
/* links: user/[a-z]*.c tests/bench/segment.c */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../user/drops.h"
#include "../../user/http_table.h"
#include "../../user/program.h"
#include "segment.h"

#define PACKETS	  400000 /* a turn */
#define TURNS	  15
#define DATA	  400 /* bytes of a segment that is not a SYN */
#define FLOOD_CPU 0

enum side { BARE, TOLLGATE, NFT_LIMIT, NFT_DROP, SIDES };

static const char *const names[] = {[BARE] = "XDP_DROP",
				    [TOLLGATE] = "drop map",
				    [NFT_LIMIT] = "nft, limit per source",
				    [NFT_DROP] = "nft, set of addresses"};

static int flood_program, drop_program, meter_program;
static int cli_index, srv_index;

static void die(const char *what, int err)
{
	fprintf(stderr, "bench_drops: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void shell(const char *command)
{
	if (system(command))
		die(command, EIO);
}

/* --- programs ------------------------------------------------------------------------- */

/* Returns one XDP action, whatever comes. */
static int load_action(int action)
{
	struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = action},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "bench", "GPL", program, 2, NULL);

	if (fd < 0)
		die("program", fd);
	return fd;
}

static int load_meter(struct tg_maps *maps)
{
	static const unsigned char secret[16] = "not a secret 16";
	struct tg_config_place places[] = {{.header = "Authorization", .scheme = "Bearer"}};
	uint16_t ports[] = {BENCH_PORT};
	struct tg_config config = {
		.listen_ports = ports,
		.listen_ports_count = 1,
		.identity = {.token_prefix_bytes = 12,
			     .ipv6_prefix = 64,
			     .tokens = places,
			     .tokens_count = 1},
		.limits = {.header_bytes = 16384,
			   .flows = 65536,
			   .partials = 1024,
			   .held = 1024,
			   .usage = 1024,
			   .origins = 1024,
			   .spill = 1024,
			   .budgets = 1024,
			   .drops = 65536},
	};
	const struct tg_config_interface unseen = {.server = TG_SERVER_UNSEEN};
	struct tg_http_config http;
	char error[512];
	int fd;

	if (tg_http_config_build(&config, secret, &http, error, sizeof(error)) ||
	    tg_program_make_maps(&config, maps, error, sizeof(error)))
		fd = -1;
	else
		fd = tg_program_load_meter(&config, &unseen, &http, 0, maps, error, sizeof(error));
	if (fd < 0) {
		fprintf(stderr, "bench_drops: %s\n", error);
		exit(1);
	}
	return fd;
}

/*
 * The source itself, and 10,000 others. open_s 0: its connections from before may be open
 * still, and are sought; 1: that is over (by the clock below, long ago).
 */
static void block(const struct tg_maps *maps, unsigned int open_s)
{
	static const struct tg_networks nobody;
	struct tg_drop_clock now = {.hz = 250, .open_s = open_s};
	struct tg_drops drops;
	struct tg_subject subject;
	struct tg_drop_key key;
	struct tg_drop drop = {.reason = TG_DROP_RULE};
	char text[64], error[256];

	if (tg_drops_open(&drops, maps, &nobody, error, sizeof(error)))
		die("drops", EIO);
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "source:10.%d.%d.%d", i % 7, i / 256, i % 256);
		if (tg_subject_parse(text, &subject, error, sizeof(error)))
			die(text, EINVAL);
		tg_drops_key(&subject, &key);
		tg_maps_set_drop(maps, &key, &drop);
	}
	if (tg_subject_parse("source:192.0.2.7", &subject, error, sizeof(error)) ||
	    tg_drops_put(&drops, &subject, TG_DROP_RULE, 0, "bench", &now, error, sizeof(error)))
		die("block", EIO);
}

/* --- packets ---------------------------------------------------------------------------- */

/* To the address of srv0, or the stack would drop it before any filter looks. */
static void address(struct packet *packet)
{
	static const unsigned char to[6] = {2, 0, 0, 0, 0, 2}, from[6] = {2, 0, 0, 0, 0, 1};

	memcpy(packet->bytes, to, 6);
	memcpy(packet->bytes + 6, from, 6);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Not by /sys, which shows another namespace. */
static uint64_t received(void)
{
	FILE *file = fopen("/proc/thread-self/net/dev", "r");
	unsigned long long packets = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "srv0:"))
			sscanf(strstr(line, "srv0:"), "srv0: %*u %llu", &packets);
	if (file)
		fclose(file);
	return packets;
}

/* Millions of packets a second that srv0 took in. */
static double flood(const struct packet *packet)
{
	struct xdp_md context = {.ingress_ifindex = cli_index, .data_end = packet->length};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->bytes,
		    .data_size_in = packet->length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = PACKETS,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	uint64_t before = received(), began = now_ns();
	int err = bpf_prog_test_run_opts(flood_program, &opts);

	if (err)
		die("live frames", err);
	return (received() - before) * 1000.0 / (now_ns() - began);
}

/* --- sides -------------------------------------------------------------------------------- */

/* At the earliest hook that there is: ingress of the interface. */
static void nft(const char *set, const char *rule)
{
	FILE *pipe = popen("nft -f -", "w");

	if (!pipe)
		die("nft", errno);
	fprintf(pipe,
		"table netdev bench {\n"
		"set sources { type ipv4_addr; %s; }\n"
		"chain in { type filter hook ingress device srv0 priority 0; policy accept;\n"
		"%s drop\n}\n}\n",
		set, rule);
	if (pclose(pipe))
		die("nft", EIO);
}

static void attach(int program)
{
	int err = bpf_xdp_attach(srv_index, program, XDP_FLAGS_DRV_MODE, NULL);

	if (err)
		die("attach", err);
}

static double measure(enum side side, const struct packet *packet)
{
	double rate;

	switch (side) {
	case BARE:
		attach(drop_program);
		break;
	case TOLLGATE:
		attach(meter_program);
		break;
	case NFT_LIMIT:
		nft("flags dynamic; size 65536; timeout 1m",
		    "add @sources { ip saddr limit rate over 1/second }");
		break;
	default:
		nft("elements = { 192.0.2.7 }", "ip saddr @sources");
	}
	flood(packet); /* warm up */
	rate = flood(packet);
	if (side == BARE || side == TOLLGATE)
		attach(-1);
	else
		shell("nft delete table netdev bench");
	return rate;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, TURNS, sizeof(*values), by_size);
	return values[TURNS / 2];
}

/* Ratios are those within a turn: the machine's speed drifts. */
static void compare(const char *name, const struct packet *packet)
{
	double rate[SIDES][TURNS], of_bare[TURNS], of_nft[TURNS], of_set[TURNS];

	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < SIDES; i++) {
			int side = turn & 1 ? SIDES - 1 - i : i;

			rate[side][turn] = measure(side, packet);
		}
		of_bare[turn] = rate[TOLLGATE][turn] / rate[BARE][turn];
		of_nft[turn] = rate[TOLLGATE][turn] / rate[NFT_LIMIT][turn];
		of_set[turn] = rate[TOLLGATE][turn] / rate[NFT_DROP][turn];
	}
	printf("| %-25s |", name);
	for (int side = 0; side < SIDES; side++)
		printf(" %21.2f |", median(rate[side]));
	printf(" %11.2f | %11.1f | %11.1f |\n", median(of_bare), median(of_nft), median(of_set));
	printf("| %-25s |", "  ns a packet");
	for (int side = 0; side < SIDES; side++)
		printf(" %21.0f |", 1000 / median(rate[side]));
	printf(" %11s | %11s | %11s |\n", "", "", "");
	fflush(stdout);
}

int main(void)
{
	struct packet syn, data;
	struct tg_maps maps;
	cpu_set_t cpu;
	char payload[DATA];

	CPU_ZERO(&cpu);
	CPU_SET(FLOOD_CPU, &cpu);
	if (unshare(CLONE_NEWNET) || sched_setaffinity(0, sizeof(cpu), &cpu))
		die("a namespace", errno);
	shell("ip link add cli0 address 02:00:00:00:00:01 type veth peer name srv0 "
	      "address 02:00:00:00:00:02 && ip addr add 192.0.2.1/24 dev srv0 && "
	      "ip link set cli0 up && ip link set srv0 up && "
	      "ethtool -K srv0 gro on"); /* without XDP, takes frames only so */
	cli_index = if_nametoindex("cli0");
	srv_index = if_nametoindex("srv0");
	flood_program = load_action(XDP_TX);
	drop_program = load_action(XDP_DROP);
	meter_program = load_meter(&maps);
	block(&maps, 0);
	memset(payload, 'x', sizeof(payload));
	bench_build(&syn, 40000, BENCH_PORT, BENCH_SYN, "", 0);
	bench_build(&data, 40001, BENCH_PORT, BENCH_PSH | BENCH_ACK, payload, sizeof(payload));
	address(&syn);
	address(&data);
	printf("| million packets/s         |");
	for (int side = 0; side < SIDES; side++)
		printf(" %21s |", names[side]);
	printf(" of XDP_DROP | of limit    | of set      |\n| ------------------------- |");
	for (int side = 0; side < SIDES; side++)
		printf(" --------------------: |");
	printf(" ----------: | ----------: | ----------: |\n");
	compare("SYN", &syn);
	compare("data of no known flow", &data);
	block(&maps, 1);
	compare("  after limits.flow_idle", &data);
	printf("| %-25s | %21s | %21s | %21s | %21s | %11s | %11s | %11s |\n", "goal", "", "", "",
	       "", "0.85", "4.0", "");
	printf("\nMedians of %d turns of %d packets; ratios are medians of those within a turn.\n"
	       "ns: with what it takes to send the packet, on the same CPU. 10,000 other\n"
	       "addresses stand in the drop map.\n",
	       TURNS, PACKETS);
	return 0;
}

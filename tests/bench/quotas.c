/* SPDX-License-Identifier: BSD-2-Clause */
#include "quotas.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../user/enforce.h"
#include "../../user/periods.h"
#include "segment.h"

#define REPEAT	    10000
#define TURNS	    60
#define CLIENTS	    1024  /* that take turns */
#define CONNECTIONS 2000  /* a turn of bench_cycle */
#define NEW_TURNS   15	  /* * CONNECTIONS new sources: fewer than budgets */
#define MANY	    10000 /* policies */
#define FEW	    10
#define GET_BYTES   500

enum { SYN, ACK, GET, LAST_ACK, FIN }; /* segments of a connection, in this order */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_packets: %s: %s\n", what, why);
	exit(1);
}

/* --- policies --------------------------------------------------------------------- */

/* Limits that nobody reaches: no text says so much, so they are made here. */
static void limit(struct tg_quota *quota, enum tg_unit unit)
{
	struct tg_limit *out = &quota->limit[quota->limits_count++];

	*out = (struct tg_limit){.unit = unit, .amount = TG_AMOUNT_MAX};
	if (unit < TG_RATES) {
		out->interval_ns = 1;
		out->depth_ns = 1ULL << 60;
	}
}

static struct tg_quota quota(const char *subject, enum tg_per per, unsigned int limits)
{
	struct tg_quota out = {.per = per, .action = TG_ACTION_REJECT};
	char error[256];

	if (tg_subject_parse(subject, &out.subject, error, sizeof(error)))
		die("policy", error);
	limit(&out, TG_UNIT_S);
	if (limits > 1)
		limit(&out, TG_UNIT_DAY);
	return out;
}

/* The three that the request is under, as many of them as asked for. */
static unsigned int ours(struct tg_quota *out, unsigned int count, unsigned int limits)
{
	if (count > 0)
		out[0] = quota("source:192.0.0.0/16", TG_PER_EACH, limits);
	if (count > 1)
		out[1] = quota("token:sk_live_*", TG_PER_EACH, limits);
	if (count > 2)
		out[2] = quota("any", TG_PER_SHARED, limits);
	return count;
}

/* Further ones until there are count: networks, addresses, prefixes and ids of others. */
static void others(struct tg_quota *out, unsigned int have, unsigned int count)
{
	char text[64];

	for (unsigned int i = have; i < count; i++) {
		switch (i % 4) {
		case 0: /* some around and within the client's own network */
			snprintf(text, sizeof(text), "source:192.%u.%u.0/24", i / 4 / 256,
				 i / 4 % 256);
			break;
		case 1:
			snprintf(text, sizeof(text), "source:10.%u.%u.%u", i % 7, i / 256, i % 256);
			break;
		case 2:
			snprintf(text, sizeof(text), "token:sk_live_b%04x*", i);
			break;
		default:
			snprintf(text, sizeof(text), "token-id:%016llx",
				 (i + 1) * 0x9e3779b97f4a7c15ULL);
		}
		out[i] = quota(text, TG_PER_EACH, 2);
	}
}

static int no_wait(void)
{
	return 0; /* programs run only when this process lets them */
}

static struct tg_enforce enforce;

static void put(struct tg_quota *quotas, unsigned int count)
{
	char error[256];

	if (tg_enforce_put(&enforce, quotas, count, NULL, no_wait, error, sizeof(error)))
		die("policies", error);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void start(struct bench_quotas *bench)
{
	struct tg_periods periods = {.written_boot_ns = 0};
	int64_t stepped;
	char error[256];

	if (tg_maps_free_budgets(&bench->maps) ||
	    tg_maps_share(&bench->maps, true, error, sizeof(error)) ||
	    tg_enforce_open(&bench->maps, true, &enforce, error, sizeof(error)) ||
	    tg_periods_keep(&periods, &bench->maps, "UTC", clock_ns(CLOCK_REALTIME),
			    clock_ns(CLOCK_BOOTTIME), &stepped))
		die("maps", "cannot be prepared");
}

/* --- what must have happened -------------------------------------------------------- */

static uint64_t packets_of(struct bench_quotas *bench, unsigned int reason)
{
	static struct tg_packets packets[TG_IFACES_MAX * TG_PACKET_REASONS];

	return tg_maps_packets(&bench->maps, packets) ? 0 : packets[reason].packets;
}

static void expect(struct bench_quotas *bench, unsigned int reason, uint64_t before,
		   uint64_t wanted, const char *what)
{
	uint64_t got = packets_of(bench, reason) - before;

	if (got == wanted)
		return;
	fprintf(stderr, "%s: %llu packets of %llu ended as they should\n", what,
		(unsigned long long)got, (unsigned long long)wanted);
	exit(1);
}

/* What the policies decided beside; 0 would mean that they were not looked at. */
static uint64_t decided(struct bench_quotas *bench)
{
	struct tg_counts counts;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < enforce.count; i++)
		if (!tg_maps_policy_counts(&bench->maps, enforce.policies[i].owner, &counts))
			sum += counts.requests;
	return sum;
}

/* --- known clients -------------------------------------------------------------------- */

struct case_ { /* a set of policies */
	const char *name;
	struct tg_quota *quotas;
	unsigned int count;
	double goal; /* ns above the meter alone; 0: none */
};

/* Clients' connections, open and in order; their GETs to come. */
static void open_clients(struct bench_quotas *bench, struct packet *packet, unsigned int port,
			 unsigned int clients)
{
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	bench->knobs->clients = clients - 1;
	bench->knobs->advance = 0;
	bench_build(packet, port, BENCH_PORT, BENCH_SYN, "", 0);
	packet->bytes[29] = clients - 1; /* the last: the first one is next */
	packet->bytes[28] = (clients - 1) >> 8;
	bench_run(bench->meter, packet, clients);
	bench_build(packet, port, BENCH_PORT, BENCH_PSH | BENCH_ACK, text, bytes);
	packet->bytes[29] = clients - 1;
	packet->bytes[28] = (clients - 1) >> 8;
	bench_set_seq(packet, 1 - bytes, 1); /* moved on before it is looked at */
	bench->knobs->advance = bytes;
}

static void known(struct bench_quotas *bench, const char *title, unsigned int port,
		  unsigned int clients, const struct case_ *cases, unsigned int count,
		  double *above)
{
	double noop[TURNS], meter[16][TURNS], base;
	struct packet packet, copy;
	uint64_t before, was;

	open_clients(bench, &packet, port, clients);
	copy = packet;
	before = packets_of(bench, TG_PACKET_REQUEST);
	for (int turn = 0; turn < TURNS; turn++) {
		noop[turn] = bench_run(bench->noop, &copy, REPEAT);
		put(NULL, 0);
		meter[0][turn] = bench_run(bench->meter, &packet, REPEAT);
		for (unsigned int i = 0; i < count; i++) {
			put(cases[i].quotas, cases[i].count);
			was = decided(bench);
			bench_run(bench->meter, &packet, CLIENTS); /* matches are found */
			meter[i + 1][turn] = bench_run(bench->meter, &packet, REPEAT);
			if (decided(bench) - was != REPEAT + CLIENTS)
				die(cases[i].name, "the policies did not decide each request");
		}
	}
	expect(bench, TG_PACKET_REQUEST, before,
	       (uint64_t)TURNS * (REPEAT + count * (REPEAT + CLIENTS)), title);
	base = bench_lowest(meter[0], TURNS) - bench_lowest(noop, TURNS);
	printf("| %-52s | %6.0f | %6s | %6s |\n", title, base, "", "");
	for (unsigned int i = 0; i < count; i++) {
		above[i] = bench_lowest(meter[i + 1], TURNS) - bench_lowest(meter[0], TURNS);
		printf("|   %-50s | %6.0f | %6.0f | ", cases[i].name, base + above[i], above[i]);
		if (cases[i].goal)
			printf("%6.0f |\n", cases[i].goal);
		else
			printf("%6s |\n", "");
		above[i] += base;
	}
}

/* --- whole connections ------------------------------------------------------------------ */

static void template(struct bench_quotas *bench, unsigned int kind, const struct packet *packet)
{
	struct bench_template value = {.length = packet->length};

	memcpy(value.bytes, packet->bytes, packet->length);
	if (bpf_map_update_elem(bench->templates, &kind, &value, BPF_ANY))
		die("template", "cannot be written");
}

/* What a client sends on a connection with one request: refused, or answered elsewhere. */
static void templates(struct bench_quotas *bench)
{
	static const unsigned char flags[] = {[SYN] = BENCH_SYN,
					      [ACK] = BENCH_ACK,
					      [GET] = BENCH_PSH | BENCH_ACK,
					      [LAST_ACK] = BENCH_ACK,
					      [FIN] = BENCH_FIN | BENCH_ACK};
	struct packet packet;
	char text[2048];
	size_t bytes = bench_get(text, GET_BYTES);

	for (unsigned int kind = 0; kind < sizeof(flags); kind++) {
		bench_build(&packet, 0, BENCH_PORT, flags[kind], text, kind == GET ? bytes : 0);
		bench_set_seq(&packet,
			      kind == SYN  ? 0
			      : kind > GET ? 1 + bytes
					   : 1,
			      kind > GET ? 200 : kind > SYN);
		packet.bytes[28] = 9; /* none of the clients above */
		template(bench, kind, &packet);
	}
}

/* A turn of connections: nanoseconds for each kind of segment. */
static void cycle(struct bench_quotas *bench, unsigned int which, double ns[BENCH_STEPS_MAX])
{
	static struct packet packet;
	unsigned int steps = FIN + 1;

	if (!packet.length)
		bench_build(&packet, 0, BENCH_PORT, 0, "", 0);
	bench->knobs->steps = steps;
	memset((void *)bench->knobs->ns[which], 0, sizeof(bench->knobs->ns[which]));
	bench_run(which == BENCH_CYCLE_METER ? bench->cycle_meter : bench->cycle_noop, &packet,
		  CONNECTIONS * steps);
	for (unsigned int kind = 0; kind < steps; kind++)
		ns[kind] = (double)bench->knobs->ns[which][kind] / CONNECTIONS;
}

/* Lowest of the turns, for each kind, above what does nothing. */
static void cycles(struct bench_quotas *bench, unsigned int turns, double out[BENCH_STEPS_MAX])
{
	double noop[BENCH_STEPS_MAX], ns[BENCH_STEPS_MAX], low[2][BENCH_STEPS_MAX];

	for (unsigned int turn = 0; turn < turns; turn++) {
		cycle(bench, BENCH_CYCLE_NOOP, noop);
		cycle(bench, BENCH_CYCLE_METER, ns);
		for (unsigned int kind = 0; kind <= FIN; kind++) {
			if (!turn || noop[kind] < low[0][kind])
				low[0][kind] = noop[kind];
			if (!turn || ns[kind] < low[1][kind])
				low[1][kind] = ns[kind];
		}
	}
	for (unsigned int kind = 0; kind <= FIN; kind++)
		out[kind] = low[1][kind] - low[0][kind];
}

static double new_subjects(struct bench_quotas *bench, const char *name, struct tg_quota *quotas,
			   unsigned int count, double without)
{
	uint64_t before = packets_of(bench, TG_PACKET_REQUEST);
	double ns[BENCH_STEPS_MAX];

	put(quotas, count);
	cycles(bench, NEW_TURNS, ns);
	expect(bench, TG_PACKET_REQUEST, before, (uint64_t)NEW_TURNS * CONNECTIONS, name);
	if (without)
		printf("|   %-50s | %6.0f | %6.0f | %6s |\n", name, ns[GET], ns[GET] - without, "");
	else
		printf("| %-52s | %6.0f | %6s | %6s |\n", name, ns[GET], "", "");
	return ns[GET];
}

/* Each segment of a connection whose request is refused, beside one where it is let through. */
static void refused(struct bench_quotas *bench)
{
	static const char *const names[] = {[SYN] = "SYN",
					    [ACK] = "ACK that opens the connection",
					    [GET] = "the request, becomes the 429",
					    [LAST_ACK] = "ACK of the 429, becomes the server's RST",
					    [FIN] = "FIN, becomes an ACK"};
	double passed[BENCH_STEPS_MAX], denied[BENCH_STEPS_MAX], sum[2] = {0};
	struct tg_quota quotas[3];
	unsigned int count = ours(quotas, 3, 2);
	uint64_t before;

	bench->knobs->ends = BENCH_NEW_PORT;
	put(quotas, count);
	before = packets_of(bench, TG_PACKET_REQUEST);
	cycles(bench, TURNS, passed);
	expect(bench, TG_PACKET_REQUEST, before, (uint64_t)TURNS * CONNECTIONS, "let through");
	quotas[0].limit[0].depth_ns = 0; /* nothing, ever */
	put(quotas, count);
	before = packets_of(bench, TG_PACKET_DENIED);
	cycles(bench, TURNS, denied);
	expect(bench, TG_PACKET_DENIED, before, (uint64_t)TURNS * CONNECTIONS, "refused");
	printf("\n| a connection with one request, under 3 policies      | passes | refused |\n"
	       "| ---------------------------------------------------- | -----: | ------: |\n");
	for (unsigned int kind = 0; kind <= FIN; kind++) {
		printf("| %-52s | %6.0f | %7.0f |\n", names[kind], passed[kind], denied[kind]);
		sum[0] += passed[kind];
		sum[1] += denied[kind];
	}
	printf("| %-52s | %6.0f | %7.0f |\n", "sum", sum[0], sum[1]);
}

/* --- packets that are no requests ------------------------------------------------------ */

enum state { PLAIN, REFUSALS, BLOCKS, BLOCKED, STATES };

static void block(struct bench_quotas *bench, const char *source)
{
	struct tg_drop_key key = {.kind = TG_KIND_SOURCE};
	struct tg_drop drop = {.reason = TG_DROP_RULE};
	struct tg_subject subject;
	char error[256];

	if (tg_subject_parse(source, &subject, error, sizeof(error)))
		die(source, error);
	key.bits = subject.bits;
	memcpy(key.subject, subject.bytes, sizeof(key.subject));
	if (tg_maps_set_drop(&bench->maps, &key, &drop))
		die(source, "cannot be blocked");
	bench->maps.control->drop_lengths[0][0] = 128 + 1; /* all of them are single addresses */
}

/* The packet as it is, while connections were refused, while others and while it is blocked. */
static void others_packets(struct bench_quotas *bench, const char *name, unsigned char flags,
			   size_t bytes)
{
	static const char *const names[] = {
		[REFUSALS] = "while connections exist that were refused",
		[BLOCKS] = "while 10,000 other sources are blocked",
		[BLOCKED] = "its source is blocked",
	};
	double noop[TURNS], meter[STATES][TURNS], plain;
	struct packet packet[2];
	char payload[1024];

	memset(payload, 'x', sizeof(payload));
	for (int i = 0; i < 2; i++) {
		bench_build(&packet[i], 5000, BENCH_PORT, flags, payload, bytes);
		packet[i].bytes[26] = i ? 198 : 192; /* 198.0.2.7 is blocked */
	}
	bench->knobs->clients = 0;
	bench->knobs->advance = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		noop[turn] = bench_run(bench->noop, &packet[0], REPEAT);
		for (int state = 0; state < STATES; state++) {
			bench->maps.control->refused = state == REFUSALS;
			bench->maps.control->drops_sources = state >= BLOCKS;
			meter[state][turn] =
				bench_run(bench->meter, &packet[state == BLOCKED], REPEAT);
		}
	}
	bench->maps.control->drops_sources = 0;
	plain = bench_lowest(meter[PLAIN], TURNS);
	printf("| %-52s | %6.0f | %6s | %6s |\n", name, plain - bench_lowest(noop, TURNS), "", "");
	for (int state = REFUSALS; state < STATES; state++)
		printf("|   %-50s | %6.0f | %6.0f | %6s |\n", names[state],
		       bench_lowest(meter[state], TURNS) - bench_lowest(noop, TURNS),
		       bench_lowest(meter[state], TURNS) - plain, "");
}

static void others_blocked(struct bench_quotas *bench)
{
	char text[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "source:10.%d.%d.%d", i % 7, i / 256, i % 256);
		block(bench, text);
	}
	block(bench, "source:198.0.2.7");
	others_packets(bench, "bare ACK", BENCH_ACK, 0);
	others_packets(bench, "SYN", BENCH_SYN, 0);
}

void bench_quotas(struct bench_quotas *bench)
{
	static struct tg_quota one[1], three[3], both[3], few[FEW], many[MANY];
	const struct case_ cases[] = {
		{"1 policy, a rate", one, ours(one, 1, 1), 0},
		{"3 policies, a rate each", three, ours(three, 3, 1), 120},
		{"3 policies, a rate and a day quota each", both, ours(both, 3, 2), 120},
		{"the same in a set of 10", few, FEW, 0},
		{"the same in a set of 10,000", many, MANY, 0},
	};
	double one_client[5], all_clients[2], without, first[2];

	others(few, ours(few, 3, 2), FEW);
	others(many, ours(many, 3, 2), MANY);
	start(bench);
	printf("| request of 500 bytes                                 |     ns |  above |   goal "
	       "|\n"
	       "| ---------------------------------------------------- | -----: | -----: | -----: "
	       "|\n");
	known(bench, "of one client, no policies", 6100, 1, cases, 5, one_client);
	known(bench, "of 1,024 clients in turn, no policies", 6101, CLIENTS, cases + 3, 2,
	      all_clients);
	bench->knobs->ends = BENCH_NEW_SOURCE;
	templates(bench);
	without = new_subjects(bench, "the first of a source, no policies", NULL, 0, 0);
	first[0] =
		new_subjects(bench, "3 of a set of 10: sought, a budget made", few, FEW, without);
	first[1] = new_subjects(bench, "3 of a set of 10,000", many, MANY, without);
	others_blocked(bench);
	printf("\n10,000 policies cost %.2f times what 10 cost (goal: at most 1.30): %.2f for one\n"
	       "client, %.2f for 1,024 in turn, %.2f for the first request of a source.\n",
	       all_clients[1] / all_clients[0], one_client[4] / one_client[3],
	       all_clients[1] / all_clients[0], first[1] / first[0]);
	refused(bench);
	tg_enforce_close(&enforce);
}

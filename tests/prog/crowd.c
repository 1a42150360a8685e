/* SPDX-License-Identifier: BSD-2-Clause */
#include "crowd.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST_BYTES 100

void tg_crowd_token(char text[TG_CROWD_TOKEN_BYTES], unsigned int number)
{
	snprintf(text, TG_CROWD_TOKEN_BYTES, "t-%06u", number);
}

static void pin(unsigned int number)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(number % sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void send_packet(struct tg_crowd_member *member, const struct tg_peer *peer,
			const struct tg_sent *sent)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .repeat = 1);

	tg_peer_segment(peer, sent, member->packet);
	run.data_in = member->packet->bytes;
	run.data_size_in = member->packet->count;
	if (bpf_prog_test_run_opts(member->crowd->rig->program, &run))
		member->sum.failed++;
	else if (!sent->count)
		return;
	else if (run.retval == XDP_PASS)
		member->sum.passed++;
	else
		member->sum.refused++;
}

/* So many requests with one token, or with one after another from it on. Returns their bytes. */
static size_t write_requests(struct tg_crowd_member *member, unsigned int token)
{
	char name[TG_CROWD_TOKEN_BYTES];
	size_t at = 0;

	for (unsigned int i = 0; i < member->crowd->requests; i++) {
		tg_crowd_token(name, member->crowd->mixed ? token + i : token);
		at += snprintf(
			member->text + at, REQUEST_BYTES,
			"GET /some/path HTTP/1.1\r\nX-API-Key: %s\r\nHost: a.example\r\n\r\n",
			name);
	}
	return at;
}

static struct tg_peer peer_of(const struct tg_crowd_member *member, unsigned int packet)
{
	const struct tg_crowd *crowd = member->crowd;
	unsigned int source = crowd->by_source ? packet % crowd->tokens : 1;

	return (struct tg_peer){.path = &tg_paths[0],
				.address = {198, 18, source >> 8, source},
				.port = 1 + member->number * 30000 + (crowd->ends ? packet : 0),
				.server_port = TG_METER_PORT};
}

static void send_number(struct tg_crowd_member *member, unsigned int number, uint32_t *seq,
			size_t bytes)
{
	struct tg_sent sent = {TG_ACK | TG_PSH, *seq, number, member->text, bytes};
	const struct tg_sent syn = {TG_SYN, *seq - 1, 0, NULL, 0};
	const struct tg_sent rst = {TG_RST, *seq + bytes, 0, NULL, 0};
	struct tg_peer peer = peer_of(member, number);

	*seq += bytes;
	if (member->crowd->ends)
		send_packet(member, &peer, &syn);
	send_packet(member, &peer, &sent);
	if (member->crowd->ends)
		send_packet(member, &peer, &rst);
}

static void send_all(struct tg_crowd_member *member)
{
	const struct tg_crowd *crowd = member->crowd;
	size_t bytes = write_requests(member, crowd->own_tokens ? member->number : 0);
	uint32_t seq = 1;

	for (unsigned int i = 0; i < crowd->packets; i++)
		send_number(member, i, &seq, bytes);
}

static void send_until_stopped(struct tg_crowd_member *member)
{
	const struct tg_crowd *crowd = member->crowd;
	unsigned int step = crowd->mixed ? crowd->requests : 1, packet = 0;
	uint32_t seq = 1;

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) {
		for (unsigned int token = 0; token < crowd->tokens; token += step)
			send_number(member, packet++ % 30000, &seq,
				    write_requests(member, crowd->by_source ? 0 : token));
		__atomic_add_fetch(&member->rounds, 1, __ATOMIC_RELEASE);
		nanosleep(&(struct timespec){.tv_nsec = crowd->pause_ns}, NULL);
	}
}

static void *work(void *arg)
{
	struct tg_crowd_member *member = arg;

	pin(member->number);
	pthread_barrier_wait(&member->crowd->start);
	if (member->crowd->tokens)
		send_until_stopped(member);
	else
		send_all(member);
	return NULL;
}

void tg_crowd_start(struct tg_crowd *crowd)
{
	crowd->stop = false;
	pthread_barrier_init(&crowd->start, NULL, TG_CROWD_THREADS);
	for (unsigned int i = 0; i < TG_CROWD_THREADS; i++) {
		struct tg_crowd_member *member = &crowd->member[i];

		*member = (struct tg_crowd_member){.crowd = crowd, .number = i};
		member->packet = malloc(sizeof(*member->packet));
		member->text = malloc(crowd->requests * REQUEST_BYTES);
		assert_true(member->packet && member->text);
		assert_int_equal(pthread_create(&member->thread, NULL, work, member), 0);
	}
}

struct tg_crowd_sum tg_crowd_stop(struct tg_crowd *crowd)
{
	struct tg_crowd_sum sum = {0};

	__atomic_store_n(&crowd->stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < TG_CROWD_THREADS; i++) {
		struct tg_crowd_member *member = &crowd->member[i];

		pthread_join(member->thread, NULL);
		sum.passed += member->sum.passed;
		sum.refused += member->sum.refused;
		sum.failed += member->sum.failed;
		free(member->packet);
		free(member->text);
	}
	pthread_barrier_destroy(&crowd->start);
	assert_int_equal(sum.failed, 0);
	return sum;
}

struct tg_crowd_sum tg_crowd_run(const struct tg_crowd *crowd)
{
	struct tg_crowd copy = *crowd;

	tg_crowd_start(&copy);
	return tg_crowd_stop(&copy);
}

uint64_t tg_crowd_rounds(const struct tg_crowd *crowd)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < TG_CROWD_THREADS; i++) {
		uint64_t rounds = __atomic_load_n(&crowd->member[i].rounds, __ATOMIC_ACQUIRE);

		if (rounds < least)
			least = rounds;
	}
	return least;
}

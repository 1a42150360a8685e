/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chaos [OPTION...] CLIENT-SIDE SERVER-SIDE: a link that disturbs. Passes frames between two
 * interfaces, and loses, delays, repeats and re-cuts TCP segments on the way, each
 * direction by dice of its own. Prints what it did, as JSON, when it is told to end.
 */
/* links: tests/chaos/[a-z]*.c */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/chaos/dice.h"
#include "tests/chaos/lane.h"
#include "tests/chaos/port.h"

#define NS 1000000000ULL

enum side { CLIENT, SERVER, SIDES };

/* A direction: from the port whose index it has to the other one. */
static struct way {
	struct chaos_port port; /* where its frames come in */
	struct chaos_lane lane;
	uint64_t now_ns;
} ways[SIDES];

static volatile sig_atomic_t stopped;

static void stop(int sign)
{
	(void)sign;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

/* --- passing on ------------------------------------------------------------------------ */

static void take(void *to, const uint8_t *frame, size_t bytes)
{
	struct way *way = to;

	chaos_lane_take(&way->lane, frame, bytes, way->now_ns);
}

/* Until a frame comes, a held one is due, or a signal; only here are signals let in. -errno */
static int wait_for_work(struct pollfd *ready, const sigset_t *outside)
{
	uint64_t due = UINT64_MAX, now = now_ns();
	struct timespec left;

	for (int i = 0; i < SIDES; i++) {
		uint64_t lane_due = chaos_lane_due(&ways[i].lane);

		due = lane_due < due ? lane_due : due;
		ready[i] = (struct pollfd){.fd = ways[i].port.fd, .events = POLLIN};
	}
	due = due > now ? due - now : 0;
	left = (struct timespec){(time_t)(due / NS), (long)(due % NS)};
	if (ppoll(ready, SIDES, due > 3600 * NS ? NULL : &left, outside) >= 0)
		return 0;
	for (int i = 0; i < SIDES; i++)
		ready[i].revents = 0;
	return errno == EINTR ? 0 : -errno;
}

static int pass_on(const sigset_t *outside)
{
	struct pollfd ready[SIDES];
	int err = 0;

	while (!stopped && !err) {
		err = wait_for_work(ready, outside);
		for (int i = 0; i < SIDES && !err; i++) {
			ways[i].now_ns = now_ns();
			if (ready[i].revents)
				err = chaos_port_receive(&ways[i].port, take, &ways[i]);
			chaos_lane_tick(&ways[i].lane, now_ns());
			chaos_port_flush(&ways[!i].port);
		}
	}
	for (int i = 0; i < SIDES; i++) {
		chaos_lane_tick(&ways[i].lane, UINT64_MAX);
		chaos_port_flush(&ways[!i].port);
	}
	return err;
}

/* --- what it did --------------------------------------------------------------------- */

static void print_way(const char *name, const struct way *way, const struct chaos_port *out)
{
	const struct chaos_counts *c = &way->lane.counts;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"taken", c->taken},
		{"sent", c->sent},
		{"other", c->other},
		{"unsound", c->unsound},
		{"lost", c->lost},
		{"duplicated", c->duplicated},
		{"held", c->held},
		{"overtaken", c->overtaken},
		{"pieces", c->pieces},
		{"resegmented", c->resegmented},
		{"overlaps", c->overlaps},
		{"bridges", c->bridges},
		{"unsent", out->unsent},
		{"missed", way->port.missed},
		{"too_long", way->port.too_long},
	};

	printf(", \"%s\": {", name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		printf("%s\"%s\": %" PRIu64, i ? ", " : "", rows[i].name, rows[i].value);
	putchar('}');
}

static void print_summary(void)
{
	printf("{\"seed\": %" PRIu64, ways[CLIENT].lane.seed);
	print_way("to_server", &ways[CLIENT], &ways[SERVER].port);
	print_way("to_client", &ways[SERVER], &ways[CLIENT].port);
	puts("}");
}

/* --- options ------------------------------------------------------------------------- */

static int usage(FILE *to, int status)
{
	fputs("usage: chaos [OPTION...] CLIENT-SIDE SERVER-SIDE\n"
	      "Passes frames between two interfaces, and disturbs the TCP segments among them.\n"
	      "  --seed N        of the dice (default 1)\n"
	      "  --loss %        frames that are lost\n"
	      "  --reorder %     frames that let up to 8 later ones go first, for 4 ms at most\n"
	      "  --duplicate %   frames that come twice\n"
	      "  --resegment %   segments with payload that come in 2 to 5 pieces\n"
	      "  --overlap %     of these, and of segments that follow another: some of it twice,\n"
	      "                  in a frame with other ends\n"
	      "SIGINT or SIGTERM ends it; it prints what it did.\n",
	      to);
	return status;
}

static bool read_rate(const char *text, unsigned int *rate)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || *end || !(percent >= 0 && percent <= 100))
		return false;
	*rate = (unsigned int)(percent * CHAOS_CERTAIN / 100 + 0.5);
	return true;
}

static bool read_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 0);
	return end != text && !*end && !errno;
}

static bool read_options(int argc, char **argv, uint64_t *seed, struct chaos_rates *rates)
{
	static const struct option names[] = {
		{"seed", required_argument, NULL, 's'},
		{"loss", required_argument, NULL, 'l'},
		{"reorder", required_argument, NULL, 'r'},
		{"duplicate", required_argument, NULL, 'd'},
		{"resegment", required_argument, NULL, 'c'},
		{"overlap", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		unsigned int *rate = option == 'l'   ? &rates->loss
				     : option == 'r' ? &rates->reorder
				     : option == 'd' ? &rates->duplicate
				     : option == 'c' ? &rates->resegment
				     : option == 'o' ? &rates->overlap
						     : NULL;

		if (option == 'h')
			exit(usage(stdout, 0));
		if (rate ? !read_rate(optarg, rate) : option != 's' || !read_seed(optarg, seed))
			return false;
	}
	return optind == argc - 2;
}

static int open_ways(char **interfaces, uint64_t seed, const struct chaos_rates *rates)
{
	for (int i = 0; i < SIDES; i++) {
		int err = chaos_port_open(&ways[i].port, interfaces[i]);

		if (err) {
			fprintf(stderr, "chaos: %s: %s\n", interfaces[i], strerror(-err));
			return err;
		}
		ways[i].lane.seed = seed ^ (uint64_t)i << 63;
		ways[i].lane.rates = *rates;
		ways[i].lane.send = chaos_port_send;
		ways[i].lane.to = &ways[!i].port;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = stop};
	struct chaos_rates rates = {0};
	sigset_t blocked, outside;
	uint64_t seed = 1;
	int err;

	if (!read_options(argc, argv, &seed, &rates))
		return usage(stderr, 2);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &outside);
	sigdelset(&outside, SIGINT);
	sigdelset(&outside, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (open_ways(argv + optind, seed, &rates))
		return 1;
	err = pass_on(&outside);
	for (int i = 0; i < SIDES; i++)
		chaos_port_close(&ways[i].port);
	print_summary();
	if (err)
		fprintf(stderr, "chaos: cannot go on: %s\n", strerror(-err));
	return err ? 1 : 0;
}

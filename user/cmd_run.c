/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "control.h"
#include "error.h"
#include "export_prometheus.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "metrics_server.h"
#include "options.h"
#include "program.h"

#define ERROR_BYTES    512
#define TICK_NS	       1000000000ULL
#define MMAP_THRESHOLD (256 * 1024)
#define LOAD_MAX_US    60000000 /* one program, on a slow host */

static const char help[] =
	"Usage: tollgate run [-c FILE] [--debug]\n"
	"The agent, in the foreground: attaches the meter to the configured interfaces,\n"
	"reads the counters, serves `tollgate usage`, `status` and `top`, and Prometheus\n"
	"(metrics.listen). Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON.\n"
	"\n"
	"  -c, --config FILE  default " TG_OPTIONS_CONFIG_PATH "\n"
	"      --debug        log more\n"
	"  -h, --help         this text\n"
	"\n"
	"SIGHUP reads the configuration again; one with errors is logged and refused, and\n"
	"the old one stays in force. SIGTERM and SIGINT end the agent and leave the meter\n"
	"attached: the kernel goes on counting, and the next agent takes over.\n"
	"`tollgate detach` takes it off.\n"
	"\n"
	"Exit status: 0 ended by a signal, 1 it failed, 2 bad usage or configuration.\n"
	"\n"
	"Example:\n"
	"  tollgate run -c ./tollgate.yaml\n";

struct run {
	const char *config_path;
	struct tg_agent *agent;
	struct tg_loop *loop;
	struct tg_link *link;
	struct tg_control *control;
	struct tg_metrics_server *metrics; /* NULL: metrics.listen is "" */
	bool awaited;			   /* by the service manager: READY=1 is to come */
};

/* --- the service manager ----------------------------------------------------------------- */

/* tg_program_loads: until the kernel is done with it, nothing else is. */
static void about_to_load(void *arg)
{
	const struct run *run = arg;

	sd_notify(0, "WATCHDOG=1");
	if (run->awaited)
		sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%d", LOAD_MAX_US);
}

static void say_ready(struct run *run, const char *status)
{
	run->awaited = false;
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

static void say_reloading(struct run *run)
{
	run->awaited = true;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)tg_clock_monotonic_ns() / 1000);
}

/* --- what the loop calls ---------------------------------------------------------------- */

static void control_ready(void *arg)
{
	struct run *run = arg;

	tg_control_run(run->control, tg_clock_monotonic_ns());
}

static void metrics_ready(void *arg)
{
	tg_metrics_server_run(arg);
}

static void link_ready(void *arg)
{
	struct run *run = arg;
	int err = tg_link_read(run->link);

	if (err)
		tg_log_error("interfaces cannot be watched: %s", strerror(-err));
}

static void tick(void *arg)
{
	struct run *run = arg;

	tg_agent_tick(run->agent);
	tg_control_run(run->control, tg_clock_monotonic_ns());
	if (run->metrics)
		tg_metrics_server_run(run->metrics);
	sd_notify(0, "WATCHDOG=1");
}

/* --- the metrics server, which a reload may move ------------------------------------------ */

static void close_metrics(struct run *run, struct tg_metrics_server **server)
{
	if (*server)
		tg_loop_unwatch(run->loop, tg_metrics_server_fd(*server));
	tg_metrics_server_close(*server);
	*server = NULL;
}

/* Served by the loop from here on. *out is NULL where there is to be none, and on failure. */
static int open_metrics(struct run *run, const char *listen, struct tg_metrics_server **out,
			char *error, size_t error_bytes)
{
	int err;

	*out = NULL;
	if (!*listen)
		return 0;
	err = tg_metrics_server_open(listen, TG_EXPORT_CONTENT_TYPE, tg_agent_page, run->agent, out,
				     error, error_bytes);
	if (err)
		return err;
	err = tg_loop_watch(run->loop, tg_metrics_server_fd(*out), metrics_ready, *out);
	if (!err)
		return 0;
	tg_metrics_server_close(*out);
	*out = NULL;
	return tg_error(err, error, error_bytes, "metrics.listen %s: cannot be watched: %s", listen,
			strerror(-err));
}

/* It gave way to one that is not to be. */
static void reopen_metrics(struct run *run, const char *listen)
{
	char error[ERROR_BYTES];

	if (!run->metrics && open_metrics(run, listen, &run->metrics, error, sizeof(error)))
		tg_log_error("no metrics until the next reload: %s", error);
}

/* Beside ours; where they cannot both listen on one port, in its place. */
static int open_next_metrics(struct run *run, const char *was, const char *listen,
			     struct tg_metrics_server **out, char *error, size_t error_bytes)
{
	int err = open_metrics(run, listen, out, error, error_bytes);

	if (err != -EADDRINUSE || !run->metrics || !tg_listen_same_port(was, listen))
		return err;
	close_metrics(run, &run->metrics);
	err = open_metrics(run, listen, out, error, error_bytes);
	if (err)
		reopen_metrics(run, was);
	return err;
}

/* --- SIGHUP --------------------------------------------------------------------------------- */

static bool metrics_move(const struct run *run, const char *was, const char *listen)
{
	return strcmp(listen, was) || (!run->metrics && *listen);
}

/* Where metrics move, all that may fail of it comes first. */
static int put_in_force(struct run *run, struct tg_config *config, char *error, size_t error_bytes)
{
	const char *was = tg_agent_config(run->agent)->metrics.listen;
	bool moves = metrics_move(run, was, config->metrics.listen);
	struct tg_metrics_server *next = NULL;
	int err = 0;

	if (moves)
		err = open_next_metrics(run, was, config->metrics.listen, &next, error,
					error_bytes);
	if (err)
		return err;
	err = tg_agent_reload(run->agent, config, error, error_bytes);
	if (err) {
		close_metrics(run, &next);
		reopen_metrics(run, was);
	} else if (moves) {
		close_metrics(run, &run->metrics);
		run->metrics = next;
	}
	return err;
}

static int reload(struct run *run, char *error, size_t error_bytes)
{
	struct tg_config *config = NULL;
	int err = tg_config_load(run->config_path, &config, error, error_bytes);

	if (err)
		return err;
	err = put_in_force(run, config, error, error_bytes);
	if (err)
		tg_config_free(config);
	return err;
}

static void reload_and_say_so(struct run *run)
{
	char error[ERROR_BYTES] = "";

	say_reloading(run);
	if (reload(run, error, sizeof(error)))
		tg_log_error("reload refused, the old configuration stays in force: %s", error);
	else
		tg_log_info("%s: read again and in force", run->config_path);
	tg_agent_note_reload(run->agent, error);
	say_ready(run, *error ? "metering; the last reload was refused" : "metering");
}

static void got_signal(int number, void *arg)
{
	struct run *run = arg;

	if (number == SIGHUP) {
		reload_and_say_so(run);
		return;
	}
	tg_log_info("%s: the agent ends; the meter stays attached and goes on counting",
		    number == SIGTERM ? "SIGTERM" : "SIGINT");
	tg_loop_stop(run->loop);
}

/* --- start and end ------------------------------------------------------------------------- */

static int start_loop(struct run *run, char *error, size_t error_bytes)
{
	int err = tg_loop_new(&run->loop);

	/* Signals first: from here on none ends the process half-way. */
	err = err ? err : tg_loop_signals(run->loop, got_signal, run);
	err = err ? err : tg_loop_timer(run->loop, TICK_NS, tick, run);
	if (err)
		return tg_error(err, error, error_bytes, "the event loop: %s", strerror(-err));
	return 0;
}

/* The monitor before the first look at the interfaces, so that none slips between. */
static int start_interfaces(struct run *run, char *error, size_t error_bytes)
{
	int err = tg_link_open(&run->link, tg_agent_link_changed, run->agent);

	err = err ? err : tg_loop_watch(run->loop, tg_link_fd(run->link), link_ready, run);
	if (err)
		return tg_error(err, error, error_bytes, "interfaces cannot be watched: %s",
				strerror(-err));
	return tg_agent_attach(run->agent, error, error_bytes);
}

static int start_servers(struct run *run, char *error, size_t error_bytes)
{
	const struct tg_config *config = tg_agent_config(run->agent);
	int err = tg_control_open(config->run_dir, tg_agent_answer, run->agent, &run->control,
				  error, error_bytes);

	if (err)
		return err;
	err = open_metrics(run, config->metrics.listen, &run->metrics, error, error_bytes);
	if (err)
		return err;
	err = tg_loop_watch(run->loop, tg_control_fd(run->control), control_ready, run);
	if (err)
		return tg_error(err, error, error_bytes, "the event loop: %s", strerror(-err));
	return 0;
}

static int start(struct run *run, struct tg_config *config, char *error, size_t error_bytes)
{
	int err = start_loop(run, error, error_bytes);

	err = err ? err : tg_agent_open(config, &run->agent, error, error_bytes);
	if (err) {
		tg_config_free(config);
		return err;
	}
	err = start_servers(run, error, error_bytes);
	return err ? err : start_interfaces(run, error, error_bytes);
}

static void end(struct run *run)
{
	close_metrics(run, &run->metrics);
	tg_control_close(run->control);
	if (run->link)
		tg_link_close(run->link);
	tg_agent_close(run->agent);
	tg_loop_free(run->loop);
}

int tg_cmd_run(int argc, char **argv)
{
	bool debug = false;
	const struct tg_option rows[] = {{"debug", 0, NULL, &debug}, {0}};
	const struct tg_command command = {.verb = "run", .help = help, .rows = rows};
	struct tg_config *config = NULL;
	struct tg_options options;
	struct run run = {0};
	char error[ERROR_BYTES] = "";
	int status, err;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	status = tg_options_config(&options, &config);
	if (status)
		return status;
	if (debug)
		tg_log_set_level(TG_LOG_DEBUG);
	signal(SIGPIPE, SIG_IGN); /* a log reader that went away must not end the agent */
	/* Big arrays apart from the heap, and left so: freed, they go back to the system. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	run.config_path = options.config_path;
	run.awaited = true;
	tg_program_on_load(about_to_load, &run);
	err = start(&run, config, error, sizeof(error));
	if (!err) {
		tg_agent_tick(run.agent);
		tg_log_info("metering by %s; tollgate %s, pid %d", options.config_path, TG_VERSION,
			    (int)getpid());
		say_ready(&run, "metering");
		err = tg_loop_run(run.loop);
		sd_notify(0, "STOPPING=1");
	}
	end(&run);
	tg_program_on_load(NULL, NULL);
	if (err)
		return tg_cmd_fail(TG_EXIT_FAILED, "run: %s", *error ? error : strerror(-err));
	return TG_EXIT_DONE;
}

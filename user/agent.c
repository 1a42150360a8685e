/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "clock.h"
#include "collect.h"
#include "control.h"
#include "error.h"
#include "export_prometheus.h"
#include "export_state.h"
#include "history.h"
#include "ifaces.h"
#include "loader.h"
#include "log.h"
#include "quotas.h"

#define SECOND_NS     1000000000ULL
#define HISTORY_BYTES (16UL * 1024 * 1024)
#define COLLECT_SHARE 10 /* reading the maps takes at most 1/10 of the time */
#define SCRAPE_AGE_NS (SECOND_NS / 10)
#define CHEAP_NS      (SECOND_NS / 20)
#define FRESH_SHARE   3 /* on demand: at most 1/3 */
#define SWEEP_MAX_S   10
#define RETIRE_MAX_S  60
#define CHECK_NS      (5 * SECOND_NS) /* nobody tells of a program that was taken off */
#define PAGE_KEEP     (1024UL * 1024)
#define BIG_ANSWER    (1024UL * 1024) /* after one, memory is given back */
#define TICK_SLACK_NS (SECOND_NS / 10)

struct tg_agent {
	struct tg_config *config;
	struct tg_loader *loader;
	struct tg_ifaces *ifaces;
	struct tg_quotas *quotas;
	struct tg_snapshot *snapshot; /* NULL: none yet, or the last collection failed */
	struct tg_history *history;
	struct tg_export_series *series;
	struct tg_text page; /* of the metrics, as of page_collects */
	uint64_t page_collects;
	struct tg_health health;
	struct tg_log_limit complaints;
	uint64_t next_collect_ns;
	uint64_t next_sweep_ns;
	uint64_t next_retire_ns;
	uint64_t next_check_ns;
	bool series_loaded;
	bool trim; /* give memory back at the next tick */
};

static void complain(struct tg_agent *agent, const char *what, int err)
{
	if (tg_log_allow(&agent->complaints, tg_clock_monotonic_ns(), NULL))
		tg_log_error("%s: %s", what, strerror(-err));
}

/* --- series of the metrics, from agent to agent ------------------------------------------ */

static void series_path(const struct tg_config *config, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s/series", config->state_dir);
}

static void load_series(struct tg_agent *agent)
{
	char path[PATH_MAX];
	int err;

	if (agent->series_loaded)
		return;
	agent->series_loaded = true;
	series_path(agent->config, path, sizeof(path));
	err = tg_export_state_load(path, agent->series, agent->snapshot->meta.created_unix_ns);
	if (err && err != -ENOENT && err != -ESTALE)
		tg_log_warning("%s: %s; the series of the metrics are chosen anew", path,
			       strerror(-err));
}

static void save_series(struct tg_agent *agent)
{
	char path[PATH_MAX];
	int err;

	series_path(agent->config, path, sizeof(path));
	err = tg_export_state_save(path, agent->series, agent->snapshot->meta.created_unix_ns);
	if (err && tg_log_allow(&agent->complaints, tg_clock_monotonic_ns(), NULL))
		tg_log_error("%s: %s; the choice of metric series is not kept over a restart; "
			     "make room in state_dir",
			     path, strerror(-err));
}

/* --- open and close --------------------------------------------------------------------- */

static struct tg_agent *agent_new(const struct tg_config *config)
{
	struct tg_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->complaints = (struct tg_log_limit){.period_ns = 60 * SECOND_NS, .burst = 5};
	agent->health.pid = (uint32_t)getpid();
	agent->health.started_unix_ns = tg_clock_unix_ns();
	agent->health.interval_ns = SECOND_NS;
	agent->history = tg_history_new(HISTORY_BYTES);
	agent->series =
		tg_export_series_new(config->metrics.max_tokens, config->metrics.max_sources);
	if (agent->history && agent->series)
		return agent;
	tg_agent_close(agent);
	return NULL;
}

int tg_agent_open(struct tg_config *config, struct tg_agent **out, char *error, size_t error_bytes)
{
	struct tg_agent *agent = agent_new(config);
	int err;

	if (!agent)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	err = tg_loader_open(config, &agent->loader, error, error_bytes);
	if (!err) {
		agent->ifaces = tg_ifaces_new(agent->loader, config);
		if (!agent->ifaces)
			err = tg_error(-ENOMEM, error, error_bytes, "out of memory");
	}
	/* Before the programs are attached: no packet passes that a policy speaks against. */
	if (!err)
		err = tg_quotas_open(config, tg_loader_maps(agent->loader),
				     tg_loader_maintain(agent->loader), &agent->quotas, error,
				     error_bytes);
	if (err) {
		tg_agent_close(agent);
		return err;
	}
	agent->config = config;
	*out = agent;
	return 0;
}

void tg_agent_close(struct tg_agent *agent)
{
	if (!agent)
		return;
	tg_ifaces_free(agent->ifaces);
	tg_quotas_close(agent->quotas);
	tg_loader_close(agent->loader);
	tg_snapshot_free(agent->snapshot);
	tg_history_free(agent->history);
	tg_export_series_free(agent->series);
	tg_text_free(&agent->page);
	tg_config_free(agent->config);
	free(agent);
}

const struct tg_config *tg_agent_config(const struct tg_agent *agent)
{
	return agent->config;
}

/* --- interfaces and configuration ---------------------------------------------------------- */

int tg_agent_attach(struct tg_agent *agent, char *error, size_t error_bytes)
{
	unsigned int attached = tg_ifaces_attach(agent->ifaces, error, error_bytes);

	if (!*error)
		return 0;
	if (!attached)
		return -EIO;
	tg_log_error("%s", error);
	*error = '\0';
	return 0;
}

void tg_agent_link_changed(const struct tg_link_event *event, void *arg)
{
	struct tg_agent *agent = arg;

	tg_ifaces_link_changed(agent->ifaces, event);
}

/* tg_loader_agree */
static int reload_policies(const struct tg_config *config, void *arg, char *error,
			   size_t error_bytes)
{
	struct tg_agent *agent = arg;

	return tg_quotas_reload(agent->quotas, config, error, error_bytes);
}

static int check_unchanged(const char *key, const char *old, const char *new, char *error,
			   size_t error_bytes)
{
	if (!strcmp(old, new))
		return 0;
	return tg_error(-EINVAL, error, error_bytes,
			"%s: cannot change while the agent runs; restart it", key);
}

int tg_agent_reload(struct tg_agent *agent, struct tg_config *config, char *error,
		    size_t error_bytes)
{
	const struct tg_config *old = agent->config;
	struct tg_ifaces *ifaces;
	char refusal[512];
	int err;

	err = check_unchanged("run_dir", old->run_dir, config->run_dir, error, error_bytes);
	if (!err)
		err = check_unchanged("pin_dir", old->pin_dir, config->pin_dir, error, error_bytes);
	if (!err)
		err = check_unchanged("state_dir", old->state_dir, config->state_dir, error,
				      error_bytes);
	if (err)
		return err;
	ifaces = tg_ifaces_new(agent->loader, config);
	if (!ifaces)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	err = tg_export_series_grow(agent->series, config->metrics.max_tokens,
				    config->metrics.max_sources);
	if (err)
		tg_error(err, error, error_bytes, "out of memory");
	else
		err = tg_loader_reload(agent->loader, config, reload_policies, agent, error,
				       error_bytes);
	if (err) {
		tg_ifaces_free(ifaces);
		return err;
	}
	tg_ifaces_free(agent->ifaces);
	tg_config_free(agent->config);
	agent->ifaces = ifaces;
	agent->config = config;
	tg_ifaces_attach(agent->ifaces, refusal, sizeof(refusal));
	if (*refusal)
		tg_log_error("%s", refusal);
	return 0;
}

void tg_agent_note_reload(struct tg_agent *agent, const char *error)
{
	agent->health.reloads++;
	agent->health.reload_errors += *error != '\0';
	snprintf(agent->health.reload_error, sizeof(agent->health.reload_error), "%s", error);
}

/* --- collect and sweep ---------------------------------------------------------------------- */

static int collect(struct tg_agent *agent)
{
	int err = tg_collect(tg_loader_maps(agent->loader), &agent->snapshot);
	uint64_t share;

	if (err) {
		agent->health.collect_errors++;
		complain(agent, "the maps cannot be read", err);
		return err;
	}
	agent->health.collects++;
	err = tg_history_add(agent->history, agent->snapshot);
	if (err)
		complain(agent, "the history begins anew", err);
	agent->health.history_oldest_unix_ns = tg_history_oldest_unix_ns(agent->history);
	share = agent->snapshot->collect_ns * COLLECT_SHARE;
	agent->health.interval_ns = share > SECOND_NS ? share : SECOND_NS;
	agent->next_collect_ns =
		agent->snapshot->taken_monotonic_ns + agent->health.interval_ns - TICK_SLACK_NS;
	return 0;
}

/*
 * For an answer: a snapshot no older than max_age_ns, or where reading the
 * maps is dear, one that was read just before.
 */
static int collect_fresh(struct tg_agent *agent, uint64_t max_age_ns)
{
	const struct tg_snapshot *snapshot = agent->snapshot;
	uint64_t age;

	if (!snapshot)
		return collect(agent);
	age = tg_clock_monotonic_ns() - snapshot->taken_monotonic_ns;
	if (snapshot->collect_ns > CHEAP_NS && max_age_ns < snapshot->collect_ns * FRESH_SHARE)
		max_age_ns = snapshot->collect_ns * FRESH_SHARE;
	return max_age_ns && age < max_age_ns ? 0 : collect(agent);
}

/* Twice within the idle time, but not too often and not too seldom. */
static uint64_t sweep_interval_ns(unsigned int idle_s, unsigned int max_s)
{
	unsigned int interval_s = idle_s / 2 < max_s ? idle_s / 2 : max_s;

	return (interval_s ? interval_s : 1) * SECOND_NS;
}

static void sweep_flows(struct tg_agent *agent, uint64_t now_ns)
{
	unsigned int idle_s = agent->config->limits.flow_idle_s;
	struct tg_sweep sweep = {.idle_jiffies = tg_loader_jiffies(agent->loader, idle_s)};
	int err = tg_loader_sweep_flows(agent->loader, &sweep);

	agent->next_sweep_ns = now_ns + sweep_interval_ns(idle_s, SWEEP_MAX_S) - TICK_SLACK_NS;
	if (err)
		complain(agent, "idle connections cannot be forgotten", err);
	else
		agent->health.flows_forgotten += sweep.removed;
}

static void retire_usage(struct tg_agent *agent, uint64_t now_ns)
{
	unsigned int idle_s = agent->config->limits.usage_idle_s;
	struct tg_sweep sweep = {.idle_jiffies = tg_loader_jiffies(agent->loader, idle_s)};
	int err = tg_loader_retire_usage(agent->loader, &sweep);

	agent->next_retire_ns = now_ns + sweep_interval_ns(idle_s, RETIRE_MAX_S) - TICK_SLACK_NS;
	if (err) {
		complain(agent, "idle usage rows cannot be retired", err);
		return;
	}
	agent->health.rows_retired += sweep.removed;
	if (sweep.kept)
		complain(agent, "idle usage rows stay: a spill map is full (limits.spill)",
			 -ENOSPC);
}

/* Whether programs and pins still stand. */
static void check(struct tg_agent *agent, uint64_t now_ns)
{
	char error[512];

	tg_ifaces_check(agent->ifaces);
	if (tg_loader_keep_pins(agent->loader, error, sizeof(error)) &&
	    tg_log_allow(&agent->complaints, now_ns, NULL))
		tg_log_error("%s", error);
	agent->next_check_ns = now_ns + CHECK_NS - TICK_SLACK_NS;
}

void tg_agent_tick(struct tg_agent *agent)
{
	uint64_t now_ns = tg_clock_monotonic_ns();

	if (agent->trim)
		malloc_trim(0);
	agent->trim = false;
	tg_quotas_tick(agent->quotas);
	if (now_ns >= agent->next_sweep_ns)
		sweep_flows(agent, now_ns);
	if (now_ns >= agent->next_retire_ns)
		retire_usage(agent, now_ns);
	if (now_ns >= agent->next_check_ns)
		check(agent, now_ns);
	if (now_ns >= agent->next_collect_ns)
		collect(agent);
}

/* --- answers ---------------------------------------------------------------------------------- */

void tg_agent_answer(struct json_object *request, struct tg_text *reply, void *arg)
{
	struct tg_agent *agent = arg;
	struct tg_link_info links[TG_IFACES_MAX] = {0};
	struct tg_answer from = {.history = agent->history,
				 .quotas = {.config = agent->config,
					    .maps = tg_loader_maps(agent->loader),
					    .enforce = tg_quotas_enforce(agent->quotas),
					    .http = tg_loader_http(agent->loader),
					    .quotas = agent->quotas}};
	int err = collect_fresh(agent, 0); /* what was asked for after a request has it */

	if (err) {
		tg_control_error(reply, 1, "the agent cannot read the maps: %s", strerror(-err));
		return;
	}
	from.quotas.snapshot = agent->snapshot;
	from.status.config = agent->config;
	from.status.snapshot = agent->snapshot;
	from.status.health = &agent->health;
	from.status.attachments =
		tg_ifaces_attachments(agent->ifaces, &from.status.interfaces_count);
	from.status.links = links;
	for (unsigned int i = 0; i < from.status.interfaces_count && i < TG_IFACES_MAX; i++)
		tg_link_query(from.status.attachments[i].name, &links[i]);
	tg_answer(&from, request, reply);
	agent->trim |= reply->bytes > BIG_ANSWER;
}

static int make_page(struct tg_agent *agent)
{
	struct tg_export from = {.snapshot = agent->snapshot,
				 .series = agent->series,
				 .health = &agent->health,
				 .enforce = tg_quotas_enforce(agent->quotas),
				 .config = agent->config,
				 .ipv6_prefix = agent->config->identity.ipv6_prefix};
	int err;

	load_series(agent);
	err = tg_export_series_update(agent->series, agent->snapshot);
	if (err)
		return err;
	save_series(agent);
	from.attachments = tg_ifaces_attachments(agent->ifaces, &from.attachments_count);
	tg_text_reset(&agent->page, PAGE_KEEP);
	tg_export_print(&from, &agent->page);
	agent->page_collects = agent->page.failed ? 0 : agent->health.collects;
	return agent->page.failed ? -ENOMEM : 0;
}

/* Made once for each snapshot, so that a hundred scrapers cost little more than one. */
int tg_agent_page(struct tg_text *out, void *arg)
{
	struct tg_agent *agent = arg;
	int err = collect_fresh(agent, SCRAPE_AGE_NS);

	if (!err && agent->page_collects != agent->health.collects)
		err = make_page(agent);
	if (!err)
		tg_text_put(out, agent->page.data, agent->page.bytes);
	return err;
}

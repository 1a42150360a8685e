/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent does, without the loop that makes it do so: reads the maps,
 * keeps history and interfaces, sweeps, and answers the CLI and the scraper.
 */
#ifndef TOLLGATE_AGENT_H
#define TOLLGATE_AGENT_H

#include "config.h"
#include "link.h"
#include "text.h"

struct json_object;
struct tg_agent;

/*
 * Load, or adopt what is pinned. config becomes the agent's on success. Nothing is
 * attached yet. 0, or -errno with one line in error.
 */
int tg_agent_open(struct tg_config *config, struct tg_agent **out, char *error, size_t error_bytes);

/* The programs stay on their interfaces. */
void tg_agent_close(struct tg_agent *agent);

/*
 * Attach the configured interfaces. 0, even when some are not there yet;
 * -EIO: none is attached and at least one refused (error: the last reason).
 */
int tg_agent_attach(struct tg_agent *agent, char *error, size_t error_bytes);

const struct tg_config *tg_agent_config(const struct tg_agent *agent);

/* Put another configuration in force; it becomes the agent's on success. */
int tg_agent_reload(struct tg_agent *agent, struct tg_config *config, char *error,
		    size_t error_bytes);

/* A configuration that was refused, "": one that was taken. For status. */
void tg_agent_note_reload(struct tg_agent *agent, const char *error);

/* Once a second: collect and sweep, when it is time. */
void tg_agent_tick(struct tg_agent *agent);

/* tg_link_changed, tg_control_handler, tg_metrics_page; arg: the agent. */
void tg_agent_link_changed(const struct tg_link_event *event, void *arg);
void tg_agent_answer(struct json_object *request, struct tg_text *reply, void *arg);
int tg_agent_page(struct tg_text *out, void *arg);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmicrohttpd in our epoll loop: GET /metrics, /healthz, and / which points
 * at them. Connections and their time are bounded; nothing here blocks.
 */
#ifndef TOLLGATE_METRICS_SERVER_H
#define TOLLGATE_METRICS_SERVER_H

#include <stddef.h>

#include "text.h"

struct tg_metrics_server;

/* Append the page. 0, or -errno: the scraper gets a 503. */
typedef int (*tg_metrics_page)(struct tg_text *out, void *arg);

/* listen: as in the configuration ("127.0.0.1:9464"). */
int tg_metrics_server_open(const char *listen, const char *content_type, tg_metrics_page page,
			   void *arg, struct tg_metrics_server **out, char *error,
			   size_t error_bytes);

/* For epoll: readable when tg_metrics_server_run has something to do. */
int tg_metrics_server_fd(const struct tg_metrics_server *server);

/* Serve what is ready; close who takes too long. Call once a second too. */
void tg_metrics_server_run(struct tg_metrics_server *server);

void tg_metrics_server_close(struct tg_metrics_server *server);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The page of /metrics: Prometheus text format 0.0.4. Names are a contract with dashboards. */
#ifndef TOLLGATE_EXPORT_PROMETHEUS_H
#define TOLLGATE_EXPORT_PROMETHEUS_H

#include "collect.h"
#include "config.h"
#include "enforce.h"
#include "export_series.h"
#include "health.h"
#include "text.h"

#define TG_EXPORT_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct tg_export { /* what the page is made of */
	const struct tg_snapshot *snapshot;
	const struct tg_export_series *series; /* brought up to the snapshot */
	const struct tg_health *health;
	const struct tg_attachment *attachments;
	unsigned int attachments_count;
	const struct tg_config *config;	  /* where the servers are; NULL: not told */
	const struct tg_enforce *enforce; /* NULL: none */
	unsigned int ipv6_prefix;
};

/* Append the page. Look at out->failed afterwards. */
void tg_export_print(const struct tg_export *from, struct tg_text *out);

#endif

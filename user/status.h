/* SPDX-License-Identifier: BSD-2-Clause */
/* What `tollgate status` shows, as a JSON document. Pure. */
#ifndef TOLLGATE_STATUS_H
#define TOLLGATE_STATUS_H

#include "collect.h"
#include "config.h"
#include "health.h"
#include "link.h"

struct json_object;

struct tg_status {
	const struct tg_config *config;
	const struct tg_snapshot *snapshot;
	const struct tg_health *health; /* NULL: no agent runs */
	/* One of each an interface; a link with ifindex 0: not there. */
	const struct tg_attachment *attachments;
	const struct tg_link_info *links;
	unsigned int interfaces_count;
};

/*
 * {"agent": {...}, "books": {...}, "interfaces": [...], "maps": [...],
 *  "identity": {...}}; the caller's. NULL: no memory.
 *
 * The identity: on each interface packets seen = sum over reasons, and over
 * all of them requests = usage rows + token_spill + unattributed. Packets that
 * are in flight while the counters are read make a difference of a few.
 */
struct json_object *tg_status_document(const struct tg_status *status);

#endif

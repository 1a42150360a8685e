/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of the CLI about quotas and blocks -> answers. Those that only look also
 * work from the maps alone, without an agent.
 *
 *   {"verb":"quota-set","subject":S,"limits":[...],"action":A,"per":P,"block":RULE?}
 *   {"verb":"quota-rm","subject":S}    {"verb":"quota-list"}
 *   {"verb":"block","subject":S,"for_s":N?,"reason":TEXT?}
 *   {"verb":"unblock","subject":S}     {"verb":"blocks"}
 *   {"verb":"explain","source":ADDR,"token":TOKEN?,"origin":HOST?}
 *   {"verb":"usage","by":"policy"}
 */
#ifndef TOLLGATE_QUOTA_ANSWER_H
#define TOLLGATE_QUOTA_ANSWER_H

#include <stdbool.h>

#include "../include/tollgate/http_config.h"
#include "collect.h"
#include "quotas.h"
#include "text.h"

struct json_object;

struct tg_quota_answer {
	const struct tg_config *config;
	const struct tg_maps *maps;
	const struct tg_enforce *enforce;
	const struct tg_http_config *http; /* NULL: token ids cannot be made */
	const struct tg_snapshot *snapshot;
	struct tg_quotas *quotas; /* NULL: no agent; what would change something is refused */
};

/* true: the verb was one of these, and reply holds a document or an error as in control.h. */
bool tg_quota_answer(const struct tg_quota_answer *from, const char *verb,
		     struct json_object *request, struct tg_text *reply);

#endif

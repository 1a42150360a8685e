/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of the CLI (see control.h) -> answers, from what was collected.
 * The agent answers so, and the CLI itself when no agent runs.
 *
 *   {"verb":"usage", "by":"source,token", "top":N, "since_unix_ns":N}
 *   {"verb":"status"}
 * and those of quota_answer.h
 */
#ifndef TOLLGATE_ANSWER_H
#define TOLLGATE_ANSWER_H

#include "history.h"
#include "quota_answer.h"
#include "status.h"
#include "text.h"

struct tg_answer {
	struct tg_status status;    /* with the snapshot and the configuration */
	struct tg_history *history; /* NULL: none is kept */
	struct tg_quota_answer quotas;
};

/* Append one JSON line, without the newline: a document, or an error as in control.h. */
void tg_answer(const struct tg_answer *from, struct json_object *request, struct tg_text *reply);

#endif

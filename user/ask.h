/* SPDX-License-Identifier: BSD-2-Clause */
/* Put a request of the CLI to the agent; when none runs, answer it from the pinned maps. */
#ifndef TOLLGATE_ASK_H
#define TOLLGATE_ASK_H

#include "config.h"

struct json_object;
struct tg_ask; /* a connection, or the pinned maps, for one request after the other */

/* 0, else the exit status; the error was printed under the verb's name. */
int tg_ask_open(const char *verb, const struct tg_config *config, struct tg_ask **out);

/* 0 and *reply (the caller's), else the exit status; the error was printed. */
int tg_ask(struct tg_ask *ask, struct json_object *request, struct json_object **reply);

void tg_ask_close(struct tg_ask *ask);

#endif

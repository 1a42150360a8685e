/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Put a request of the CLI to the agent; when none runs, or it hangs, answer it
 * from the pinned maps.
 */
#ifndef TOLLGATE_ASK_H
#define TOLLGATE_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

struct json_object;
struct tg_ask; /* a connection, or the pinned maps, for one request after the other */

/* 0 and *out, else the exit status, with one line in error. */
int tg_ask_open(const struct tg_config *config, struct tg_ask **out, char *error,
		size_t error_bytes);

/* 0 and *reply (the caller's), else the exit status, with one line in error. */
int tg_ask(struct tg_ask *ask, struct json_object *request, struct json_object **reply, char *error,
	   size_t error_bytes);

/* Did the maps answer though an agent runs? Says so on stderr. */
bool tg_ask_warn_if_deaf(const struct tg_ask *ask);

void tg_ask_close(struct tg_ask *ask);

#endif

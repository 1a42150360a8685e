/* SPDX-License-Identifier: BSD-2-Clause */
/* The CLI's side of the agent's socket. Blocks, with time-outs. */
#ifndef TOLLGATE_CLIENT_H
#define TOLLGATE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct tg_client;

/* 0; -ENOENT or -ECONNREFUSED: no agent listens; -ETIMEDOUT: it hangs; or -errno. */
int tg_client_open(const char *run_dir, struct tg_client **out, char *error, size_t error_bytes);

/*
 * Send the request, wait for the answer: *reply is the caller's
 * (json_object_put). -errno, with one line in error, when the agent went away,
 * took too long (-ETIMEDOUT), or sent what is not an object.
 */
int tg_client_call(struct tg_client *client, struct json_object *request,
		   struct json_object **reply, char *error, size_t error_bytes);

void tg_client_close(struct tg_client *client);

/* Does this error of tg_client_open say that no agent listens? */
bool tg_client_is_absent(int err);

#endif

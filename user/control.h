/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent's socket for the CLI, run_dir/tollgate.sock, mode 0660: one JSON
 * object a line in, one JSON line out for each.
 *
 *   {"verb":"usage","by":"token","top":10}   -> the document of the contract
 *   anything wrong                           -> {"error":"...","exit":1|2}
 *
 * Never blocks, and is bounded: size of a request, number of clients, time
 * for a request to come complete and for an answer to be taken. Where there are
 * too many clients, one that has been silent for a while makes room.
 */
#ifndef TOLLGATE_CONTROL_H
#define TOLLGATE_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define TG_CONTROL_SOCKET	 "tollgate.sock"
#define TG_CONTROL_REQUEST_BYTES 8192
#define TG_CONTROL_CLIENTS	 32
#define TG_CONTROL_IDLE_NS	 30000000000ULL
#define TG_CONTROL_PATIENCE_NS	 1000000000ULL /* with who is silent, while others wait */

struct json_object;
struct tg_control;

/* Append one JSON line, without the newline, that answers request (an object). */
typedef void (*tg_control_handler)(struct json_object *request, struct tg_text *reply, void *arg);

/* Forget what stands in reply and say {"error": ..., "exit": status} instead. */
void tg_control_error(struct tg_text *reply, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Listen on run_dir/tollgate.sock; run_dir is made (0755) if it is not there.
 * A socket without a listener is taken over; -EADDRINUSE: an agent listens.
 */
int tg_control_open(const char *run_dir, tg_control_handler handler, void *arg,
		    struct tg_control **out, char *error, size_t error_bytes);

/* For epoll: readable when tg_control_run has something to do. */
int tg_control_fd(const struct tg_control *control);

/* Serve what is ready; close who has been silent for too long. Call once a second too. */
void tg_control_run(struct tg_control *control, uint64_t now_ns);

/* Close all and remove the socket's file. */
void tg_control_close(struct tg_control *control);

#endif

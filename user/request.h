/* SPDX-License-Identifier: BSD-2-Clause */
/* A verb's request, from the configuration's path to the reply. */
#ifndef TOLLGATE_REQUEST_H
#define TOLLGATE_REQUEST_H

#include <stddef.h>

#include "options.h"

struct json_object;
struct tg_column;

/* {"verb":verb}, to be added to. */
struct json_object *tg_request_new(const char *verb);
void tg_request_add(struct json_object *request, const char *name, const char *text);

/*
 * Both: 0 and *reply (the caller's), else the exit status; the error was printed
 * under the name of command. tg_request_ask: of the agent, else of the pinned
 * maps. tg_request_do: of a running agent, as it changes something.
 */
int tg_request_ask(const char *command, const struct tg_options *options,
		   struct json_object *request, struct json_object **reply);
int tg_request_do(const char *command, const struct tg_options *options,
		  struct json_object *request, struct json_object **reply);

/* Ask verb, which has no arguments, and print the rows of its reply as -o says. */
int tg_request_list(const char *command, const char *verb, const struct tg_options *options,
		    const struct tg_column *columns, size_t count);

#endif

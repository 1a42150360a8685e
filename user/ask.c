/* SPDX-License-Identifier: BSD-2-Clause */
#include "ask.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "books.h"
#include "client.h"
#include "cmd.h"
#include "control.h"
#include "link.h"
#include "loader.h"
#include "pins.h"

#define OTHERS_MS 200 /* who only looks whether it is locked is gone by then */

struct tg_ask {
	const struct tg_config *config;
	struct tg_client *client; /* NULL: no agent answers */
	bool deaf;		  /* an agent runs all the same */
	struct tg_maps maps;
	struct tg_snapshot *snapshot;
};

/* An agent holds the lock of the pins for as long as it lives. */
static bool agent_lives(const char *pin_dir)
{
	int lock = tg_pins_lock(pin_dir, OTHERS_MS);

	if (lock >= 0)
		close(lock);
	return lock == -EBUSY;
}

/* In the agent's place: the pinned maps. */
static int open_maps(struct tg_ask *ask, char *error, size_t error_bytes)
{
	int err = tg_maps_open(&ask->maps, ask->config->pin_dir, error, error_bytes);

	if (err)
		return err;
	ask->deaf = agent_lives(ask->config->pin_dir);
	return 0;
}

int tg_ask_open(const struct tg_config *config, struct tg_ask **out, char *error,
		size_t error_bytes)
{
	struct tg_ask *ask = calloc(1, sizeof(*ask));
	int err;

	if (!ask) {
		snprintf(error, error_bytes, "out of memory");
		return TG_EXIT_FAILED;
	}
	ask->config = config;
	err = tg_client_open(config->run_dir, &ask->client, error, error_bytes);
	if (tg_client_is_absent(err) || err == -ETIMEDOUT)
		err = open_maps(ask, error, error_bytes);
	if (err) {
		free(ask);
		return TG_EXIT_FAILED;
	}
	*out = ask;
	return 0;
}

void tg_ask_close(struct tg_ask *ask)
{
	if (!ask)
		return;
	if (ask->client)
		tg_client_close(ask->client);
	else
		tg_maps_close(&ask->maps);
	tg_snapshot_free(ask->snapshot);
	free(ask);
}

/* What quotas need beside the snapshot: the policies in force, and the secret if it can be read. */
static int answer_with_quotas(struct tg_ask *ask, struct tg_answer *from,
			      struct json_object *request, struct tg_text *text, char *error,
			      size_t error_bytes)
{
	struct tg_http_config http;
	struct tg_enforce enforce;
	char unread[256];
	int err = tg_enforce_open(&ask->maps, false, &enforce, error, error_bytes);

	if (err)
		return err;
	from->quotas.config = ask->config;
	from->quotas.maps = &ask->maps;
	from->quotas.enforce = &enforce;
	from->quotas.snapshot = ask->snapshot;
	if (!access(ask->config->identity.secret_file, R_OK) &&
	    !tg_books_http(ask->config, TG_SECRET_REFUSE, &http, unread, sizeof(unread)))
		from->quotas.http = &http;
	tg_answer(from, request, text);
	explicit_bzero(&http, sizeof(http));
	tg_enforce_close(&enforce);
	return 0;
}

/* Answer from the maps, as the agent would. */
static int answer(struct tg_ask *ask, struct json_object *request, struct tg_text *text,
		  char *error, size_t error_bytes)
{
	struct tg_attachment attachments[TG_IFACES_MAX];
	struct tg_link_info links[TG_IFACES_MAX] = {0};
	struct tg_answer from = {
		.status = {.config = ask->config, .attachments = attachments, .links = links}};
	int count = tg_loader_attachments(ask->config->pin_dir, attachments, TG_IFACES_MAX);
	int err = count < 0 ? count : tg_collect(&ask->maps, &ask->snapshot);

	if (err) {
		snprintf(error, error_bytes, "%s: cannot be read: %s", ask->config->pin_dir,
			 strerror(-err));
		return err;
	}
	for (int i = 0; i < count; i++)
		tg_link_query(attachments[i].name, &links[i]);
	from.status.snapshot = ask->snapshot;
	from.status.interfaces_count = (unsigned int)count;
	return answer_with_quotas(ask, &from, request, text, error, error_bytes);
}

static int ask_maps(struct tg_ask *ask, struct json_object *request, struct json_object **reply,
		    char *error, size_t error_bytes)
{
	struct tg_text text = {0};
	int err = answer(ask, request, &text, error, error_bytes);

	*reply = !err && !text.failed ? json_tokener_parse(text.data) : NULL;
	tg_text_free(&text);
	if (!err && !*reply) {
		snprintf(error, error_bytes, "no memory for the answer; ask for less (--top N)");
		return -1;
	}
	return err;
}

/* The agent's answer; when it hangs, from now on that of the maps, if they can be read. */
static int ask_agent(struct tg_ask *ask, struct json_object *request, struct json_object **reply,
		     char *error, size_t error_bytes)
{
	char unread[256];
	int err = tg_client_call(ask->client, request, reply, error, error_bytes);

	if (err != -ETIMEDOUT || open_maps(ask, unread, sizeof(unread)))
		return err;
	tg_client_close(ask->client);
	ask->client = NULL;
	return ask_maps(ask, request, reply, error, error_bytes);
}

bool tg_ask_warn_if_deaf(const struct tg_ask *ask)
{
	if (ask->deaf)
		fprintf(stderr,
			"tollgate: an agent runs, but does not answer at %s/" TG_CONTROL_SOCKET
			"; read the pinned maps instead; restart it, or see its log\n",
			ask->config->run_dir);
	return ask->deaf;
}

/* An answer may be an error: {"error": "...", "exit": N}. */
static int look_for_error(struct json_object *reply, char *error, size_t error_bytes)
{
	struct json_object *text = json_object_object_get(reply, "error");
	int status = json_object_get_int(json_object_object_get(reply, "exit"));

	if (!text)
		return 0;
	snprintf(error, error_bytes, "%s", json_object_get_string(text));
	return status == TG_EXIT_USAGE ? TG_EXIT_USAGE : TG_EXIT_FAILED;
}

int tg_ask(struct tg_ask *ask, struct json_object *request, struct json_object **reply, char *error,
	   size_t error_bytes)
{
	struct json_object *object = NULL;
	int status;

	if (ask->client)
		status = ask_agent(ask, request, &object, error, error_bytes);
	else
		status = ask_maps(ask, request, &object, error, error_bytes);
	if (status)
		return TG_EXIT_FAILED;
	status = look_for_error(object, error, error_bytes);
	if (status)
		json_object_put(object);
	else
		*reply = object;
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "ask.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "client.h"
#include "cmd.h"
#include "link.h"
#include "loader.h"

#define ERROR_BYTES 512

struct tg_ask {
	const char *verb;
	const struct tg_config *config;
	struct tg_client *client; /* NULL: no agent runs */
	struct tg_maps maps;
	struct tg_snapshot *snapshot;
};

int tg_ask_open(const char *verb, const struct tg_config *config, struct tg_ask **out)
{
	struct tg_ask *ask = calloc(1, sizeof(*ask));
	char error[ERROR_BYTES] = "";
	int err;

	if (!ask)
		return tg_cmd_fail(TG_EXIT_FAILED, "%s: out of memory", verb);
	ask->verb = verb;
	ask->config = config;
	err = tg_client_open(config->run_dir, &ask->client, error, sizeof(error));
	if (tg_client_is_absent(err))
		err = tg_maps_open(&ask->maps, config->pin_dir, error, sizeof(error));
	if (err) {
		free(ask);
		return tg_cmd_fail(TG_EXIT_FAILED, "%s: %s", verb, error);
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
	tg_answer(&from, request, text);
	return 0;
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

/* An answer may be an error: {"error": "...", "exit": N}. */
static int look_for_error(struct json_object *reply)
{
	struct json_object *error = json_object_object_get(reply, "error");
	int status = json_object_get_int(json_object_object_get(reply, "exit"));

	if (!error)
		return 0;
	return tg_cmd_fail(status == TG_EXIT_USAGE ? TG_EXIT_USAGE : TG_EXIT_FAILED, "%s",
			   json_object_get_string(error));
}

int tg_ask(struct tg_ask *ask, struct json_object *request, struct json_object **reply)
{
	struct json_object *object = NULL;
	char error[ERROR_BYTES] = "";
	int err;

	if (ask->client)
		err = tg_client_call(ask->client, request, &object, error, sizeof(error));
	else
		err = ask_maps(ask, request, &object, error, sizeof(error));
	if (err)
		return tg_cmd_fail(TG_EXIT_FAILED, "%s: %s", ask->verb, error);
	err = look_for_error(object);
	if (err)
		json_object_put(object);
	else
		*reply = object;
	return err;
}

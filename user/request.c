/* SPDX-License-Identifier: BSD-2-Clause */
#include "request.h"

#include <json-c/json.h>

#include "ask.h"
#include "client.h"
#include "cmd.h"
#include "control.h"
#include "render.h"

struct json_object *tg_request_new(const char *verb)
{
	struct json_object *request = json_object_new_object();

	tg_request_add(request, "verb", verb);
	return request;
}

void tg_request_add(struct json_object *request, const char *name, const char *text)
{
	json_object_object_add(request, name, json_object_new_string(text));
}

static int ask(const char *command, const struct tg_config *config, struct json_object *request,
	       struct json_object **reply)
{
	struct tg_ask *ask = NULL;
	char error[512] = "";
	int status = tg_ask_open(config, &ask, error, sizeof(error));

	if (!status)
		status = tg_ask(ask, request, reply, error, sizeof(error));
	if (!status)
		tg_ask_warn_if_deaf(ask);
	tg_ask_close(ask);
	return status ? tg_cmd_fail(status, "%s: %s", command, error) : TG_EXIT_DONE;
}

/* The agent may answer with an error. Takes object when it is one. */
static int look_for_error(const char *command, struct json_object *object)
{
	struct json_object *text = json_object_object_get(object, "error");
	int status = json_object_get_int(json_object_object_get(object, "exit"));

	if (!text)
		return TG_EXIT_DONE;
	status = status == TG_EXIT_USAGE ? TG_EXIT_USAGE : TG_EXIT_FAILED;
	tg_cmd_fail(status, "%s: %s", command, json_object_get_string(text));
	json_object_put(object);
	return status;
}

static int call(const char *command, const struct tg_config *config, struct json_object *request,
		struct json_object **reply)
{
	struct tg_client *client = NULL;
	struct json_object *object;
	char error[512] = "";
	int err = tg_client_open(config->run_dir, &client, error, sizeof(error));

	if (tg_client_is_absent(err))
		return tg_cmd_fail(TG_EXIT_FAILED,
				   "%s: %s/" TG_CONTROL_SOCKET ": no agent runs; start it: "
				   "systemctl start tollgate",
				   command, config->run_dir);
	if (!err)
		err = tg_client_call(client, request, &object, error, sizeof(error));
	tg_client_close(client);
	if (err)
		return tg_cmd_fail(TG_EXIT_FAILED, "%s: %s", command, error);
	err = look_for_error(command, object);
	if (!err)
		*reply = object;
	return err;
}

static int with_config(const char *command, const struct tg_options *options,
		       struct json_object *request, struct json_object **reply,
		       int (*put)(const char *, const struct tg_config *, struct json_object *,
				  struct json_object **))
{
	struct tg_config *config;
	int status = tg_options_config(options, &config);

	if (status)
		return status;
	status = put(command, config, request, reply);
	tg_config_free(config);
	return status;
}

int tg_request_ask(const char *command, const struct tg_options *options,
		   struct json_object *request, struct json_object **reply)
{
	return with_config(command, options, request, reply, ask);
}

int tg_request_do(const char *command, const struct tg_options *options,
		  struct json_object *request, struct json_object **reply)
{
	return with_config(command, options, request, reply, call);
}

static void print_rows(enum tg_output output, struct json_object *document,
		       const struct tg_column *columns, size_t count)
{
	struct json_object *rows = json_object_object_get(document, "rows");

	if (output == TG_OUTPUT_JSON)
		tg_render_json(document, stdout);
	else if (output == TG_OUTPUT_CSV)
		tg_render_csv(rows, columns, count, stdout);
	else
		tg_render_table(rows, columns, count, stdout);
}

int tg_request_list(const char *command, const char *verb, const struct tg_options *options,
		    const struct tg_column *columns, size_t count)
{
	struct json_object *request = tg_request_new(verb), *reply = NULL;
	int status = tg_request_ask(command, options, request, &reply);

	if (!status)
		print_rows(options->output, reply, columns, count);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

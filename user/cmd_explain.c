/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "explain_text.h"
#include "options.h"
#include "policy.h"
#include "render.h"
#include "request.h"
#include "token_input.h"

#define TOKEN_BYTES  4096 /* with its NUL; the agent's requests are not much longer */
#define ORIGIN_BYTES 254  /* of a host name, with its NUL */

static const char help[] =
	"Usage: tollgate explain --source ADDR [--token TOKEN] [--origin HOST] [-o FORMAT]\n"
	"                        [-c FILE]\n"
	"What would become of a request now: which policies apply, what is left of their\n"
	"budgets, the verdict and why. Spends nothing. Asks the agent; when none runs,\n"
	"reads the pinned maps (as root).\n"
	"\n"
	"  -s, --source ADDR   the client's address\n"
	"  -t, --token TOKEN   its whole token; without it, a request without one. -: read it\n"
	"                      from standard input, one line; a terminal shows no echo.\n"
	"                      Prefer -: on a command line, others see it (ps) and the shell\n"
	"                      keeps it\n"
	"  -O, --origin HOST   the host of its Origin or Referer\n"
	"  -o, --output FORMAT table (default) or json\n"
	"  -c, --config FILE   default " TG_OPTIONS_CONFIG_PATH "\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 done, whatever the verdict; 1 the operation failed; 2 bad usage or\n"
	"configuration.\n"
	"\n"
	"Example:\n"
	"  tollgate explain --source 192.0.2.7 --token - < token.txt\n";

struct arguments {
	const char *source;
	const char *token;
	const char *origin;
	struct tg_options options;
};

/* --- arguments ------------------------------------------------------------------------- */

static int check_source(const char *text)
{
	struct tg_subject network;
	char error[512] = "";

	if (!text)
		return tg_cmd_fail(TG_EXIT_USAGE, "explain: --source is missing; name the client's "
						  "address, for example --source 192.0.2.7");
	if (tg_network_parse(text, &network, error, sizeof(error)))
		return tg_cmd_fail(TG_EXIT_USAGE, "explain: --source: %s", error);
	if (strchr(text, '/'))
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: --source %s: a network; name one address of it", text);
	return TG_EXIT_DONE;
}

/* As the meter keeps it: lower case. */
static int add_origin(struct json_object *request, const char *text)
{
	char host[ORIGIN_BYTES];
	size_t bytes = strlen(text);

	if (!bytes || bytes >= sizeof(host) || strpbrk(text, "/@?#\\") ||
	    (*text != '[' && strchr(text, ':')))
		return tg_cmd_fail(
			TG_EXIT_USAGE,
			"explain: --origin %s: not a host name; write it without scheme, "
			"port and path, as in shop.example",
			text);
	for (size_t i = 0; i <= bytes; i++) {
		host[i] = (char)tolower((unsigned char)text[i]);
		if (host[i] && !isgraph((unsigned char)host[i]))
			return tg_cmd_fail(TG_EXIT_USAGE,
					   "explain: --origin: has a blank or a control character; "
					   "write a host name, as in shop.example");
	}
	tg_request_add(request, "origin", host);
	return TG_EXIT_DONE;
}

/* --- the token ------------------------------------------------------------------------- */

static int refuse_control(void)
{
	return tg_cmd_fail(TG_EXIT_USAGE,
			   "explain: --token: has a control character; give the token "
			   "alone, on one line");
}

static int read_input(char out[TOKEN_BYTES])
{
	int err = tg_token_input(STDIN_FILENO, out, TOKEN_BYTES);

	if (!err)
		return TG_EXIT_DONE;
	if (err == -EMSGSIZE)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: --token -: the line is longer than %d bytes; is it a "
				   "token?",
				   TOKEN_BYTES - 1);
	if (err == -ENODATA)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: --token -: standard input has no token; without "
				   "--token, a request without one is explained");
	if (err == -EINVAL)
		return refuse_control();
	return tg_cmd_fail(TG_EXIT_FAILED, "explain: --token -: standard input: %s; try again",
			   strerror(-err));
}

/* Take it off the command line, where ps shows it. */
static int take_argument(char *argument, char out[TOKEN_BYTES])
{
	size_t bytes = strlen(argument);
	bool fits = bytes < TOKEN_BYTES;

	memcpy(out, argument, fits ? bytes + 1 : 0);
	explicit_bzero(argument, bytes);
	if (!bytes)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: --token: is empty; without it, a request "
				   "without a token is explained");
	if (!fits)
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: --token: is longer than %d bytes; is it a token?",
				   TOKEN_BYTES - 1);
	return TG_EXIT_DONE;
}

static int read_token(const char *argument, char out[TOKEN_BYTES])
{
	int status =
		strcmp(argument, "-") != 0 ? take_argument((char *)argument, out) : read_input(out);

	for (const char *at = out; !status && *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 127)
			status = refuse_control();
	}
	return status;
}

/*
 * json-c keeps a request's text with it, and grows it by moving it. Have it
 * grow while a text stands there that is no secret, and takes most room.
 */
static void add_token(struct json_object *request, const char *token)
{
	int bytes = (int)strlen(token);
	char placeholder[TOKEN_BYTES];
	struct json_object *string;

	memset(placeholder, 1, (size_t)bytes);
	string = json_object_new_string_len(placeholder, bytes);
	json_object_object_add(request, "token", string);
	json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	json_object_set_string_len(string, token, bytes);
}

static void wipe_token(struct json_object *request)
{
	struct json_object *string = json_object_object_get(request, "token");
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);

	if (!string)
		return;
	explicit_bzero((char *)text, strlen(text));
	explicit_bzero((char *)json_object_get_string(string),
		       (size_t)json_object_get_string_len(string));
}

static int read_and_add_token(struct json_object *request, const char *argument)
{
	char token[TOKEN_BYTES];
	int status = read_token(argument, token);

	if (!status)
		add_token(request, token);
	explicit_bzero(token, sizeof(token));
	return status;
}

/* --- the verb -------------------------------------------------------------------------- */

/* The token comes last: nobody types it for a mistake elsewhere. */
static int make_request(const struct arguments *arguments, struct json_object *request)
{
	int status = check_source(arguments->source);

	if (!status)
		tg_request_add(request, "source", arguments->source);
	if (!status && arguments->origin)
		status = add_origin(request, arguments->origin);
	if (!status && arguments->token)
		status = read_and_add_token(request, arguments->token);
	return status;
}

static void print(enum tg_output output, struct json_object *document)
{
	if (output == TG_OUTPUT_JSON)
		tg_render_json(document, stdout);
	else
		tg_explain_print(document, stdout);
}

int tg_cmd_explain(int argc, char **argv)
{
	struct arguments arguments = {0};
	const struct tg_option rows[] = {
		{"source", 's', &arguments.source, NULL},
		{"token", 't', &arguments.token, NULL},
		{"origin", 'O', &arguments.origin, NULL},
		{0},
	};
	const struct tg_command command = {.verb = "explain",
					   .help = help,
					   .rows = rows,
					   .outputs = 1u << TG_OUTPUT_TABLE | 1u << TG_OUTPUT_JSON,
					   .output = TG_OUTPUT_TABLE,
					   .args_max = UINT_MAX};
	struct json_object *request, *reply = NULL;
	int status;

	if (!tg_options_parse(&command, argc, argv, &arguments.options, &status))
		return status;
	if (arguments.options.args_count) /* not said which: it may be a token */
		return tg_cmd_fail(TG_EXIT_USAGE,
				   "explain: an argument is too many; addresses, tokens "
				   "and hosts stand behind --source, --token and --origin");
	request = tg_request_new("explain");
	status = make_request(&arguments, request);
	if (!status)
		status = tg_request_ask("explain", &arguments.options, request, &reply);
	wipe_token(request);
	if (!status)
		print(arguments.options.output, reply);
	json_object_put(reply);
	json_object_put(request);
	return status;
}

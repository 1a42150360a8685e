/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "clock.h"
#include "options.h"
#include "top_model.h"
#include "top_screen.h"

#define ROWS_MAX    5000 /* the rest is one row, "other" */
#define SECOND_NS   1000000000ULL
#define ERROR_BYTES 512

static const char help[] =
	"Usage: tollgate top [--by VIEW] [-c FILE]\n"
	"Requests a second, live: each source and token with its rates and its last minute.\n"
	"\n"
	"  -b, --by VIEW      both (default: source and token), source, token, prefix,\n"
	"                     origin or interface\n"
	"  -c, --config FILE  default " TG_OPTIONS_CONFIG_PATH "\n"
	"  -h, --help         this text\n"
	"\n"
	"Keys:\n"
	"  b s t p o i      view: both, source, token, prefix, origin, interface\n"
	"  r y n            sort by requests/s, bytes/s, number of requests\n"
	"  arrows, PgUp, PgDn, Home\n"
	"  space            pause\n"
	"  q                quit\n"
	"\n"
	"Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"
	"\n"
	"Example:\n"
	"  tollgate top --by token\n";

static const struct view {
	char key;
	const char *name;
	const char *title;
	const char *by; /* as for tollgate usage */
	const char *fields[TG_TOP_LABELS];
	const char *headings[TG_TOP_LABELS];
} views[] = {
	{'b', "both", "source and token", "source,token", {"source", "token"}, {"SOURCE", "TOKEN"}},
	{'s', "source", "source", "source", {"source"}, {"SOURCE"}},
	{'t', "token", "token", "token", {"token", "token_id"}, {"TOKEN", "TOKEN ID"}},
	{'p', "prefix", "token prefix", "prefix", {"prefix"}, {"PREFIX"}},
	{'o', "origin", "origin", "origin", {"origin"}, {"ORIGIN"}},
	{'i', "interface", "interface", "interface", {"interface"}, {"INTERFACE"}},
};
#define VIEWS (sizeof(views) / sizeof(views[0]))

struct top {
	const struct tg_config *config;
	struct tg_ask *ask; /* NULL: to be opened (again) */
	const struct view *view;
	struct tg_top_view screen;
	struct tg_top_model models[VIEWS]; /* by view: none forgets its last minute */
	char error[ERROR_BYTES];	   /* of the last poll, "": it went well */
	bool paused;
	bool quit;
};

static void choose_view(struct top *top, const struct view *view)
{
	top->view = view;
	top->screen.title = view->title;
	top->screen.first = 0;
	memcpy(top->screen.heading, view->headings, sizeof(top->screen.heading));
}

static struct tg_top_model *model_of(struct top *top)
{
	return &top->models[top->view - views];
}

static const struct view *find_view(const char *name)
{
	for (size_t i = 0; i < VIEWS; i++) {
		if (!strcmp(views[i].name, name))
			return &views[i];
	}
	return NULL;
}

/* --- asking --------------------------------------------------------------------------- */

static int ask(struct top *top, struct json_object **reply)
{
	struct json_object *request = json_object_new_object();
	int status;

	json_object_object_add(request, "verb", json_object_new_string("usage"));
	json_object_object_add(request, "by", json_object_new_string(top->view->by));
	json_object_object_add(request, "top", json_object_new_int(ROWS_MAX));
	status = tg_ask(top->ask, request, reply, top->error, sizeof(top->error));
	json_object_put(request);
	return status;
}

/* After an error, the next poll begins anew: the agent may be restarting. */
static int poll_once(struct top *top)
{
	struct json_object *document = NULL;
	int status = 0;

	top->error[0] = '\0';
	if (!top->ask)
		status = tg_ask_open(top->config, &top->ask, top->error, sizeof(top->error));
	if (!status)
		status = ask(top, &document);
	if (!status && tg_top_model_take(model_of(top), document, top->view->fields)) {
		snprintf(top->error, sizeof(top->error), "the answer was not understood");
		status = TG_EXIT_FAILED;
	}
	json_object_put(document);
	if (!status)
		return 0;
	tg_ask_close(top->ask);
	top->ask = NULL;
	return status;
}

/* --- keys ----------------------------------------------------------------------------- */

static void scroll(struct top *top, long rows)
{
	long first = (long)top->screen.first + rows;

	top->screen.first = first > 0 ? (size_t)first : 0;
}

/* true: the view is another one and must be asked for at once. */
static bool take_key(struct top *top, int key)
{
	long page = (long)tg_top_screen_rows();

	switch (key) {
	case 'q':
		top->quit = true;
		return false;
	case ' ':
		top->paused = !top->paused;
		return false;
	case 'r':
		top->screen.sort = TG_TOP_BY_REQUESTS_RATE;
		return false;
	case 'y':
		top->screen.sort = TG_TOP_BY_BYTES_RATE;
		return false;
	case 'n':
		top->screen.sort = TG_TOP_BY_REQUESTS;
		return false;
	case TG_TOP_KEY_UP:
		scroll(top, -1);
		return false;
	case TG_TOP_KEY_DOWN:
		scroll(top, 1);
		return false;
	case TG_TOP_KEY_PAGE_UP:
		scroll(top, -page);
		return false;
	case TG_TOP_KEY_PAGE_DOWN:
		scroll(top, page);
		return false;
	case TG_TOP_KEY_HOME:
		top->screen.first = 0;
		return false;
	}
	for (size_t i = 0; i < VIEWS; i++) {
		if (views[i].key != key)
			continue;
		choose_view(top, &views[i]);
		return true;
	}
	return false;
}

static void draw(struct top *top)
{
	top->screen.notice = top->error[0] ? top->error
			     : top->paused ? "paused; space goes on"
					   : "";
	tg_top_model_sort(model_of(top), top->screen.sort);
	tg_top_screen_draw(model_of(top), &top->screen);
}

/* Draw, and take keys until it is time to ask again. */
static void show_until(struct top *top, uint64_t due_ns)
{
	while (!top->quit) {
		uint64_t now_ns = tg_clock_monotonic_ns();

		draw(top);
		if (now_ns >= due_ns && !top->paused)
			return;
		if (take_key(top, tg_top_screen_key(top->paused ? 1000
								: (unsigned int)((due_ns - now_ns) /
										 1000000) +
									  1)))
			return;
	}
}

static int run(struct top *top)
{
	/* Before the terminal is taken: an error of the first answer is one line on stderr. */
	int status = poll_once(top);

	if (status)
		return tg_cmd_fail(status, "top: %s", top->error);
	if (tg_top_screen_open())
		return tg_cmd_fail(TG_EXIT_FAILED,
				   "top: TERM: this terminal cannot be drawn on; set TERM, or use "
				   "`tollgate usage`");
	while (!top->quit) {
		uint64_t due_ns = tg_clock_monotonic_ns() + SECOND_NS;

		show_until(top, due_ns);
		if (!top->quit)
			poll_once(top);
	}
	tg_top_screen_close();
	return TG_EXIT_DONE;
}

int tg_cmd_top(int argc, char **argv)
{
	const char *by = "both";
	const struct tg_option rows[] = {{"by", 'b', &by, NULL}, {0}};
	const struct tg_command command = {.verb = "top", .help = help, .rows = rows};
	struct tg_config *config = NULL;
	struct tg_options options;
	struct top top = {0};
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	if (!find_view(by))
		return tg_cmd_fail(
			TG_EXIT_USAGE,
			"top: --by %s: no such view; one of both, source, token, prefix, "
			"origin, interface",
			by);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return tg_cmd_fail(TG_EXIT_FAILED,
				   "top: standard input and output: not a terminal; use `tollgate "
				   "usage` in scripts");
	status = tg_options_config(&options, &config);
	if (status)
		return status;
	top.config = config;
	choose_view(&top, find_view(by));
	status = run(&top);
	tg_ask_close(top.ask);
	for (size_t i = 0; i < VIEWS; i++)
		tg_top_model_clear(&top.models[i]);
	tg_config_free(config);
	return status;
}

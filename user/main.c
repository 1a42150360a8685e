/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of verbs, and nothing else. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} verbs[] = {
	{"run", tg_cmd_run, "the agent, in the foreground"},
	{"check", tg_cmd_check, "validate a configuration and print the effective one"},
	{"status", tg_cmd_status, "interfaces, attach mode, map fill, agent health"},
	{"usage", tg_cmd_usage, "requests per source, token, origin or interface"},
	{"top", tg_cmd_top, "the same, live, in the terminal"},
	{"quota", tg_cmd_quota, "what a source or token may spend: set, list, rm"},
	{"block", tg_cmd_block, "drop what a source or a token sends"},
	{"unblock", tg_cmd_unblock, "end that"},
	{"blocks", tg_cmd_blocks, "what is dropped now, and why"},
	{"explain", tg_cmd_explain, "what would become of a request, and why"},
	{"doctor", tg_cmd_doctor, "what on this host hinders the meter, and what mends it"},
	{"detach", tg_cmd_detach, "take the programs off and remove the pins"},
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static int help(void)
{
	printf("Usage: tollgate VERB [OPTION]...\n"
	       "Count HTTP requests per source address and API token at the network card, and "
	       "refuse\n"
	       "those beyond their quotas.\n"
	       "\n"
	       "Verbs:\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].summary);
	printf("\n"
	       "  -h, --help     this text; tollgate VERB --help tells more\n"
	       "  -V, --version  the version\n"
	       "\n"
	       "Exit status: 0 done, 1 the operation failed, 2 bad usage or configuration.\n"
	       "\n"
	       "Example:\n"
	       "  tollgate usage --by token --top 10\n");
	return TG_EXIT_DONE;
}

static int version(void)
{
	printf("tollgate %s\n", TG_VERSION);
	return TG_EXIT_DONE;
}

/* What was printed may not have arrived: a full disk behind `> file`, say. */
static int finish(int status)
{
	if ((fflush(stdout) || ferror(stdout)) && status == TG_EXIT_DONE)
		return tg_cmd_fail(TG_EXIT_FAILED,
				   "standard output: cannot be written: %m; the output is not "
				   "complete");
	return status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
		return finish(help());
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		return finish(version());
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(name, verbs[i].name))
			return finish(verbs[i].run(argc - 1, argv + 1));
	}
	if (argc < 2)
		return tg_cmd_fail(TG_EXIT_USAGE, "no verb is given; see tollgate --help");
	return tg_cmd_fail(TG_EXIT_USAGE, "%s: unknown verb; see tollgate --help", name);
}

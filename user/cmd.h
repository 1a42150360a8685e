/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs: one file user/cmd_*.c each, one row of the table in user/main.c.
 * argv[0] is the verb. Returns the exit status of the process.
 */
#ifndef TOLLGATE_CMD_H
#define TOLLGATE_CMD_H

#ifndef TG_VERSION
#define TG_VERSION "unknown" /* the Makefile sets it */
#endif

enum tg_exit {
	TG_EXIT_DONE = 0,
	TG_EXIT_FAILED = 1,
	TG_EXIT_USAGE = 2, /* bad usage or bad configuration */
};

int tg_cmd_run(int argc, char **argv);
int tg_cmd_check(int argc, char **argv);
int tg_cmd_status(int argc, char **argv);
int tg_cmd_usage(int argc, char **argv);
int tg_cmd_top(int argc, char **argv);
int tg_cmd_quota(int argc, char **argv);
int tg_cmd_block(int argc, char **argv);
int tg_cmd_unblock(int argc, char **argv);
int tg_cmd_blocks(int argc, char **argv);
int tg_cmd_explain(int argc, char **argv);
int tg_cmd_doctor(int argc, char **argv);
int tg_cmd_detach(int argc, char **argv);

/*
 * Print "tollgate: <message>" as one line on stderr; returns status, so that a
 * verb ends with `return tg_cmd_fail(TG_EXIT_FAILED, "...")`.
 */
int tg_cmd_fail(enum tg_exit status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

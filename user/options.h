/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of a verb: -c, -o and --help mean the same everywhere, and
 * so do the errors. A verb adds its own options as rows.
 */
#ifndef TOLLGATE_OPTIONS_H
#define TOLLGATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#ifndef TG_OPTIONS_CONFIG_PATH /* the Makefile's SYSCONFDIR */
#define TG_OPTIONS_CONFIG_PATH "/etc/tollgate/tollgate.yaml"
#endif
#define TG_OPTIONS_MAX 12 /* rows of one verb */

enum tg_output { TG_OUTPUT_TABLE, TG_OUTPUT_JSON, TG_OUTPUT_CSV, TG_OUTPUT_YAML };

/* For tg_command.outputs. */
#define TG_OUTPUTS_LISTING (1u << TG_OUTPUT_TABLE | 1u << TG_OUTPUT_JSON | 1u << TG_OUTPUT_CSV)

/* An option that only this verb has. */
struct tg_option {
	const char *name;   /* long form, without the "--" */
	char letter;	    /* short form, or 0 */
	const char **value; /* takes an argument: set to it (the last one given) */
	bool *flag;	    /* takes none: set to true. Exactly one of value, flag */
};

struct tg_command {
	const char *verb;
	const char *help;	      /* all of --help: synopsis, options, example */
	const struct tg_option *rows; /* ends with {0}; NULL: none */
	unsigned int outputs;	      /* bit 1 << enum tg_output: accepted by -o; 0: no -o */
	enum tg_output output;	      /* without -o */
	unsigned int args_max;	      /* operands after the options */
};

struct tg_options {
	const char *config_path; /* -c, or TG_OPTIONS_CONFIG_PATH */
	enum tg_output output;	 /* -o */
	char **args;		 /* operands, within argv */
	unsigned int args_count;
};

/*
 * argv[0] is the verb. true: go on with *out. false: end the process with
 * *status (--help was printed: 0; bad usage, said on stderr: 2).
 */
bool tg_options_parse(const struct tg_command *command, int argc, char **argv,
		      struct tg_options *out, int *status);

/* Load the file of -c. 0 and *out, else the exit status; the error was printed. */
int tg_options_config(const struct tg_options *options, struct tg_config **out);

/* The argument of --name as a whole number. 0, else the exit status (2); the error was printed. */
int tg_options_number(const char *verb, const char *name, const char *text, uint64_t min,
		      uint64_t max, uint64_t *out);

#endif

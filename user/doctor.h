/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What on this host keeps the meter from working or from working fast. A check
 * is a row: a name and a function that looks at one thing and says what it
 * found and, where it found fault, the command that mends it.
 */
#ifndef TOLLGATE_DOCTOR_H
#define TOLLGATE_DOCTOR_H

#include <stddef.h>

#include "config.h"

enum tg_doctor_level {
	TG_DOCTOR_OK,
	TG_DOCTOR_WARN,	   /* works, but slower or with less than it could */
	TG_DOCTOR_FAIL,	   /* keeps the meter from working */
	TG_DOCTOR_UNKNOWN, /* could not be found out here */
};

struct tg_doctor_result {
	const char *subject; /* "host", or the interface's name */
	const char *check;   /* the row's name: "kernel", "native_xdp", ... */
	enum tg_doctor_level level;
	char found[192];
	char mend[192]; /* a command, or "" */
};

/* What the checks look at: config NULL means that it could not be read, error says why. */
struct tg_doctor_target {
	const struct tg_config *config;
	const char *config_path;
	const char *config_error;
};

const char *tg_doctor_level_name(enum tg_doctor_level level);

typedef void (*tg_doctor_said)(const struct tg_doctor_result *result, void *arg);

/*
 * Run all checks of the host, then those of each interface: the configured
 * ones, or only the one named. Returns the number of results that are
 * TG_DOCTOR_FAIL.
 */
unsigned int tg_doctor_run(const struct tg_doctor_target *target, const char *only,
			   tg_doctor_said said, void *arg);

#endif

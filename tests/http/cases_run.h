/* SPDX-License-Identifier: BSD-2-Clause */
/* Every case a test of its own, for cmocka. */
#ifndef TOLLGATE_TESTS_CASES_RUN_H
#define TOLLGATE_TESTS_CASES_RUN_H

#include "cases.h"

/*
 * Load the cases and run test on each: *state is its struct tg_case. argv[1],
 * if given, is a pattern of names. Returns the process's exit status.
 */
int tg_cases_run(int argc, char **argv, const char *group, void (*test)(void **state));

#endif

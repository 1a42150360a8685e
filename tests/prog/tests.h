/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests of one program: some written out, others a row of a table each. */
#ifndef TOLLGATE_TESTS_TESTS_H
#define TOLLGATE_TESTS_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TG_TESTS_MAX 256

/* A list of them has room for TG_TESTS_MAX, and ends with one without a name. */

/* One more, with *state a row of a table. setup: of this test; NULL: none. */
void tg_tests_add(struct CMUnitTest tests[TG_TESTS_MAX], const char *name, CMUnitTestFunction test,
		  CMFixtureFunction setup, const void *row);

/*
 * setup: before the first one; NULL: none. argv[1], if given, is a pattern of names.
 * Returns the process's exit status.
 */
int tg_tests_run(const char *group, const struct CMUnitTest tests[TG_TESTS_MAX],
		 CMFixtureFunction setup, int argc, char **argv);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>

static size_t count_tests(const struct CMUnitTest tests[TG_TESTS_MAX])
{
	size_t count = 0;

	while (count < TG_TESTS_MAX && tests[count].name)
		count++;
	return count;
}

void tg_tests_add(struct CMUnitTest tests[TG_TESTS_MAX], const char *name, CMUnitTestFunction test,
		  CMFixtureFunction setup, const void *row)
{
	size_t count = count_tests(tests);

	if (count == TG_TESTS_MAX) { /* one that is left out would look as if it had passed */
		fprintf(stderr, "%s: there are %d tests already\n", name, TG_TESTS_MAX);
		exit(1);
	}
	tests[count] = (struct CMUnitTest){
		.name = name, .test_func = test, .setup_func = setup, .initial_state = (void *)row};
}

int tg_tests_run(const char *group, const struct CMUnitTest tests[TG_TESTS_MAX],
		 CMFixtureFunction setup, int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests(group, tests, count_tests(tests), setup, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cases_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

int tg_cases_run(int argc, char **argv, const char *group, void (*test)(void **state))
{
	struct CMUnitTest *tests;
	struct tg_cases cases;
	int failed = 1;

	if (tg_cases_load(tg_cases_dir(), &cases))
		return 1;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	tests = calloc(cases.count, sizeof(*tests));
	if (!tests)
		goto out;
	for (size_t i = 0; i < cases.count; i++)
		tests[i] = (struct CMUnitTest){.name = cases.row[i].name,
					       .test_func = test,
					       .initial_state = &cases.row[i]};
	failed = _cmocka_run_group_tests(group, tests, cases.count, NULL, NULL);
out:
	free(tests);
	tg_cases_free(&cases);
	return failed;
}

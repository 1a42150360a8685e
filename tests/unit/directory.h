/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own. */
#ifndef TOLLGATE_TESTS_DIRECTORY_H
#define TOLLGATE_TESTS_DIRECTORY_H

extern char directory[];

/* cmocka set-up and tear-down: it is there and empty, and gone with all that is in it. */
int directory_make(void **state);
int directory_remove(void **state);

#endif

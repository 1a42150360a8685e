/* SPDX-License-Identifier: BSD-2-Clause */
/* The reply to "explain", for people. Pure. */
#ifndef TOLLGATE_EXPLAIN_TEXT_H
#define TOLLGATE_EXPLAIN_TEXT_H

#include <stdio.h>

struct json_object;

/* The verdict first, then of whom, then a table of the policies and what is left. */
void tg_explain_print(struct json_object *document, FILE *to);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The one line that a failing function leaves for people, and its code. */
#ifndef TOLLGATE_ERROR_H
#define TOLLGATE_ERROR_H

#include <stddef.h>

/*
 * Write "<thing>: <what is wrong>; <what to do>" to error (cut to fit; NULL:
 * nowhere) and return code, so that a function ends with
 * `return tg_error(-EBUSY, error, error_bytes, "...")`.
 */
int tg_error(int code, char *error, size_t error_bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

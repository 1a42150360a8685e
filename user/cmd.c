/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>

int tg_cmd_fail(enum tg_exit status, const char *format, ...)
{
	va_list args;

	fputs("tollgate: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

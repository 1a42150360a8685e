/* SPDX-License-Identifier: BSD-2-Clause */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int tg_error(int code, char *error, size_t error_bytes, const char *format, ...)
{
	va_list args;

	if (error && error_bytes) {
		va_start(args, format);
		vsnprintf(error, error_bytes, format, args);
		va_end(args);
	}
	return code;
}

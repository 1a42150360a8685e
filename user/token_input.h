/* SPDX-License-Identifier: BSD-2-Clause */
/* A token from standard input; from a terminal, without an echo. */
#ifndef TOLLGATE_TOKEN_INPUT_H
#define TOLLGATE_TOKEN_INPUT_H

#include <stddef.h>

/*
 * The first line of fd, without its newline, NUL-terminated. 0; -ENODATA: it is
 * empty; -EMSGSIZE: it does not fit; -EINVAL: it has a NUL; -EINTR: a signal came;
 * or -errno. out holds nothing of it then. Wiping it is for the caller.
 */
int tg_token_input(int fd, char *out, size_t out_bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of state_dir: replaced whole, or read. */
#ifndef TOLLGATE_FILE_H
#define TOLLGATE_FILE_H

#include <stddef.h>
#include <stdio.h>

/*
 * Replace path, which stands in dir (made if it is not there), by text: 0600, at once,
 * and on disk when this returns. -errno: the old file stands.
 */
int tg_file_replace(const char *dir, const char *path, const char *text, size_t bytes);

/* What was made, renamed or removed in dir is so on disk, too, when this returns. 0, or -errno. */
int tg_file_sync_directory(const char *dir);

/* A regular file, to be read. NULL: errno says why. */
FILE *tg_file_read(const char *path);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tokens and sources have a series, kept in a file from agent to agent:
 * an agent that chose anew would move counts between a series and "other", and
 * every rate() over the restart would show requests that nobody made.
 */
#ifndef TOLLGATE_EXPORT_STATE_H
#define TOLLGATE_EXPORT_STATE_H

#include "export_series.h"

/* Write the file as tg_file_replace does. books_unix_ns: when the maps were made. */
int tg_export_state_save(const char *path, const struct tg_export_series *series,
			 uint64_t books_unix_ns);

/*
 * Before the first update. -ENOENT: no file; -ESTALE: of other books; -EINVAL:
 * not a file of ours, or not all of one; or -errno. Nothing is restored then.
 */
int tg_export_state_load(const char *path, struct tg_export_series *series, uint64_t books_unix_ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was taken of calendar quotas, on disk: the maps are gone after a reboot or
 * `tollgate detach`, and a month's quota must not begin anew with them. Rates are
 * not kept: a bucket is full again soon.
 */
#ifndef TOLLGATE_SPENT_H
#define TOLLGATE_SPENT_H

#include "enforce.h"

/*
 * Write the file, as tg_file_replace does. hash: of what
 * was written last, 0 at first; nothing is written while it stays the same. 0, or
 * -errno: the old file stands.
 */
int tg_spent_save(const char *dir, const char *path, const struct tg_enforce *enforce,
		  uint64_t *hash);

/*
 * Take the file's numbers into the budgets of policies in force, where they are higher
 * than what the maps say: so it may be read over maps that were kept, too. -ENOENT:
 * no file; -EINVAL: not such a file, or cut off (what came before is taken).
 */
int tg_spent_load(const char *path, const struct tg_enforce *enforce);

#endif

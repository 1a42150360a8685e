/* SPDX-License-Identifier: BSD-2-Clause */
/* What a configuration must keep beyond types and ranges; see config.c. */
#ifndef TOLLGATE_CONFIG_CHECK_H
#define TOLLGATE_CONFIG_CHECK_H

#include "config.h"
#include "config_lines.h"

/* Before loading: the document as a whole. 0 or -EINVAL. */
int tg_config_check_document(const struct tg_config_lines *lines);

/* After loading, with every default filled in. 0 or -EINVAL. */
int tg_config_check(const struct tg_config_lines *lines, const struct tg_config *config);

#endif

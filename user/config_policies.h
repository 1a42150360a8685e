/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies and never_block: from the texts in the file to what config.h promises. */
#ifndef TOLLGATE_CONFIG_POLICIES_H
#define TOLLGATE_CONFIG_POLICIES_H

#include "config.h"
#include "config_lines.h"
#include "config_raw.h"

/* 0, -EINVAL with a fault, or -ENOMEM. */
int tg_config_take_never_block(const struct tg_config_lines *lines, struct tg_config *config,
			       const struct tg_config_raw *raw);

/* After never_block and identity, against which policies are checked. */
int tg_config_take_policies(const struct tg_config_lines *lines, struct tg_config *config,
			    const struct tg_config_raw *raw);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of a host without any: what the agent would find in a few of them, by
 * stand-ins for the functions of libbpf that user/maps.c calls. Read only.
 */
#ifndef TOLLGATE_TESTS_FUZZ_FAKE_MAPS_H
#define TOLLGATE_TESTS_FUZZ_FAKE_MAPS_H

#include "enforce.h"

#define FAKE_BUDGETS (TG_POLICIES_MAX + 8)

/* Three blocks, a policy of each kind, budgets of which one is spent. */
const struct tg_enforce *fake_maps_enforce(void);
const struct tg_maps *fake_maps(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that are others in each run; TG_SEED=N, as printed, makes them the same again. */
#ifndef TOLLGATE_TESTS_RANDOM_H
#define TOLLGATE_TESTS_RANDOM_H

#include <stdint.h>

int random_seed(void **state); /* cmocka set-up of a group */
uint64_t random_below(uint64_t bound);

#endif

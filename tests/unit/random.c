/* SPDX-License-Identifier: BSD-2-Clause */
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static uint64_t number;

uint64_t random_below(uint64_t bound)
{
	number ^= number << 13;
	number ^= number >> 7;
	number ^= number << 17;
	return (number >> 11) % bound;
}

int random_seed(void **state)
{
	const char *given = getenv("TG_SEED");

	(void)state;
	number = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("TG_SEED=%llu\n", (unsigned long long)number);
	return 0;
}

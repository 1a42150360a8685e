/* SPDX-License-Identifier: BSD-2-Clause */
/* How many instructions the verifier may process for each program, by kernel:
 * tests/vm/verifier-budget. */
#ifndef TESTS_VM_VERIFIER_BUDGET_H
#define TESTS_VM_VERIFIER_BUDGET_H

#include <stddef.h>

struct tg_verifier_budget {
	struct tg_verifier_budget_line {
		char kernel[16], program[32], table[16];
		unsigned int instructions;
	} lines[128];
	size_t count;
};

/* 0; -errno: the file cannot be read, *line is 0; -EINVAL: line *line of it says nothing. */
int tg_verifier_budget_read(struct tg_verifier_budget *budget, const char *path,
			    unsigned int *line);

/* For a kernel's release, such as 6.1.0-9-amd64. 0: the file forgot the program. */
unsigned int tg_verifier_budget_of(const struct tg_verifier_budget *budget, const char *release,
				   const char *program, const char *table);

#endif

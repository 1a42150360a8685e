/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fuzz target asserts: said on stderr, then a crash, which the fuzzer keeps the input of. */
#ifndef TOLLGATE_TESTS_FUZZ_MUST_H
#define TOLLGATE_TESTS_FUZZ_MUST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define must(ok, ...)                                                                              \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			fprintf(stderr, "%s:%d: must hold: %s: ", __FILE__, __LINE__, #ok);        \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif

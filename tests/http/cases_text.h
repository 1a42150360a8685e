/* SPDX-License-Identifier: BSD-2-Clause */
/* The text notation of tests/http/README.md: escapes and repeats -> bytes. */
#ifndef TOLLGATE_TESTS_CASES_TEXT_H
#define TOLLGATE_TESTS_CASES_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Append what text stands for to *bytes (heap, grown) of *count bytes.
 * NULL, or what is wrong with the text.
 */
const char *tg_case_text(const char *text, uint8_t **bytes, size_t *count);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 written a byte at a time from the paper, to hold the scanner's against. */
#ifndef TOLLGATE_TESTS_SIPHASH_PLAIN_H
#define TOLLGATE_TESTS_SIPHASH_PLAIN_H

#include <stddef.h>
#include <stdint.h>

uint64_t tg_siphash_plain(const uint8_t key[16], const uint8_t *text, size_t bytes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's (or fleet's) secret: the SipHash key of token ids. */
#ifndef TOLLGATE_SECRET_H
#define TOLLGATE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define TG_SECRET_BYTES 16

enum tg_secret_missing { /* what becomes of a secret that is not there */
			 TG_SECRET_MAKE,
			 TG_SECRET_REFUSE, /* -ENOENT: the books are kept under one that there is,
					      or was */
};

/*
 * Read identity.secret_file: 32 hex digits and a newline, accessible to its
 * owner only. If it is not there, refuse, or make it (0600, in a directory that is made
 * 0700 if need be) from getrandom(2): complete or not at all, and when two
 * processes do so at once, both end with the same secret.
 *
 * 0, or -errno with out untouched and one line in error, which never holds a
 * byte of the file. -EINVAL: bad contents; -EACCES: open to others.
 */
int tg_secret_load(const char *path, enum tg_secret_missing missing, uint8_t out[TG_SECRET_BYTES],
		   char *error, size_t error_bytes);

#endif

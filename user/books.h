/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books: the pinned maps of this host, kept from agent to agent under one
 * secret and one ABI. Opened by the one agent that holds their lock.
 */
#ifndef TOLLGATE_BOOKS_H
#define TOLLGATE_BOOKS_H

#include "../include/tollgate/http_config.h"
#include "config.h"
#include "maps.h"
#include "secret.h"

/* The scanner's table, with the secret in it: wipe it after use. 0, or -errno. */
int tg_books_http(const struct tg_config *config, enum tg_secret_missing missing,
		  struct tg_http_config *out, char *error, size_t error_bytes);

/*
 * Lock pin_dir, and adopt its maps or make new ones (not yet pinned). Changes
 * nothing that is pinned. 0 with *maps and *lock_fd, or -errno as
 * tg_loader_open says.
 */
int tg_books_open(const struct tg_config *config, const struct tg_http_config *http,
		  struct tg_maps *maps, int *lock_fd, char *error, size_t error_bytes);

/*
 * 0, or -EKEYREJECTED: the maps were made under another secret, ipv6_prefix or
 * token_prefix_bytes, so that their keys would not be those of the same clients.
 */
int tg_books_check_identity(const struct tg_config *config, const struct tg_http_config *http,
			    const struct tg_maps *maps, char *error, size_t error_bytes);

/* Warn where pinned maps have other sizes than config->limits. */
void tg_books_warn_of_sizes(const struct tg_config *config, const struct tg_maps *maps);

/* Take the maps over: raise the generation, pin what is not pinned. */
int tg_books_take_over(const struct tg_config *config, const struct tg_maps *maps, char *error,
		       size_t error_bytes);

/*
 * The slot of the interface of that name, the first free one if it has none
 * yet; ifindex is noted there. -ENOSPC: all are taken.
 */
int tg_books_slot(const struct tg_maps *maps, const char *name, uint32_t ifindex, uint32_t *slot,
		  char *error, size_t error_bytes);

/* Note that the interface is not there. TG_IFACES_MAX: it has no slot. */
uint32_t tg_books_slot_away(const struct tg_maps *maps, const char *name);

/* Its slot as it stands, or TG_IFACES_MAX. */
uint32_t tg_books_find_slot(const struct tg_maps *maps, const char *name);

#endif

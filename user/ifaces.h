/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the configured interfaces attached while they come, go and change. */
#ifndef TOLLGATE_IFACES_H
#define TOLLGATE_IFACES_H

#include "config.h"
#include "link.h"
#include "loader.h"

struct tg_ifaces;

/* Both are borrowed. NULL: no memory. */
struct tg_ifaces *tg_ifaces_new(struct tg_loader *loader, const struct tg_config *config);
void tg_ifaces_free(struct tg_ifaces *ifaces);

/*
 * Attach every configured interface that is there (again, after a reload).
 * Returns how many are attached. error: why one refused, "": none did; when
 * several did, the others are logged.
 */
unsigned int tg_ifaces_attach(struct tg_ifaces *ifaces, char *error, size_t error_bytes);

/* For the link monitor. */
void tg_ifaces_link_changed(struct tg_ifaces *ifaces, const struct tg_link_event *event);

/* Log what was taken off an interface since the last look: nobody tells. */
void tg_ifaces_check(struct tg_ifaces *ifaces);

/* After a look: how they stand now, in the order of the configuration. *count is their number. */
const struct tg_attachment *tg_ifaces_attachments(struct tg_ifaces *ifaces, unsigned int *count);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only user of the skeleton: opens it, fills its rodata, loads it over the
 * pinned maps (or makes and pins them), attaches it, swaps it, takes it off.
 */
#ifndef TOLLGATE_LOADER_H
#define TOLLGATE_LOADER_H

#include <stdbool.h>

#include "../include/tollgate/http_config.h"
#include "config.h"
#include "maintain.h"
#include "maps.h"

struct tg_loader; /* the loaded object, its maps and links */

struct tg_attachment { /* what status says of an interface */
	char name[TG_IFACE_NAME_BYTES];
	uint32_t slot;
	uint32_t ifindex; /* 0: the interface is not there */
	bool attached;
	enum tg_mode mode; /* in force: NATIVE or GENERIC, once attached */
	uint32_t program_id;
	uint32_t link_id;
	uint32_t egress_id; /* the egress program, where servers are forwarded; 0: none */
	char why[160];	    /* not attached, or no egress program, or generic mode: the reason */
};

/*
 * Make pin_dir (bpffs) and the maps, or adopt the maps that are pinned there.
 * Nothing is attached yet. Links pinned by an earlier agent go on counting.
 * config is borrowed: it must live until tg_loader_close or tg_loader_reload.
 * -EPROTO: pins of another ABI; -EKEYREJECTED: made under another secret
 * or other prefix lengths of identity;
 * -EBUSY: another agent works on these pins. Nothing is changed then.
 */
int tg_loader_open(const struct tg_config *config, struct tg_loader **out, char *error,
		   size_t error_bytes);

const struct tg_maps *tg_loader_maps(const struct tg_loader *loader);
struct tg_maintain *tg_loader_maintain(struct tg_loader *loader);

/* The scanner's table in force, with the secret in it. */
const struct tg_http_config *tg_loader_http(const struct tg_loader *loader);

/*
 * Attach to the interface of config->interfaces[which], or swap the program
 * atomically where our pinned link is on it already. ifindex: now.
 */
int tg_loader_attach(struct tg_loader *loader, unsigned int which, uint32_t ifindex,
		     struct tg_attachment *out, char *error, size_t error_bytes);

/*
 * How the interface stands now, as someone may have taken the program off
 * (`tollgate detach`, `bpftool link detach`). Changes nothing.
 */
int tg_loader_refresh(struct tg_loader *loader, unsigned int which, struct tg_attachment *out);

/*
 * While any interface is attached: pins that someone removed or replaced are made again,
 * and the log says which. 0, or -errno with an error.
 */
int tg_loader_keep_pins(struct tg_loader *loader, char *error, size_t error_bytes);

/* The interface is gone: forget the link, keep the slot. */
void tg_loader_forget(struct tg_loader *loader, unsigned int which);

/*
 * A new configuration (SIGHUP): programs for it, swapped in on every interface
 * that is attached; interfaces that it does not name any more are detached.
 * Afterwards call tg_loader_attach for each interface: it attaches new ones
 * and brings a changed mode about. On error the old configuration stays in
 * force, on every interface; else config is borrowed in the old one's place.
 *
 * agree: asked when nothing of the loader's can fail any more and before
 * anything is detached; an error from it refuses the reload. NULL: nobody else
 * has a say.
 */
typedef int (*tg_loader_agree)(const struct tg_config *config, void *arg, char *error,
			       size_t error_bytes);
int tg_loader_reload(struct tg_loader *loader, const struct tg_config *config,
		     tg_loader_agree agree, void *arg, char *error, size_t error_bytes);

/* Idle time for the next two, in the kernel's jiffies. */
uint64_t tg_loader_jiffies(struct tg_loader *loader, uint64_t seconds);

/* Maintenance programs; in and out as in abi.h. retire_usage: idle usage and origins rows. */
int tg_loader_sweep_flows(struct tg_loader *loader, struct tg_sweep *sweep);
int tg_loader_retire_usage(struct tg_loader *loader, struct tg_sweep *sweep);

/* Leave programs and pins in place: the kernel goes on counting. */
void tg_loader_close(struct tg_loader *loader);

/* What is attached by us now, from the pins alone: for status without an agent. */
int tg_loader_attachments(const char *pin_dir, struct tg_attachment *out, unsigned int max);

/*
 * Take the programs off the named interfaces (none named: all), and when no
 * link is left, remove the pins of the maps too. removed: links taken off.
 */
int tg_loader_detach(const char *pin_dir, char *const *names, unsigned int names_count,
		     unsigned int *removed, char *error, size_t error_bytes);

#endif

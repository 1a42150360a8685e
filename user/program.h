/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object file of the data plane: maps made from it, programs loaded from
 * it. The only file that includes the skeleton. What it hands out are
 * descriptors; the object itself is closed again, as the agent must stay small.
 */
#ifndef TOLLGATE_PROGRAM_H
#define TOLLGATE_PROGRAM_H

#include "../include/tollgate/http_config.h"
#include "config.h"
#include "maps.h"

/* Maps of the sizes in config->limits. 0 and *out, or -errno. */
int tg_program_make_maps(const struct tg_config *config, struct tg_maps *out, char *error,
			 size_t error_bytes);

/* The size that config->limits gives a map; 0: none of its business. */
uint32_t tg_program_map_entries(const struct tg_config *config, enum tg_map map);

/* How large a value of each map is. 0, or -errno. */
int tg_program_value_bytes(uint32_t out[TG_MAPS]);

/*
 * Are adopted maps those of this object, the connection tracker's values
 * included? 0, or -EPROTO.
 */
int tg_program_check_maps(const struct tg_maps *maps, const char *pin_dir, char *error,
			  size_t error_bytes);

/*
 * The XDP program for one interface, whose slot this is, over maps. Returns its
 * descriptor, or -errno with the verifier's last words in error.
 */
int tg_program_load_meter(const struct tg_config *config,
			  const struct tg_config_interface *interface,
			  const struct tg_http_config *http, uint32_t slot,
			  const struct tg_maps *maps, char *error, size_t error_bytes);

/* The program for tc egress of the same interface, likewise. */
int tg_program_load_egress(const struct tg_config *config,
			   const struct tg_config_interface *interface, uint32_t slot,
			   const struct tg_maps *maps, char *error, size_t error_bytes);

/*
 * Called before each of these gives a program to the kernel, whose verifier may take
 * seconds: who watches that the process lives is to be told. NULL: nobody is.
 */
typedef void (*tg_program_loads)(void *arg);
void tg_program_on_load(tg_program_loads tell, void *arg);

enum tg_maintenance_program {
	TG_PROGRAM_SWEEP_FLOWS,
	TG_PROGRAM_MARK_IDLE,
	TG_PROGRAM_RETIRE_MARKED,
	TG_PROGRAM_MARK_BUDGETS,
	TG_PROGRAM_RETIRE_BUDGETS,
	TG_PROGRAM_CLOCKS,
	TG_PROGRAMS
};

/* The maintenance programs: TG_PROGRAMS descriptors. 0, or -errno. */
int tg_program_load_maintenance(const struct tg_maps *maps, int out[TG_PROGRAMS], char *error,
				size_t error_bytes);

#endif

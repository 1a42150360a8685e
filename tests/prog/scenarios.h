/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections, told packet by packet: the fixtures of test_connections.c. Those whose
 * segments come in disorder stand in scenarios_held.c.
 */
#ifndef TOLLGATE_TESTS_SCENARIOS_H
#define TOLLGATE_TESTS_SCENARIOS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../include/tollgate/abi.h"
#include "packet.h"

#define TG_EVENTS_MAX 24

struct tg_event {
	uint8_t flags;
	int32_t at; /* stream offset of the first byte; a SYN stands at -1 */
	const char *text;
	uint32_t reason; /* that the packet is counted as */
	bool late;	 /* so long after the last one that what is missing has been given up */
};

struct tg_expected {
	const char *token; /* NULL: none */
	unsigned int requests;
	unsigned int bytes;
};

struct tg_scenario {
	const char *what;
	struct tg_event event[TG_EVENTS_MAX]; /* ends with one without a text */
	struct tg_expected expected[4];	      /* ends with one without requests */
};

/* Each ends with one without a name. */
extern const struct tg_scenario tg_scenarios[], tg_scenarios_held[];

#endif

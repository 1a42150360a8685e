/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections, told packet by packet: the fixtures of test_connections.c. */
#ifndef TOLLGATE_TESTS_SCENARIOS_H
#define TOLLGATE_TESTS_SCENARIOS_H

#include <stdint.h>

#include "../../include/tollgate/abi.h"
#include "packet.h"

#define TG_EVENTS_MAX 12

struct tg_event {
	uint8_t flags;
	int32_t at; /* stream offset of the first byte; a SYN stands at -1 */
	const char *text;
	uint32_t reason; /* that the packet is counted as */
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

/* Ends with one without a name. */
extern const struct tg_scenario tg_scenarios[];

#endif

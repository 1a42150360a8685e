/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a connection whose request is refused, told packet by packet: the
 * fixtures of test_refusals.c.
 */
#ifndef TOLLGATE_TESTS_REFUSALS_H
#define TOLLGATE_TESTS_REFUSALS_H

#include "wire.h"

#define TG_STEPS_MAX 12

/* Sequence numbers count from the first byte of each side's stream. */
struct tg_step {
	uint8_t flags;
	int32_t at;  /* of the client's first byte; a SYN stands at -1 */
	int32_t ack; /* what the client has of the server's stream */
	const char *text;
	uint32_t reason;       /* that the packet is counted as */
	enum tg_out_kind kind; /* what becomes of it */
	/* Of a packet that was made: to the client, numbers are the server's. */
	int32_t out_seq;
	int32_t out_ack;
	size_t keep; /* CUT: bytes of payload */
};

struct tg_refusal_case {
	const char *what;
	const char *action;
	unsigned int left;		       /* requests that pass before one is refused */
	struct tg_step step[TG_STEPS_MAX + 1]; /* ends with one without a text */
	unsigned int denied;
	bool followed; /* still refused at the end */
	bool small;    /* a request that no answer fits in, unless there are all options */
};

/* Ends with one without a name. */
extern const struct tg_refusal_case tg_refusal_cases[];

#endif

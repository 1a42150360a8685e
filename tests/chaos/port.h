/* SPDX-License-Identifier: BSD-2-Clause */
/* An interface of the link: frames from its wire and to it, many at a time. */
#ifndef TOLLGATE_CHAOS_PORT_H
#define TOLLGATE_CHAOS_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "segment.h"

#define CHAOS_BATCH 64

struct chaos_port {
	int fd;
	unsigned int waiting; /* frames to be sent */
	size_t bytes[CHAOS_BATCH];
	uint8_t frames[CHAOS_BATCH][CHAOS_FRAME_MAX];
	uint64_t missed;   /* came faster than they were read */
	uint64_t unsent;   /* the interface did not take them */
	uint64_t too_long; /* longer than CHAOS_FRAME_MAX: not passed on */
};

/* -errno */
int chaos_port_open(struct chaos_port *port, const char *interface);

/* What has come, at most CHAOS_BATCH frames, one by one to take. -errno */
int chaos_port_receive(struct chaos_port *port,
		       void (*take)(void *to, const uint8_t *frame, size_t bytes), void *to);

/* port: struct chaos_port. Goes out when the batch is full, or is flushed. */
void chaos_port_send(void *port, const uint8_t *frame, size_t bytes);
void chaos_port_flush(struct chaos_port *port);

/* Reads the kernel's count into missed. */
void chaos_port_close(struct chaos_port *port);

#endif

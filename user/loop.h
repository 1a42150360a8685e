/* SPDX-License-Identifier: BSD-2-Clause */
/* The one epoll loop of the agent: descriptors, a timer, signals. */
#ifndef TOLLGATE_LOOP_H
#define TOLLGATE_LOOP_H

#include <stdint.h>

struct tg_loop;

typedef void (*tg_loop_ready)(void *arg);
typedef void (*tg_loop_signal)(int number, void *arg);

/* 0, or -errno. */
int tg_loop_new(struct tg_loop **out);
void tg_loop_free(struct tg_loop *loop);

/* Call ready whenever fd is readable. The fd stays the caller's. 0, or -errno. */
int tg_loop_watch(struct tg_loop *loop, int fd, tg_loop_ready ready, void *arg);
void tg_loop_unwatch(struct tg_loop *loop, int fd);

/* Call ready each interval; ticks that were missed are one. At most one timer. 0, or -errno. */
int tg_loop_timer(struct tg_loop *loop, uint64_t interval_ns, tg_loop_ready ready, void *arg);

/* SIGTERM, SIGINT and SIGHUP are blocked and come as calls from now on. 0, or -errno. */
int tg_loop_signals(struct tg_loop *loop, tg_loop_signal got, void *arg);

/* Until tg_loop_stop. 0, or -errno. */
int tg_loop_run(struct tg_loop *loop);
void tg_loop_stop(struct tg_loop *loop);

#endif

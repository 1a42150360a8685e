/* SPDX-License-Identifier: BSD-2-Clause */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WATCHES_MAX 8

struct watch {
	int fd; /* -1: free */
	tg_loop_ready ready;
	void *arg;
};

struct tg_loop {
	int epoll_fd;
	bool stopped;
	struct watch watch[WATCHES_MAX];
	int timer_fd;
	tg_loop_ready tick;
	void *tick_arg;
	int signal_fd;
	tg_loop_signal got;
	void *got_arg;
};

int tg_loop_new(struct tg_loop **out)
{
	struct tg_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->timer_fd = -1;
	loop->signal_fd = -1;
	for (int i = 0; i < WATCHES_MAX; i++)
		loop->watch[i].fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int err = -errno;

		free(loop);
		return err;
	}
	*out = loop;
	return 0;
}

void tg_loop_free(struct tg_loop *loop)
{
	if (!loop)
		return;
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	close(loop->epoll_fd);
	free(loop);
}

int tg_loop_watch(struct tg_loop *loop, int fd, tg_loop_ready ready, void *arg)
{
	for (int i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &loop->watch[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

		if (watch->fd >= 0)
			continue;
		if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
			return -errno;
		*watch = (struct watch){.fd = fd, .ready = ready, .arg = arg};
		return 0;
	}
	return -ENOSPC;
}

void tg_loop_unwatch(struct tg_loop *loop, int fd)
{
	for (int i = 0; i < WATCHES_MAX; i++) {
		if (loop->watch[i].fd != fd)
			continue;
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		loop->watch[i].fd = -1;
	}
}

static void read_timer(void *arg)
{
	struct tg_loop *loop = arg;
	uint64_t ticks;

	if (read(loop->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		loop->tick(loop->tick_arg);
}

int tg_loop_timer(struct tg_loop *loop, uint64_t interval_ns, tg_loop_ready ready, void *arg)
{
	struct timespec interval = {.tv_sec = (time_t)(interval_ns / 1000000000),
				    .tv_nsec = (long)(interval_ns % 1000000000)};
	struct itimerspec timer = {.it_interval = interval, .it_value = interval};

	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd < 0 || timerfd_settime(loop->timer_fd, 0, &timer, NULL))
		return -errno;
	loop->tick = ready;
	loop->tick_arg = arg;
	return tg_loop_watch(loop, loop->timer_fd, read_timer, loop);
}

static void read_signal(void *arg)
{
	struct signalfd_siginfo info;
	struct tg_loop *loop = arg;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop->got((int)info.ssi_signo, loop->got_arg);
}

int tg_loop_signals(struct tg_loop *loop, tg_loop_signal got, void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return -errno;
	loop->got = got;
	loop->got_arg = arg;
	return tg_loop_watch(loop, loop->signal_fd, read_signal, loop);
}

/* One event a round: what it calls may unwatch a descriptor whose event would be next. */
int tg_loop_run(struct tg_loop *loop)
{
	while (!loop->stopped) {
		struct epoll_event event;
		int count = epoll_wait(loop->epoll_fd, &event, 1, -1);
		struct watch *watch = event.data.ptr;

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 1)
			watch->ready(watch->arg);
	}
	return 0;
}

void tg_loop_stop(struct tg_loop *loop)
{
	loop->stopped = true;
}

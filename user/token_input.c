/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

/* What stands behind the line goes. */
static int end_line(char *out, size_t out_bytes, size_t line_bytes)
{
	explicit_bzero(out + line_bytes, out_bytes - line_bytes);
	if (!line_bytes)
		return -ENODATA;
	return memchr(out, '\0', line_bytes) ? -EINVAL : 0;
}

/* Signals come here and nowhere else: one before the wait ends it, too. */
static int await_input(int fd, const sigset_t *awake)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};

	return ppoll(&input, 1, NULL, awake) < 0 ? -errno : 0;
}

/*
 * Not by way of stdio, whose buffer would keep a copy. awake: the signals that are let
 * in while nothing is there to be read; NULL: of no interest.
 */
static int read_line(int fd, const sigset_t *awake, char *out, size_t out_bytes)
{
	size_t bytes = 0;

	while (bytes < out_bytes) {
		char *newline;
		ssize_t got;

		if (awake && await_input(fd, awake))
			return -EINTR;
		got = read(fd, out + bytes, out_bytes - bytes);
		newline = got > 0 ? memchr(out + bytes, '\n', (size_t)got) : NULL;

		if (got < 0)
			return -errno;
		if (newline || !got)
			return end_line(out, out_bytes, newline ? (size_t)(newline - out) : bytes);
		bytes += (size_t)got;
	}
	return -EMSGSIZE;
}

static void note(int signal)
{
	caught = signal;
}

/* What would end or stop us waits until the terminal has its echo again. */
static void catch_signals(struct sigaction *before)
{
	const struct sigaction catch = {.sa_handler = note}; /* without SA_RESTART */

	caught = 0;
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], &catch, &before[i]);
		if (before[i].sa_handler == SIG_IGN)
			sigaction(signals[i], &before[i], NULL);
	}
}

static void release_signals(const struct sigaction *before)
{
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	if (caught)
		raise(caught);
}

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written; /* a prompt that is not seen does no harm */
}

static int read_terminal(int fd, const struct termios *with_echo, char *out, size_t out_bytes)
{
	struct termios silent = *with_echo;
	struct sigaction before[SIGNALS];
	sigset_t held, awake;
	int err;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	sigemptyset(&held);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &awake);
	catch_signals(before);
	err = tcsetattr(fd, TCSAFLUSH, &silent) ? -errno : 0;
	if (!err) {
		say("Token: ");
		err = read_line(fd, &awake, out, out_bytes);
	}
	tcsetattr(fd, TCSAFLUSH, with_echo);
	say("\n");
	sigprocmask(SIG_SETMASK, &awake, NULL);
	if (caught) /* before the signal ends the process */
		explicit_bzero(out, out_bytes);
	release_signals(before);
	return caught ? -EINTR : err;
}

int tg_token_input(int fd, char *out, size_t out_bytes)
{
	struct termios terminal;
	int err = tcgetattr(fd, &terminal) ? read_line(fd, NULL, out, out_bytes)
					   : read_terminal(fd, &terminal, out, out_bytes);

	if (err)
		explicit_bzero(out, out_bytes);
	return err;
}

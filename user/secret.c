/* SPDX-License-Identifier: BSD-2-Clause */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define DIGITS	   (2 * TG_SECRET_BYTES)
#define TEXT_BYTES (DIGITS + 1) /* with the newline */

/* What an error is about and where it goes. */
struct report {
	const char *path;
	char *error;
	size_t error_bytes;
};

static int __attribute__((format(printf, 3, 4)))
fail(const struct report *report, int err, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(report->error, report->error_bytes, "%s: %s", report->path, what);
	return err;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void to_text(const uint8_t secret[TG_SECRET_BYTES], char text[TEXT_BYTES])
{
	for (size_t i = 0; i < TG_SECRET_BYTES; i++) {
		text[2 * i] = "0123456789abcdef"[secret[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[secret[i] & 0xf];
	}
	text[DIGITS] = '\n';
}

/* A missing newline is forgiven: `printf %s` writes none. */
static int from_text(const struct report *report, const char *text, size_t bytes,
		     uint8_t out[TG_SECRET_BYTES])
{
	uint8_t secret[TG_SECRET_BYTES];

	if (bytes && text[bytes - 1] == '\n')
		bytes--;
	if (bytes != DIGITS)
		return fail(report, -EINVAL,
			    "wrong length; it must hold %d hex digits and a newline", DIGITS);
	for (size_t i = 0; i < TG_SECRET_BYTES; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return fail(report, -EINVAL,
				    "not hex; it must hold %d hex digits and a newline", DIGITS);
		secret[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, secret, sizeof(secret));
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* Who can read the secret can tell which guess of a token has which id. */
static int check_access(const struct report *report, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(report, -errno, "cannot be examined: %m");
	if (!S_ISREG(st.st_mode))
		return fail(report, -EINVAL, "not a regular file; name a file of its own");
	if (st.st_uid && st.st_uid != geteuid())
		return fail(report, -EACCES, "belongs to user %u; run: chown root %s",
			    (unsigned int)st.st_uid, report->path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(report, -EACCES, "open to others (mode %04o); run: chmod 600 %s",
			    (unsigned int)(st.st_mode & 07777), report->path);
	return 0;
}

static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t bytes = 0;
	ssize_t n;

	do {
		n = TEMP_FAILURE_RETRY(read(fd, text + bytes, size - bytes));
		if (n < 0)
			return -errno;
		bytes += (size_t)n;
	} while (n && bytes < size);
	return (ssize_t)bytes;
}

/* -ENOENT, without an error text: there is none yet. */
static int read_secret(const struct report *report, uint8_t out[TG_SECRET_BYTES])
{
	char text[TEXT_BYTES + 1]; /* one more tells that there is too much */
	ssize_t bytes;
	int fd, err;

	/* O_NONBLOCK: a FIFO by that name must not hang the start. */
	fd = open(report->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return fail(report, -errno,
			    "cannot be opened: %m; it holds the secret of token ids");
	err = check_access(report, fd);
	if (err)
		goto out;
	bytes = read_all(fd, text, sizeof(text));
	err = bytes < 0 ? fail(report, (int)bytes, "cannot be read: %s", strerror((int)-bytes))
			: from_text(report, text, (size_t)bytes, out);
out:
	explicit_bzero(text, sizeof(text));
	close(fd);
	return err;
}

/* The directory part of path, which is absolute. */
static int directory_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t bytes = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		return -EINVAL;
	if (bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, path, bytes);
	strcpy(dir + bytes, bytes ? "" : "/");
	return 0;
}

/* mkdir -p; what is missing is made for us alone. */
static int make_directories(char *dir)
{
	for (char *at = dir + 1;; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		if (mkdir(dir, 0700) && errno != EEXIST)
			return -errno;
		*at = was;
		if (!was)
			return 0;
	}
}

static int fill_random(uint8_t *out, size_t bytes)
{
	/* Up to 256 bytes come whole; it waits only until the pool is seeded. */
	ssize_t n = TEMP_FAILURE_RETRY(getrandom(out, bytes, 0));

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -EIO;
}

/* Write a secret to a new file. A short write is an error: 33 bytes fit or nothing does. */
static int write_new(const char *path)
{
	uint8_t secret[TG_SECRET_BYTES];
	char text[TEXT_BYTES];
	ssize_t n;
	int fd, err;

	err = fill_random(secret, sizeof(secret));
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	to_text(secret, text);
	n = TEMP_FAILURE_RETRY(write(fd, text, sizeof(text)));
	if (n != (ssize_t)sizeof(text))
		err = n < 0 ? -errno : -ENOSPC;
	else if (fchmod(fd, 0600) || fsync(fd))
		err = -errno;
	close(fd);
	if (err)
		unlink(path);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return err;
}

/*
 * Write beside it, then link(2): unlike rename(2) it never replaces the file
 * of a process that was faster, with whose ids the maps are filled already.
 */
static int create_secret(const struct report *report)
{
	char dir[PATH_MAX], temporary[PATH_MAX];
	int n, err;

	err = directory_of(report->path, dir);
	if (!err)
		err = make_directories(dir);
	n = snprintf(temporary, sizeof(temporary), "%s.new.%d", report->path, (int)getpid());
	if (!err && n >= (int)sizeof(temporary))
		err = -ENAMETOOLONG;
	if (err)
		goto out;
	unlink(temporary); /* of a crashed process that had our id */
	err = write_new(temporary);
	if (err)
		goto out;
	if (link(temporary, report->path) && errno != EEXIST)
		err = -errno;
	unlink(temporary);
	if (!err)
		err = tg_file_sync_directory(dir);
out:
	if (err)
		fail(report, err,
		     "cannot be made: %s; check its directory or set "
		     "identity.secret_file",
		     strerror(-err));
	return err;
}

int tg_secret_load(const char *path, enum tg_secret_missing missing, uint8_t out[TG_SECRET_BYTES],
		   char *error, size_t error_bytes)
{
	const struct report report = {path, error, error_bytes};
	int err;

	err = read_secret(&report, out);
	if (err != -ENOENT)
		return err;
	if (missing == TG_SECRET_REFUSE)
		return fail(&report, err,
			    "is not there; bring it back, or name in identity.secret_file the "
			    "one that the maps were made under");
	err = create_secret(&report);
	if (err)
		return err;
	err = read_secret(&report, out);
	if (err == -ENOENT) /* a dangling symbolic link, say */
		fail(&report, err, "cannot be found after it was made; is it a symbolic link?");
	return err;
}

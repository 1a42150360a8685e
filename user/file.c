/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, bytes));

		if (n < 0)
			return -errno;
		text += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* Whatever has that name goes first: a FIFO would have us wait, a link lead elsewhere. */
static int write_file(const char *path, const char *text, size_t bytes)
{
	int fd, err;

	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = fchmod(fd, 0600) ? -errno : write_all(fd, text, bytes);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int tg_file_sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int tg_file_replace(const char *dir, const char *path, const char *text, size_t bytes)
{
	char *fresh;
	int err;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	/* The secret may stand elsewhere, so that nobody has made the directory yet. */
	mkdir(dir, 0700);
	err = write_file(fresh, text, bytes);
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		unlink(fresh);
	free(fresh);
	return err ? err : tg_file_sync_directory(dir);
}

FILE *tg_file_read(const char *path)
{
	/* O_NONBLOCK: a FIFO by that name must not hang who reads. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;
	FILE *file = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &stat) || S_ISREG(stat.st_mode))
		file = fdopen(fd, "r");
	else
		errno = S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
	if (!file) {
		int err = errno;

		close(fd);
		errno = err;
	}
	return file;
}

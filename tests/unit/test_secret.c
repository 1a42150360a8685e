/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/secret.c user/file.c tests/unit/directory.c */
/* The secret file: made once and completely, and refused when it is not safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "directory.h"
#include "secret.h"

#define PROCESSES 8
#define HEX	  "00112233445566778899aabbccddeeFF"

static char path[96];

static int setup(void **state)
{
	if (directory_make(state))
		return -1;
	snprintf(path, sizeof(path), "%s/secret", directory);
	return 0;
}

static void put(const void *text, size_t bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *text, mode_t mode)
{
	put(text, strlen(text), mode);
}

/* Refused with err, with a text that holds says, and out as it was. */
static void refused(int err, const char *says)
{
	uint8_t out[TG_SECRET_BYTES], before[TG_SECRET_BYTES];
	char error[256] = "";

	memset(out, 0x5a, sizeof(out));
	memcpy(before, out, sizeof(out));
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, out, error, sizeof(error)), err);
	assert_memory_equal(out, before, sizeof(out));
	if (!strstr(error, says))
		fail_msg("\"%s\" does not say \"%s\"", error, says);
	assert_int_equal(strncmp(error, path, strlen(path)), 0);
	assert_null(strchr(error, '\n'));
	assert_null(strstr(error, "0011"));
}

static unsigned int files(const char *in)
{
	DIR *open_dir = opendir(in);
	unsigned int n = 0;

	assert_non_null(open_dir);
	for (struct dirent *entry; (entry = readdir(open_dir));)
		n += entry->d_name[0] != '.';
	closedir(open_dir);
	return n;
}

static void test_reads(void **state)
{
	static const uint8_t expected[TG_SECRET_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
							  0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
							  0xcc, 0xdd, 0xee, 0xff};
	uint8_t out[TG_SECRET_BYTES];
	char error[256] = "";

	(void)state;
	put_text(HEX "\n", 0600);
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, out, error, sizeof(error)), 0);
	assert_memory_equal(out, expected, sizeof(out));
	memset(out, 0, sizeof(out));
	put_text(HEX, 0400); /* without the newline, read-only */
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, out, error, sizeof(error)), 0);
	assert_memory_equal(out, expected, sizeof(out));
	assert_string_equal(error, "");
}

static void test_makes(void **state)
{
	uint8_t first[TG_SECRET_BYTES], again[TG_SECRET_BYTES];
	const uint8_t zero[TG_SECRET_BYTES] = {0};
	char error[256] = "", deep[96];
	struct stat st;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/a", directory);
	snprintf(path, sizeof(path), "%s/a/b/secret", directory);
	umask(0);
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, first, error, sizeof(error)), 0);
	umask(022);
	assert_memory_not_equal(first, zero, sizeof(first));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 33);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, again, error, sizeof(error)), 0);
	assert_memory_equal(first, again, sizeof(first));
	snprintf(deep, sizeof(deep), "%s/a/b", directory);
	assert_int_equal(files(deep), 1); /* nothing is left beside it */
}

static void test_makes_differing(void **state)
{
	uint8_t first[TG_SECRET_BYTES], second[TG_SECRET_BYTES];
	char error[256];

	(void)state;
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, first, error, sizeof(error)), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, second, error, sizeof(error)), 0);
	assert_memory_not_equal(first, second, sizeof(first));
}

/* Many processes at once: all end with the one secret that is in the file. */
static void test_makes_once(void **state)
{
	uint8_t mine[TG_SECRET_BYTES], theirs[TG_SECRET_BYTES];
	char error[256];
	int results[2];

	(void)state;
	assert_int_equal(pipe(results), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		if (tg_secret_load(path, TG_SECRET_MAKE, mine, error, sizeof(error)) ||
		    write(results[1], mine, sizeof(mine)) != sizeof(mine))
			_exit(1);
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(tg_secret_load(path, TG_SECRET_MAKE, mine, error, sizeof(error)), 0);
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(read(results[0], theirs, sizeof(theirs)), sizeof(theirs));
		assert_memory_equal(mine, theirs, sizeof(mine));
	}
	close(results[0]);
	close(results[1]);
	assert_int_equal(files(directory), 1);
}

static void test_refuses_contents(void **state)
{
	static const char nul[33] = "00112233445566778899aabbccddee\0f\n";

	(void)state;
	put_text("", 0600);
	refused(-EINVAL, "wrong length");
	put_text("\n", 0600);
	refused(-EINVAL, "wrong length");
	put_text("00112233445566778899aabbccddeef\n", 0600);
	refused(-EINVAL, "wrong length");
	put_text(HEX "0\n", 0600);
	refused(-EINVAL, "wrong length");
	put_text(HEX "\n\n", 0600);
	refused(-EINVAL, "wrong length");
	put_text(HEX "\n" HEX "\n", 0600);
	refused(-EINVAL, "wrong length");
	put_text("00112233445566778899aabbccddeefg\n", 0600);
	refused(-EINVAL, "not hex");
	put_text("0x112233445566778899aabbccddeeff\n", 0600);
	refused(-EINVAL, "not hex");
	put(nul, sizeof(nul), 0600);
	refused(-EINVAL, "not hex");
}

static void test_refuses_access(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0644, 0620, 0602, 0610, 0601, 0666};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		put_text(HEX "\n", modes[i]);
		refused(-EACCES, "run: chmod 600 ");
	}
	if (geteuid())
		return;
	put_text(HEX "\n", 0600);
	assert_int_equal(chown(path, 1234, 0), 0);
	refused(-EACCES, "belongs to user 1234");
}

static void test_refuses_kind(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EINVAL, "not a regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EINVAL, "not a regular file"); /* and does not wait for a writer */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	refused(-ENOENT, "symbolic link");
}

static void test_cannot_be_made(void **state)
{
	(void)state;
	put_text("a file\n", 0600);
	strcat(path, "/secret");
	refused(-ENOTDIR, "cannot be opened");
	snprintf(path, sizeof(path), "/proc/tg-no-such-directory/secret");
	refused(-ENOENT, "cannot be made");
}

static void test_refuses_to_make(void **state)
{
	uint8_t out[TG_SECRET_BYTES];
	char error[256] = "";

	(void)state;
	assert_int_equal(tg_secret_load(path, TG_SECRET_REFUSE, out, error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, "is not there"));
	assert_int_equal(files(directory), 0);
	put_text("00112233445566778899aabbccddeeff\n", 0600);
	assert_int_equal(tg_secret_load(path, TG_SECRET_REFUSE, out, error, sizeof(error)), 0);
	assert_int_equal(out[15], 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_makes, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_makes_differing, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_makes_once, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_refuses_contents, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_refuses_access, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_refuses_kind, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_refuses_to_make, setup, directory_remove),
		cmocka_unit_test_setup_teardown(test_cannot_be_made, setup, directory_remove),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}

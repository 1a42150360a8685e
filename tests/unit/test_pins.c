/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/pins.c user/maps.c user/error.c tests/unit/directory.c */
/* Names below pin_dir; an ordinary directory stands in for the BPF file system. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/pins.h"
#include "directory.h"

static void check_link_path(const char *ifname, const char *expected)
{
	char path[TG_PINS_PATH_BYTES];

	assert_int_equal(tg_pins_link_path(path, "/p", ifname), 0);
	assert_string_equal(path, expected);
}

static void names_are_written_without_dots(void **state)
{
	(void)state;
	check_link_path("eth0", "/p/links/eth0");
	check_link_path("eth0.100", "/p/links/eth0%2E100");
	check_link_path("a%b", "/p/links/a%25b");
	check_link_path("...............",
			"/p/links/%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E");
}

static void long_paths_are_refused(void **state)
{
	char path[TG_PINS_PATH_BYTES], long_dir[TG_PINS_PATH_BYTES];

	(void)state;
	memset(long_dir, 'a', sizeof(long_dir));
	long_dir[sizeof(long_dir) - 1] = 0;
	assert_int_equal(tg_pins_link_path(path, long_dir, "eth0"), -ENAMETOOLONG);
	assert_int_equal(tg_pins_map_path(path, long_dir, TG_MAP_META), -ENAMETOOLONG);
	assert_int_equal(tg_pins_link_path(path, "/p",
					   "a-name-of-far-too-many-characters-"
					   "and-then-some-more"),
			 -ENAMETOOLONG);
}

static int collect(const char *ifname, const char *path, void *arg)
{
	char *all = arg;

	assert_int_equal(access(path, F_OK), 0);
	assert_true(strlen(all) + strlen(ifname) + 2 < 256);
	strcat(strcat(all, ifname), ";");
	return !strcmp(ifname, "stop") ? 42 : 0;
}

static void names_are_read_back(void **state)
{
	char path[TG_PINS_PATH_BYTES], command[256], all[256] = "";
	static const char *const names[] = {"eth0", "eth0.100", "a%b", "..............."};

	(void)state;
	snprintf(command, sizeof(command),
		 "mkdir %s/links && cd %s/links && touch 'not%%2Fours' "
		 "'more-than-fifteen-characters'",
		 directory, directory);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(tg_pins_link_path(path, directory, names[i]), 0);
		fclose(fopen(path, "w"));
	}
	assert_int_equal(tg_pins_links(directory, collect, all), 0);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(strstr(all, names[i]));
	assert_null(strstr(all, "ours"));
	assert_null(strstr(all, "fifteen"));
}

static void a_walk_can_be_ended(void **state)
{
	char command[256], all[256] = "";

	(void)state;
	snprintf(command, sizeof(command), "mkdir %s/links && touch %s/links/stop", directory,
		 directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(tg_pins_links(directory, collect, all), 42);
}

static void no_directory_has_no_links(void **state)
{
	char all[256] = "";

	(void)state;
	assert_int_equal(tg_pins_links("/tmp/tg-nothing-here", collect, all), 0);
	assert_string_equal(all, "");
}

static void prepare_makes_nothing_elsewhere(void **state)
{
	char below[96], error[256];

	(void)state;
	snprintf(below, sizeof(below), "%s/a/b", directory);
	assert_int_equal(tg_pins_prepare(below, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "mount -t bpf"));
	*strrchr(below, '/') = 0;
	assert_int_not_equal(access(below, F_OK), 0);
}

/* The lock dies with the process that holds it. */
static void one_holds_the_lock(void **state)
{
	int first = tg_pins_lock(directory, 0), second;

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(tg_pins_lock(directory, 0), -EBUSY);
	assert_int_equal(tg_pins_lock(directory, 50), -EBUSY);
	close(first);
	second = tg_pins_lock(directory, 0);
	assert_true(second >= 0);
	close(second);
	assert_int_equal(tg_pins_lock("/tmp/tg-nothing-here", 0), -ENOENT);
}

static void the_lock_is_waited_for(void **state)
{
	pid_t child = fork();
	int fd;

	(void)state;
	if (!child) {
		fd = tg_pins_lock(directory, 0);
		usleep(300000);
		_exit(fd < 0);
	}
	assert_true(child > 0);
	usleep(100000);
	assert_int_equal(tg_pins_lock(directory, 0), -EBUSY);
	fd = tg_pins_lock(directory, 5000);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

#define T(name) cmocka_unit_test_setup_teardown(name, directory_make, directory_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_are_written_without_dots),
		T(long_paths_are_refused),
		T(names_are_read_back),
		T(a_walk_can_be_ended),
		T(no_directory_has_no_links),
		T(prepare_makes_nothing_elsewhere),
		T(one_holds_the_lock),
		T(the_lock_is_waited_for),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}

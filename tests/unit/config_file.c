/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char config_file[] = "/tmp/tg-config-XXXXXX";

int config_file_make(void **state)
{
	int fd = mkstemp(config_file);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

int config_file_remove(void **state)
{
	(void)state;
	return unlink(config_file);
}

void config_file_put(const char *text, size_t bytes)
{
	FILE *file = fopen(config_file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

struct tg_config *config_file_load(const char *text)
{
	struct tg_config *config = NULL;
	char error[512] = "";

	config_file_put(text, strlen(text));
	if (tg_config_load(config_file, &config, error, sizeof(error)))
		fail_msg("%s\nrefused: %s", text, error);
	assert_string_equal(error, "");
	return config;
}

void config_file_refused(const struct config_bad *bad, size_t bytes)
{
	struct tg_config *config = (struct tg_config *)1;
	char error[512] = "", expected[512];
	int err;

	config_file_put(bad->yaml, bytes);
	err = tg_config_load(config_file, &config, error, sizeof(error));
	if (err != -EINVAL)
		fail_msg("%s\nnot refused but %d", bad->yaml, err);
	assert_ptr_equal(config, (struct tg_config *)1);
	snprintf(expected, sizeof(expected), "%s:%u: %s", config_file, bad->line, bad->says);
	if (strncmp(error, expected, strlen(expected)))
		fail_msg("%s\n  says \"%s\"\n  not  \"%s\"", bad->yaml, error, expected);
	for (const char *c = error; *c; c++)
		assert_true((unsigned char)*c >= ' ');
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "directory.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "/tmp/tg-test-XXXXXX"

char directory[] = NAME;

int directory_make(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), NAME);
	return mkdtemp(directory) ? 0 : -1;
}

int directory_remove(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file that a test writes, and what it is read as. */
#ifndef TOLLGATE_TESTS_CONFIG_FILE_H
#define TOLLGATE_TESTS_CONFIG_FILE_H

#include <stddef.h>

#include "../../user/config.h"

#define ETH0 "interfaces: [{name: eth0}]\n" /* line 1 of most files */

extern char config_file[];

/* cmocka set-up and tear-down of a group: there is a file. */
int config_file_make(void **state);
int config_file_remove(void **state);

void config_file_put(const char *text, size_t bytes);

/* Must be accepted. */
struct tg_config *config_file_load(const char *text);

struct config_bad {
	const char *yaml;
	unsigned int line;
	const char *says; /* what the error begins with, behind FILE:LINE: */
};

/* Must be refused, in these words. */
void config_file_refused(const struct config_bad *bad, size_t bytes);

#endif

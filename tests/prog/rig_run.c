/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

static struct tg_rig *running;
static unsigned int running_entries;

static int open_rig(void **state)
{
	(void)state;
	tg_rig_open(running, running_entries);
	return 0;
}

int tg_rig_start(void **state)
{
	(void)state;
	tg_rig_reset(running);
	return 0;
}

int tg_rig_run(struct tg_rig *rig, unsigned int entries, const char *group,
	       const struct CMUnitTest tests[TG_TESTS_MAX], int argc, char **argv)
{
	running = rig;
	running_entries = entries;
	return tg_tests_run(group, tests, open_rig, argc, argv);
}

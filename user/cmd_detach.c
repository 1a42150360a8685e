/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "loader.h"
#include "options.h"
#include "pins.h"

static const char help[] =
	"Usage: tollgate detach [-c FILE] [IFACE...]\n"
	"Take the programs off the interfaces that are named, or off all, and remove\n"
	"their pins. With the last program the pinned maps go too, and with them what\n"
	"was counted: save it first (tollgate usage -o json).\n"
	"An agent that runs on leaves them off until it is reloaded or started again;\n"
	"stop it first to be rid of the meter for good.\n"
	"\n"
	"  -c, --config FILE  whose pin_dir is meant (default " TG_OPTIONS_CONFIG_PATH ")\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, or nothing was attached; 1 an interface that is named has\n"
	"no program of Tollgate, or could not be detached; 2 bad usage or configuration.\n"
	"\n"
	"Example:\n"
	"  systemctl stop tollgate && tollgate detach eth0\n";

static const struct tg_command command = {
	.verb = "detach",
	.help = help,
	.args_max = TG_IFACES_MAX,
};

static bool is_named(const struct tg_options *options, const char *ifname)
{
	for (unsigned int i = 0; i < options->args_count; i++)
		if (!strcmp(options->args[i], ifname))
			return true;
	return !options->args_count;
}

/* An agent that runs on does not attach by itself what was taken off by hand. */
static bool agent_runs(const char *pin_dir)
{
	int lock = tg_pins_lock(pin_dir, 0);

	if (lock >= 0)
		close(lock);
	return lock == -EBUSY;
}

/* tc works in one network namespace only, a link in all. */
static void say_detached(const struct tg_attachment *was)
{
	printf("%s: detached\n", was->name);
	if (was->attached && was->mode == TG_MODE_AUTO)
		printf("%s: is in another network namespace; where its servers are forwarded, "
		       "there "
		       "also: tc filter del dev %s egress pref 1 handle 0x746f6c6c bpf\n",
		       was->name, was->name);
}

static int detach(const struct tg_config *config, const struct tg_options *options)
{
	struct tg_attachment before[TG_IFACES_MAX];
	int count = tg_loader_attachments(config->pin_dir, before, TG_IFACES_MAX);
	bool agent = agent_runs(config->pin_dir);
	unsigned int removed;
	char error[512];

	if (tg_loader_detach(config->pin_dir, options->args, options->args_count, &removed, error,
			     sizeof(error)))
		return tg_cmd_fail(TG_EXIT_FAILED, "%s", error);
	for (int i = 0; i < count; i++)
		if (is_named(options, before[i].name))
			say_detached(&before[i]);
	if (!removed)
		printf("%s: nothing was attached\n", config->pin_dir);
	if (agent)
		printf("the agent runs on and attaches again when it is reloaded or restarted; "
		       "to stop it: systemctl stop tollgate\n");
	return TG_EXIT_DONE;
}

int tg_cmd_detach(int argc, char **argv)
{
	struct tg_options options;
	struct tg_config *config;
	int status;

	if (!tg_options_parse(&command, argc, argv, &options, &status))
		return status;
	status = tg_options_config(&options, &config);
	if (status)
		return status;
	status = detach(config, &options);
	tg_config_free(config);
	return status;
}

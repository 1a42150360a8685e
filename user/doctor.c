/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor_checks.h"
#include "netdev_genl.h"

const char *tg_doctor_level_name(enum tg_doctor_level level)
{
	static const char *const names[] = {
		[TG_DOCTOR_OK] = "ok",
		[TG_DOCTOR_WARN] = "warn",
		[TG_DOCTOR_FAIL] = "fail",
		[TG_DOCTOR_UNKNOWN] = "unknown",
	};

	return names[level];
}

bool tg_doctor_say(struct tg_doctor_result *out, enum tg_doctor_level level, const char *format,
		   ...)
{
	va_list args;

	out->level = level;
	va_start(args, format);
	vsnprintf(out->found, sizeof(out->found), format, args);
	va_end(args);
	return true;
}

void tg_doctor_mend(struct tg_doctor_result *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->mend, sizeof(out->mend), format, args);
	va_end(args);
}

/* Results on their way to the caller, the failures among them counted. */
struct telling {
	tg_doctor_said said;
	void *arg;
	unsigned int failed;
};

static void tell(struct telling *telling, const struct tg_doctor_result *result)
{
	telling->failed += result->level == TG_DOCTOR_FAIL;
	telling->said(result, telling->arg);
}

static void run_host(const struct tg_doctor_target *target, struct telling *telling)
{
	for (const struct tg_doctor_host_check *check = tg_doctor_host_checks; check->name;
	     check++) {
		struct tg_doctor_result result = {.subject = "host", .check = check->name};

		if (check->look(target, &result))
			tell(telling, &result);
	}
}

static bool look_up(struct tg_doctor_interface *interface, struct telling *telling)
{
	const char *name = interface->config->name;
	struct tg_doctor_result result = {.subject = name, .check = "exists"};
	int err = tg_link_query(name, &interface->link);

	if (err) {
		tg_doctor_say(&result, TG_DOCTOR_FAIL, "%s",
			      err == -ENODEV ? "no interface of that name in this network "
					       "namespace; the agent attaches when it comes"
					     : strerror(-err));
		tg_doctor_mend(&result, "ip -brief link");
	} else {
		tg_doctor_say(&result, TG_DOCTOR_OK, "index %u", interface->link.ifindex);
	}
	tell(telling, &result);
	return !err;
}

static void run_interface(const struct tg_doctor_target *target,
			  const struct tg_config_interface *config, struct telling *telling)
{
	struct tg_doctor_interface interface = {
		.target = target,
		.config = config,
		.pin_dir = target->config ? target->config->pin_dir : TG_DOCTOR_PIN_DIR,
	};

	if (!look_up(&interface, telling))
		return;
	interface.features_known =
		!tg_netdev_xdp_features(interface.link.ifindex, &interface.features);
	for (const struct tg_doctor_interface_check *check = tg_doctor_interface_checks;
	     check->name; check++) {
		struct tg_doctor_result result = {.subject = config->name, .check = check->name};

		if (check->look(&interface, &result))
			tell(telling, &result);
	}
}

unsigned int tg_doctor_run(const struct tg_doctor_target *target, const char *only,
			   tg_doctor_said said, void *arg)
{
	const struct tg_config *config = target->config;
	struct telling telling = {.said = said, .arg = arg};
	bool configured = false;

	run_host(target, &telling);
	for (unsigned int i = 0; config && i < config->interfaces_count; i++) {
		if (only && strcmp(config->interfaces[i].name, only))
			continue;
		configured = true;
		run_interface(target, &config->interfaces[i], &telling);
	}
	if (only && !configured) {
		const struct tg_config_interface asked = {.name = (char *)only};

		run_interface(target, &asked, &telling);
	}
	return telling.failed;
}

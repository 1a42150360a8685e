/* SPDX-License-Identifier: BSD-2-Clause */
/* Between doctor.c and the files of its checks. */
#ifndef TOLLGATE_DOCTOR_CHECKS_H
#define TOLLGATE_DOCTOR_CHECKS_H

#include "doctor.h"
#include "link.h"

/* What the checks of one interface look at. */
struct tg_doctor_interface {
	const struct tg_doctor_target *target;
	const char *pin_dir;
	const struct tg_config_interface *config;
	struct tg_link_info link;
	uint64_t features; /* TG_NETDEV_XDP_*, if features_known */
	bool features_known;
};

/*
 * A row. look fills in level, found and mend of *out, or returns false: the
 * check means nothing here. The tables end with {0}.
 */
struct tg_doctor_host_check {
	const char *name;
	bool (*look)(const struct tg_doctor_target *target, struct tg_doctor_result *out);
};
extern const struct tg_doctor_host_check tg_doctor_host_checks[];

/* A row of that table that has a file of its own. */
bool tg_doctor_program(const struct tg_doctor_target *target, struct tg_doctor_result *out);

struct tg_doctor_interface_check {
	const char *name;
	bool (*look)(const struct tg_doctor_interface *interface, struct tg_doctor_result *out);
};
extern const struct tg_doctor_interface_check tg_doctor_interface_checks[];

/* Rows of that table that have a file of their own. */
bool tg_doctor_server(const struct tg_doctor_interface *interface, struct tg_doctor_result *out);
bool tg_doctor_tcp_checksum(const struct tg_doctor_interface *interface,
			    struct tg_doctor_result *out);

#define TG_DOCTOR_PIN_DIR "/sys/fs/bpf/tollgate" /* where no configuration says another */

/* Set level and found; returns true. */
bool tg_doctor_say(struct tg_doctor_result *out, enum tg_doctor_level level, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
void tg_doctor_mend(struct tg_doctor_result *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

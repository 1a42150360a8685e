/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * user/quotas.h for a host without maps: what would change something is judged as
 * the agent would, and then forgotten, so that each input is a world of its own.
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "quotas.h"

struct tg_quotas {
	const struct tg_config *config;
};

/* By what the subject says alone: present, absent, or one that cannot be written. */
static int judge(const struct tg_subject *subject, char *error, size_t error_bytes)
{
	char text[TG_SUBJECT_TEXT_BYTES];

	tg_subject_print(subject, text);
	switch (subject->bytes[15] & 3) {
	case 0:
		return tg_error(-ENOENT, error, error_bytes, "%s: no such thing", text);
	case 1:
		return tg_error(-EIO, error, error_bytes, "%s: %s", text, strerror(EIO));
	}
	return 0;
}

int tg_quotas_set(struct tg_quotas *quotas, const struct tg_quota *quota, bool *replaced,
		  char *error, size_t error_bytes)
{
	static const struct tg_networks none;

	(void)quotas;
	*replaced = quota->limits_count > 1;
	return tg_quota_check(quota, 64, &none, error, error_bytes);
}

int tg_quotas_remove(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		     size_t error_bytes)
{
	(void)quotas;
	return judge(subject, error, error_bytes);
}

int tg_quotas_block(struct tg_quotas *quotas, const struct tg_subject *subject, uint64_t for_s,
		    const char *reason, uint64_t *expires_unix_ns, char *error, size_t error_bytes)
{
	(void)quotas;
	(void)reason;
	*expires_unix_ns = for_s ? 1767225600000000000 + for_s * 1000000000 : 0;
	return judge(subject, error, error_bytes);
}

int tg_quotas_unblock(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		      size_t error_bytes)
{
	(void)quotas;
	return judge(subject, error, error_bytes);
}

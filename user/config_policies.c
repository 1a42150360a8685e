/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_policies.h"

#include <errno.h>
#include <stdlib.h>

#define NEVER_BLOCK_MAX 1024 /* each policy is held against each of them */
#define ERROR_BYTES	256

/* list[later] repeats list[earlier]. */
static int repeated(const struct tg_config_lines *lines, const char *list, const char *key,
		    const struct tg_subject *subject, unsigned int earlier, unsigned int later)
{
	char entry[TG_CONFIG_PATH_BYTES], path[TG_CONFIG_PATH_BYTES];
	char text[TG_SUBJECT_TEXT_BYTES];

	tg_config_lines_index(entry, list, later);
	tg_config_lines_join(path, entry, key);
	if (*key)
		tg_subject_print(subject, text);
	else
		tg_network_print(subject, text);
	return tg_config_lines_fault(lines, *key ? path : entry, "%s is %s[%u] already; remove one",
				     text, list, earlier);
}

int tg_config_take_never_block(const struct tg_config_lines *lines, struct tg_config *config,
			       const struct tg_config_raw *raw)
{
	unsigned int count = raw->never_block_count, earlier, later;
	char path[TG_CONFIG_PATH_BYTES], error[ERROR_BYTES];
	struct tg_subject *network;
	int err;

	if (count > NEVER_BLOCK_MAX)
		return tg_config_lines_fault(lines, "never_block", "%u are too many; 0 to %d",
					     count, NEVER_BLOCK_MAX);
	network = calloc(count + 1, sizeof(*network));
	if (!network)
		return -ENOMEM;
	config->never_block = (struct tg_networks){.network = network, .count = count};
	for (unsigned int i = 0; i < count; i++) {
		if (!tg_network_parse(raw->never_block[i], &network[i], error, sizeof(error)))
			continue;
		tg_config_lines_index(path, "never_block", i);
		return tg_config_lines_fault(lines, path, "%s", error);
	}
	err = tg_subject_find_twins(network, sizeof(*network), count, &earlier, &later);
	if (err == -EEXIST)
		return repeated(lines, "never_block", "", &network[later], earlier, later);
	return err;
}

static int take_policy(const struct tg_config_lines *lines, struct tg_config *config,
		       const struct tg_config_raw_policy *raw, unsigned int i)
{
	const struct tg_quota_text text = {
		.subject = raw->subject,
		.limits = (const char *const *)raw->limits,
		.limits_count = raw->limits_count,
		.action = raw->action,
		.per = raw->per,
		.block = raw->block,
	};
	char entry[TG_CONFIG_PATH_BYTES], path[TG_CONFIG_PATH_BYTES];
	char key[TG_QUOTA_KEY_BYTES], error[ERROR_BYTES];

	tg_config_lines_index(entry, "policies", i);
	if (tg_quota_parse(&text, &config->policies[i], key, error, sizeof(error))) {
		tg_config_lines_join(path, entry, key);
		return tg_config_lines_fault(lines, path, "%s", error);
	}
	if (tg_quota_check(&config->policies[i], config->identity.ipv6_prefix, &config->never_block,
			   error, sizeof(error)))
		return tg_config_lines_fault(lines, entry, "%s", error);
	return 0;
}

int tg_config_take_policies(const struct tg_config_lines *lines, struct tg_config *config,
			    const struct tg_config_raw *raw)
{
	unsigned int count = raw->policies_count, earlier, later;
	int err = 0;

	if (count > TG_QUOTAS_MAX)
		return tg_config_lines_fault(lines, "policies", "%u are too many; 0 to %d", count,
					     TG_QUOTAS_MAX);
	config->policies = calloc(count + 1, sizeof(*config->policies));
	if (!config->policies)
		return -ENOMEM;
	config->policies_count = count;
	for (unsigned int i = 0; !err && i < count; i++)
		err = take_policy(lines, config, &raw->policies[i], i);
	if (err)
		return err;
	err = tg_subject_find_twins(config->policies, sizeof(*config->policies), count, &earlier,
				    &later);
	if (err == -EEXIST)
		return repeated(lines, "policies", "subject", &config->policies[later].subject,
				earlier, later);
	return err;
}

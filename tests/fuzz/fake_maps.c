/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drops.h"
#include "must.h"

#define FD_FIRST 100000 /* no file has it */
#define DROPS	 3
#define POLICIES 5

static struct {
	struct tg_drop_key key[DROPS];
	struct tg_drop drop[DROPS];
} drops;

static struct tg_control control;
static struct tg_budget *budgets;
static struct tg_enforced policies[POLICIES];
static struct tg_maps maps;
static struct tg_enforce enforce;

/* --- what libbpf does ------------------------------------------------------------------ */

static int find_drop(const void *key)
{
	for (int i = 0; i < DROPS; i++) {
		if (!memcmp(&drops.key[i], key, sizeof(drops.key[i])))
			return i;
	}
	return -1;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	int found;

	switch (fd - FD_FIRST) {
	case TG_MAP_DROPS:
		found = find_drop(key);
		if (found < 0)
			return -ENOENT;
		memcpy(value, &drops.drop[found], sizeof(drops.drop[found]));
		return 0;
	case TG_MAP_POLICY_COUNTS:
		memset(value, 0, sizeof(struct tg_counts));
		((struct tg_counts *)value)->requests = *(const uint32_t *)key;
		return 0;
	case TG_MAP_CALENDARS:
		memset(value, 0, sizeof(struct tg_calendar));
		return 0;
	default:
		return -ENOENT;
	}
}

int bpf_map_get_next_key(int fd, const void *key, void *next)
{
	int at = key ? find_drop(key) + 1 : 0;

	if (fd - FD_FIRST != TG_MAP_DROPS || at >= DROPS)
		return -ENOENT;
	memcpy(next, &drops.key[at], sizeof(drops.key[at]));
	return 0;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *bytes)
{
	const struct tg_map_shape *shape = tg_map_shape((enum tg_map)(fd - FD_FIRST));
	struct bpf_map_info map = {.type = BPF_MAP_TYPE_LPM_TRIE,
				   .key_size = shape->key_bytes,
				   .value_size = shape->value_bytes,
				   .max_entries = DROPS};

	memcpy(info, &map, *bytes < sizeof(map) ? *bytes : sizeof(map));
	return 0;
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	(void)fd, (void)in, (void)out, (void)keys, (void)values, (void)opts;
	*count = 0;
	return -ENOENT;
}

/* --- what stands in them ---------------------------------------------------------------- */

static void add_drop(int at, const char *subject, enum tg_drop_reason reason, uint64_t expires,
		     const char *text)
{
	struct tg_subject parsed;
	char error[200];

	must(!tg_subject_parse(subject, &parsed, error, sizeof(error)), "%s", error);
	tg_drops_key(&parsed, &drops.key[at]);
	drops.drop[at] = (struct tg_drop){.reason = reason,
					  .expires_unix_ns = expires,
					  .created_unix_ns = 1767225600000000000,
					  .packets = 7,
					  .bytes = 700};
	strncpy(drops.drop[at].text, text, TG_DROP_TEXT_BYTES - 1);
}

static void add_policy(int at, const struct tg_quota_text *text)
{
	char key[TG_QUOTA_KEY_BYTES], error[400];
	struct tg_enforced *policy = &policies[at];

	must(!tg_quota_parse(text, &policy->quota, key, error, sizeof(error)), "%s", error);
	policy->policy = policy->owner = (uint32_t)at + 1;
	budgets[policy->owner] =
		(struct tg_budget){.owner = policy->owner, .denied = 3, .observed = 1};
}

static int by_subject(const void *a, const void *b)
{
	const struct tg_enforced *left = a, *right = b;

	return tg_subject_compare(&left->quota.subject, &right->quota.subject);
}

static void add_policies(void)
{
	static const char *const rate[] = {"100/m burst 20", "1000/day"};
	static const char *const month[] = {"1/month"};

	add_policy(0, &(struct tg_quota_text){
			      .subject = "token:free_*", .limits = rate, .limits_count = 2});
	add_policy(1, &(struct tg_quota_text){.subject = "source:192.0.2.0/24",
					      .limits = rate,
					      .limits_count = 1,
					      .action = "drop",
					      .block = "after 10 denials in 1m for 1h"});
	add_policy(2, &(struct tg_quota_text){.subject = "source:2001:db8::/32",
					      .limits = month,
					      .limits_count = 1,
					      .per = "shared"});
	add_policy(3, &(struct tg_quota_text){.subject = "token-id:0123456789abcdef",
					      .limits = month,
					      .limits_count = 1});
	add_policy(4, &(struct tg_quota_text){.subject = "any",
					      .limits = rate,
					      .limits_count = 2,
					      .action = "observe"});
	qsort(policies, POLICIES, sizeof(*policies), by_subject);
	memset(budgets[2].rate, 0xff, sizeof(budgets[2].rate)); /* empty for ages */
}

static void make(void)
{
	budgets = calloc(FAKE_BUDGETS, sizeof(*budgets));
	must(budgets, "out of memory");
	tg_maps_init(&maps, 1);
	for (int i = 0; i < TG_MAPS; i++)
		maps.fd[i] = FD_FIRST + i;
	maps.capacity[TG_MAP_BUDGETS] = FAKE_BUDGETS;
	maps.control = &control;
	maps.budgets = budgets;
	add_drop(0, "source:192.0.2.66", TG_DROP_MANUAL, 0, "a \"quoted\" reason");
	add_drop(1, "source:2001:db8:66::/48", TG_DROP_RULE, 4102444800000000000, "policy any");
	add_drop(2, "token-id:00000000deadbeef", TG_DROP_MANUAL, 1, "over long ago");
	add_policies();
	enforce = (struct tg_enforce){
		.maps = &maps, .policies = policies, .count = POLICIES, .adopted = true};
}

const struct tg_maps *fake_maps(void)
{
	if (!budgets)
		make();
	return &maps;
}

const struct tg_enforce *fake_maps_enforce(void)
{
	fake_maps();
	return &enforce;
}

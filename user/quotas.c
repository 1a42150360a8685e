/* SPDX-License-Identifier: BSD-2-Clause */
#include "quotas.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "duration.h"
#include "error.h"
#include "format.h"
#include "log.h"
#include "offenders.h"
#include "periods.h"
#include "reserve.h"
#include "slots.h"
#include "spent.h"

#define SECOND_NS	1000000000ULL
#define RETIRE_EVERY_NS (30 * SECOND_NS)
#define STEPPED_NS	(3600 * SECOND_NS)
#define BUDGET_IDLE_S	60
#define SPENT_EVERY_NS	(15 * SECOND_NS)
#define TG_SWEEP_MAX_S	10 /* of the agent: idle connections go at most so much later */
#define LINES_BURST	20 /* of the journal, about offenders, in LINES_PERIOD_NS */
#define LINES_PERIOD_NS (10 * SECOND_NS)

struct tg_quotas {
	const struct tg_config *config;
	const struct tg_maps *maps;
	struct tg_maintain *maintain;
	struct tg_enforce enforce;
	struct tg_drops drops;
	struct tg_policy_store store;
	struct tg_periods periods;
	struct tg_offenders *offenders;
	struct tg_log_limit lines;
	struct tg_log_limit complaints;
	uint64_t next_retire_ns;
	uint64_t next_spent_ns;
	uint64_t spent_hash;
	bool opened;
	bool store_changed; /* and not saved yet */
	bool retired;	    /* the last retire run left slots to be freed */
};

const struct tg_enforce *tg_quotas_enforce(const struct tg_quotas *quotas)
{
	return &quotas->enforce;
}

static void complain(struct tg_quotas *quotas, const char *what, int err)
{
	if (tg_log_allow(&quotas->complaints, tg_clock_monotonic_ns(), NULL))
		tg_log_error("%s: %s", what, strerror(-err));
}

/* --- what was taken of calendar quotas, on disk --------------------------------------- */

static void spent_path(const struct tg_quotas *quotas, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/spent", quotas->config->state_dir);
}

static void save_spent(struct tg_quotas *quotas)
{
	char path[PATH_MAX];
	int err;

	spent_path(quotas, path);
	err = tg_spent_save(quotas->config->state_dir, path, &quotas->enforce, &quotas->spent_hash);
	if (err && tg_log_allow(&quotas->complaints, tg_clock_monotonic_ns(), NULL))
		tg_log_error("%s: %s; what was taken of calendar quotas is not kept over a reboot",
			     path, strerror(-err));
}

static void load_spent(struct tg_quotas *quotas)
{
	char path[PATH_MAX];
	int err;

	spent_path(quotas, path);
	err = tg_spent_load(path, &quotas->enforce);
	if (err && err != -ENOENT)
		tg_log_warning("%s: %s; after a reboot, calendar quotas begin anew", path,
			       strerror(-err));
}

/* --- policies --------------------------------------------------------------------------- */

static int check_one(const struct tg_config *config, const struct tg_quota *quota, char *error,
		     size_t error_bytes)
{
	return tg_quota_check(quota, config->identity.ipv6_prefix, &config->never_block, error,
			      error_bytes);
}

/* What was set at run time may not suit the configuration any more. */
static int check_store(const struct tg_config *config, const struct tg_policy_store *store,
		       char *error, size_t error_bytes)
{
	char subject[TG_SUBJECT_TEXT_BYTES], what[256];

	for (unsigned int i = 0; i < store->quotas; i++) {
		if (!check_one(config, &store->quota[i], what, sizeof(what)))
			continue;
		tg_subject_print(&store->quota[i].subject, subject);
		return tg_error(-EINVAL, error, error_bytes,
				"policy %s, set at run time, does not suit the configuration: %s; "
				"`tollgate quota rm` it while the agent runs, else take it out of "
				"%s/" TG_POLICY_STORE_FILE,
				subject, what, config->state_dir);
	}
	return 0;
}

/*
 * never_block as far as policies can honour it: they know IPv6 sources by ipv6_prefix
 * only, so that a longer entry would exempt its neighbours. It keeps from blocks.
 */
static int select_never_block(const struct tg_config *config, struct tg_networks *out)
{
	const struct tg_networks *all = &config->never_block;

	*out = (struct tg_networks){.network = calloc(all->count + 1, sizeof(*out->network))};
	if (!out->network)
		return -ENOMEM;
	for (unsigned int i = 0; i < all->count; i++)
		if (tg_never_block_exempts(&all->network[i], config->identity.ipv6_prefix))
			out->network[out->count++] = all->network[i];
	return 0;
}

/* The configuration's policies and the store's, in one step. */
static int put(struct tg_quotas *quotas, const struct tg_config *config,
	       const struct tg_policy_store *store, char *error, size_t error_bytes)
{
	struct tg_networks never_block = {0};
	struct tg_quota *merged = NULL;
	unsigned int count = 0;
	int err = check_store(config, store, error, error_bytes);

	if (err)
		return err;
	err = select_never_block(config, &never_block);
	if (!err)
		err = tg_policy_store_merge(store, config->policies, config->policies_count,
					    &merged, &count);
	if (err) {
		free(never_block.network);
		return tg_error(err, error, error_bytes, "policies: %s",
				err == -ENOSPC ? "too many; use fewer" : strerror(-err));
	}
	err = tg_enforce_put(&quotas->enforce, merged, count, &never_block, tg_maintain_wait, error,
			     error_bytes);
	free(never_block.network);
	free(merged);
	if (!err)
		tg_reserve(&quotas->enforce, config);
	return err;
}

static int save(struct tg_quotas *quotas, char *error, size_t error_bytes)
{
	return tg_policy_store_save(quotas->config->state_dir, &quotas->store, error, error_bytes);
}

static bool in_file(const struct tg_quotas *quotas, const struct tg_subject *subject)
{
	for (unsigned int i = 0; i < quotas->config->policies_count; i++)
		if (tg_subject_equal(&quotas->config->policies[i].subject, subject))
			return true;
	return false;
}

static const struct tg_quota *in_store(const struct tg_quotas *quotas,
				       const struct tg_subject *subject)
{
	for (unsigned int i = 0; i < quotas->store.quotas; i++)
		if (tg_subject_equal(&quotas->store.quota[i].subject, subject))
			return &quotas->store.quota[i];
	return NULL;
}

/* On disk, then in force: what cannot be kept does not touch a budget. */
static int save_and_put(struct tg_quotas *quotas, char *error, size_t error_bytes)
{
	int err = save(quotas, error, error_bytes);

	return err ? err : put(quotas, quotas->config, &quotas->store, error, error_bytes);
}

/* The old set is in force all the time; the file says so again. */
static void restore(struct tg_quotas *quotas, const struct tg_quota *before,
		    const struct tg_subject *subject)
{
	char error[512];

	if (before)
		tg_policy_store_put_quota(&quotas->store, before);
	else
		tg_policy_store_remove_quota(&quotas->store, subject);
	if (save(quotas, error, sizeof(error)))
		complain(quotas, error, -EIO);
}

int tg_quotas_set(struct tg_quotas *quotas, const struct tg_quota *quota, bool *replaced,
		  char *error, size_t error_bytes)
{
	const struct tg_quota *old = in_store(quotas, &quota->subject);
	struct tg_quota before = old ? *old : (struct tg_quota){0};
	int err = check_one(quotas->config, quota, error, error_bytes);

	if (err)
		return err;
	*replaced = old || in_file(quotas, &quota->subject);
	err = tg_policy_store_put_quota(&quotas->store, quota);
	if (err)
		return tg_error(err, error, error_bytes, "policies: %s", strerror(-err));
	err = save_and_put(quotas, error, error_bytes);
	if (err)
		restore(quotas, old ? &before : NULL, &quota->subject);
	else
		save_spent(quotas); /* a budget that was given up must not come back */
	return err;
}

int tg_quotas_remove(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		     size_t error_bytes)
{
	const struct tg_quota *old = in_store(quotas, subject);
	char text[TG_SUBJECT_TEXT_BYTES];
	struct tg_quota before;
	int err;

	tg_subject_print(subject, text);
	if (!old && in_file(quotas, subject))
		return tg_error(-EPERM, error, error_bytes,
				"%s: stands in %s; remove it there and reload", text,
				quotas->config->path);
	if (!old)
		return tg_error(-ENOENT, error, error_bytes,
				"%s: no such policy; see tollgate quota list", text);
	before = *old;
	tg_policy_store_remove_quota(&quotas->store, subject);
	err = save_and_put(quotas, error, error_bytes);
	if (err)
		restore(quotas, &before, subject);
	else
		save_spent(quotas);
	return err;
}

/* --- blocks ------------------------------------------------------------------------------ */

static int read_clock(struct tg_quotas *quotas, struct tg_drop_clock *clock)
{
	clock->unix_ns = tg_clock_unix_ns();
	clock->hz = tg_maintain_hz(quotas->maintain);
	clock->open_s = quotas->config->limits.flow_idle_s + 2 * TG_SWEEP_MAX_S;
	return tg_maintain_jiffies(quotas->maintain, &clock->jiffies);
}

static bool find_stored(const struct tg_quotas *quotas, const struct tg_subject *subject,
			struct tg_stored_block *out)
{
	for (unsigned int i = 0; i < quotas->store.blocks; i++) {
		if (!tg_subject_equal(&quotas->store.block[i].subject, subject))
			continue;
		*out = quotas->store.block[i];
		return true;
	}
	return false;
}

/* A block that cannot be kept is none; one that was there before stays. */
static void take_back_block(struct tg_quotas *quotas, const struct tg_subject *subject,
			    const struct tg_drop *old, const struct tg_stored_block *before)
{
	struct tg_drop_key key;

	tg_drops_key(subject, &key);
	if (old)
		tg_maps_set_drop(quotas->maps, &key, old);
	else
		tg_drops_remove(&quotas->drops, subject);
	if (before)
		tg_policy_store_put_block(&quotas->store, before);
	else
		tg_policy_store_remove_block(&quotas->store, subject);
}

int tg_quotas_block(struct tg_quotas *quotas, const struct tg_subject *subject, uint64_t for_s,
		    const char *reason, uint64_t *expires_unix_ns, char *error, size_t error_bytes)
{
	struct tg_stored_block block = {.subject = *subject}, before;
	bool was_stored = find_stored(quotas, subject, &before);
	struct tg_drop_clock clock;
	struct tg_drop old;
	bool was_blocked = tg_drops_find(&quotas->drops, subject, &old);
	int err = read_clock(quotas, &clock);

	if (err)
		return tg_error(err, error, error_bytes, "the kernel's clock cannot be read: %s",
				strerror(-err));
	err = tg_drops_put(&quotas->drops, subject, TG_DROP_MANUAL, for_s, reason, &clock, error,
			   error_bytes);
	if (err)
		return err;
	block.created_unix_ns = clock.unix_ns;
	block.expires_unix_ns = for_s ? clock.unix_ns + for_s * SECOND_NS : 0;
	snprintf(block.reason, sizeof(block.reason), "%s", reason ? reason : "");
	err = tg_policy_store_put_block(&quotas->store, &block);
	err = err ? tg_error(err, error, error_bytes, "blocks: %s", strerror(-err))
		  : save(quotas, error, error_bytes);
	if (err) {
		take_back_block(quotas, subject, was_blocked ? &old : NULL,
				was_stored ? &before : NULL);
		return err;
	}
	*expires_unix_ns = block.expires_unix_ns;
	return 0;
}

/* Off the disk, then off the kernel: what cannot be kept away would come back with the host. */
static int remove_stored_block(struct tg_quotas *quotas, const struct tg_stored_block *block,
			       char *error, size_t error_bytes)
{
	int err;

	tg_policy_store_remove_block(&quotas->store, &block->subject);
	err = save(quotas, error, error_bytes);
	if (err)
		tg_policy_store_put_block(&quotas->store, block); /* in the room that it had */
	return err;
}

int tg_quotas_unblock(struct tg_quotas *quotas, const struct tg_subject *subject, char *error,
		      size_t error_bytes)
{
	char text[TG_SUBJECT_TEXT_BYTES];
	struct tg_stored_block stored;
	struct tg_drop drop;
	int err = 0;

	tg_subject_print(subject, text);
	if (!tg_drops_find(&quotas->drops, subject, &drop))
		return tg_error(-ENOENT, error, error_bytes,
				"%s: is not blocked; see tollgate blocks", text);
	if (find_stored(quotas, subject, &stored)) /* a rule's is not kept */
		err = remove_stored_block(quotas, &stored, error, error_bytes);
	if (err)
		return err;
	err = tg_drops_remove(&quotas->drops, subject);
	return err ? tg_error(err, error, error_bytes, "%s: %s", text, strerror(-err)) : 0;
}

static void block_is_over(const struct tg_subject *subject, const struct tg_drop *drop, void *arg)
{
	struct tg_quotas *quotas = arg;
	char text[TG_SUBJECT_TEXT_BYTES];

	tg_subject_print(subject, text);
	if (tg_log_allow(&quotas->lines, tg_clock_monotonic_ns(), NULL))
		tg_log_notice("%s: no longer blocked; %llu packets were dropped", text,
			      (unsigned long long)drop->packets);
	/* A rule's is not kept; a hand's with this subject may have come after it. */
	if (drop->reason == TG_DROP_MANUAL)
		quotas->store_changed |= !tg_policy_store_remove_block(&quotas->store, subject);
}

/* One file for however many blocks have ended. */
static void lift_blocks(struct tg_quotas *quotas)
{
	struct tg_drop_clock clock;
	char error[512];
	int err = read_clock(quotas, &clock);

	if (!err)
		err = tg_drops_expire(&quotas->drops, &clock, block_is_over, quotas);
	if (err)
		complain(quotas, "blocks cannot be lifted", err);
	if (!quotas->store_changed)
		return;
	err = save(quotas, error, sizeof(error));
	if (err)
		complain(quotas, error, err);
	quotas->store_changed = err;
}

/* What the store has and the map has not: the host was started anew. */
static void restore_blocks(struct tg_quotas *quotas)
{
	struct tg_drop_clock clock;
	struct tg_drop_key key;
	struct tg_drop drop;
	char error[256];

	if (!quotas->store.blocks || read_clock(quotas, &clock))
		return;
	for (unsigned int i = 0; i < quotas->store.blocks; i++) {
		const struct tg_stored_block *block = &quotas->store.block[i];
		uint64_t for_s = 0;

		tg_drops_key(&block->subject, &key);
		if (!tg_maps_drop(quotas->maps, &key, &drop))
			continue;
		if (block->expires_unix_ns && block->expires_unix_ns <= clock.unix_ns)
			continue;
		if (block->expires_unix_ns)
			for_s = (block->expires_unix_ns - clock.unix_ns) / SECOND_NS + 1;
		if (tg_drops_put(&quotas->drops, &block->subject, TG_DROP_MANUAL, for_s,
				 block->reason, &clock, error, sizeof(error)))
			tg_log_warning("a block cannot be put again: %s", error);
	}
}

/* --- offenders ------------------------------------------------------------------------------ */

static void block_offender(struct tg_quotas *quotas, const struct tg_enforced *policy,
			   const struct tg_subject *subject, const char *name)
{
	const struct tg_block_rule *rule = &policy->quota.block;
	char why[TG_SUBJECT_TEXT_BYTES], text[TG_DROP_TEXT_BYTES], lasts[TG_DURATION_TEXT_BYTES];
	struct tg_drop_clock clock;
	char error[256];
	int err = read_clock(quotas, &clock);

	tg_subject_print(&policy->quota.subject, why);
	snprintf(text, sizeof(text), "policy %.50s", why);
	if (!err)
		err = tg_drops_put(&quotas->drops, subject, TG_DROP_RULE, rule->for_s, text, &clock,
				   error, sizeof(error));
	else
		snprintf(error, sizeof(error), "%s", strerror(-err));
	tg_duration_print(rule->for_s, lasts);
	if (err)
		complain(quotas, error, err);
	else if (tg_log_allow(&quotas->lines, tg_clock_monotonic_ns(), NULL))
		tg_log_notice("%s: blocked for %s: %u denials in %u s under policy %s", name, lasts,
			      rule->denials, rule->window_s, why);
}

/* "token-id:... (free_abc)": the prefix tells people more than the id. */
static void name_offender(const struct tg_subject *subject, const struct tg_budget *budget,
			  char *out, size_t bytes)
{
	struct tg_token token = {.id = 1};
	char text[TG_SUBJECT_TEXT_BYTES], prefix[TG_FORMAT_PREFIX_BYTES];

	tg_subject_print(subject, text);
	memcpy(token.prefix, budget->prefix, sizeof(token.prefix));
	tg_format_prefix(prefix, &token);
	snprintf(out, bytes, "%s%s%s%s", text, *budget->prefix ? " (" : "",
		 *budget->prefix ? prefix : "", *budget->prefix ? ")" : "");
}

static void offender_seen(enum tg_offence offence, const struct tg_enforced *policy,
			  const struct tg_budget *budget, const struct tg_subject *subject,
			  uint64_t denied, void *arg)
{
	struct tg_quotas *quotas = arg;
	char name[TG_SUBJECT_TEXT_BYTES + TG_FORMAT_PREFIX_BYTES + 4], why[TG_SUBJECT_TEXT_BYTES];
	bool observes = policy->quota.action == TG_ACTION_OBSERVE;
	unsigned int held_back = 0;

	name_offender(subject, budget, name, sizeof(name));
	if (offence == TG_OFFENCE_BLOCK) {
		block_offender(quotas, policy, subject, name);
		return;
	}
	if (!tg_log_allow(&quotas->lines, tg_clock_monotonic_ns(), &held_back))
		return;
	tg_subject_print(&policy->quota.subject, why);
	if (held_back)
		tg_log_notice("%u more lines about quotas were left out", held_back);
	if (offence == TG_OFFENCE_REFUSED)
		tg_log_notice("%s: %s by policy %s: %llu requests (action %s)", name,
			      observes ? "would be refused" : "refused", why,
			      (unsigned long long)denied, tg_action_name(policy->quota.action));
	else
		tg_log_notice("%s: free again under policy %s", name, why);
}

/* --- time goes by ----------------------------------------------------------------------------- */

static void keep_periods(struct tg_quotas *quotas)
{
	int64_t stepped_ns = 0;
	int err = tg_periods_keep(&quotas->periods, quotas->maps, quotas->config->time_zone,
				  tg_clock_unix_ns(), tg_clock_boot_ns(), &stepped_ns);

	if (err)
		complain(quotas,
			 "calendar periods cannot be written; the kernel goes on with those "
			 "that it has",
			 err);
	/* It may be set back, to a period whose budgets look as if new by now. */
	if (stepped_ns)
		quotas->next_retire_ns = tg_clock_monotonic_ns() + STEPPED_NS;
	if (stepped_ns)
		tg_log_notice("the clock was set by %lld ms; calendar quotas follow it",
			      (long long)(stepped_ns / 1000000));
}

/* Slots that were retired are handed out again when nobody can have them cached. */
static void retire_budgets(struct tg_quotas *quotas, uint64_t now_ns)
{
	struct tg_sweep sweep = {.idle_jiffies = (uint64_t)BUDGET_IDLE_S *
						 tg_maintain_hz(quotas->maintain)};
	uint32_t freed = 0;
	int err = 0;

	quotas->next_retire_ns = now_ns + RETIRE_EVERY_NS;
	if (quotas->retired) {
		tg_enforce_raise_epoch(quotas->maps);
		err = tg_maintain_wait();
		if (!err)
			err = tg_maps_free_dead_budgets(quotas->maps, &freed);
	}
	if (freed) /* who asked meanwhile, and found no room, asks again */
		tg_enforce_raise_epoch(quotas->maps);
	if (!err)
		err = tg_maintain_retire_budgets(quotas->maintain, &sweep);
	if (err)
		complain(quotas, "idle budgets cannot be retired", err);
	quotas->retired = err || sweep.removed;
}

void tg_quotas_tick(struct tg_quotas *quotas)
{
	uint64_t now_ns = tg_clock_monotonic_ns();
	int err;

	keep_periods(quotas);
	lift_blocks(quotas);
	err = tg_offenders_look(quotas->offenders, &quotas->enforce,
				quotas->config->identity.ipv6_prefix, now_ns, offender_seen,
				quotas);
	if (err)
		complain(quotas, "budgets cannot be looked at", err);
	if (now_ns >= quotas->next_retire_ns)
		retire_budgets(quotas, now_ns);
	if (now_ns >= quotas->next_spent_ns) {
		save_spent(quotas);
		quotas->next_spent_ns = now_ns + SPENT_EVERY_NS;
	}
}

/* --- open, reload, close --------------------------------------------------------------------- */

/* An agent before us was killed at the wrong moment: what it had in its hand comes back. */
static void recover_slots(struct tg_quotas *quotas)
{
	uint32_t found = 0;
	int err;

	if (!tg_slots_in_hand(quotas->maps))
		return;
	err = tg_slots_recover(quotas->maps, &found);
	if (err)
		complain(quotas, "budgets that an agent before this one had in hand", err);
	else
		tg_log_notice("an agent before this one was killed while it handed out budgets; "
			      "%u are to be had again",
			      found);
}

static int open_all(struct tg_quotas *quotas, char *error, size_t error_bytes)
{
	const struct tg_config *config = quotas->config;
	int err = tg_policy_store_load(config->state_dir, &quotas->store, error, error_bytes);

	if (!err)
		err = tg_enforce_open(quotas->maps, true, &quotas->enforce, error, error_bytes);
	if (err)
		return err;
	recover_slots(quotas);
	keep_periods(quotas); /* before policies, so that none is without its period */
	err = put(quotas, config, &quotas->store, error, error_bytes);
	if (!err)
		err = tg_drops_open(&quotas->drops, quotas->maps, &config->never_block, error,
				    error_bytes);
	if (err)
		return err;
	restore_blocks(quotas);
	load_spent(quotas);
	quotas->opened = true;
	return 0;
}

int tg_quotas_open(const struct tg_config *config, const struct tg_maps *maps,
		   struct tg_maintain *maintain, struct tg_quotas **out, char *error,
		   size_t error_bytes)
{
	struct tg_quotas *quotas = calloc(1, sizeof(*quotas));
	int err = -ENOMEM;

	if (quotas) {
		quotas->config = config;
		quotas->maps = maps;
		quotas->maintain = maintain;
		quotas->lines =
			(struct tg_log_limit){.period_ns = LINES_PERIOD_NS, .burst = LINES_BURST};
		quotas->complaints = (struct tg_log_limit){.period_ns = 60 * SECOND_NS, .burst = 5};
		quotas->retired = true; /* by an agent before us, perhaps */
		quotas->offenders = tg_offenders_new(maps->capacity[TG_MAP_BUDGETS]);
	}
	if (!quotas || !quotas->offenders)
		tg_error(err, error, error_bytes, "out of memory");
	else
		err = open_all(quotas, error, error_bytes);
	if (err)
		tg_quotas_close(quotas);
	else
		*out = quotas;
	return err;
}

int tg_quotas_reload(struct tg_quotas *quotas, const struct tg_config *config, char *error,
		     size_t error_bytes)
{
	int err = put(quotas, config, &quotas->store, error, error_bytes);

	if (!err) {
		err = tg_drops_open(&quotas->drops, quotas->maps, &config->never_block, error,
				    error_bytes);
		if (err) {
			char ignored[256];

			tg_drops_open(&quotas->drops, quotas->maps, &quotas->config->never_block,
				      ignored, sizeof(ignored));
			put(quotas, quotas->config, &quotas->store, ignored, sizeof(ignored));
		}
	}
	if (err)
		return err;
	quotas->config = config;
	keep_periods(quotas);
	return 0;
}

void tg_quotas_close(struct tg_quotas *quotas)
{
	if (!quotas)
		return;
	if (quotas->opened)
		save_spent(quotas);
	tg_enforce_close(&quotas->enforce);
	tg_policy_store_free(&quotas->store);
	tg_offenders_free(quotas->offenders);
	free(quotas);
}

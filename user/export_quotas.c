/* SPDX-License-Identifier: BSD-2-Clause */
#include "export_quotas.h"

#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "survey.h"
#include "tally.h"

static void head(struct tg_text *out, const char *name, const char *type, const char *help)
{
	tg_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Subjects are printable ASCII; what the format escapes is escaped. */
static void quoted(struct tg_text *out, const char *value)
{
	tg_text_puts(out, "\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			tg_text_puts(out, "\\");
		tg_text_put(out, value, 1);
	}
	tg_text_puts(out, "\"");
}

static unsigned int shown(const struct tg_enforce *enforce)
{
	return enforce->count < TG_EXPORT_POLICIES_MAX ? enforce->count : TG_EXPORT_POLICIES_MAX;
}

static void print_limits(const struct tg_enforce *enforce, const struct tg_survey *survey,
			 struct tg_text *out, const char *name, bool remaining)
{
	char subject[TG_SUBJECT_TEXT_BYTES], limit[TG_LIMIT_TEXT_BYTES];

	for (unsigned int i = 0; i < shown(enforce); i++) {
		const struct tg_quota *quota = &enforce->policies[i].quota;

		tg_subject_print(&quota->subject, subject);
		for (unsigned int k = 0; k < quota->limits_count; k++) {
			const struct tg_survey_limit *at = &survey->rows[i].limit[k];

			tg_limit_print(&quota->limit[k], limit);
			tg_text_printf(out, "%s{subject=", name);
			quoted(out, subject);
			tg_text_puts(out, ",limit=");
			quoted(out, limit);
			tg_text_printf(out, "} %" PRIu64 "\n", remaining ? at->remaining : at->of);
		}
	}
}

static void print_budgets(const struct tg_enforce *enforce, struct tg_text *out)
{
	struct tg_survey survey = {0};

	if (tg_survey(enforce, &survey)) {
		out->failed = true;
		return;
	}
	head(out, "tollgate_budget_remaining", "gauge",
	     "Requests left under a limit; of all budgets of the policy, the one with the least.");
	print_limits(enforce, &survey, out, "tollgate_budget_remaining", true);
	head(out, "tollgate_budget_limit", "gauge",
	     "The most that can be left: a rate's burst, a calendar quota's amount.");
	print_limits(enforce, &survey, out, "tollgate_budget_limit", false);
	tg_survey_free(&survey);
}

static void print_counts(struct tg_text *out, const char *policy, const struct tg_counts *counts)
{
	const struct {
		const char *verdict;
		uint64_t requests;
	} verdicts[] = {
		{"allowed", counts->requests - counts->denied - counts->observed},
		{"denied", counts->denied},
		{"observed", counts->observed},
	};

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		tg_text_puts(out, "tollgate_policy_requests_total{policy=");
		quoted(out, policy);
		tg_text_printf(out, ",verdict=\"%s\"} %" PRIu64 "\n", verdicts[i].verdict,
			       verdicts[i].requests);
	}
}

static void print_policies(const struct tg_enforce *enforce, struct tg_text *out)
{
	struct tg_counts counts, other = {0};
	char subject[TG_SUBJECT_TEXT_BYTES];

	head(out, "tollgate_policy_requests_total", "counter",
	     "HTTP requests by the policy that decided; each by one at most.");
	for (unsigned int i = 0; i < enforce->count; i++) {
		if (tg_maps_policy_counts(enforce->maps, enforce->policies[i].owner, &counts))
			continue;
		tg_subject_print(&enforce->policies[i].quota.subject, subject);
		if (i < shown(enforce))
			print_counts(out, subject, &counts);
		else
			tg_counts_add(&other, &counts);
	}
	if (enforce->count > shown(enforce))
		print_counts(out, TG_FORMAT_OTHER, &other);
}

static int count_reason(const void *key, const void *value, void *arg)
{
	const struct tg_drop *drop = value;

	(void)key;
	if (drop->reason < TG_DROP_REASONS)
		((uint32_t *)arg)[drop->reason]++;
	return 0;
}

static void print_blocks(const struct tg_enforce *enforce, struct tg_text *out)
{
	uint32_t counts[TG_DROP_REASONS] = {0};

	if (tg_maps_walk(enforce->maps, TG_MAP_DROPS, count_reason, counts)) {
		out->failed = true;
		return;
	}
	head(out, "tollgate_blocks", "gauge", "Sources and tokens that are blocked, by reason.");
	tg_text_printf(out, "tollgate_blocks{reason=\"manual\"} %u\n", counts[TG_DROP_MANUAL]);
	tg_text_printf(out, "tollgate_blocks{reason=\"rule\"} %u\n", counts[TG_DROP_RULE]);
}

void tg_export_quotas(const struct tg_enforce *enforce, struct tg_text *out)
{
	print_budgets(enforce, out);
	print_policies(enforce, out);
	print_blocks(enforce, out);
}

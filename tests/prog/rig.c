/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../user/calendar.h"

#define NS_PER_S 1000000000ULL

/* --- setting up ------------------------------------------------------------------- */

static void must(int err, const char *what, const char *error)
{
	if (err)
		fail_msg("%s: %s (%d)", what, error, err);
}

uint64_t tg_rig_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t nominal_ns(enum tg_unit unit)
{
	static const uint64_t seconds[TG_UNITS] = {
		[TG_UNIT_MINUTE] = 60,
		[TG_UNIT_HOUR] = 3600,
		[TG_UNIT_DAY] = 86400,
		[TG_UNIT_MONTH] = 30 * 86400,
	};

	return seconds[unit] * NS_PER_S;
}

void tg_rig_next_period(struct tg_rig *rig)
{
	struct tg_control *control = rig->meter.maps.control;
	uint32_t half = !control->calendar_half;

	rig->period++;
	rig->start_ns = tg_rig_now_ns();
	for (unsigned int i = 0; i < TG_CALENDARS; i++) {
		struct tg_calendar calendar = {
			.nominal_ns = nominal_ns(TG_RATES + i),
			.periods = 1,
			.step = 1,
			.start_ns[0] = rig->start_ns,
			.id[0] = 1000 * (i + 1) + rig->period,
		};

		must(tg_maps_set_calendar(&rig->meter.maps, half * TG_CALENDARS + i, &calendar),
		     "calendar", "");
	}
	__atomic_store_n(&control->calendar_half, half, __ATOMIC_SEQ_CST);
}

uint64_t tg_rig_end_ns(const struct tg_rig *rig, enum tg_unit unit)
{
	return rig->start_ns + nominal_ns(unit);
}

void tg_rig_open(struct tg_rig *rig, unsigned int entries)
{
	char error[256] = "";

	memset(rig, 0, sizeof(*rig));
	tg_meter_open_sized(&rig->meter, entries);
	rig->program = tg_meter_load_http(&rig->meter, &tg_meter_http, TG_RIG_SLOT);
	must(tg_maintain_open(&rig->meter.maps, &rig->maintain, error, sizeof(error)), "maintain",
	     error);
	must(tg_enforce_open(&rig->meter.maps, true, &rig->enforce, error, sizeof(error)),
	     "enforce", error);
	rig->never.network = rig->never_list;
	tg_rig_never(rig, (const char *const[]){NULL});
	rig->port = 1024;
	tg_rig_next_period(rig);
}

void tg_rig_never(struct tg_rig *rig, const char *const *networks)
{
	char error[256] = "";

	rig->never.count = 0;
	for (; *networks; networks++) {
		assert_true(rig->never.count < TG_RIG_NEVER_MAX);
		must(tg_network_parse(*networks, &rig->never_list[rig->never.count++], error,
				      sizeof(error)),
		     "never_block", error);
	}
	must(tg_drops_open(&rig->drops, &rig->meter.maps, &rig->never, error, sizeof(error)),
	     "drops", error);
}

static void parse_rule(const struct tg_rig *rig, const struct tg_rule *rule, struct tg_quota *out)
{
	struct tg_quota_text text = {.subject = rule->subject,
				     .limits = rule->limits,
				     .action = rule->action,
				     .per = rule->per};
	char at[TG_QUOTA_KEY_BYTES], error[256] = "";

	while (text.limits_count < TG_LIMITS_MAX && rule->limits[text.limits_count])
		text.limits_count++;
	must(tg_quota_parse(&text, out, at, error, sizeof(error)), rule->subject, error);
	must(tg_quota_check(out, 64, &rig->never, error, sizeof(error)), rule->subject, error);
}

static int no_run_is_on(void)
{
	return 0;
}

void tg_rig_put_some(struct tg_rig *rig, const struct tg_rule *rules, unsigned int count)
{
	struct tg_quota *quotas = calloc(count + 1, sizeof(*quotas));
	char error[256] = "";

	assert_non_null(quotas);
	for (unsigned int i = 0; i < count; i++)
		parse_rule(rig, &rules[i], &quotas[i]);
	must(tg_enforce_put(&rig->enforce, quotas, count, &rig->never, no_run_is_on, error,
			    sizeof(error)),
	     "put", error);
	free(quotas);
}

void tg_rig_put(struct tg_rig *rig, const struct tg_rule *rules)
{
	unsigned int count = 0;

	while (rules[count].subject)
		count++;
	tg_rig_put_some(rig, rules, count);
}

static void parse_subject(const char *text, struct tg_subject *out)
{
	char error[256] = "";

	must(tg_subject_parse(text, out, error, sizeof(error)), text, error);
}

void tg_rig_block(struct tg_rig *rig, const char *text, unsigned int for_s)
{
	struct tg_drop_clock now = {.unix_ns = 1, .hz = tg_maintain_hz(&rig->maintain)};
	struct tg_subject subject;
	char error[256] = "";

	parse_subject(text, &subject);
	must(tg_maintain_jiffies(&rig->maintain, &now.jiffies), "jiffies", "");
	must(tg_drops_put(&rig->drops, &subject, TG_DROP_MANUAL, for_s, "a test", &now, error,
			  sizeof(error)),
	     text, error);
}

struct tg_drop tg_rig_drop(const struct tg_rig *rig, const char *text)
{
	struct tg_subject subject;
	struct tg_drop_key key;
	struct tg_drop drop;

	parse_subject(text, &subject);
	tg_drops_key(&subject, &key);
	must(tg_maps_drop(&rig->meter.maps, &key, &drop), text, "no drop");
	return drop;
}

void tg_rig_block_past(struct tg_rig *rig, const char *text)
{
	struct tg_subject subject;
	struct tg_drop_key key;
	struct tg_drop drop;
	uint64_t now;

	tg_rig_block(rig, text, 1);
	drop = tg_rig_drop(rig, text);
	must(tg_maintain_jiffies(&rig->maintain, &now), "jiffies", "");
	drop.expires_jiffies = now;
	parse_subject(text, &subject);
	tg_drops_key(&subject, &key);
	must(tg_maps_set_drop(&rig->meter.maps, &key, &drop), text, "");
}

static int note_drop(const void *key, const void *value, void *arg)
{
	(void)value;
	memcpy(arg, key, sizeof(struct tg_drop_key));
	return 1;
}

static bool has_budgets(const struct tg_rig *rig)
{
	const struct tg_maps *maps = &rig->meter.maps;

	for (uint32_t i = TG_POLICIES_MAX; i < maps->capacity[TG_MAP_BUDGETS]; i++)
		if (maps->budgets[i].state != TG_BUDGET_FREE)
			return true;
	return false;
}

void tg_rig_reset(struct tg_rig *rig)
{
	struct tg_sweep sweep = {.idle_jiffies = 0};
	struct tg_drop_key key;

	tg_rig_put_some(rig, NULL, 0);
	while (has_budgets(rig)) {
		must(tg_maintain_retire_budgets(&rig->maintain, &sweep), "retire", "");
		tg_enforce_raise_epoch(&rig->meter.maps);
	}
	while (tg_maps_walk(&rig->meter.maps, TG_MAP_DROPS, note_drop, &key))
		must(tg_maps_delete_drop(&rig->meter.maps, &key), "drop", "");
	tg_rig_never(rig, (const char *const[]){NULL});
	tg_meter_clear(&rig->meter);
	rig->meter.maps.control->refused = 0;
	tg_rig_open_books(rig);
}

/* --- packets ---------------------------------------------------------------------- */

static uint32_t find_reason(const struct tg_packets *before, const struct tg_packets *after,
			    size_t bytes)
{
	uint32_t found = TG_PACKET_SEEN;

	assert_int_equal(after[TG_PACKET_SEEN].packets - before[TG_PACKET_SEEN].packets, 1);
	for (uint32_t i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
		if (after[i].packets == before[i].packets)
			continue;
		assert_int_equal(after[i].packets - before[i].packets, 1);
		assert_int_equal(after[i].bytes - before[i].bytes, bytes);
		assert_int_equal(found, TG_PACKET_SEEN);
		found = i;
	}
	assert_int_not_equal(found, TG_PACKET_SEEN);
	return found;
}

struct tg_out tg_rig_packet(struct tg_rig *rig, const struct tg_packet *packet, uint32_t *reason)
{
	static struct tg_packet answer;
	struct tg_packets before[TG_PACKET_REASONS], after[TG_PACKET_REASONS];
	struct tg_out out;
	uint32_t action;

	if (reason)
		tg_meter_packets(&rig->meter, TG_RIG_SLOT, before);
	action = tg_meter_answer(rig->program, packet, &answer);
	if (reason) {
		tg_meter_packets(&rig->meter, TG_RIG_SLOT, after);
		*reason = find_reason(before, after, packet->count);
	}
	tg_out_read(packet, action, &answer, &out);
	return out;
}

struct tg_out tg_rig_send(struct tg_rig *rig, const struct tg_peer *peer,
			  const struct tg_sent *sent, uint32_t *reason)
{
	static struct tg_packet packet;

	tg_peer_segment(peer, sent, &packet);
	return tg_rig_packet(rig, &packet, reason);
}

size_t tg_rig_request(char text[256], const char *token)
{
	return snprintf(text, 256,
			"GET /index.html HTTP/1.1\r\nHost: api.example.org\r\n%s%s%s"
			"User-Agent: a test\r\nAccept: */*\r\n\r\n",
			token ? "X-API-Key: " : "", token ?: "", token ? "\r\n" : "");
}

struct tg_out tg_rig_ask(struct tg_rig *rig, const char *source, const char *token)
{
	const struct tg_path *path = &tg_paths[strchr(source, ':') ? 2 : 0];
	struct tg_peer peer;
	char text[256];
	struct tg_sent sent = {TG_ACK | TG_PSH, 5000, 9000, text, tg_rig_request(text, token)};
	struct tg_out out;

	if (++rig->port < 1024)
		rig->port = 1024;
	peer = tg_peer(path, source, rig->port);
	out = tg_rig_send(rig, &peer, &sent, NULL);
	sent = (struct tg_sent){TG_RST, 5000 + sent.count, 0, NULL, 0};
	tg_rig_send(rig, &peer, &sent, NULL);
	return out;
}

unsigned int tg_rig_allowed(struct tg_rig *rig, const char *source, const char *token,
			    unsigned int requests)
{
	unsigned int allowed = 0;

	for (unsigned int i = 0; i < requests; i++)
		allowed += tg_rig_ask(rig, source, token).kind == TG_OUT_PASS;
	return allowed;
}

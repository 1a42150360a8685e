/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <json-c/json.h>
#include <string.h>

#include "cmd.h"
#include "format.h"
#include "tally.h"

static const char *const packet_labels[TG_PACKET_REASONS] = {
#define TG_PACKET_REASON(name, label, meaning) [TG_PACKET_##name] = label,
#include "../include/tollgate/reasons.def"
};

static const char *const modes[] = {
	[TG_MODE_AUTO] = "auto", [TG_MODE_NATIVE] = "native", [TG_MODE_GENERIC] = "generic"};

static void put_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static void put_signed(struct json_object *object, const char *name, int64_t number)
{
	json_object_object_add(object, name, json_object_new_int64(number));
}

static void put_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void put_bool(struct json_object *object, const char *name, bool value)
{
	json_object_object_add(object, name, json_object_new_boolean(value));
}

static void put_time(struct json_object *object, const char *name, uint64_t unix_ns)
{
	char text[TG_FORMAT_TIME_BYTES];

	tg_format_time(text, unix_ns);
	json_object_object_add(object, name, unix_ns ? json_object_new_string(text) : NULL);
}

static void put_seconds(struct json_object *object, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6f", (double)ns / 1e9);
	json_object_object_add(object, name, json_object_new_double_s((double)ns / 1e9, text));
}

/* --- the agent and its books ----------------------------------------------------------- */

static struct json_object *agent_object(const struct tg_status *status)
{
	const struct tg_health *health = status->health;
	struct json_object *agent = json_object_new_object();

	put_bool(agent, "running", health);
	put_text(agent, "version", TG_VERSION);
	put_text(agent, "config", status->config->path ? status->config->path : "");
	if (!health)
		return agent;
	put_number(agent, "pid", health->pid);
	put_time(agent, "started", health->started_unix_ns);
	put_number(agent, "uptime_s",
		   (status->snapshot->taken_unix_ns - health->started_unix_ns) / 1000000000);
	put_seconds(agent, "collect_interval_s", health->interval_ns);
	put_number(agent, "collects", health->collects);
	put_number(agent, "collect_errors", health->collect_errors);
	put_time(agent, "history_since", health->history_oldest_unix_ns);
	put_number(agent, "flows_forgotten", health->flows_forgotten);
	put_number(agent, "rows_retired", health->rows_retired);
	put_number(agent, "reloads", health->reloads);
	put_number(agent, "reload_errors", health->reload_errors);
	put_text(agent, "reload_error", health->reload_error);
	return agent;
}

static struct json_object *books_object(const struct tg_status *status)
{
	struct json_object *books = json_object_new_object();

	put_text(books, "pin_dir", status->config->pin_dir);
	put_number(books, "abi", status->snapshot->meta.abi_version);
	put_time(books, "since", status->snapshot->meta.created_unix_ns);
	put_number(books, "generation", status->snapshot->meta.generation);
	put_time(books, "read", status->snapshot->taken_unix_ns);
	put_seconds(books, "read_s", status->snapshot->collect_ns);
	return books;
}

/* --- interfaces --------------------------------------------------------------------------- */

static void put_packets(struct json_object *object, const struct tg_packets *packets)
{
	struct json_object *reasons = json_object_new_object();
	struct json_object *counts = json_object_new_object();
	uint64_t sum = 0;

	for (int i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
		sum += packets[i].packets;
		if (packets[i].packets)
			put_number(reasons, packet_labels[i], packets[i].packets);
	}
	put_number(counts, "seen", packets[TG_PACKET_SEEN].packets);
	put_number(counts, "bytes", packets[TG_PACKET_SEEN].bytes);
	json_object_object_add(counts, "reasons", reasons);
	put_signed(counts, "difference", (int64_t)(packets[TG_PACKET_SEEN].packets - sum));
	json_object_object_add(object, "packets", counts);
}

/* What was counted on each interface: TG_IFACES_MAX sums. */
static void sum_slots(const struct tg_snapshot *snapshot, struct tg_counts *sums)
{
	for (size_t i = 0; i < snapshot->usage_count; i++)
		tg_counts_add(&sums[snapshot->usage[i].key.iface % TG_IFACES_MAX],
			      &snapshot->usage[i].usage.counts);
	for (size_t i = 0; i < snapshot->token_spill_count; i++)
		tg_counts_add(&sums[snapshot->token_spill[i].key.iface % TG_IFACES_MAX],
			      &snapshot->token_spill[i].counts);
}

static void put_slot(struct json_object *object, const struct tg_snapshot *snapshot,
		     const struct tg_counts *sums, uint32_t slot)
{
	static const struct tg_packets no_packets[TG_PACKET_REASONS];
	bool has_slot = slot < TG_IFACES_MAX;

	put_number(object, "requests", has_slot ? sums[slot].requests : 0);
	put_number(object, "bytes", has_slot ? sums[slot].bytes : 0);
	put_packets(object, has_slot ? snapshot->packets[slot] : no_packets);
}

/* NULL: the configuration does not name it. */
static const struct tg_config_interface *configured(const struct tg_config *config,
						    const char *name)
{
	for (unsigned int i = 0; i < config->interfaces_count; i++) {
		if (!strcmp(config->interfaces[i].name, name))
			return &config->interfaces[i];
	}
	return NULL;
}

static const char *why_not(const struct tg_config_interface *wanted, const struct tg_attachment *at)
{
	if (!at->why[0] && wanted && wanted->server == TG_SERVER_FORWARDED && at->attached &&
	    !at->egress_id)
		return "its egress program is not there";
	return at->why;
}

static struct json_object *interface_object(const struct tg_status *status,
					    const struct tg_attachment *at,
					    const struct tg_link_info *link,
					    const struct tg_counts *sums)
{
	struct json_object *object = json_object_new_object();
	const struct tg_config_interface *wanted;
	char name[TG_IFACE_NAME_BYTES + 1] = "";

	memcpy(name, at->name, TG_IFACE_NAME_BYTES);
	wanted = configured(status->config, name);
	put_text(object, "interface", name);
	put_bool(object, "attached", at->attached);
	put_text(object, "mode", at->attached ? modes[at->mode] : "-");
	put_text(object, "wanted", wanted ? modes[wanted->mode] : "-");
	put_text(object, "server", wanted ? tg_config_server_name(wanted->server) : "-");
	put_text(object, "driver", link->driver);
	put_number(object, "mtu", link->mtu);
	put_text(object, "state", link->ifindex ? link->operstate : "absent");
	put_number(object, "ifindex", link->ifindex);
	put_number(object, "program_id", at->program_id);
	put_number(object, "link_id", at->link_id);
	put_number(object, "egress_id", at->egress_id);
	put_text(object, "why", why_not(wanted, at));
	put_slot(object, status->snapshot, sums, at->slot);
	return object;
}

static bool is_listed(const struct tg_status *status, const char *name)
{
	for (unsigned int i = 0; i < status->interfaces_count; i++) {
		if (!strncmp(status->attachments[i].name, name, TG_IFACE_NAME_BYTES))
			return true;
	}
	return false;
}

/* What is attached or should be; then what was metered once and still has counts. */
static struct json_object *interfaces_array(const struct tg_status *status)
{
	static const struct tg_link_info no_link;
	struct json_object *array = json_object_new_array();
	struct tg_counts sums[TG_IFACES_MAX] = {0};

	sum_slots(status->snapshot, sums);
	for (unsigned int i = 0; i < status->interfaces_count; i++)
		json_object_array_add(array, interface_object(status, &status->attachments[i],
							      &status->links[i], sums));
	for (uint32_t slot = 0; slot < TG_IFACES_MAX; slot++) {
		const char *name = status->snapshot->interfaces[slot].name;
		struct tg_attachment was = {.slot = slot, .why = "not metered now"};

		if (!name[0] || is_listed(status, name))
			continue;
		memcpy(was.name, name, sizeof(was.name));
		json_object_array_add(array, interface_object(status, &was, &no_link, sums));
	}
	return array;
}

/* --- maps and the identity ---------------------------------------------------------------------
 */

static struct json_object *maps_array(const struct tg_snapshot *snapshot)
{
	static const enum tg_map maps[] = {TG_MAP_USAGE,    TG_MAP_TOKEN_SPILL, TG_MAP_SOURCE_SPILL,
					   TG_MAP_ORIGINS,  TG_MAP_FLOWS,	TG_MAP_EMBRYOS,
					   TG_MAP_PARTIALS, TG_MAP_HOLDS,	TG_MAP_HELD,
					   TG_MAP_BUDGETS,  TG_MAP_DROPS};
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct json_object *object = json_object_new_object();

		put_text(object, "map", tg_map_name(maps[i]));
		put_number(object, "entries", snapshot->entries[maps[i]]);
		put_number(object, "capacity", snapshot->capacity[maps[i]]);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *identity_object(const struct tg_snapshot *snapshot)
{
	struct json_object *identity = json_object_new_object();
	uint64_t rows = 0, spilled = 0, unattributed = 0, seen = 0, ended = 0, requests = 0;

	for (size_t i = 0; i < snapshot->usage_count; i++)
		rows += snapshot->usage[i].usage.counts.requests;
	for (size_t i = 0; i < snapshot->token_spill_count; i++)
		spilled += snapshot->token_spill[i].counts.requests;
	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++)
		unattributed += snapshot->unattributed[i].requests;
	for (uint32_t slot = 0; slot < TG_IFACES_MAX; slot++) {
		seen += snapshot->packets[slot][TG_PACKET_SEEN].packets;
		for (int i = TG_PACKET_SEEN + 1; i < TG_PACKET_REASONS; i++) {
			ended += snapshot->packets[slot][i].packets;
			requests += snapshot->packets[slot][i].requests;
		}
	}
	put_number(identity, "packets_seen", seen);
	put_number(identity, "packets_ended", ended);
	put_signed(identity, "packets_difference", (int64_t)(seen - ended));
	put_number(identity, "requests", requests);
	put_number(identity, "usage_rows", rows);
	put_number(identity, "token_spill", spilled);
	put_number(identity, "unattributed", unattributed);
	put_signed(identity, "requests_difference",
		   (int64_t)(requests - rows - spilled - unattributed));
	return identity;
}

struct json_object *tg_status_document(const struct tg_status *status)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "agent", agent_object(status));
	json_object_object_add(document, "books", books_object(status));
	json_object_object_add(document, "interfaces", interfaces_array(status));
	json_object_object_add(document, "maps", maps_array(status->snapshot));
	json_object_object_add(document, "identity", identity_object(status->snapshot));
	return document;
}

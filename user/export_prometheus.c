/* SPDX-License-Identifier: BSD-2-Clause */
#include "export_prometheus.h"

#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "export_quotas.h"
#include "format.h"

static const char *const packet_labels[TG_PACKET_REASONS] = {
#define TG_PACKET_REASON(name, label, meaning) [TG_PACKET_##name] = label,
#include "../include/tollgate/reasons.def"
};

static const char *const unattributed_labels[TG_UNATTRIBUTED_REASONS] = {
#define TG_UNATTRIBUTED_REASON(name, label, meaning) [TG_UNATTRIBUTED_##name] = label,
#include "../include/tollgate/reasons.def"
};

static void head(struct tg_text *out, const char *name, const char *type, const char *help)
{
	tg_text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name="value": printable ASCII comes in; what the format escapes is escaped here. */
static void label(struct tg_text *out, const char *before, const char *name, const char *value)
{
	tg_text_printf(out, "%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			tg_text_puts(out, "\\");
		tg_text_put(out, value, 1);
	}
	tg_text_puts(out, "\"");
}

static void interface_label(const struct tg_export *from, struct tg_text *out, uint32_t slot)
{
	char text[TG_FORMAT_INTERFACE_BYTES];

	tg_format_interface(text, &from->snapshot->interfaces[slot % TG_IFACES_MAX], slot);
	label(out, "{", "interface", text);
}

static void value(struct tg_text *out, uint64_t number)
{
	tg_text_printf(out, "} %" PRIu64 "\n", number);
}

static void plain(struct tg_text *out, const char *name, const char *type, const char *help,
		  uint64_t number)
{
	head(out, name, type, help);
	tg_text_printf(out, "%s %" PRIu64 "\n", name, number);
}

static void seconds(struct tg_text *out, const char *name, const char *help, uint64_t ns)
{
	head(out, name, "gauge", help);
	tg_text_printf(out, "%s %" PRIu64 ".%06" PRIu64 "\n", name, ns / 1000000000,
		       ns % 1000000000 / 1000);
}

/* --- requests ---------------------------------------------------------------------------- */

static void token_labels(const struct tg_export *from, struct tg_text *out,
			 const struct tg_token_series *key)
{
	struct tg_token token = {.id = key->label == TG_LABEL_TOKEN ? 1 : 0};
	char text[TG_FORMAT_PREFIX_BYTES];

	memcpy(token.prefix, key->prefix, sizeof(token.prefix));
	tg_format_prefix(text, &token);
	interface_label(from, out, key->iface);
	label(out, ",", "token", key->label == TG_LABEL_OTHER ? TG_FORMAT_OTHER : text);
}

static void print_requests(const struct tg_export *from, struct tg_text *out)
{
	struct tg_tally *tokens = tg_export_series_tokens(from->series);

	head(out, "tollgate_requests_total", "counter",
	     "HTTP requests, by interface, token prefix and verdict.");
	for (uint32_t i = 0; i < tg_tally_count(tokens); i++) {
		const struct tg_counts *counts = tg_tally_counts(tokens, i);
		const struct {
			const char *verdict;
			uint64_t requests;
		} verdicts[] = {
			{"allowed", counts->requests - counts->denied - counts->observed},
			{"denied", counts->denied},
			{"observed", counts->observed},
		};

		for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++) {
			tg_text_puts(out, "tollgate_requests_total");
			token_labels(from, out, tg_tally_key(tokens, i));
			label(out, ",", "verdict", verdicts[v].verdict);
			value(out, verdicts[v].requests);
		}
	}
}

static void print_request_bytes(const struct tg_export *from, struct tg_text *out)
{
	struct tg_tally *tokens = tg_export_series_tokens(from->series);

	head(out, "tollgate_request_bytes_total", "counter",
	     "Bytes of HTTP requests, header and body, by interface and token prefix.");
	for (uint32_t i = 0; i < tg_tally_count(tokens); i++) {
		tg_text_puts(out, "tollgate_request_bytes_total");
		token_labels(from, out, tg_tally_key(tokens, i));
		value(out, tg_tally_counts(tokens, i)->bytes);
	}
}

static void print_sources(const struct tg_export *from, struct tg_text *out)
{
	char text[TG_FORMAT_SOURCE_BYTES];
	unsigned int count;
	uint64_t other;
	const struct tg_source_series *source =
		tg_export_series_sources(from->series, &count, &other);

	head(out, "tollgate_source_requests_total", "counter",
	     "HTTP requests of the sources with the most of them; the rest under other.");
	for (unsigned int i = 0; i < count; i++) {
		tg_format_source(text, &source[i].source, from->ipv6_prefix);
		tg_text_puts(out, "tollgate_source_requests_total");
		label(out, "{", "source", text);
		value(out, source[i].value);
	}
	tg_text_puts(out, "tollgate_source_requests_total");
	label(out, "{", "source", TG_FORMAT_OTHER);
	value(out, other);
}

static void print_unattributed(const struct tg_export *from, struct tg_text *out)
{
	head(out, "tollgate_unattributed_requests_total", "counter",
	     "HTTP requests that were counted without a token and a source, by reason.");
	for (int i = 0; i < TG_UNATTRIBUTED_REASONS; i++) {
		tg_text_puts(out, "tollgate_unattributed_requests_total");
		label(out, "{", "reason", unattributed_labels[i]);
		value(out, from->snapshot->unattributed[i].requests);
	}
}

/* --- packets and maps ------------------------------------------------------------------------ */

static void print_packets(const struct tg_export *from, struct tg_text *out)
{
	head(out, "tollgate_packets_total", "counter",
	     "Packets that the program saw, by interface and by how they ended.");
	for (uint32_t slot = 0; slot < TG_IFACES_MAX; slot++) {
		if (!from->snapshot->interfaces[slot].name[0])
			continue;
		for (int reason = TG_PACKET_SEEN + 1; reason < TG_PACKET_REASONS; reason++) {
			tg_text_puts(out, "tollgate_packets_total");
			interface_label(from, out, slot);
			label(out, ",", "reason", packet_labels[reason]);
			value(out, from->snapshot->packets[slot][reason].packets);
		}
	}
}

static const enum tg_map filling_maps[] = {TG_MAP_USAGE,    TG_MAP_TOKEN_SPILL, TG_MAP_SOURCE_SPILL,
					   TG_MAP_ORIGINS,  TG_MAP_FLOWS,	TG_MAP_EMBRYOS,
					   TG_MAP_PARTIALS, TG_MAP_HOLDS,	TG_MAP_HELD,
					   TG_MAP_BUDGETS,  TG_MAP_DROPS};

static void print_maps(struct tg_text *out, const char *name, const char *help,
		       const uint32_t number[TG_MAPS])
{
	head(out, name, "gauge", help);
	for (size_t i = 0; i < sizeof(filling_maps) / sizeof(filling_maps[0]); i++) {
		tg_text_puts(out, name);
		label(out, "{", "map", tg_map_name(filling_maps[i]));
		value(out, number[filling_maps[i]]);
	}
}

/* --- the agent ------------------------------------------------------------------------------- */

static void attachment_label(struct tg_text *out, const struct tg_attachment *at)
{
	struct tg_interface interface = {0};
	char text[TG_FORMAT_INTERFACE_BYTES];

	memcpy(interface.name, at->name, sizeof(interface.name));
	tg_format_interface(text, &interface, at->slot);
	label(out, "{", "interface", text);
}

static void print_attachments(const struct tg_export *from, struct tg_text *out)
{
	static const char *const modes[] = {[TG_MODE_AUTO] = "none",
					    [TG_MODE_NATIVE] = "native",
					    [TG_MODE_GENERIC] = "generic"};

	head(out, "tollgate_interface_attached", "gauge",
	     "Whether the program is attached to the interface (1) or not (0).");
	for (unsigned int i = 0; i < from->attachments_count; i++) {
		const struct tg_attachment *at = &from->attachments[i];

		tg_text_puts(out, "tollgate_interface_attached");
		attachment_label(out, at);
		label(out, ",", "mode", at->attached ? modes[at->mode] : "none");
		value(out, at->attached);
	}
}

static bool needs_egress(const struct tg_export *from, const struct tg_attachment *at)
{
	const struct tg_config *config = from->config;

	for (unsigned int i = 0; config && i < config->interfaces_count; i++)
		if (!strcmp(config->interfaces[i].name, at->name))
			return config->interfaces[i].server == TG_SERVER_FORWARDED;
	return false;
}

/* Without it nothing of such an interface counts, though the other program is attached. */
static void print_egress(const struct tg_export *from, struct tg_text *out)
{
	head(out, "tollgate_interface_egress_attached", "gauge",
	     "Whether the program at tc egress of an interface with server: forwarded is there.");
	for (unsigned int i = 0; i < from->attachments_count; i++) {
		const struct tg_attachment *at = &from->attachments[i];

		if (!needs_egress(from, at))
			continue;
		tg_text_puts(out, "tollgate_interface_egress_attached");
		attachment_label(out, at);
		value(out, at->attached && at->egress_id);
	}
}

static void print_agent(const struct tg_export *from, struct tg_text *out)
{
	const struct tg_health *health = from->health;

	head(out, "tollgate_build_info", "gauge", "The version of the agent and of its maps.");
	tg_text_printf(out, "tollgate_build_info{version=\"%s\",abi=\"%d\"} 1\n", TG_VERSION,
		       TG_ABI_VERSION);
	seconds(out, "tollgate_start_timestamp_seconds", "When the agent started.",
		health->started_unix_ns);
	seconds(out, "tollgate_last_collect_timestamp_seconds",
		"When the maps were read the last time.", from->snapshot->taken_unix_ns);
	seconds(out, "tollgate_collect_duration_seconds",
		"How long reading the maps took the last time.", from->snapshot->collect_ns);
	plain(out, "tollgate_collects_total", "counter", "How often the maps were read.",
	      health->collects);
	plain(out, "tollgate_collect_errors_total", "counter", "How often reading the maps failed.",
	      health->collect_errors);
	plain(out, "tollgate_flows_forgotten_total", "counter",
	      "Idle connections that the agent removed from the flow table.",
	      health->flows_forgotten);
	plain(out, "tollgate_rows_retired_total", "counter",
	      "Idle usage rows that were folded into the spill maps.", health->rows_retired);
	plain(out, "tollgate_reload_errors_total", "counter",
	      "Configurations that were refused on SIGHUP.", health->reload_errors);
}

void tg_export_print(const struct tg_export *from, struct tg_text *out)
{
	print_requests(from, out);
	print_request_bytes(from, out);
	print_sources(from, out);
	print_unattributed(from, out);
	print_packets(from, out);
	print_maps(out, "tollgate_map_entries", "Elements in the map.", from->snapshot->entries);
	print_maps(out, "tollgate_map_capacity", "Elements that the map has room for.",
		   from->snapshot->capacity);
	if (from->enforce)
		tg_export_quotas(from->enforce, out);
	print_attachments(from, out);
	print_egress(from, out);
	print_agent(from, out);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/fuzz/fake_maps.c tests/fuzz/fake_quotas.c tests/unit/snapshot.c */
/* links: user/control.c user/answer.c user/quota_answer.c user/error.c user/text.c user/maps.c */
/* links: user/subject.c user/network.c user/limit.c user/block_rule.c user/policy.c user/words.c */
/* links: user/policy_json.c user/policy_store*.c user/format.c user/duration.c user/quote.c */
/* links: user/view*.c user/status.c user/survey.c user/explain.c user/token.c user/history.c */
/* links: user/series.c user/growth.c user/collect.c user/drops.c user/clock.c user/file.c */
/* links: user/http_table.c user/places.c user/log.c user/tally.c user/enforce.c */
/* links: user/config_print.c */
/*
 * What a client may send to the agent's socket: each line is answered by one line
 * that is one JSON object, and no answer shows the token that was asked about.
 *
 *   0     bytes of a piece that is sent at once, 16 * (n + 1)
 *   1     bit 0: an agent answers, not the command line by itself
 *   2...  what is sent
 */
#include <json-c/json.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit/snapshot.h"
#include "answer.h"
#include "control.h"
#include "error.h"
#include "fake_maps.h"
#include "http_table.h"
#include "must.h"

#define CHOICE_BYTES 2
#define SENT_MAX     20000
#define SECRET	     "hush-1f2e3d4c5b6a7988" /* longer than any prefix that is shown */

static struct {
	struct tg_control *control;
	char dir[64];
	struct tg_answer from;
	bool has_agent;
} world;

/* --- the agent's side ------------------------------------------------------------------- */

static void answer(struct json_object *request, struct tg_text *reply, void *arg)
{
	struct tg_answer from = world.from;

	(void)arg;
	if (!world.has_agent) {
		from.history = NULL;
		from.status.health = NULL;
		from.quotas.quotas = NULL;
	}
	tg_answer(&from, request, reply);
}

static void fill_snapshot(struct tg_snapshot *snapshot)
{
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token("acme", 1), 0, 10);
	snapshot_usage(snapshot, "2001:db8:1:2::", snapshot_token("free_abc", 2), 1, 5);
	snapshot_usage(snapshot, "192.0.2.1", snapshot_token(NULL, 0), 0, 3);
	snapshot_token_spill(snapshot, snapshot_token("acme", 1), 1, 2);
	snapshot_source_spill(snapshot, "192.0.2.9", 0, 2);
	snapshot_origin(snapshot, snapshot_token("acme", 1), "shop.example", 4);
	snapshot->unattributed[TG_UNATTRIBUTED_BAD_HEADER].requests = 1;
	snapshot->packets[0][TG_PACKET_SEEN].packets = 12;
}

static void make_answers(void)
{
	static struct tg_config_place places[] = {
		{.header = (char *)"Authorization", .scheme = (char *)"Bearer"},
		{.header = (char *)"X-API-Key"}};
	static struct tg_config_interface interfaces[] = {{.name = (char *)"veth0"}};
	static struct tg_config config = {.path = (char *)"/etc/tollgate/tollgate.yaml",
					  .pin_dir = (char *)"/sys/fs/bpf/tg",
					  .interfaces = interfaces,
					  .interfaces_count = 1,
					  .identity = {.ipv6_prefix = 64,
						       .token_prefix_bytes = 12,
						       .tokens = places,
						       .tokens_count = 2},
					  .limits.header_bytes = 16384};
	static const uint8_t secret[16] = "a secret of 16 b";
	static struct tg_attachment attachments[] = {
		{.name = "veth0", .attached = true, .mode = TG_MODE_NATIVE}};
	static struct tg_link_info links[1];
	static struct tg_http_config http;
	static struct tg_health health = {.pid = 4711};
	static char not_null; /* fake_quotas.c does not look at it */
	struct tg_snapshot *snapshot = snapshot_new();
	char error[200];

	fill_snapshot(snapshot);
	must(!tg_http_config_build(&config, secret, &http, error, sizeof(error)), "%s", error);
	world.from = (struct tg_answer){.status = {.config = &config,
						   .snapshot = snapshot,
						   .health = &health,
						   .attachments = attachments,
						   .links = links,
						   .interfaces_count = 1},
					.history = tg_history_new(1 << 20),
					.quotas = {.config = &config,
						   .maps = fake_maps(),
						   .enforce = fake_maps_enforce(),
						   .http = &http,
						   .snapshot = snapshot,
						   .quotas = (struct tg_quotas *)&not_null}};
	must(!tg_history_add(world.from.history, snapshot), "history");
	snapshot->taken_unix_ns += 30000000000;
	snapshot->usage[0].usage.counts.requests += 4;
}

static void close_world(void)
{
	tg_control_close(world.control);
	rmdir(world.dir);
}

static void open_world(void)
{
	const char *tmp = getenv("TMPDIR");
	char error[300] = "";

	snprintf(world.dir, sizeof(world.dir), "%.40s/tg-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(world.dir), "no directory %s", world.dir);
	make_answers();
	must(!tg_control_open(world.dir, answer, NULL, &world.control, error, sizeof(error)), "%s",
	     error);
	atexit(close_world);
}

/* --- the client's side ------------------------------------------------------------------- */

struct heard {
	char *text;
	size_t bytes;
	bool closed;
};

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" TG_CONTROL_SOCKET, world.dir);
	must(!connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	return fd;
}

static void hear(int fd, struct heard *heard)
{
	char bytes[4096];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		heard->text = realloc(heard->text, heard->bytes + (size_t)got + 1);
		memcpy(heard->text + heard->bytes, bytes, (size_t)got);
		heard->bytes += (size_t)got;
		heard->text[heard->bytes] = '\0';
	}
	heard->closed |= !got;
}

static bool has_work(void)
{
	struct pollfd poll_fd = {.fd = tg_control_fd(world.control), .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

static void serve(int fd, struct heard *heard)
{
	do {
		tg_control_run(world.control, 1);
		hear(fd, heard);
	} while (has_work());
}

static void talk(const uint8_t *data, size_t bytes, size_t piece, struct heard *heard)
{
	int fd = dial();

	serve(fd, heard);
	for (size_t at = 0; at < bytes && !heard->closed; at += piece) {
		size_t count = bytes - at < piece ? bytes - at : piece;

		must(send(fd, data + at, count, MSG_NOSIGNAL) == (ssize_t)count || heard->closed,
		     "what is sent is not taken");
		serve(fd, heard);
	}
	close(fd);
	serve(fd, &(struct heard){0});
}

/* --- what must hold ------------------------------------------------------------------------ */

static struct json_object *parse(const char *line, size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new_ex(32);
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line, (int)bytes);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != bytes ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static size_t occurrences(const char *text, const char *of)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, of)); at += strlen(of))
		count++;
	return count;
}

/* The token of the request, and nothing else of it, has SECRET. */
static bool asks_about_secret(const char *line, size_t bytes)
{
	struct json_object *request = parse(line, bytes), *token;
	bool asks = false;

	if (!request)
		return false;
	token = json_object_object_get(request, "token");
	if (json_object_is_type(token, json_type_string) &&
	    strstr(json_object_get_string(token), SECRET))
		asks = occurrences(json_object_to_json_string(request), SECRET) == 1;
	json_object_put(request);
	return asks;
}

static void check_answer(const char *line, size_t bytes, const char *asked, size_t asked_bytes)
{
	struct json_object *reply = parse(line, bytes);

	must(reply, "not one JSON object: %.*s", (int)bytes, line);
	must(!memmem(line, bytes, SECRET, strlen(SECRET)) || !asks_about_secret(asked, asked_bytes),
	     "shows the token: %.*s", (int)bytes, line);
	json_object_put(reply);
}

/* An answer for each line, in order; one more if the client was put out for a line too long. */
static void check(const char *sent, size_t bytes, const struct heard *heard)
{
	const char *at = heard->text, *end, *asked = sent, *asked_end;
	size_t left = bytes;

	for (; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		must(end, "an answer without its end: %s", at);
		asked_end = memchr(asked, '\n', left);
		must(asked_end || (heard->closed && !end[1]), "more answers than questions");
		check_answer(at, (size_t)(end - at), asked,
			     asked_end ? (size_t)(asked_end - asked) : left);
		if (!asked_end)
			return;
		left -= (size_t)(asked_end + 1 - asked);
		asked = asked_end + 1;
	}
	must(heard->closed || !memchr(asked, '\n', left), "a question without an answer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct heard heard = {0};

	if (!world.control)
		open_world();
	if (bytes < CHOICE_BYTES || bytes - CHOICE_BYTES > SENT_MAX)
		return 0;
	world.has_agent = data[1] & 1;
	talk(data + CHOICE_BYTES, bytes - CHOICE_BYTES, 16 * (data[0] + 1u), &heard);
	must(!memchr(heard.text ? heard.text : "", '\0', heard.bytes), "NUL in an answer");
	check((const char *)data + CHOICE_BYTES, bytes - CHOICE_BYTES, &heard);
	free(heard.text);
	return 0;
}

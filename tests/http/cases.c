/* SPDX-License-Identifier: BSD-2-Clause */
/* Reader of the .case files; README.md says what stands in them. */
#include "cases.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases_text.h"

struct reader {
	const char *path;
	unsigned int line;
	struct tg_cases *cases;
	struct tg_case *now; /* between `case` and `end` */
	size_t mark;	     /* stream bytes that an event has spoken for */
};

static int __attribute__((format(printf, 2, 3)))
fail(const struct reader *reader, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", reader->path, reader->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -EINVAL;
}

static int read_case(struct reader *reader, char *name)
{
	const char *file = strrchr(reader->path, '/');
	struct tg_case *row;

	if (reader->now)
		return fail(reader, "case %s has no end line", reader->now->name);
	if (!*name)
		return fail(reader, "a case needs a name");
	row = realloc(reader->cases->row, (reader->cases->count + 1) * sizeof(*row));
	if (!row)
		return -ENOMEM;
	reader->cases->row = row;
	reader->now = row + reader->cases->count++;
	memset(reader->now, 0, sizeof(*reader->now));
	file = file ? file + 1 : reader->path;
	if (asprintf(&reader->now->name, "%.*s: %s", (int)strcspn(file, "."), file, name) < 0)
		return -ENOMEM;
	reader->now->line = reader->line;
	strcpy(reader->now->config.tokens, "Authorization:Bearer X-API-Key");
	reader->now->config.header_bytes = TG_HEADER_BYTES_DEFAULT;
	reader->now->config.prefix_bytes = 12;
	reader->mark = 0;
	return 0;
}

static int read_tokens(struct reader *reader, char *rest)
{
	struct tg_case_config *config = &reader->now->config;

	if (strlen(rest) >= sizeof(config->tokens))
		return fail(reader, "too many places");
	memset(config->tokens, 0, sizeof(config->tokens));
	strcpy(config->tokens, rest);
	return 0;
}

static int read_number(struct reader *reader, const char *text, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!isdigit(*text) || *end || value > UINT32_MAX)
		return fail(reader, "'%s' is not a number", text);
	*out = value;
	return 0;
}

static int read_header_bytes(struct reader *reader, char *rest)
{
	return read_number(reader, rest, &reader->now->config.header_bytes);
}

static int read_prefix_bytes(struct reader *reader, char *rest)
{
	return read_number(reader, rest, &reader->now->config.prefix_bytes);
}

static int read_stream(struct reader *reader, char *rest)
{
	const char *wrong = tg_case_text(rest, &reader->now->stream, &reader->now->stream_bytes);

	return wrong ? fail(reader, "%s", wrong) : 0;
}

static int read_text(struct reader *reader, const char *value, char **text, size_t *bytes)
{
	const char *wrong;

	if (!strcmp(value, "-"))
		return 0;
	wrong = tg_case_text(value, (uint8_t **)text, bytes);
	if (wrong || !*bytes)
		return fail(reader, "%s", wrong ? wrong : "empty; write - for none");
	return 0;
}

static int read_body(struct reader *reader, const char *value, struct tg_case_request *request)
{
	char *end;

	if (!strcmp(value, "chunked")) {
		request->chunked = true;
		return 0;
	}
	request->length = strtoull(value, &end, 10);
	if (!isdigit(*value) || *end)
		return fail(reader, "body is a number or chunked, not '%s'", value);
	return 0;
}

static int read_word(struct reader *reader, const char *word, struct tg_case_request *request)
{
	if (!strncmp(word, "token=", 6))
		return read_text(reader, word + 6, &request->token, &request->token_bytes);
	if (!strncmp(word, "origin=", 7))
		return read_text(reader, word + 7, &request->origin, &request->origin_bytes);
	if (!strncmp(word, "body=", 5))
		return read_body(reader, word + 5, request);
	return fail(reader, "'%s' is none of token=, origin=, body=", word);
}

static int read_request(struct reader *reader, char *rest)
{
	struct tg_case *now = reader->now;
	struct tg_case_request *request;
	char *word, *save;
	int err = 0;

	if (reader->mark == now->stream_bytes)
		return fail(reader, "a request without bytes");
	request = realloc(now->request, (now->requests + 1) * sizeof(*request));
	if (!request)
		return -ENOMEM;
	now->request = request;
	request += now->requests++;
	*request = (struct tg_case_request){
		.begin = reader->mark, .header_end = now->stream_bytes, .end = now->stream_bytes};
	reader->mark = now->stream_bytes;
	for (word = strtok_r(rest, " ", &save); word && !err; word = strtok_r(NULL, " ", &save))
		err = read_word(reader, word, request);
	return err;
}

static int read_body_end(struct reader *reader, char *rest)
{
	struct tg_case *now = reader->now;

	if (*rest || !now->requests || now->request[now->requests - 1].end != reader->mark)
		return fail(reader, "body stands after the bytes that follow a request line");
	now->request[now->requests - 1].end = now->stream_bytes;
	reader->mark = now->stream_bytes;
	return 0;
}

static int read_skip(struct reader *reader, char *rest)
{
	if (*rest)
		return fail(reader, "skip stands alone");
	reader->mark = reader->now->stream_bytes;
	return 0;
}

static const char *const end_names[] = {
	[TG_CASE_OPEN] = "open",     [TG_CASE_HEADER] = "header", [TG_CASE_BODY] = "body",
	[TG_CASE_TUNNEL] = "tunnel", [TG_CASE_OPAQUE] = "opaque",
};

static const struct {
	uint32_t reason;
	const char *label;
} errors[] = {
#define TG_PACKET_REASON(name, label, meaning) {TG_PACKET_##name, label},
#include "../../include/tollgate/reasons.def"
};

const char *tg_case_end_name(enum tg_case_end end, uint32_t reason)
{
	if (end != TG_CASE_ERROR)
		return end_names[end];
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].reason == reason)
			return errors[i].label;
	}
	return "no error";
}

#define AMBIGUOUS_REQUEST "ambiguous request"

static bool read_end_name(const char *name, struct tg_case *now)
{
	for (size_t i = 0; i < sizeof(end_names) / sizeof(*end_names); i++) {
		if (strcmp(name, end_names[i]))
			continue;
		now->end = i;
		return true;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (strcmp(name, errors[i].label) || errors[i].reason < TG_PACKET_NOT_HTTP ||
		    (errors[i].reason > TG_PACKET_HEADER_TOO_LONG &&
		     errors[i].reason != TG_PACKET_AMBIGUOUS))
			continue;
		now->end = TG_CASE_ERROR;
		now->reason = errors[i].reason;
		return true;
	}
	return false;
}

static int read_end(struct reader *reader, char *rest)
{
	struct tg_case *now = reader->now;
	bool all_spoken_for = reader->mark == now->stream_bytes;

	now->broke_request = !strcmp(rest, AMBIGUOUS_REQUEST);
	if (now->broke_request)
		rest[strcspn(rest, " ")] = 0;
	if (!read_end_name(rest, now))
		return fail(reader, "'%s' is no state that a connection ends in", rest);
	if (!now->stream_bytes)
		return fail(reader, "a case without bytes");
	if ((now->end == TG_CASE_OPEN || now->end == TG_CASE_BODY) && !all_spoken_for)
		return fail(reader, "bytes that no request, body or skip line speaks for");
	reader->now = NULL;
	return 0;
}

static const struct {
	const char *word;
	int (*read)(struct reader *reader, char *rest);
} lines[] = {
	{"tokens", read_tokens},   {"header_bytes", read_header_bytes},
	{">", read_stream},	   {"prefix_bytes", read_prefix_bytes},
	{"request", read_request}, {"body", read_body_end},
	{"skip", read_skip},	   {"end", read_end},
};

static int read_line(struct reader *reader, char *line)
{
	size_t word = strcspn(line, " ");
	char *rest = line + word + !!line[word];

	if (!*line || *line == '#')
		return 0;
	if (word == 4 && !strncmp(line, "case", 4))
		return read_case(reader, rest);
	if (!reader->now)
		return fail(reader, "stands outside of a case");
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (strlen(lines[i].word) == word && !strncmp(line, lines[i].word, word))
			return lines[i].read(reader, rest);
	}
	return fail(reader, "unknown line '%s'", line);
}

static int read_file(const char *path, struct tg_cases *cases)
{
	struct reader reader = {.path = path, .cases = cases};
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t bytes;
	int err = file ? 0 : fail(&reader, "%s", strerror(errno));

	while (!err && (bytes = getline(&line, &room, file)) > 0) {
		reader.line++;
		if (line[bytes - 1] == '\n')
			line[bytes - 1] = 0;
		err = read_line(&reader, line);
	}
	if (!err && reader.now)
		err = fail(&reader, "the last case has no end line");
	free(line);
	if (file)
		fclose(file);
	return err;
}

int tg_cases_load(const char *dir, struct tg_cases *out)
{
	struct tg_cases cases = {0};
	char pattern[4096];
	glob_t found;
	int err = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.case", dir);
	if (glob(pattern, 0, NULL, &found)) {
		fprintf(stderr, "%s: no cases there\n", pattern);
		return -ENOENT;
	}
	for (size_t i = 0; i < found.gl_pathc && !err; i++)
		err = read_file(found.gl_pathv[i], &cases);
	globfree(&found);
	if (err)
		tg_cases_free(&cases);
	else
		*out = cases;
	return err;
}

void tg_cases_free(struct tg_cases *cases)
{
	for (size_t i = 0; i < cases->count; i++) {
		struct tg_case *c = &cases->row[i];

		for (size_t k = 0; k < c->requests; k++) {
			free(c->request[k].token);
			free(c->request[k].origin);
		}
		free(c->request);
		free(c->stream);
		free(c->name);
	}
	free(cases->row);
	memset(cases, 0, sizeof(*cases));
}

const char *tg_cases_dir(void)
{
	const char *dir = getenv("TG_CASES_DIR");

	return dir ? dir : "tests/http";
}

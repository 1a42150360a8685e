/* SPDX-License-Identifier: BSD-2-Clause */
#include "config_lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX      8	 /* the deepest key that means something is at 4 */
#define NODES_MAX      (1 << 18) /* TG_QUOTAS_MAX policies with all that they can have */
#define CAPACITY_FIRST 64

/* An open list or mapping. Nodes by index: the array moves as it grows. */
struct level {
	size_t node;
	bool mapping;
	bool has_key; /* a mapping's key was read, its value comes next */
	char key[TG_CONFIG_PATH_BYTES];
	unsigned int key_line;
};

struct walk {
	struct tg_config_lines *lines;
	struct level level[DEPTH_MAX];
	unsigned int depth;
	unsigned int documents;
};

void tg_config_lines_join(char out[TG_CONFIG_PATH_BYTES], const char *path, const char *key)
{
	char joined[TG_CONFIG_PATH_BYTES];

	/* A cut path finds no node and no schema: it is still reported, by its parent's line. */
	snprintf(joined, sizeof(joined), "%.*s%s%.*s",
		 tg_quote_whole(path, TG_CONFIG_PATH_BYTES - 64), path,
		 *path && *key != '[' ? "." : "", tg_quote_whole(key, 60), key);
	for (size_t i = 0; !i || joined[i - 1]; i++)
		out[i] = joined[i] ? tg_quote_printable(joined[i]) : '\0';
}

void tg_config_lines_index(char out[TG_CONFIG_PATH_BYTES], const char *path, unsigned int index)
{
	char text[16];

	snprintf(text, sizeof(text), "[%u]", index);
	tg_config_lines_join(out, path, text);
}

const char *tg_config_lines_quote(char out[TG_CONFIG_QUOTE_BYTES], const char *text)
{
	return tg_quote(out, text, TG_QUOTE_MAX);
}

/* FNV-1a: the file is its owner's, who has no use for collisions. */
static size_t hash(const char *path)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

/* The slot that has path, or the empty one where it would stand. There always is one. */
static size_t *slot_of(const struct tg_config_lines *lines, const char *path)
{
	size_t mask = 2 * lines->capacity - 1, i = hash(path) & mask;

	while (lines->slots[i] && strcmp(lines->nodes[lines->slots[i] - 1].path, path))
		i = (i + 1) & mask;
	return &lines->slots[i];
}

const struct tg_config_node *tg_config_lines_find(const struct tg_config_lines *lines,
						  const char *path)
{
	size_t number = lines->count ? *slot_of(lines, path) : 0;

	return number ? &lines->nodes[number - 1] : NULL;
}

static int grow(struct tg_config_lines *lines)
{
	size_t capacity = lines->capacity ? 2 * lines->capacity : CAPACITY_FIRST;
	struct tg_config_node *nodes = realloc(lines->nodes, capacity * sizeof(*nodes));
	size_t *slots;

	if (!nodes)
		return -ENOMEM;
	lines->nodes = nodes;
	slots = calloc(2 * capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(lines->slots);
	lines->slots = slots;
	lines->capacity = capacity;
	for (size_t i = 0; i < lines->count; i++)
		*slot_of(lines, lines->nodes[i].path) = i + 1;
	return 0;
}

/* The line of path, or of the nearest thing around it that is there. */
static unsigned int line_of(const struct tg_config_lines *lines, const char *path)
{
	char around[TG_CONFIG_PATH_BYTES];
	const struct tg_config_node *node;

	snprintf(around, sizeof(around), "%s", path);
	while (!(node = tg_config_lines_find(lines, around)) && *around) {
		char *dot = strrchr(around, '.'), *bracket = strrchr(around, '[');
		char *cut = dot > bracket ? dot : bracket;

		*(cut ? cut : around) = '\0';
	}
	return node ? node->line : 1;
}

static int __attribute__((format(printf, 4, 0)))
fault_at(const struct tg_config_lines *lines, unsigned int line, const char *path,
	 const char *format, va_list args)
{
	char what[512];

	vsnprintf(what, sizeof(what), format, args);
	snprintf(lines->error, lines->error_bytes, "%s:%u: %s%s%s", lines->file, line, path,
		 *path ? ": " : "", what);
	return -EINVAL;
}

int tg_config_lines_fault(const struct tg_config_lines *lines, const char *path, const char *format,
			  ...)
{
	va_list args;

	va_start(args, format);
	fault_at(lines, line_of(lines, path), path, format, args);
	va_end(args);
	return -EINVAL;
}

/* For what has no node: a fault of the syntax. */
static int __attribute__((format(printf, 4, 5)))
fault_line(const struct tg_config_lines *lines, size_t line, const char *path, const char *format,
	   ...)
{
	va_list args;

	va_start(args, format);
	fault_at(lines, (unsigned int)line, path, format, args);
	va_end(args);
	return -EINVAL;
}

/* Path and line of the node that comes next, from the level that it is in. */
static int place_node(struct walk *walk, const yaml_event_t *event, char *path, unsigned int *line)
{
	struct tg_config_lines *lines = walk->lines;
	struct level *level;
	struct tg_config_node *parent;

	*path = '\0';
	*line = (unsigned int)event->start_mark.line + 1;
	if (!walk->depth)
		return 0;
	level = &walk->level[walk->depth - 1];
	parent = &lines->nodes[level->node];
	if (level->mapping) {
		tg_config_lines_join(path, parent->path, level->key);
		*line = level->key_line;
		level->has_key = false;
		if (tg_config_lines_find(lines, path))
			return fault_line(lines, *line, path, "given twice; remove one");
	} else {
		tg_config_lines_index(path, parent->path, parent->children);
	}
	parent->children++;
	return 0;
}

static int add_node(struct walk *walk, const yaml_event_t *event, enum tg_config_node_kind kind,
		    const char *text)
{
	struct tg_config_lines *lines = walk->lines;
	char path[TG_CONFIG_PATH_BYTES];
	struct tg_config_node *node;
	unsigned int line;
	int err;

	err = place_node(walk, event, path, &line);
	if (err)
		return err;
	if (lines->count == NODES_MAX)
		return fault_line(lines, line, path, "more than %d entries in the file", NODES_MAX);
	if (lines->count == lines->capacity && grow(lines))
		return -ENOMEM;
	node = &lines->nodes[lines->count];
	*node = (struct tg_config_node){.path = strdup(path), .line = line, .kind = kind};
	if (!node->path)
		return -ENOMEM;
	*slot_of(lines, path) = ++lines->count;
	if (text)
		node->text = strdup(text);
	return !text || node->text ? 0 : -ENOMEM;
}

static int open_level(struct walk *walk, const yaml_event_t *event, bool mapping)
{
	struct tg_config_lines *lines = walk->lines;
	int err;

	err = add_node(walk, event, mapping ? TG_CONFIG_MAPPING : TG_CONFIG_LIST, NULL);
	if (err)
		return err;
	if (walk->depth == DEPTH_MAX)
		return tg_config_lines_fault(lines, lines->nodes[lines->count - 1].path,
					     "nested too deeply");
	walk->level[walk->depth++] = (struct level){.node = lines->count - 1, .mapping = mapping};
	return 0;
}

/* Is what comes next the key of a mapping? */
static bool awaits_key(const struct walk *walk)
{
	const struct level *level = walk->depth ? &walk->level[walk->depth - 1] : NULL;

	return level && level->mapping && !level->has_key;
}

static int take_scalar(struct walk *walk, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t line = event->start_mark.line + 1;
	struct level *level;

	if (strlen(text) != event->data.scalar.length)
		return fault_line(walk->lines, line, "", "a NUL byte in a text; remove it");
	if (!awaits_key(walk))
		return add_node(walk, event, TG_CONFIG_SCALAR, text);
	if (!*text)
		return fault_line(walk->lines, line, "", "an empty key; write a name before the :");
	level = &walk->level[walk->depth - 1];
	snprintf(level->key, sizeof(level->key), "%s", text);
	level->key_line = (unsigned int)line;
	level->has_key = true;
	return 0;
}

static int take_event(struct walk *walk, const yaml_event_t *event)
{
	size_t line = event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (walk->documents++)
			return fault_line(walk->lines, line, "",
					  "a second YAML document; write all in one");
		return 0;
	case YAML_ALIAS_EVENT:
		return fault_line(walk->lines, line, "", "an alias (*%s); write it out",
				  event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return take_scalar(walk, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (awaits_key(walk))
			return fault_line(walk->lines, line, "",
					  "a list or mapping where a key must stand");
		return open_level(walk, event, event->type == YAML_MAPPING_START_EVENT);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		walk->depth--;
		return 0;
	default:
		return 0;
	}
}

static size_t line_of_offset(const char *text, size_t bytes, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < bytes && i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static int syntax_fault(const struct tg_config_lines *lines, const yaml_parser_t *parser,
			const char *text, size_t bytes)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return fault_line(lines, line_of_offset(text, bytes, parser->problem_offset), "",
				  "not UTF-8 text: %s", parser->problem);
	return fault_line(lines, parser->problem_mark.line + 1, "", "not YAML: %s%s%s (column %zu)",
			  parser->context ? parser->context : "", parser->context ? ", " : "",
			  parser->problem, parser->problem_mark.column + 1);
}

int tg_config_lines_read(struct tg_config_lines *lines, const char *text, size_t bytes)
{
	struct walk walk = {.lines = lines};
	yaml_parser_t parser;
	yaml_event_t event;
	bool ended = false;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
	while (!err && !ended) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = syntax_fault(lines, &parser, text, bytes);
			break;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		err = take_event(&walk, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

void tg_config_lines_free(struct tg_config_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		free(lines->nodes[i].path);
		free(lines->nodes[i].text);
	}
	free(lines->nodes);
	free(lines->slots);
	lines->nodes = NULL;
	lines->slots = NULL;
	lines->count = 0;
	lines->capacity = 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a YAML text each key stands, so that an error found after loading
 * can still name its line; and the faults that a loader would pass over: a
 * second document, a key given twice, aliases, NUL bytes.
 *
 * A path is "identity.tokens[1].scheme"; "" is the document's root.
 */
#ifndef TOLLGATE_CONFIG_LINES_H
#define TOLLGATE_CONFIG_LINES_H

#include <stddef.h>

#include "quote.h"

#define TG_CONFIG_PATH_BYTES 256

enum tg_config_node_kind { TG_CONFIG_SCALAR, TG_CONFIG_LIST, TG_CONFIG_MAPPING };

struct tg_config_node {
	char *path;
	char *text;	       /* of a scalar, else NULL */
	unsigned int line;     /* of its key, from 1 */
	unsigned int children; /* of a list or mapping */
	enum tg_config_node_kind kind;
};

struct tg_config_lines {
	const char *file; /* for errors; the caller's */
	struct tg_config_node *nodes;
	size_t count;
	size_t capacity; /* of nodes; 0 or a power of 2 */
	size_t *slots;	 /* 2 * capacity: index + 1 of a node, by a hash of its path */
	char *error;	 /* the caller's */
	size_t error_bytes;
};

/*
 * Walk text. lines->file, error and error_bytes are set by the caller, the
 * rest is zero. 0, -EINVAL with an error line, or -ENOMEM. Free in any case.
 */
int tg_config_lines_read(struct tg_config_lines *lines, const char *text, size_t bytes);
void tg_config_lines_free(struct tg_config_lines *lines);

/* NULL: the text has no such path. */
const struct tg_config_node *tg_config_lines_find(const struct tg_config_lines *lines,
						  const char *path);

/*
 * Write "FILE:LINE: PATH: <message>" to lines->error, with the line of path
 * or, if it is not there, of what would hold it. Returns -EINVAL.
 */
int tg_config_lines_fault(const struct tg_config_lines *lines, const char *path, const char *format,
			  ...) __attribute__((format(printf, 3, 4)));

/* path.key or path[index] into out, cut where it is too long, control bytes as '?'. */
void tg_config_lines_join(char out[TG_CONFIG_PATH_BYTES], const char *path, const char *key);
void tg_config_lines_index(char out[TG_CONFIG_PATH_BYTES], const char *path, unsigned int index);

/* text in quotes, as an error shows it: one line, cut at about 40 bytes. */
#define TG_CONFIG_QUOTE_BYTES TG_QUOTE_BYTES
const char *tg_config_lines_quote(char out[TG_CONFIG_QUOTE_BYTES], const char *text);

#endif

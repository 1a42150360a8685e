/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's file: {"version": 1, "policies": [...], "blocks": [...]}. Policies
 * are as in policy_json.h; a block is {"subject", "reason", "created_unix_ns",
 * "expires_unix_ns"}.
 */
#include "policy_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "file.h"
#include "policy_json.h"
#include "text.h"

#define VERSION	       1
#define FILE_BYTES_MAX (64 * 1024 * 1024)

struct report {
	char path[PATH_MAX];
	char *error;
	size_t error_bytes;
};

static int start(struct report *report, const char *state_dir, char *error, size_t error_bytes)
{
	*report = (struct report){.error = error, .error_bytes = error_bytes};
	if (snprintf(report->path, sizeof(report->path), "%s/" TG_POLICY_STORE_FILE, state_dir) >=
	    (int)sizeof(report->path))
		return tg_error(-ENAMETOOLONG, error, error_bytes,
				"state_dir: its name is too long; use a shorter one");
	return 0;
}

/* "FILE: at: what; what to do". at may be "". */
static int __attribute__((format(printf, 3, 4)))
broken(const struct report *report, const char *at, const char *format, ...)
{
	char what[320];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return tg_error(-EINVAL, report->error, report->error_bytes,
			"%s: %s%s%s; mend the file or remove it, which forgets what was set at "
			"run time",
			report->path, at, *at ? ": " : "", what);
}

static int failed(const struct report *report, int err, const char *what)
{
	return tg_error(err, report->error, report->error_bytes, "%s: cannot be %s: %s",
			report->path, what, strerror(-err));
}

/* --- load ----------------------------------------------------------------------- */

static int read_fd(int fd, struct tg_text *text)
{
	char buffer[16384];
	ssize_t n;

	do {
		n = TEMP_FAILURE_RETRY(read(fd, buffer, sizeof(buffer)));
		if (n < 0)
			return -errno;
		tg_text_put(text, buffer, (size_t)n);
		if (text->failed)
			return -ENOMEM;
		if (text->bytes > FILE_BYTES_MAX)
			return -EFBIG;
	} while (n);
	return 0;
}

/* -ENOENT: there is none. */
static int read_file(const char *path, struct tg_text *text)
{
	/* O_NONBLOCK: a FIFO by that name must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err;

	if (fd < 0)
		return -errno;
	err = read_fd(fd, text);
	close(fd);
	return err;
}

static int parse(const struct report *report, const struct tg_text *text,
		 struct json_object **document)
{
	struct json_tokener *tokener = json_tokener_new();
	enum json_tokener_error error;
	size_t end;

	if (!tokener)
		return failed(report, -ENOMEM, "read");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	*document = json_tokener_parse_ex(tokener, text->data ? text->data : "", (int)text->bytes);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (error == json_tokener_success && text->data[end + strspn(text->data + end, " \n")])
		error = json_tokener_error_parse_unexpected;
	if (error == json_tokener_continue)
		return broken(report, "", "not JSON: it ends too early");
	if (error != json_tokener_success)
		return broken(report, "", "not JSON: %s at byte %zu",
			      json_tokener_error_desc(error), end);
	return 0;
}

/* The list of that key; a count of 0 if there is none. */
static int find_list(const struct report *report, struct json_object *in, const char *key,
		     struct json_object **list, unsigned int max, unsigned int *count)
{
	size_t length;

	*count = 0;
	if (!json_object_object_get_ex(in, key, list))
		return 0;
	if (!json_object_is_type(*list, json_type_array))
		return broken(report, key, "not a list");
	length = json_object_array_length(*list);
	if (length > max)
		return broken(report, key, "%zu are too many; at most %u", length, max);
	*count = (unsigned int)length;
	return 0;
}

static int load_quotas(const struct report *report, struct json_object *document,
		       struct tg_policy_store *store)
{
	char at[64], key[TG_QUOTA_KEY_BYTES], error[256];
	struct json_object *list = NULL;
	unsigned int count;
	int err = find_list(report, document, "policies", &list, TG_QUOTAS_MAX, &count);

	if (err)
		return err;
	store->quota = calloc(count + 1, sizeof(*store->quota));
	if (!store->quota)
		return failed(report, -ENOMEM, "read");
	store->quotas = count;
	for (unsigned int i = 0; i < count; i++) {
		err = tg_quota_from_json(json_object_array_get_idx(list, i), &store->quota[i], key,
					 error, sizeof(error));
		snprintf(at, sizeof(at), "policies[%u]%s%s", i, *key ? "." : "", key);
		if (err)
			return broken(report, at, "%s", error);
		store->quota[i].runtime = true;
	}
	return 0;
}

static const char *get_text(struct json_object *in, const char *key)
{
	struct json_object *value = NULL;
	const char *text;

	if (!json_object_object_get_ex(in, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* json-c makes the largest number of one that is too large, and 0 of a negative one. */
static bool get_time(struct json_object *in, const char *key, uint64_t *out)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(in, key, &value) ||
	    !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*out = json_object_get_uint64(value);
	return true;
}

bool tg_policy_store_is_reason(const char *text)
{
	size_t bytes = 0;

	for (; *text; text++, bytes++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return bytes < TG_DROP_TEXT_BYTES;
}

static int load_block(const struct report *report, const char *at, struct json_object *object,
		      struct tg_stored_block *block)
{
	const char *subject = get_text(object, "subject"), *reason = get_text(object, "reason");
	char error[256];

	if (!subject || !reason || !get_time(object, "created_unix_ns", &block->created_unix_ns) ||
	    !get_time(object, "expires_unix_ns", &block->expires_unix_ns))
		return broken(report, at,
			      "lacks one of subject, reason (texts), created_unix_ns, "
			      "expires_unix_ns (whole numbers)");
	if (tg_subject_parse(subject, &block->subject, error, sizeof(error)))
		return broken(report, at, "%s", error);
	if (!tg_policy_store_is_reason(reason))
		return broken(report, at,
			      "its reason is longer than %d bytes, or has control characters",
			      TG_DROP_TEXT_BYTES - 1);
	strcpy(block->reason, reason);
	return 0;
}

static int load_blocks(const struct report *report, struct json_object *document,
		       struct tg_policy_store *store)
{
	struct json_object *list = NULL;
	unsigned int count;
	char at[32];
	int err = find_list(report, document, "blocks", &list, 1 << 24, &count);

	if (err)
		return err;
	store->block = calloc((size_t)count + 1, sizeof(*store->block));
	if (!store->block)
		return failed(report, -ENOMEM, "read");
	store->blocks = count;
	for (unsigned int i = 0; !err && i < count; i++) {
		struct json_object *object = json_object_array_get_idx(list, i);

		snprintf(at, sizeof(at), "blocks[%u]", i);
		err = json_object_is_type(object, json_type_object)
			      ? load_block(report, at, object, &store->block[i])
			      : broken(report, at, "not an object");
	}
	return err;
}

static int check_twins(const struct report *report, const char *list, const void *first,
		       size_t record_bytes, unsigned int count)
{
	unsigned int earlier, later;
	char at[32];
	int err = tg_subject_find_twins(first, record_bytes, count, &earlier, &later);

	if (err == -ENOMEM)
		return failed(report, err, "read");
	if (!err)
		return 0;
	snprintf(at, sizeof(at), "%s[%u]", list, later);
	return broken(report, at, "has the subject of %s[%u]", list, earlier);
}

static int load_document(const struct report *report, struct json_object *document,
			 struct tg_policy_store *store)
{
	struct json_object *version = NULL;
	int err;

	if (!json_object_is_type(document, json_type_object))
		return broken(report, "", "not an object");
	if (!json_object_object_get_ex(document, "version", &version) ||
	    !json_object_is_type(version, json_type_int) ||
	    json_object_get_int64(version) != VERSION)
		return broken(report, "version", "not %d, so another version of tollgate wrote it",
			      VERSION);
	err = load_quotas(report, document, store);
	if (!err)
		err = load_blocks(report, document, store);
	if (!err)
		err = check_twins(report, "policies", store->quota, sizeof(*store->quota),
				  store->quotas);
	if (!err)
		err = check_twins(report, "blocks", store->block, sizeof(*store->block),
				  store->blocks);
	return err;
}

int tg_policy_store_load(const char *state_dir, struct tg_policy_store *store, char *error,
			 size_t error_bytes)
{
	struct json_object *document = NULL;
	struct tg_text text = {0};
	struct report report;
	int err = start(&report, state_dir, error, error_bytes);

	*store = (struct tg_policy_store){0};
	if (err)
		return err;
	err = read_file(report.path, &text);
	if (err)
		err = err == -ENOENT ? 0 : failed(&report, err, "read");
	else if (!(err = parse(&report, &text, &document)))
		err = load_document(&report, document, store);
	json_object_put(document);
	tg_text_free(&text);
	if (err)
		tg_policy_store_free(store);
	return err;
}

/* --- save ----------------------------------------------------------------------- */

static struct json_object *block_to_json(const struct tg_stored_block *block)
{
	struct json_object *out = json_object_new_object();
	char subject[TG_SUBJECT_TEXT_BYTES];

	if (!out)
		return NULL;
	tg_subject_print(&block->subject, subject);
	json_object_object_add(out, "subject", json_object_new_string(subject));
	json_object_object_add(out, "reason", json_object_new_string(block->reason));
	json_object_object_add(out, "created_unix_ns",
			       json_object_new_uint64(block->created_unix_ns));
	json_object_object_add(out, "expires_unix_ns",
			       json_object_new_uint64(block->expires_unix_ns));
	return out;
}

static struct json_object *to_json(const struct tg_policy_store *store)
{
	struct json_object *out = json_object_new_object();
	struct json_object *policies = json_object_new_array(), *blocks = json_object_new_array();

	for (unsigned int i = 0; i < store->quotas; i++)
		json_object_array_add(policies, tg_quota_to_json(&store->quota[i]));
	for (unsigned int i = 0; i < store->blocks; i++)
		json_object_array_add(blocks, block_to_json(&store->block[i]));
	json_object_object_add(out, "version", json_object_new_int(VERSION));
	json_object_object_add(out, "policies", policies);
	json_object_object_add(out, "blocks", blocks);
	return out;
}

int tg_policy_store_save(const char *state_dir, const struct tg_policy_store *store, char *error,
			 size_t error_bytes)
{
	struct json_object *document;
	struct report report;
	const char *text;
	size_t bytes;
	int err = start(&report, state_dir, error, error_bytes);

	if (err)
		return err;
	document = to_json(store);
	text = json_object_to_json_string_length(
		document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &bytes);
	err = text ? tg_file_replace(state_dir, report.path, text, bytes) : -ENOMEM;
	json_object_put(document);
	if (err)
		return tg_error(err, error, error_bytes,
				"%s: cannot be written: %s; make room in state_dir; the file is as "
				"it was",
				report.path, strerror(-err));
	return 0;
}

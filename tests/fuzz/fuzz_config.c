/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/config.c user/config_*.c user/duration.c user/listen.c user/places.c user/error.c */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/quote.c user/words.c */
/*
 * Any text as a configuration: it is refused with one line that names the file, or
 * loaded, and then what tg_config_print() makes of it loads and prints alike.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "must.h"

#define ERROR_BYTES 512

static char path[32];

/* The file has these bytes from now on. */
static void put(const void *data, size_t bytes)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("config", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, bytes, 0) == (ssize_t)bytes,
	     "no memory for a file");
}

/* One line, no control characters, the file in front. */
static void check_error(const char *error)
{
	must(!strncmp(error, path, strlen(path)) && error[strlen(path)] == ':', "%s", error);
	for (const char *c = error; *c; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f, "a control character in: %s", error);
}

static char *print(const struct tg_config *config, size_t *bytes)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, bytes);

	must(to && !tg_config_print(config, to) && !fclose(to), "cannot be printed");
	return text;
}

/* The text of the one that was loaded, or NULL. */
static char *load_and_print(size_t *bytes, char error[ERROR_BYTES])
{
	struct tg_config *config = NULL;
	int err = tg_config_load(path, &config, error, ERROR_BYTES);
	char *text;

	must(!err == !!config, "%d, but %p", err, (void *)config);
	if (err)
		return NULL;
	must(!*error, "loaded, but said %s", error);
	text = print(config, bytes);
	tg_config_free(config);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char error[ERROR_BYTES] = "", *text, *again;
	size_t text_bytes, again_bytes;

	put(data, bytes);
	text = load_and_print(&text_bytes, error);
	if (!text) {
		check_error(error);
		return 0;
	}
	put(text, text_bytes);
	again = load_and_print(&again_bytes, error);
	must(again, "what was printed does not load: %s\n%s", error, text);
	must(text_bytes == again_bytes && !memcmp(text, again, text_bytes),
	     "printed alike once, but then\n%s\nnot\n%s", again, text);
	free(text);
	free(again);
	return 0;
}

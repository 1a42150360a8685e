/* SPDX-License-Identifier: BSD-2-Clause */
#include "bpf_log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES 2048
#define TOLD_LINES 2

static char kept[KEPT_BYTES];

static void keep(const char *text, size_t bytes)
{
	size_t have = strlen(kept), drop;

	if (bytes >= sizeof(kept)) {
		text += bytes - (sizeof(kept) - 1);
		bytes = sizeof(kept) - 1;
	}
	drop = have + bytes < sizeof(kept) ? 0 : have + bytes - (sizeof(kept) - 1);
	memmove(kept, kept + drop, have - drop);
	memcpy(kept + have - drop, text, bytes);
	kept[have - drop + bytes] = 0;
}

/* The verifier's log comes as one message of up to megabytes, its reason at the end. */
static int keep_message(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;
	int bytes;

	if (level == LIBBPF_DEBUG)
		return 0;
	bytes = vasprintf(&text, format, args);
	if (bytes < 0)
		return 0;
	keep(text, bytes);
	free(text);
	return 0;
}

void tg_bpf_log_start(void)
{
	kept[0] = 0;
	libbpf_set_print(keep_message);
}

static bool tells(const char *line)
{
	static const char *const noise[] = {
		"processed ", "verification time",	"stack depth",
		"-- END",     "libbpf: failed to load", "libbpf: prog '"};

	if (!*line)
		return false;
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++)
		if (!strncmp(line, noise[i], strlen(noise[i])))
			return false;
	return true;
}

void tg_bpf_log_end(char *out, size_t out_bytes)
{
	char lines[KEPT_BYTES], *told[TOLD_LINES] = {0}, *rest = lines, *line;
	size_t used = 0;

	strcpy(lines, kept);
	while ((line = strsep(&rest, "\n"))) {
		if (!tells(line))
			continue;
		memmove(told, told + 1, sizeof(told) - sizeof(*told));
		told[TOLD_LINES - 1] = line;
	}
	*out = 0;
	for (int i = 0; i < TOLD_LINES && used < out_bytes; i++)
		if (told[i])
			used += snprintf(out + used, out_bytes - used, "%s%s", used ? " | " : "",
					 told[i]);
}

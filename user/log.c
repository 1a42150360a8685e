/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024

static enum tg_log_level threshold = TG_LOG_INFO;

/* JOURNAL_STREAM names the journal's stream; ours it is only if stderr is that file. */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

static void mend(char *line)
{
	for (; *line; line++) {
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
	}
}

static const char *word(enum tg_log_level level)
{
	switch (level) {
	case TG_LOG_WARNING:
		return "warning: ";
	case TG_LOG_DEBUG:
		return "debug: ";
	default:
		return "";
	}
}

void tg_log_set_level(enum tg_log_level level)
{
	threshold = level;
}

void tg_log(enum tg_log_level level, const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	va_list args;

	if (level > threshold)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	mend(line);
	/* One call, so that lines of several threads do not mix. */
	if (to_journal())
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "tollgate: %s%s\n", word(level), line);
}

bool tg_log_allow(struct tg_log_limit *limit, uint64_t now_ns, unsigned int *held_back)
{
	if (!limit->period_start_ns || now_ns - limit->period_start_ns >= limit->period_ns) {
		limit->period_start_ns = now_ns;
		limit->said = 0;
	}
	if (limit->said >= limit->burst) {
		limit->held_back++;
		return false;
	}
	limit->said++;
	if (held_back)
		*held_back = limit->held_back;
	limit->held_back = 0;
	return true;
}

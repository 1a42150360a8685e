/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one logger: a line each on stderr. Under systemd each line begins with
 * its syslog priority "<N>" (sd-daemon(3)), so that the journal files it.
 * Never hand it a token.
 */
#ifndef TOLLGATE_LOG_H
#define TOLLGATE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum tg_log_level { /* syslog priorities, RFC 5424 table 2 */
		    TG_LOG_ERROR = 3,
		    TG_LOG_WARNING = 4,
		    TG_LOG_NOTICE = 5,
		    TG_LOG_INFO = 6,
		    TG_LOG_DEBUG = 7,
};

/* Without a newline at its end; control bytes are shown as '?'. */
void tg_log(enum tg_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is less urgent than level is left out. INFO until called. */
void tg_log_set_level(enum tg_log_level level);

#define tg_log_error(...)   tg_log(TG_LOG_ERROR, __VA_ARGS__)
#define tg_log_warning(...) tg_log(TG_LOG_WARNING, __VA_ARGS__)
#define tg_log_notice(...)  tg_log(TG_LOG_NOTICE, __VA_ARGS__)
#define tg_log_info(...)    tg_log(TG_LOG_INFO, __VA_ARGS__)
#define tg_log_debug(...)   tg_log(TG_LOG_DEBUG, __VA_ARGS__)

/* A message that may come in a flood: at most burst in every period. */
struct tg_log_limit {
	uint64_t period_ns;
	unsigned int burst;
	/* state; begins as 0 */
	uint64_t period_start_ns;
	unsigned int said;
	unsigned int held_back;
};

/*
 * true: say it. *held_back (may be NULL): how many were not said since the
 * last one that was. now_ns: any clock that does not go back.
 */
bool tg_log_allow(struct tg_log_limit *limit, uint64_t now_ns, unsigned int *held_back);

#endif

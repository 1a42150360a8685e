/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A meter with policies, calendars and drops, as an agent would set them, and
 * questions to it: what becomes of a request, what was counted. Whatever cannot be
 * done fails the test.
 */
#ifndef TOLLGATE_TESTS_RIG_H
#define TOLLGATE_TESTS_RIG_H

#include "../../user/drops.h"
#include "../../user/enforce.h"
#include "../../user/maintain.h"
#include "tests.h"
#include "wire.h"

#define TG_RIG_SLOT	 5
#define TG_RIG_NEVER_MAX 4

struct tg_rule { /* a policy */
	const char *subject;
	const char *limits[TG_LIMITS_MAX];
	const char *action; /* NULL: reject */
	const char *per;    /* NULL: each */
};

#define TG_EACH(about, ...)                                                                        \
	{                                                                                          \
		.subject = about, .limits = { __VA_ARGS__ }                                        \
	}
#define TG_SHARED(about, ...)                                                                      \
	{                                                                                          \
		.subject = about, .limits = {__VA_ARGS__}, .per = "shared"                         \
	}
#define TG_ACTING(does, about, ...)                                                                \
	{                                                                                          \
		.subject = about, .limits = {__VA_ARGS__}, .action = does                          \
	}
#define TG_SHARED_ACTING(does, about, ...)                                                         \
	{                                                                                          \
		.subject = about, .limits = {__VA_ARGS__}, .action = does, .per = "shared"         \
	}

struct tg_rig {
	struct tg_meter meter;
	int program;
	struct tg_maintain maintain;
	struct tg_enforce enforce;
	struct tg_drops drops;
	struct tg_networks never;
	struct tg_subject never_list[TG_RIG_NEVER_MAX];
	uint32_t period;   /* which one is on */
	uint64_t start_ns; /* of it, in all units */
	uint16_t port;	   /* of the last connection that tg_rig_ask made */
	struct tg_packets opening[TG_PACKET_REASONS]; /* when the books were opened */
	uint64_t opening_unattributed;
};

/* entries: of each map, budgets and flows among them. Calendars are in their first period. */
void tg_rig_open(struct tg_rig *rig, unsigned int entries);

/* No policies, budgets, drops, connections, rows. Counters of packets stay. */
void tg_rig_reset(struct tg_rig *rig);

/* never_block, as networks; up to TG_RIG_NEVER_MAX, ends with NULL. Put rules, drops after it. */
void tg_rig_never(struct tg_rig *rig, const char *const *networks);

/* Put them in force. Ends with one without a subject, or at count. */
void tg_rig_put(struct tg_rig *rig, const struct tg_rule *rules);
void tg_rig_put_some(struct tg_rig *rig, const struct tg_rule *rules, unsigned int count);

/* Block a subject for so many seconds (0: until it is lifted); past: its time was up before. */
void tg_rig_block(struct tg_rig *rig, const char *subject, unsigned int for_s);
void tg_rig_block_past(struct tg_rig *rig, const char *subject);
struct tg_drop tg_rig_drop(const struct tg_rig *rig, const char *subject);

/* Another period of all calendar units begins. Its end, by the boot clock. */
void tg_rig_next_period(struct tg_rig *rig);
uint64_t tg_rig_end_ns(const struct tg_rig *rig, enum tg_unit unit);
uint64_t tg_rig_now_ns(void);

/* --- packets --------------------------------------------------------------------- */

/* What becomes of a packet; *reason (NULL: whatever) is what it is counted as. */
struct tg_out tg_rig_packet(struct tg_rig *rig, const struct tg_packet *packet, uint32_t *reason);
struct tg_out tg_rig_send(struct tg_rig *rig, const struct tg_peer *peer,
			  const struct tg_sent *sent, uint32_t *reason);

/* A request with a token (NULL: none), long enough for any answer. Returns its length. */
size_t tg_rig_request(char text[256], const char *token);

/*
 * What becomes of a request in a new connection from a source (an address), that ends
 * with the client's RST. ask: PASS or something else; allowed: of so many how many pass.
 */
struct tg_out tg_rig_ask(struct tg_rig *rig, const char *source, const char *token);
unsigned int tg_rig_allowed(struct tg_rig *rig, const char *source, const char *token,
			    unsigned int requests);

/* --- what was counted ---------------------------------------------------------------- */

struct tg_counts tg_rig_usage(const struct tg_rig *rig, const char *token);
struct tg_counts tg_rig_policy(const struct tg_rig *rig, const char *subject);
const struct tg_enforced *tg_rig_enforced(const struct tg_rig *rig, const char *subject);

/* The budget of a policy for a source or token; the policy's own: both NULL. NULL: none. */
const struct tg_budget *tg_rig_budget(const struct tg_rig *rig, const char *subject,
				      const char *source, const char *token);
uint64_t tg_rig_token_id(const char *token);

/*
 * Since the books were opened (tg_rig_reset does): packets seen are those counted by
 * reason, requests in packets are those in the books, those denied and observed are
 * the policies'. Not where a policy is gone, or a token is blocked.
 */
void tg_rig_open_books(struct tg_rig *rig);
void tg_rig_check_books(const struct tg_rig *rig);

/* --- the tests of a program ----------------------------------------------------------- */

/* The tests over one rig, which is opened before the first of them: see tests.h. */
int tg_rig_run(struct tg_rig *rig, unsigned int entries, const char *group,
	       const struct CMUnitTest tests[TG_TESTS_MAX], int argc, char **argv);

/* cmocka set-up of a test: it begins with that rig reset. */
int tg_rig_start(void **state);

#endif

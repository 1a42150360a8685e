/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy as people write it and as the program is given it: a subject, its
 * limits, what happens beyond them. Pure: text in, struct out, and back.
 */
#ifndef TOLLGATE_POLICY_H
#define TOLLGATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/tollgate/abi.h"

#define TG_SUBJECT_TEXT_BYTES	 96 /* enough for tg_subject_print */
#define TG_LIMIT_TEXT_BYTES	 48
#define TG_BLOCK_RULE_TEXT_BYTES 112
#define TG_QUOTA_KEY_BYTES	 24 /* "limits[3]" and its like */

#define TG_QUOTAS_MAX 16000 /* below TG_POLICIES_MAX: one that changes needs another element */

/* source:ADDR[/LEN] | token:PREFIX* | token-id:HEX | any */
struct tg_subject {
	enum tg_kind kind;
	uint32_t bits;	   /* of bytes that count: SOURCE 0..128 (IPv4: 96 + LEN), TOKEN 8 * length,
			      TOKEN_ID 64, ANY 0 */
	uint8_t bytes[16]; /* as struct tg_policy.subject; bits beyond are 0 */
};

/* "after N denials in DURATION for DURATION"; denials 0: none */
struct tg_block_rule {
	uint32_t denials;
	uint32_t window_s;
	uint32_t for_s;
};

struct tg_quota { /* a policy */
	struct tg_subject subject;
	enum tg_per per;
	enum tg_action action;		      /* never TG_ACTION_NONE */
	unsigned int limits_count;	      /* 1..TG_LIMITS_MAX */
	struct tg_limit limit[TG_LIMITS_MAX]; /* in the order that was given */
	struct tg_block_rule block;
	bool runtime; /* set by `tollgate quota set`, not by the configuration */
};

/* A list of address prefixes; IPv4 as ::ffff:a.b.c.d with 96 + LEN bits. */
struct tg_networks {
	struct tg_subject *network; /* kind SOURCE */
	unsigned int count;
};

/*
 * Each parser: 0, or -EINVAL with one line in error that quotes the text and
 * says what would be right. *out is untouched then. A policy's subject is parsed
 * by tg_subject_parse, a CIDR alone ("192.0.2.0/24", "2001:db8::/32", an address)
 * by tg_network_parse. Host bits behind a prefix are an error that names the
 * network meant. `origin:` is an error that says that it comes later.
 */
int tg_subject_parse(const char *text, struct tg_subject *out, char *error, size_t error_bytes);
int tg_network_parse(const char *text, struct tg_subject *out, char *error, size_t error_bytes);

/* "N/UNIT [burst B]"; see interface: units s m h (rates), minute hour day month. burst: rates
 * only, 1..; default N. N 1..TG_AMOUNT_MAX; rates at most TG_RATE_MAX a second. */
int tg_limit_parse(const char *text, struct tg_limit *out, char *error, size_t error_bytes);
int tg_block_rule_parse(const char *text, struct tg_block_rule *out, char *error,
			size_t error_bytes);
int tg_action_parse(const char *text, enum tg_action *out, char *error, size_t error_bytes);
int tg_per_parse(const char *text, enum tg_per *out, char *error, size_t error_bytes);

/* The canonical text, which the parser reads back alike. Control bytes cannot be in it. */
void tg_subject_print(const struct tg_subject *subject, char out[TG_SUBJECT_TEXT_BYTES]);
void tg_network_print(const struct tg_subject *network, char out[TG_SUBJECT_TEXT_BYTES]);
void tg_limit_print(const struct tg_limit *limit, char out[TG_LIMIT_TEXT_BYTES]);
void tg_block_rule_print(const struct tg_block_rule *rule, char out[TG_BLOCK_RULE_TEXT_BYTES]);
const char *tg_action_name(enum tg_action action);
const char *tg_per_name(enum tg_per per);
const char *tg_unit_name(enum tg_unit unit); /* "s", ... "month" */

/* The burst of a rate. */
uint64_t tg_limit_burst(const struct tg_limit *limit);

bool tg_subject_equal(const struct tg_subject *a, const struct tg_subject *b);
int tg_subject_compare(const struct tg_subject *a, const struct tg_subject *b); /* an order */

/*
 * Do two of count records have the same subject? Each is record_bytes long and
 * begins with a struct tg_subject. 0: none do; -EEXIST: the first to repeat an
 * earlier one is *later; -ENOMEM.
 */
int tg_subject_find_twins(const void *first, size_t record_bytes, unsigned int count,
			  unsigned int *earlier, unsigned int *later);

/* Is every address of inner in outer? Both of kind SOURCE. */
bool tg_network_contains(const struct tg_subject *outer, const struct tg_subject *inner);

/* A policy as texts, from a file, a request or a command line. NULL: not given. */
struct tg_quota_text {
	const char *subject;
	const char *const *limits;
	unsigned int limits_count;
	const char *action; /* default reject */
	const char *per;    /* default each */
	const char *block;  /* default none */
};

/* As the parsers above; at: which key the error is about, "subject", "limits[1]". */
int tg_quota_parse(const struct tg_quota_text *text, struct tg_quota *out,
		   char at[TG_QUOTA_KEY_BYTES], char *error, size_t error_bytes);

/*
 * Does a network of never_block exempt from policies, too? Not an IPv6 one that is
 * longer than sources are told apart by: it would exempt its neighbours.
 */
bool tg_never_block_exempts(const struct tg_subject *network, unsigned int ipv6_prefix);

/* Does it mean one token or one source, however sources are told apart? */
bool tg_subject_is_single(const struct tg_subject *subject, unsigned int ipv6_prefix);

/*
 * What cannot be seen from one key alone: two limits of one unit; a block rule
 * where a budget has no one subject (per: shared, but for token-id and a single
 * address); an IPv6 source longer than ipv6_prefix, as sources are told apart by
 * it; a source within never_block. 0, or -EINVAL with one line in error.
 */
int tg_quota_check(const struct tg_quota *quota, unsigned int ipv6_prefix,
		   const struct tg_networks *never_block, char *error, size_t error_bytes);

#endif

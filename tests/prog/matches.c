/* SPDX-License-Identifier: BSD-2-Clause */
#include "matches.h"

#define A	"198.51.100.1"
#define B	"198.51.100.2"
#define C	"203.0.113.1"
#define V6	"2001:db8:1:2::1"
#define V6_TWIN "2001:db8:1:2:ffff::9" /* the same /64 */
#define V6_NEAR "2001:db8:1:3::1"

#define ALL(from, with, count)                                                                     \
	{                                                                                          \
		.source = from, .token = with, .requests = count, .allowed = count                 \
	}
#define SOME(from, with, count, pass, ends)                                                        \
	{                                                                                          \
		.source = from, .token = with, .requests = count, .allowed = pass,                 \
		.refused = TG_OUT_##ends                                                           \
	}

const struct tg_match_case tg_match_cases[] = {
	{.what = "any, each source for itself",
	 .rule = {TG_EACH("any", "3/day")},
	 .ask = {SOME(A, NULL, 5, 3, 429), SOME(B, "free_one", 4, 3, 429),
		 SOME(A, "x-y-z-abc", 2, 0, 429)}},
	{.what = "any, shared",
	 .rule = {TG_SHARED("any", "5/day")},
	 .ask = {ALL(A, NULL, 3), SOME(B, NULL, 4, 2, 429), SOME(V6, NULL, 1, 0, 429)}},
	{.what = "any: an IPv6 client is its /64",
	 .rule = {TG_EACH("any", "3/day")},
	 .ask = {ALL(V6, NULL, 2), SOME(V6_TWIN, NULL, 2, 1, 429), ALL(V6_NEAR, NULL, 3)}},
	{.what = "source: an address",
	 .rule = {TG_EACH("source:" A, "2/day")},
	 .ask = {SOME(A, NULL, 3, 2, 429), ALL(B, NULL, 9)}},
	{.what = "source: a network, each address for itself",
	 .rule = {TG_EACH("source:198.51.100.0/24", "2/day")},
	 .ask = {SOME(A, NULL, 3, 2, 429), SOME(B, NULL, 3, 2, 429), ALL(C, NULL, 5)}},
	{.what = "source: a network, shared",
	 .rule = {TG_SHARED("source:198.51.100.0/24", "3/day")},
	 .ask = {ALL(A, NULL, 2), SOME(B, NULL, 3, 1, 429), ALL(C, NULL, 5)}},
	{.what = "source: the longest prefix, and only it",
	 .rule = {TG_EACH("source:198.51.100.0/24", "1/day"),
		  TG_EACH("source:198.51.100.0/31", "3/day"), TG_EACH("source:" B, "4/day"),
		  TG_EACH("source:0.0.0.0/0", "2/day")},
	 .ask = {SOME(A, NULL, 5, 3, 429), SOME(B, NULL, 5, 4, 429),
		 SOME("198.51.100.77", NULL, 5, 1, 429), SOME(C, NULL, 5, 2, 429),
		 ALL(V6, NULL, 5)}},
	{.what = "source: IPv6, the longest prefix",
	 .rule = {TG_EACH("source:2001:db8::/32", "1/day"),
		  TG_EACH("source:2001:db8:1:2::/64", "3/day"), TG_EACH("source:::/0", "2/day")},
	 .ask = {ALL(V6, NULL, 2), SOME(V6_TWIN, NULL, 2, 1, 429), SOME(V6_NEAR, NULL, 3, 1, 429),
		 SOME("2002::1", NULL, 3, 2, 429)}},
	{.what = "token: each token for itself, from anywhere",
	 .rule = {TG_EACH("token:free_*", "3/day")},
	 .ask = {ALL(A, "free_one", 2), SOME(B, "free_one", 2, 1, 429),
		 SOME(B, "free_two", 4, 3, 429), ALL(A, "paid_one", 9), ALL(A, NULL, 9)}},
	{.what = "token: shared",
	 .rule = {TG_SHARED("token:free_*", "3/day")},
	 .ask = {ALL(A, "free_one", 2), SOME(A, "free_two", 3, 1, 429), ALL(A, "fre_x", 5)}},
	{.what = "token: the longest prefix, and only it",
	 .rule = {TG_EACH("token:*", "1/day"), TG_EACH("token:free_*", "2/day"),
		  TG_EACH("token:free_o*", "4/day"), TG_EACH("token:free_one-of-them*", "3/day")},
	 .ask = {SOME(A, "free_one", 5, 4, 429), SOME(A, "free_two", 5, 2, 429),
		 SOME(A, "free", 5, 1, 429), SOME(A, "free_one-of-them", 5, 3, 429),
		 SOME(A, "free_one-of-them-and-longer", 5, 3, 429), ALL(A, NULL, 5)}},
	{.what = "token: one that is shorter than the prefix is not under it",
	 .rule = {TG_EACH("token:free_long*", "1/day")},
	 .ask = {ALL(A, "free_lon", 4), ALL(A, "f", 4), SOME(A, "free_long", 4, 1, 429)}},
	{.what = "token: tokens with one beginning of 16 bytes are two",
	 .rule = {TG_EACH("token:abcdefghijklmnop*", "2/day")},
	 .ask = {SOME(A, "abcdefghijklmnop1", 3, 2, 429), SOME(A, "abcdefghijklmnop2", 3, 2, 429),
		 ALL(A, "abcdefghijklmnoP3", 3)}},

	/* Several kinds at once. */
	{.what = "each kind that matches is enforced: the tightest first",
	 .rule = {TG_EACH("any", "6/day"), TG_EACH("source:" A, "4/day"),
		  TG_EACH("token:t*", "2/day")},
	 .ask = {SOME(A, "t-one", 3, 2, 429), SOME(A, "t-two", 3, 2, 429),
		 SOME(A, "t-six", 1, 0, 429), SOME(B, "t-two", 1, 0, 429),
		 SOME(B, "u-two", 7, 6, 429)}},
	{.what = "the tightest action wins: drop over reset",
	 .rule = {TG_ACTING("reset", "any", "1/day"), TG_ACTING("drop", "source:" A, "1/day")},
	 .ask = {SOME(A, NULL, 2, 1, ABORT)}},
	{.what = "the tightest action wins: reset over reject",
	 .rule = {TG_ACTING("reset", "any", "1/day"), TG_ACTING("reject", "source:" A, "1/day")},
	 .ask = {SOME(A, NULL, 2, 1, ABORT)}},
	{.what = "the tightest action wins: reject over observe",
	 .rule = {TG_ACTING("reject", "any", "1/day"), TG_ACTING("observe", "source:" A, "1/day")},
	 .ask = {SOME(A, NULL, 2, 1, 429)}},
	{.what = "only what is empty acts",
	 .rule = {TG_ACTING("drop", "any", "5/day"), TG_ACTING("reject", "source:" A, "1/day")},
	 .ask = {SOME(A, NULL, 4, 1, 429), SOME(B, NULL, 6, 5, ABORT)}},
	{.what = "observe passes",
	 .rule = {TG_ACTING("observe", "any", "2/day")},
	 .ask = {ALL(A, NULL, 6)}},
	{.what = "observe on its own does not shield the others",
	 .rule = {TG_ACTING("observe", "any", "2/day"), TG_EACH("token:t*", "4/day")},
	 .ask = {SOME(A, "t-one", 6, 4, 429)}},
	{.what = "a request that one policy refuses takes nothing from the others",
	 .rule = {TG_EACH("any", "10/day"), TG_EACH("token:t*", "2/day"),
		  TG_EACH("source:198.51.100.0/24", "5/day")},
	 .ask = {SOME(A, "t-one", 50, 2, 429), /* 2 of 5, 2 of 10 */
		 SOME(A, "t-two", 50, 2, 429), /* 4, 4 */
		 SOME(A, "u-one", 50, 1, 429), /* 5, 5 */
		 SOME(A, NULL, 50, 0, 429)}},
	{.what = "a source that is refused leaves the shared budget to the others",
	 .rule = {TG_SHARED("any", "10/day"), TG_EACH("source:" A, "3/day")},
	 .ask = {SOME(A, NULL, 50, 3, 429), SOME(B, NULL, 9, 7, 429)}},

	/* Several limits. */
	{.what = "several limits: the smaller one",
	 .rule = {TG_EACH("any", "2/minute", "5/hour", "9/day", "9/month")},
	 .ask = {SOME(A, NULL, 5, 2, 429)}},
	{.what = "several limits in another order",
	 .rule = {TG_EACH("any", "9/month", "5/hour", "9/day", "2/minute")},
	 .ask = {SOME(A, NULL, 5, 2, 429)}},
	{.what = "a rate and its burst",
	 .rule = {TG_EACH("any", "1/h burst 4")},
	 .ask = {SOME(A, NULL, 9, 4, 429), SOME(B, NULL, 9, 4, 429)}},
	{.what = "a rate without a burst is its number at once",
	 .rule = {TG_EACH("any", "7/h")},
	 .ask = {SOME(A, NULL, 9, 7, 429)}},
	{.what = "a rate and a quota",
	 .rule = {TG_EACH("any", "1/h burst 6", "4/day")},
	 .ask = {SOME(A, NULL, 9, 4, 429)}},
	{.what = "a quota and a rate",
	 .rule = {TG_EACH("any", "6/day", "1/h burst 4")},
	 .ask = {SOME(A, NULL, 9, 4, 429)}},

	/* never_block. */
	{.what = "never_block exempts from source: and any, not from token:",
	 .rule = {TG_EACH("any", "1/day"), TG_EACH("source:198.51.100.0/24", "2/day"),
		  TG_EACH("token:t*", "3/day")},
	 .ask = {ALL(A, NULL, 9), SOME(A, "t-one", 9, 3, 429), SOME(B, NULL, 9, 1, 429),
		 SOME(C, NULL, 9, 1, 429)},
	 .never = {A}},
	{.what = "never_block: a network, and IPv6",
	 .rule = {TG_EACH("any", "1/day")},
	 .ask = {ALL(A, NULL, 9), ALL(B, NULL, 9), SOME(C, NULL, 9, 1, 429), ALL(V6, NULL, 9),
		 SOME(V6_NEAR, NULL, 9, 1, 429)},
	 .never = {"198.51.100.0/30", "2001:db8:1:2::/64"}},
	{.what = "never_block: what is not in it, is under the network around it",
	 .rule = {TG_SHARED("source:198.51.0.0/16", "2/day")},
	 .ask = {ALL(A, NULL, 9), SOME("198.51.7.7", NULL, 9, 2, 429)},
	 .never = {"198.51.100.0/24"}},
	{0},
};

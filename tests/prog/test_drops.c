/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/[a-z]*.c tests/http/[a-z]*.c tests/prog/packet.c tests/prog/meter*.c */
/* links: tests/prog/wire.c tests/prog/rig*.c tests/prog/tests.c */
/* The drop map: whose packets are dropped, and until when. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define BLOCKS_MAX 10

#define A	"198.51.100.1"
#define B	"198.51.100.2"
#define C	"203.0.113.1"
#define V6	"2001:db8:1:2::1"
#define V6_TWIN "2001:db8:1:2::2"
#define V6_NEAR "2001:db8:1:3::1"

static struct tg_rig rig;

/* --- whose ------------------------------------------------------------------------ */

struct block {
	const char *what;
	const char *block[BLOCKS_MAX + 1]; /* for good */
	const char *past[BLOCKS_MAX + 1];  /* their time is up */
	const char *never[TG_RIG_NEVER_MAX + 1];
	const char *dropped[4];
	const char *passes[4];
};

static const struct block blocks[] = {
	{.what = "nobody", .passes = {A, B, V6}},
	{.what = "an address", .block = {"source:" A}, .dropped = {A}, .passes = {B, C, V6}},
	{.what = "a network",
	 .block = {"source:198.51.100.0/24"},
	 .dropped = {A, B},
	 .passes = {C, "198.51.101.1", V6}},
	{.what = "a network that ends within a byte",
	 .block = {"source:198.51.100.0/31"},
	 .dropped = {A, "198.51.100.0"},
	 .passes = {B, C}},
	{.what = "all of IPv4", .block = {"source:0.0.0.0/0"}, .dropped = {A, C}, .passes = {V6}},
	{.what = "all", .block = {"source:::/0"}, .dropped = {A, V6, V6_NEAR}},
	{.what = "an IPv6 address, not its /64",
	 .block = {"source:" V6},
	 .dropped = {V6},
	 .passes = {V6_TWIN, V6_NEAR, A}},
	{.what = "an IPv6 network",
	 .block = {"source:2001:db8:1:2::/64"},
	 .dropped = {V6, V6_TWIN},
	 .passes = {V6_NEAR, A}},
	{.what = "an expired address", .past = {"source:" A}, .passes = {A, B}},
	{.what = "an expired network",
	 .block = {"source:" A},
	 .past = {"source:198.51.100.0/24"},
	 .dropped = {A},
	 .passes = {B}},
	{.what = "an expired address in front of a network",
	 .block = {"source:198.51.100.0/24"},
	 .past = {"source:" A},
	 .dropped = {A, B},
	 .passes = {C}},
	{.what = "expired ones, seven deep, in front of all",
	 .block = {"source:0.0.0.0/0"},
	 .past = {"source:" A, "source:198.51.100.0/30", "source:198.51.100.0/29",
		  "source:198.51.100.0/28", "source:198.51.100.0/27", "source:198.51.100.0/26",
		  "source:198.51.100.0/25"},
	 .dropped = {A, B, C},
	 .passes = {V6}},
	{.what = "an expired one in front of never_block",
	 .block = {"source:0.0.0.0/0"},
	 .past = {"source:198.51.0.0/16"},
	 .never = {"198.51.100.0/24"},
	 .dropped = {C, "198.51.7.7"},
	 .passes = {A, B}},
	{.what = "never_block within a blocked network",
	 .block = {"source:198.51.0.0/16"},
	 .never = {A},
	 .dropped = {B, "198.51.7.7"},
	 .passes = {A, C}},
	{.what = "never_block within a blocked network, IPv6",
	 .block = {"source:2001:db8::/32"},
	 .never = {"2001:db8:1:2::/64"},
	 .dropped = {V6_NEAR},
	 .passes = {V6, V6_TWIN}},
	{0},
};

static void check_asks(const struct block *block, const char *const *sources, enum tg_out_kind kind)
{
	for (; *sources; sources++) {
		struct tg_out out = tg_rig_ask(&rig, *sources, NULL);

		if (out.kind != kind)
			fail_msg("%s: a request from %s: %s, not %s", block->what, *sources,
				 tg_out_name(out.kind), tg_out_name(kind));
	}
}

static void test_block(void **state)
{
	const struct block *block = *state;

	tg_rig_never(&rig, block->never);
	for (size_t i = 0; block->block[i]; i++)
		tg_rig_block(&rig, block->block[i], i % 2 ? 3600 : 0);
	for (size_t i = 0; block->past[i]; i++)
		tg_rig_block_past(&rig, block->past[i]);
	check_asks(block, block->dropped, TG_OUT_DROP);
	check_asks(block, block->passes, TG_OUT_PASS);
	tg_rig_check_books(&rig);
}

/* --- tokens ----------------------------------------------------------------------- */

static const char *id_text(char text[40], const char *token)
{
	snprintf(text, 40, "token-id:%016" PRIx64, tg_rig_token_id(token));
	return text;
}

static void test_token(void **state)
{
	static const struct tg_rule rules[] = {TG_EACH("any", "1/day"), {0}};
	struct tg_counts usage;
	struct tg_drop drop;
	char text[40];

	(void)state;
	tg_rig_block(&rig, id_text(text, "leaked-token"), 0);
	for (unsigned int i = 0; i < 3; i++) {
		/* The server's socket goes, the client hears nothing. */
		assert_int_equal(tg_rig_ask(&rig, A, "leaked-token").kind, TG_OUT_ABORT);
		assert_int_equal(tg_rig_ask(&rig, V6, "leaked-token").kind, TG_OUT_ABORT);
	}
	assert_int_equal(tg_rig_ask(&rig, A, "leaked-tokeN").kind, TG_OUT_PASS);
	assert_int_equal(tg_rig_ask(&rig, A, NULL).kind, TG_OUT_PASS);
	usage = tg_rig_usage(&rig, "leaked-token");
	assert_int_equal(usage.requests, 6);
	assert_int_equal(usage.denied, 6);
	drop = tg_rig_drop(&rig, text);
	assert_int_equal(drop.packets, 6);
	/* Before all policies: nothing is taken from their budgets. */
	tg_rig_put(&rig, rules);
	assert_int_equal(tg_rig_ask(&rig, B, "leaked-token").kind, TG_OUT_ABORT);
	assert_int_equal(tg_rig_ask(&rig, B, NULL).kind, TG_OUT_PASS);
	assert_int_equal(rig.meter.maps.control->refused, 0);
}

static void test_token_expires(void **state)
{
	char text[40];

	(void)state;
	tg_rig_block_past(&rig, id_text(text, "leaked-token"));
	assert_int_equal(tg_rig_ask(&rig, A, "leaked-token").kind, TG_OUT_PASS);
	tg_rig_block(&rig, text, 3600);
	assert_int_equal(tg_rig_ask(&rig, A, "leaked-token").kind, TG_OUT_ABORT);
}

/* --- time ------------------------------------------------------------------------- */

static void note_gone(const struct tg_subject *subject, const struct tg_drop *drop, void *arg)
{
	(void)subject;
	(void)drop;
	++*(unsigned int *)arg;
}

/* What the agent removes, and when; the program does not wait for it. */
static void test_expire(void **state)
{
	struct tg_drop_clock now = {.hz = tg_maintain_hz(&rig.maintain)};
	unsigned int gone = 0;

	(void)state;
	tg_rig_block(&rig, "source:" A, 10);
	tg_rig_block(&rig, "source:" B, 0);
	tg_rig_block_past(&rig, "source:" C);
	assert_int_equal(tg_maintain_jiffies(&rig.maintain, &now.jiffies), 0);
	assert_int_equal(tg_drops_expire(&rig.drops, &now, note_gone, &gone), 0);
	assert_int_equal(gone, 1);
	assert_int_equal(tg_rig_ask(&rig, A, NULL).kind, TG_OUT_DROP);
	now.jiffies += 9 * now.hz;
	assert_int_equal(tg_drops_expire(&rig.drops, &now, note_gone, &gone), 0);
	assert_int_equal(gone, 1);
	now.jiffies += 2 * now.hz;
	assert_int_equal(tg_drops_expire(&rig.drops, &now, note_gone, &gone), 0);
	assert_int_equal(gone, 2);
	assert_int_equal(tg_rig_ask(&rig, A, NULL).kind, TG_OUT_PASS);
	assert_int_equal(tg_rig_ask(&rig, B, NULL).kind, TG_OUT_DROP);
	assert_int_equal(rig.meter.maps.control->drops_sources, 1);
}

/* A block of a second is over after a second, whoever looks. */
static void test_ends_by_itself(void **state)
{
	uint64_t until;

	(void)state;
	tg_rig_block(&rig, "source:" A, 1);
	until = tg_rig_now_ns() + 1100000000;
	assert_int_equal(tg_rig_ask(&rig, A, NULL).kind, TG_OUT_DROP);
	while (tg_rig_now_ns() < until)
		;
	assert_int_equal(tg_rig_ask(&rig, A, NULL).kind, TG_OUT_PASS);
}

/* --- all
 * ------------------------------------------------------------------------------------------------
 */

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TG_TESTS_MAX] = {
		cmocka_unit_test_setup(test_token, tg_rig_start),
		cmocka_unit_test_setup(test_token_expires, tg_rig_start),
		cmocka_unit_test_setup(test_expire, tg_rig_start),
		cmocka_unit_test_setup(test_ends_by_itself, tg_rig_start),
	};

	for (const struct block *block = blocks; block->what; block++)
		tg_tests_add(tests, block->what, test_block, tg_rig_start, block);
	return tg_rig_run(&rig, 64, "drops", tests, argc, argv);
}

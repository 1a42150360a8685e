/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 against the vectors that its authors publish: key 00 01 .. 0f,
 * message 00 01 .. of 0 to 63 bytes. (Appendix A of the paper walks through
 * the one of 15 bytes.) Fed to the scanner's hash in pieces of every size.
 */
/* links: tests/http/siphash_plain.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../include/tollgate/siphash.h"
#include "../http/siphash_plain.h"

static const uint64_t published[64] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
	0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
	0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
	0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8,
	0xb8ad50c6f649af94, 0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
	0xde4daaaca71dc9a5, 0xa6a2506687956571, 0xad87a3535c49ef28, 0x32d892fad841c342,
	0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238, 0x15e034d40fa197ae,
	0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
	0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95,
	0xf935451de4f21df2, 0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
	0xe612a3cb9ecba951, 0xc766e62cfcadaf96, 0xee64435a9752fe72, 0xa192d576b245165a,
	0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea, 0x245731c13ca42499,
	0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
	0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
};

static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
static uint8_t message[4096];

static struct tg_sip start(void)
{
	struct tg_sip sip;

	tg_sip_start(&sip, (const __u64 *)key);
	return sip;
}

/* Up to 8 bytes; those of the word beyond them are no zeros, as in the scanner. */
static void add(struct tg_sip *sip, size_t from, size_t bytes)
{
	__u64 word = ~0ULL;

	memcpy(&word, message + from, bytes);
	tg_sip_add(sip, word, bytes);
}

static void add_all(struct tg_sip *sip, size_t from, size_t to, size_t piece)
{
	for (size_t at = from; at < to; at += piece)
		add(sip, at, to - at < piece ? to - at : piece);
}

static void test_published(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 64; bytes++) {
		struct tg_sip sip = start();

		add_all(&sip, 0, bytes, 8);
		assert_int_equal(tg_sip_end(&sip), published[bytes]);
	}
}

static void test_published_plain(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 64; bytes++)
		assert_int_equal(tg_siphash_plain(message, message, bytes), published[bytes]);
}

static void test_pieces_of_each_size(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 64; bytes++) {
		for (size_t piece = 1; piece <= 8; piece++) {
			struct tg_sip sip = start();

			add_all(&sip, 0, bytes, piece);
			assert_int_equal(tg_sip_end(&sip), published[bytes]);
		}
	}
}

/* One size of pieces up to every place, another one from there on. */
static void test_each_split(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 64; bytes++) {
		for (size_t split = 0; split <= bytes; split++) {
			for (size_t sizes = 0; sizes < 64; sizes++) {
				struct tg_sip sip = start();

				add_all(&sip, 0, split, sizes % 8 + 1);
				add_all(&sip, split, bytes, sizes / 8 + 1);
				assert_int_equal(tg_sip_end(&sip), published[bytes]);
			}
		}
	}
}

static void test_end_leaves_it_as_it_was(void **state)
{
	struct tg_sip sip = start();

	(void)state;
	for (size_t bytes = 0; bytes < 63; bytes++) {
		assert_int_equal(tg_sip_end(&sip), published[bytes]);
		add(&sip, bytes, 1);
	}
	assert_int_equal(tg_sip_end(&sip), published[63]);
}

static void test_no_bytes_change_nothing(void **state)
{
	struct tg_sip sip = start();

	(void)state;
	for (size_t bytes = 0; bytes < 20; bytes++) {
		tg_sip_add(&sip, ~0ULL, 0);
		add(&sip, bytes, 1);
	}
	assert_int_equal(tg_sip_end(&sip), published[20]);
}

/* The length's low byte is hashed: 256 bytes and more must not be mistaken. */
static void test_long_messages(void **state)
{
	static const size_t lengths[] = {64, 127, 128, 255, 256, 257, 511, 512, 1000, 3000, 4096};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		for (size_t piece = 1; piece <= 8; piece++) {
			struct tg_sip sip = start();

			add_all(&sip, 0, lengths[i], piece);
			assert_int_equal(tg_sip_end(&sip),
					 tg_siphash_plain(message, message, lengths[i]));
		}
	}
}

static void test_another_key(void **state)
{
	const __u64 other[2] = {key[0] ^ 1, key[1]};
	struct tg_sip sip;

	(void)state;
	tg_sip_start(&sip, other);
	add_all(&sip, 0, 15, 8);
	assert_int_not_equal(tg_sip_end(&sip), published[15]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_published_plain),
		cmocka_unit_test(test_pieces_of_each_size),
		cmocka_unit_test(test_each_split),
		cmocka_unit_test(test_end_leaves_it_as_it_was),
		cmocka_unit_test(test_no_bytes_change_nothing),
		cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_another_key),
	};

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

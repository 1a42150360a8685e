/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the scanner looks for: built once by userspace from the configuration
 * (tg_http_config_build in user/http_table.c), read-only ever after (.rodata
 * of the program). A header to capture is a row here, not code.
 */
#ifndef TOLLGATE_HTTP_CONFIG_H
#define TOLLGATE_HTTP_CONFIG_H

#include "abi.h"

/* What is done with the value of a header that has a row. */
enum tg_row_kind {
	TG_ROW_NONE,
	TG_ROW_CONTENT_LENGTH,
	TG_ROW_TRANSFER_ENCODING,
	TG_ROW_UPGRADE,
	TG_ROW_ORIGIN,	/* URL whose host is kept; preferred over REFERER */
	TG_ROW_REFERER, /* the same */
	TG_ROW_TOKEN,	/* an API credential */
};

enum tg_place_kind {
	TG_PLACE_PLAIN,
	TG_PLACE_BASIC, /* RFC 7617: the token is the user name */
};

#define TG_PLACE_NONE 0xff

/*
 * A header name. Matched by its lower-case text in words of 8 bytes, first
 * byte lowest (little endian), zero-padded.
 */
struct tg_row {
	__u64 name[TG_NAME_BYTES_MAX / 8];
	__u8 name_bytes;
	__u8 kind;	  /* enum tg_row_kind */
	__u8 next;	  /* next row + 1 whose first word falls in the same slot; 0: none */
	__u8 whole_place; /* TOKEN: the place that takes the whole value, or TG_PLACE_NONE */
	__u8 schemes;	  /* TOKEN: bit p: schemes[p] may stand here (p = place) */
	__u8 pad[3];
};
TG_ASSERT_SIZE(struct tg_row, 40);

/* An auth-scheme (RFC 9110 section 11.1), lower case, by place. */
struct tg_scheme {
	__u64 text[TG_SCHEME_BYTES_MAX / 8];
	__u8 text_bytes;
	__u8 kind; /* enum tg_place_kind */
	__u8 pad[6];
};

/* A query parameter whose value is a token. Case-sensitive. */
struct tg_query {
	__u64 name[TG_NAME_BYTES_MAX / 8];
	__u8 name_bytes;
	__u8 place;
	__u8 pad[6];
};

struct tg_http_config {
	__u64 key[2]; /* SipHash key: the secret's 16 bytes, little endian */
	__u32 header_bytes_max;
	__u8 prefix_bytes;
	__u8 queries; /* of query[], in use */
	__u8 rows;    /* of row[], in use */
	__u8 pad;
	__u32 filter_mask; /* which of a line's first 4 bytes tg_row_filter() looks at */
	__u32 pad2;
	__u64 filter[4]; /* bit tg_row_filter(first 4 bytes): the line's name may have a row */
	__u8 slot[TG_ROW_SLOTS]; /* tg_row_slot(first word) -> row + 1; 0: none */
	struct tg_row row[TG_ROWS_MAX];
	struct tg_scheme scheme[TG_PLACES_MAX];
	struct tg_query query[TG_QUERIES_MAX];
};

/* Slot of a header name by its first 8 lower-case bytes, zero-padded. */
static inline __attribute__((always_inline)) __u32 tg_row_slot(__u64 first_word)
{
	return (first_word * 0x9e3779b97f4a7c15ULL) >> 58;
}
/*
 * Bit 0..255 of a header line by its first 4 bytes, whatever their case: most
 * lines are told from it to be of no interest, before their name is read.
 */
static inline __attribute__((always_inline)) __u32 tg_row_filter(__u32 first, __u32 mask)
{
	return ((first | 0x20202020) & mask) * 0x9e3779b1U >> 24;
}
_Static_assert(TG_ROW_SLOTS == 64, "tg_row_slot takes the top 6 bits");

#endif

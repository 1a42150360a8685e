/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "network.h"
#include "quote.h"

#define ID_DIGITS 16

/* A subject may hold a whole token by mistake: an error shows no more than a prefix of it. */
#define SHOWN_MAX 18
#define TOKEN_MIN 9 /* bytes; shorter words are typing errors, not secrets */

/* With a kind in front and a * behind, it is no whole token. */
static bool may_be_token(const char *text)
{
	size_t bytes = strlen(text), kind = strncmp(text, "token:", 6) ? 0 : 6;

	if (strspn(text, "0123456789abcdefABCDEF.:/") == bytes && strpbrk(text, ".:"))
		return false; /* an address */
	return bytes - kind >= TOKEN_MIN && strncmp(text, "source:", 7) &&
	       strncmp(text, "token-id:", 9) && strncmp(text, "origin:", 7) &&
	       (!kind || text[bytes - 1] != '*');
}

static int __attribute__((format(printf, 4, 5)))
fault(const char *text, char *error, size_t error_bytes, const char *format, ...)
{
	char quote[TG_QUOTE_BYTES], what[192];
	size_t shown = strlen(text) - (may_be_token(text) ? TG_PREFIX_HIDDEN_MIN : 0);
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return tg_error(-EINVAL, error, error_bytes, "%s %s",
			tg_quote(quote, text, shown < SHOWN_MAX ? shown : SHOWN_MAX), what);
}

/* rest: behind "token:". */
static int read_token(const char *text, const char *rest, struct tg_subject *out, char *error,
		      size_t error_bytes)
{
	size_t bytes = strcspn(rest, "*");
	struct tg_subject token = {.kind = TG_KIND_TOKEN, .bits = 8 * (uint32_t)bytes};

	for (size_t i = 0; i < bytes; i++) {
		if (rest[i] <= ' ' || rest[i] >= 0x7f)
			return fault(text, error, error_bytes,
				     "has a byte that no token has; a prefix is printable ASCII "
				     "without spaces");
	}
	if (bytes > sizeof(token.bytes))
		return fault(text, error, error_bytes,
			     "is too long; a prefix has at most %zu bytes and a * behind them, or "
			     "use token-id:",
			     sizeof(token.bytes));
	if (!rest[bytes])
		return fault(text, error, error_bytes,
			     bytes ? "has no * at its end; a prefix is meant: add the *"
				   : "names no token; write token:PREFIX*, or token:* for all");
	if (rest[bytes + 1])
		return fault(text, error, error_bytes,
			     "has a * that is not its end; it stands once, behind the prefix");
	memcpy(token.bytes, rest, bytes);
	*out = token;
	return 0;
}

static int read_token_id(const char *text, const char *rest, struct tg_subject *out, char *error,
			 size_t error_bytes)
{
	struct tg_subject subject = {.kind = TG_KIND_TOKEN_ID, .bits = 64};
	uint64_t id;

	if (strlen(rest) != ID_DIGITS || strspn(rest, "0123456789abcdefABCDEF") != ID_DIGITS)
		return fault(text, error, error_bytes,
			     "is not a token id; it has %d hex digits, as tollgate usage shows it",
			     ID_DIGITS);
	id = strtoull(rest, NULL, 16);
	if (!id)
		return fault(text, error, error_bytes,
			     "is no token's id; copy one from tollgate usage");
	memcpy(subject.bytes, &id, sizeof(id));
	*out = subject;
	return 0;
}

static const char *behind(const char *text, const char *prefix)
{
	size_t bytes = strlen(prefix);

	return strncmp(text, prefix, bytes) ? NULL : text + bytes;
}

int tg_subject_parse(const char *text, struct tg_subject *out, char *error, size_t error_bytes)
{
	const char *rest;

	if ((rest = behind(text, "source:")))
		return tg_network_read("source:", rest, out, error, error_bytes);
	if ((rest = behind(text, "token:")))
		return read_token(text, rest, out, error, error_bytes);
	if ((rest = behind(text, "token-id:")))
		return read_token_id(text, rest, out, error, error_bytes);
	if (behind(text, "origin:"))
		return fault(text, error, error_bytes,
			     "cannot be used: origin policies are not enforced by this version "
			     "yet; use source:, token: or token-id:");
	if (strcmp(text, "any"))
		return fault(text, error, error_bytes,
			     "is not a subject; write source:ADDR[/LEN], token:PREFIX*, "
			     "token-id:HEX or any");
	*out = (struct tg_subject){.kind = TG_KIND_ANY};
	return 0;
}

void tg_subject_print(const struct tg_subject *subject, char out[TG_SUBJECT_TEXT_BYTES])
{
	char network[TG_SUBJECT_TEXT_BYTES];
	uint64_t id;

	switch (subject->kind) {
	case TG_KIND_TOKEN_ID:
		memcpy(&id, subject->bytes, sizeof(id));
		snprintf(out, TG_SUBJECT_TEXT_BYTES, "token-id:%016" PRIx64, id);
		break;
	case TG_KIND_TOKEN:
		snprintf(out, TG_SUBJECT_TEXT_BYTES, "token:%.*s*", (int)(subject->bits / 8),
			 (const char *)subject->bytes);
		break;
	case TG_KIND_SOURCE:
		tg_network_print(subject, network);
		snprintf(out, TG_SUBJECT_TEXT_BYTES, "source:%.80s", network);
		break;
	default:
		snprintf(out, TG_SUBJECT_TEXT_BYTES, "any");
	}
}

int tg_subject_compare(const struct tg_subject *a, const struct tg_subject *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool tg_subject_equal(const struct tg_subject *a, const struct tg_subject *b)
{
	return !tg_subject_compare(a, b);
}

struct records {
	const char *first;
	size_t bytes;
};

static const struct tg_subject *subject_of(const struct records *records, unsigned int i)
{
	return (const struct tg_subject *)(records->first + i * records->bytes);
}

static int compare_records(const void *a, const void *b, void *arg)
{
	unsigned int i = *(const unsigned int *)a, k = *(const unsigned int *)b;
	int order = tg_subject_compare(subject_of(arg, i), subject_of(arg, k));

	return order ? order : i < k ? -1 : 1;
}

int tg_subject_find_twins(const void *first, size_t record_bytes, unsigned int count,
			  unsigned int *earlier, unsigned int *later)
{
	struct records records = {first, record_bytes};
	unsigned int *order = calloc(count + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_records, &records);
	*later = count;
	for (unsigned int i = 1; i < count; i++) {
		if (order[i] >= *later || !tg_subject_equal(subject_of(&records, order[i - 1]),
							    subject_of(&records, order[i])))
			continue;
		*earlier = order[i - 1];
		*later = order[i];
	}
	free(order);
	return *later < count ? -EEXIST : 0;
}

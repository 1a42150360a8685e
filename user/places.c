/* SPDX-License-Identifier: BSD-2-Clause */
#include "places.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADER_BYTES_MIN 2

/* Their rows of the scanner's table have another meaning. */
static const char *const reserved[] = {"content-length", "transfer-encoding", "upgrade", "origin",
				       "referer"};

static int __attribute__((format(printf, 4, 5)))
fail(struct tg_places_fault *fault, unsigned int place, const char *key, const char *format, ...)
{
	va_list args;

	fault->place = place;
	fault->key = key;
	va_start(args, format);
	vsnprintf(fault->what, sizeof(fault->what), format, args);
	va_end(args);
	return -EINVAL;
}

/* tchar of RFC 9110 section 5.6.2: what names of fields and schemes are made of. */
static bool is_tchar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* What can stand before "=" in a query without being encoded, and means itself. */
static bool is_query_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("&=#%+\"<>", c);
}

static bool all(const char *text, bool (*is)(char))
{
	while (*text && is(*text))
		text++;
	return !*text;
}

static bool fits(const char *text, size_t min, size_t max)
{
	size_t bytes = strlen(text);

	return bytes >= min && bytes <= max;
}

static int check_header(const struct tg_config_place *place, unsigned int i,
			struct tg_places_fault *fault)
{
	if (!fits(place->header, HEADER_BYTES_MIN, TG_NAME_BYTES_MAX))
		return fail(fault, i, "header", "a header name has %d to %d characters",
			    HEADER_BYTES_MIN, TG_NAME_BYTES_MAX);
	if (!all(place->header, is_tchar))
		return fail(fault, i, "header",
			    "not a header name; write letters, digits and - only, without the :");
	for (size_t k = 0; k < sizeof(reserved) / sizeof(*reserved); k++) {
		if (!strcasecmp(place->header, reserved[k]))
			return fail(fault, i, "header",
				    "%s has a meaning of its own and cannot carry a token; name "
				    "another header",
				    place->header);
	}
	return 0;
}

static int check_scheme(const struct tg_config_place *place, unsigned int i,
			struct tg_places_fault *fault)
{
	if (!fits(place->scheme, 1, TG_SCHEME_BYTES_MAX))
		return fail(fault, i, "scheme",
			    "a scheme has 1 to %d characters; leave it out to take the whole value",
			    TG_SCHEME_BYTES_MAX);
	if (!all(place->scheme, is_tchar))
		return fail(fault, i, "scheme", "not a scheme; write one word such as Bearer");
	return 0;
}

static int check_query(const struct tg_config_place *place, unsigned int i,
		       struct tg_places_fault *fault)
{
	if (!fits(place->query, 1, TG_NAME_BYTES_MAX))
		return fail(fault, i, "query", "a parameter name has 1 to %d characters",
			    TG_NAME_BYTES_MAX);
	if (!all(place->query, is_query_char))
		return fail(fault, i, "query",
			    "not a parameter name; write it without ?, =, & or %%-encoding");
	if (place->query[0] == '?')
		return fail(fault, i, "query", "write the parameter name without the ?");
	return 0;
}

static int check_shape(const struct tg_config_place *place, unsigned int i,
		       struct tg_places_fault *fault)
{
	int err;

	if (place->header && place->query)
		return fail(fault, i, NULL,
			    "has both header and query; write two places, one with each");
	if (place->scheme && !place->header)
		return fail(fault, i, "scheme",
			    "a scheme needs a header; add header: Authorization");
	if (!place->header && !place->query)
		return fail(fault, i, NULL, "has neither header nor query; write one of them");
	if (place->query)
		return check_query(place, i, fault);
	err = check_header(place, i, fault);
	if (!err && place->scheme)
		err = check_scheme(place, i, fault);
	return err;
}

/* Names of headers and schemes compare in any case (RFC 9110), of parameters exactly. */
static int check_pair(const struct tg_config_place *before, const struct tg_config_place *place,
		      unsigned int before_index, unsigned int i, struct tg_places_fault *fault)
{
	if (place->query) {
		if (before->query && !strcmp(before->query, place->query))
			return fail(fault, i, NULL, "the same place as tokens[%u]; remove one",
				    before_index);
		return 0;
	}
	if (!before->header || strcasecmp(before->header, place->header))
		return 0;
	if (!before->scheme && place->scheme)
		return fail(fault, i, NULL,
			    "can never win: tokens[%u] takes the whole value of %s; put the place "
			    "with the scheme before it",
			    before_index, place->header);
	if (!before->scheme == !place->scheme &&
	    (!place->scheme || !strcasecmp(before->scheme, place->scheme)))
		return fail(fault, i, NULL, "the same place as tokens[%u]; remove one",
			    before_index);
	return 0;
}

int tg_places_check(const struct tg_config_place *places, unsigned int count,
		    struct tg_places_fault *fault)
{
	unsigned int queries = 0;
	int err;

	for (unsigned int i = 0; i < count; i++) {
		if (i == TG_PLACES_MAX)
			return fail(fault, i, NULL, "more than %d places; remove some",
				    TG_PLACES_MAX);
		err = check_shape(&places[i], i, fault);
		for (unsigned int k = 0; !err && k < i; k++)
			err = check_pair(&places[k], &places[i], k, i, fault);
		if (err)
			return err;
		queries += !!places[i].query;
		if (queries > TG_QUERIES_MAX)
			return fail(fault, i, "query", "more than %d query parameters; remove some",
				    TG_QUERIES_MAX);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "cases_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *append(uint8_t **bytes, size_t *count, uint8_t byte)
{
	/* Powers of two: grown when the count is one, so that no capacity is kept. */
	if (!(*count & (*count - 1))) {
		uint8_t *grown = realloc(*bytes, *count ? *count * 2 : 1);

		if (!grown)
			return "out of memory";
		*bytes = grown;
	}
	(*bytes)[(*count)++] = byte;
	return NULL;
}

static int hex(char digit)
{
	if (isdigit(digit))
		return digit - '0';
	return isxdigit(digit) ? tolower(digit) - 'a' + 10 : -1;
}

/* One byte of text, at *text, which is moved behind it. -1: a bad escape. */
static int take_byte(const char **text)
{
	char escape;

	if (**text != '\\')
		return (uint8_t) * (*text)++;
	escape = (*text)[1];
	if (escape == 'x') {
		int high = hex((*text)[2]), low = high < 0 ? -1 : hex((*text)[3]);

		*text += 4;
		return low < 0 ? -1 : high << 4 | low;
	}
	*text += 2;
	switch (escape) {
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '\\':
	case '{':
	case '}':
		return escape;
	}
	return -1;
}

/* {N*text}: *text stands behind the brace, and is moved behind the closing one. */
static const char *append_repeat(const char **text, uint8_t **bytes, size_t *count)
{
	const char *body, *wrong = NULL, *at = *text;
	unsigned long times = strtoul(*text, (char **)&body, 10);
	int byte;

	if (!isdigit(**text) || *body != '*')
		return "a repeat is {N*text}; write \\{ for a brace";
	body++;
	for (unsigned long i = 0; i < times && !wrong; i++) {
		for (at = body; *at && *at != '}' && !wrong;) {
			byte = take_byte(&at);
			wrong = byte < 0 ? "a bad escape within a repeat"
					 : append(bytes, count, byte);
		}
		if (!wrong && *at != '}')
			wrong = "a repeat without its }";
	}
	*text = at + 1;
	return times ? wrong : "a repeat of nothing";
}

const char *tg_case_text(const char *text, uint8_t **bytes, size_t *count)
{
	const char *wrong = NULL;
	int byte;

	while (*text && !wrong) {
		if (*text == '{') {
			text++;
			wrong = append_repeat(&text, bytes, count);
			continue;
		}
		if (*text == '}')
			return "a } without its {; write \\} for a brace";
		byte = take_byte(&text);
		wrong = byte < 0 ? "a bad escape" : append(bytes, count, byte);
	}
	return wrong;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/fuzz/stream.c user/http_table.c user/places.c tests/http/cases.c */
/* links: tests/http/cases_text.c tests/http/cases_expect.c tests/http/siphash_plain.c */
/* make_seeds DIR: each stream of tests/http/ as a file of DIR that the scanner's targets take. */
#include <stdio.h>
#include <string.h>

#include "../http/cases.h"
#include "stream.h"

static uint8_t choice_of(const struct tg_case_config *config)
{
	uint8_t choice = config->header_bytes <= 1024 ? FUZZ_CHOICE_SHORT : 0;

	for (uint8_t i = 0; i < FUZZ_PLACES; i++) {
		if (!strcmp(config->tokens, fuzz_places[i]))
			return choice | i;
	}
	return choice | 3; /* the most places */
}

static int write_seed(const char *dir, size_t number, const struct tg_case *c,
		      const uint8_t lengths[FUZZ_CHOICE_BYTES - 1])
{
	uint8_t choice = choice_of(&c->config);
	char path[4096];
	FILE *file;
	size_t put;

	snprintf(path, sizeof(path), "%s/case-%03zu-%u", dir, number, lengths[1]);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		return 1;
	}
	put = fwrite(&choice, 1, 1, file);
	put += fwrite(lengths, 1, FUZZ_CHOICE_BYTES - 1, file);
	put += fwrite(c->stream, 1, c->stream_bytes, file);
	return fclose(file) || put != FUZZ_CHOICE_BYTES + c->stream_bytes;
}

/* In segments of several lengths, and, if it is short, a byte at a time. */
static int write_seeds(const char *dir, size_t number, const struct tg_case *c)
{
	static const uint8_t several[] = {0, 1, 2, 6, 16, 40, 200}, bytes[sizeof(several)];

	if (c->stream_bytes > 2000)
		return 0;
	if (write_seed(dir, number, c, several))
		return 1;
	return c->stream_bytes > 200 ? 0 : write_seed(dir, number, c, bytes);
}

int main(int argc, char **argv)
{
	struct tg_cases cases;
	int failed = 0;

	if (argc != 2 || tg_cases_load(tg_cases_dir(), &cases))
		return 2;
	for (size_t i = 0; i < cases.count && !failed; i++)
		failed = write_seeds(argv[1], i, &cases.row[i]);
	tg_cases_free(&cases);
	return failed;
}

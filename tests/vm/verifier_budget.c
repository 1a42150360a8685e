/* SPDX-License-Identifier: BSD-2-Clause */
#include "verifier_budget.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define OTHER "other" /* kernels that have no line of their own */
#define ANY   "*"

static bool is_remark(const char *text)
{
	text += strspn(text, " \t");
	return *text == '#' || *text == '\n' || !*text;
}

static bool read_line(struct tg_verifier_budget_line *line, const char *text)
{
	char rest;

	return sscanf(text, "%15s %31s %15s %u %c", line->kernel, line->program, line->table,
		      &line->instructions, &rest) == 4 &&
	       line->instructions;
}

int tg_verifier_budget_read(struct tg_verifier_budget *budget, const char *path, unsigned int *line)
{
	const size_t lines_max = sizeof(budget->lines) / sizeof(*budget->lines);
	FILE *file = fopen(path, "re");
	char text[256];
	int err = 0;

	budget->count = 0;
	*line = 0;
	if (!file)
		return -errno;
	while (!err && fgets(text, sizeof(text), file)) {
		++*line;
		if (is_remark(text))
			continue;
		if (budget->count < lines_max && read_line(&budget->lines[budget->count], text))
			budget->count++;
		else
			err = -EINVAL;
	}
	if (!err && ferror(file)) {
		*line = 0;
		err = -EIO;
	}
	fclose(file);
	return err;
}

/* 6.1 is 6.1.0-9-amd64, and not 6.12. */
static bool is_kernel(const char *listed, const char *release)
{
	size_t length = strlen(listed);

	return !strncmp(listed, release, length) && !isdigit((unsigned char)release[length]);
}

static bool is_listed(const struct tg_verifier_budget *budget, const char *release)
{
	for (size_t i = 0; i < budget->count; i++)
		if (is_kernel(budget->lines[i].kernel, release))
			return true;
	return false;
}

static bool is_name(const char *listed, const char *name)
{
	return !strcmp(listed, ANY) || !strcmp(listed, name);
}

unsigned int tg_verifier_budget_of(const struct tg_verifier_budget *budget, const char *release,
				   const char *program, const char *table)
{
	const char *kernel = is_listed(budget, release) ? release : OTHER;

	for (size_t i = 0; i < budget->count; i++) {
		const struct tg_verifier_budget_line *line = &budget->lines[i];

		if (is_kernel(line->kernel, kernel) && is_name(line->program, program) &&
		    is_name(line->table, table))
			return line->instructions;
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "top_text.h"

#include <stdio.h>
#include <string.h>

void tg_top_number(char out[TG_TOP_NUMBER_BYTES], double number)
{
	static const char units[] = "\0kMGTPE";
	size_t unit = 0;

	if (number < 9.95 && number != (double)(int)number) {
		snprintf(out, TG_TOP_NUMBER_BYTES, "%.1f", number);
		return;
	}
	while (number >= 9999.5 && unit + 2 < sizeof(units)) {
		number /= 1000;
		unit++;
	}
	snprintf(out, TG_TOP_NUMBER_BYTES, unit && number < 99.95 ? "%.1f%c" : "%.0f%c", number,
		 units[unit]);
}

void tg_top_sparkline(char *out, const float *samples, size_t count, size_t cells, bool utf8)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	size_t each = count / cells;
	float most = 0;

	*out = '\0';
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t cell = 0; cell < cells; cell++) {
			float mean = 0;
			size_t level;

			for (size_t i = 0; i < each; i++)
				mean += samples[cell * each + i] / (float)each;
			if (!pass) {
				most = mean > most ? mean : most;
				continue;
			}
			/* Anything but nothing is seen. */
			level = mean > 0 ? 1 + (size_t)(mean / most * 7.0f) : 0;
			level = level > 8 ? 8 : level;
			out = stpcpy(out, (utf8 ? blocks : ascii)[level]);
		}
	}
}

void tg_top_fit(char *out, const char *text, size_t width)
{
	size_t bytes = strlen(text);

	memcpy(out, text, bytes < width ? bytes : width);
	out[bytes < width ? bytes : width] = '\0';
	if (bytes > width && width)
		out[width - 1] = '~';
}

/* SPDX-License-Identifier: BSD-2-Clause */
#define NCURSES_WIDECHAR 1
#include "top_screen.h"

#include <ctype.h>
#include <curses.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "top_text.h"

#define HEAD_LINES   3
#define FOOT_LINES   1
#define NUMBERS	     4
#define NUMBER_WIDTH 8
#define LABEL_MAX    72

static SCREEN *screen;
static bool utf8;

int tg_top_screen_open(void)
{
	if (!setlocale(LC_ALL, "") || strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8"); /* what a bare `sudo` often leaves behind */
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -1;
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	return 0;
}

void tg_top_screen_close(void)
{
	endwin();
	delscreen(screen);
}

size_t tg_top_screen_rows(void)
{
	int rows = LINES - HEAD_LINES - FOOT_LINES;

	return rows > 0 ? (size_t)rows : 0;
}

int tg_top_screen_key(unsigned int wait_ms)
{
	int key;

	timeout((int)wait_ms);
	key = getch();
	switch (key) {
	case ERR:
		return TG_TOP_KEY_NONE;
	case KEY_RESIZE:
		return TG_TOP_KEY_REDRAW;
	case KEY_UP:
		return TG_TOP_KEY_UP;
	case KEY_DOWN:
		return TG_TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TG_TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TG_TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TG_TOP_KEY_HOME;
	default:
		return key > 0 && key < 128 ? tolower(key) : TG_TOP_KEY_REDRAW;
	}
}

/* --- layout: labels, four numbers, the last minute ----------------------------------------- */

struct layout {
	int label[TG_TOP_LABELS]; /* widths; the second may be 0 */
	int cells;		  /* of the sparkline; 0: no room */
};

static int longest(const struct tg_top_model *model, int which, const char *heading)
{
	size_t width = heading ? strlen(heading) : 0;

	for (size_t i = 0; heading && i < model->rows_count; i++) {
		size_t bytes = strlen(model->rows[i].label[which]);

		width = bytes > width ? bytes : width;
	}
	return width < LABEL_MAX ? (int)width : LABEL_MAX;
}

/* The finest sparkline that leaves the labels half of what they want, at least 24 columns. */
static int choose_cells(int room, int wanted)
{
	static const int choices[] = {60, 30, 20, 15, 12, 10, 6};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (room - choices[i] - 1 >= (choices[i] > 20 || wanted < 32 ? wanted : 32))
			return choices[i];
	}
	return room > 31 ? 6 : 0;
}

static struct layout choose_layout(const struct tg_top_model *model, const struct tg_top_view *view)
{
	struct layout layout = {.label = {longest(model, 0, view->heading[0]),
					  longest(model, 1, view->heading[1])}};
	int room = COLS - NUMBERS * (NUMBER_WIDTH + 1) - (view->heading[1] ? 1 : 0);
	int wanted = layout.label[0] + layout.label[1];

	layout.cells = choose_cells(room, wanted);
	room -= layout.cells ? layout.cells + 1 : 0;
	if (wanted > room && room > 0 && view->heading[1]) {
		int half = room / 2;

		/* The shorter label keeps what it needs, the longer one takes the rest. */
		if (layout.label[0] <= half)
			layout.label[1] = room - layout.label[0];
		else if (layout.label[1] <= half)
			layout.label[0] = room - layout.label[1];
		else
			layout.label[0] = room - (layout.label[1] = half);
	} else if (wanted > room) {
		layout.label[0] = room > 0 ? room : 0;
	}
	return layout;
}

static void put_label(const char *text, int width)
{
	char fitted[LABEL_MAX + 1];

	tg_top_fit(fitted, text, (size_t)width);
	printw("%-*s ", width, fitted);
}

static void put_number(double number)
{
	char text[TG_TOP_NUMBER_BYTES];

	tg_top_number(text, number);
	printw("%*s ", NUMBER_WIDTH, text);
}

static void put_sparkline(const float *samples, int cells)
{
	char text[3 * TG_TOP_SAMPLES + 1];

	if (!cells)
		return;
	tg_top_sparkline(text, samples, TG_TOP_SAMPLES, (size_t)cells, utf8);
	addstr(text);
}

static void draw_row(const struct tg_top_row *row, const struct layout *layout)
{
	for (int i = 0; i < TG_TOP_LABELS && row->label[i]; i++)
		put_label(row->label[i], layout->label[i]);
	put_number(row->requests_rate);
	put_number(row->bytes_rate);
	put_number((double)row->requests);
	put_number((double)row->denied);
	put_sparkline(row->samples, layout->cells);
}

static void draw_heading(const struct tg_top_view *view, const struct layout *layout)
{
	static const char *const numbers[NUMBERS] = {
		[TG_TOP_BY_REQUESTS_RATE] = "REQ/S",
		[TG_TOP_BY_BYTES_RATE] = "BYTES/S",
		[TG_TOP_BY_REQUESTS] = "REQUESTS",
		"DENIED", /* nothing sorts by it */
	};

	attron(A_REVERSE);
	move(HEAD_LINES - 1, 0);
	hline(' ' | A_REVERSE, COLS);
	for (int i = 0; i < TG_TOP_LABELS && view->heading[i]; i++)
		put_label(view->heading[i], layout->label[i]);
	for (int i = 0; i < NUMBERS; i++) {
		if (i == (int)view->sort)
			attron(A_BOLD | A_UNDERLINE);
		printw("%*s", NUMBER_WIDTH, numbers[i]);
		attroff(A_BOLD | A_UNDERLINE);
		addch(' ');
	}
	if (layout->cells)
		addstr(layout->cells >= 11 ? "LAST MINUTE" : "MINUTE");
	attroff(A_REVERSE);
}

/* "1412 requests so far, 20 denied, 0 unattributed; rows: 3", as far as there is room */
static void draw_totals(const struct tg_top_model *model)
{
	const struct tg_top_row *total = &model->total;
	char text[200];
	int at = snprintf(text, sizeof(text), "%" PRIu64 " requests so far, %" PRIu64 " denied",
			  total->requests, total->denied);

	if (total->observed)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ", %" PRIu64 " observed",
			       total->observed);
	at += snprintf(text + at, sizeof(text) - (size_t)at,
		       ", %" PRIu64 " unattributed; rows: %zu", model->unattributed,
		       model->rows_count);
	move(1, 0);
	addnstr(text, COLS);
	if (COLS < at + 21)
		return;
	move(1, COLS - 20);
	put_sparkline(total->samples, 20);
}

static void draw_head(const struct tg_top_model *model, const struct tg_top_view *view)
{
	char rate[TG_TOP_NUMBER_BYTES], bytes[TG_TOP_NUMBER_BYTES];

	tg_top_number(rate, model->total.requests_rate);
	tg_top_number(bytes, model->total.bytes_rate);
	move(0, 0);
	attron(A_BOLD);
	addstr("tollgate top");
	attroff(A_BOLD);
	printw("  by %s: %s requests/s, %s bytes/s", view->title, rate, bytes);
	draw_totals(model);
}

static void draw_foot(const struct tg_top_view *view)
{
	move(LINES - 1, 0);
	if (view->notice[0]) {
		attron(A_BOLD);
		addnstr(view->notice, COLS - 1);
		attroff(A_BOLD);
		return;
	}
	addnstr("q quit  view: b s t p o i  sort: r req/s y bytes/s n requests  space pause",
		COLS - 1);
}

void tg_top_screen_draw(const struct tg_top_model *model, struct tg_top_view *view)
{
	struct layout layout = choose_layout(model, view);
	size_t rows = tg_top_screen_rows();

	if (view->first + rows > model->rows_count)
		view->first = model->rows_count > rows ? model->rows_count - rows : 0;
	erase();
	draw_head(model, view);
	draw_heading(view, &layout);
	for (size_t i = 0; i < rows && view->first + i < model->rows_count; i++) {
		move(HEAD_LINES + (int)i, 0);
		draw_row(&model->rows[view->first + i], &layout);
	}
	draw_foot(view);
	refresh();
}

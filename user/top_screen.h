/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal of `tollgate top`: the only user of ncurses. */
#ifndef TOLLGATE_TOP_SCREEN_H
#define TOLLGATE_TOP_SCREEN_H

#include "top_model.h"

struct tg_top_view {
	const char *title;		    /* "source, token" */
	const char *heading[TG_TOP_LABELS]; /* "SOURCE", "TOKEN"; the second may be NULL */
	enum tg_top_sort sort;
	size_t first;	    /* row at the top of the screen */
	const char *notice; /* an error or a hint in the last line, or "" */
};

/* 0, or -1: this terminal (TERM) can do nothing. */
int tg_top_screen_open(void);
void tg_top_screen_close(void);

/* Rows are in their order. view->first is pulled back where it points past the end. */
void tg_top_screen_draw(const struct tg_top_model *model, struct tg_top_view *view);

enum tg_top_key {
	TG_TOP_KEY_NONE = 0, /* the time is over */
	/* letters come as they are, in lower case */
	TG_TOP_KEY_REDRAW = 256, /* the terminal has another size */
	TG_TOP_KEY_UP,
	TG_TOP_KEY_DOWN,
	TG_TOP_KEY_PAGE_UP,
	TG_TOP_KEY_PAGE_DOWN,
	TG_TOP_KEY_HOME,
};

/* The next key, waited for at most so long. */
int tg_top_screen_key(unsigned int wait_ms);

/* Rows that fit below the heading. */
size_t tg_top_screen_rows(void);

#endif

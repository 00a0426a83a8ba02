/*
 * The transcript as a page: one file that needs no network and no script, for
 * light and dark, narrow and printed. Everything from elsewhere is escaped.
 */
#ifndef EXPLAIN_HTML_H
#define EXPLAIN_HTML_H

#include <stdbool.h>

#include "cgi/buffer.h"

enum text_style {
	TEXT_PLAIN,
	TEXT_BOLD,
	TEXT_NAME,
	TEXT_GOOD,
	TEXT_CHANGED,
	TEXT_GONE
};

/* A part of the time: a name of eleven letters at most, of 0 to 1 of it all. */
struct text_phase {
	const char *name;
	enum text_style style;
	double milliseconds, before, share;
	int percent;
};

/* A module that was imported: milliseconds, and 0 to 1 of the longest. */
struct text_module {
	const char *name;
	int depth;
	bool failed;
	double all, own, share;
};

/*
 * Begins the content; the others add to it. html_end() makes the page of it,
 * with a time line of the stations in front, and a log, or NULL, at the end.
 */
void html_begin(void);
void html_end(struct buffer *, const char *log);

/* A part of the page, with the milliseconds after which it was reached. */
void html_station(struct buffer *, double milliseconds, const char *title);

void html_paragraph(struct buffer *, enum text_style, const char *text);

/* A variable or a header with its value, and a remark to stand beside it. */
void html_pair(
    struct buffer *, const char *name, const char *between, const char *value);
void html_remark(struct buffer *, enum text_style, const char *text);

/* A phase in the time line; the titles of the tree of modules, and a row. */
void html_phase(struct buffer *, const struct text_phase *);
void html_modules(struct buffer *);
void html_module(struct buffer *, const struct text_module *);

#endif

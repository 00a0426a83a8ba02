/*
 * Writes for a reader: lines of 80 columns, of printable ASCII, with colours
 * on a terminal. What is written is kept until text_flush().
 */
#ifndef EXPLAIN_TEXT_H
#define EXPLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "explain/html.h"

#define TEXT_COLUMNS 80
#define TEXT_REMARK 10

/*
 * Begins, with colours or without, or as one page of HTML. Before this call
 * nothing is written.
 */
void text_open(bool page, bool colours);

/* A title with the milliseconds when it began. */
void text_station(double milliseconds, const char *title);

/*
 * A paragraph, indented and broken between words. In a page, what is indented
 * by TEXT_REMARK belongs to the pair before it.
 */
void text_paragraph(enum text_style, size_t indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A line "name: value" or the like, cut if it is too long. What is a secret
 * by the name, or in the value, is masked; all of it if the value is NULL.
 */
void text_pair(size_t indent, const char *name, size_t length,
    const char *between, const char *value);

/* A bar of the time line; the titles of the tree of modules, and its rows. */
void text_phase(const struct text_phase *);
void text_modules(void);
void text_module(const struct text_module *);

/*
 * Everything written leaves for the log in one piece; a page does not, before
 * it is whole. Where memory failed, a line says that instead: half of it would
 * be misleading.
 */
void text_flush(void);

/*
 * Writes the whole page to a descriptor, with a log, or NULL, at its end; does
 * nothing if text_open() began no page. Returns whether memory was enough.
 */
bool text_finish_page(int descriptor, const char *log);

#endif

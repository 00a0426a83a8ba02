/*
 * Writes for a reader: lines of 80 columns, of printable ASCII, with colours
 * on a terminal. What is written is kept until text_flush().
 */
#ifndef EXPLAIN_TEXT_H
#define EXPLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_COLUMNS 80

enum text_style {
	TEXT_PLAIN,
	TEXT_BOLD,
	TEXT_NAME,
	TEXT_GOOD,
	TEXT_CHANGED,
	TEXT_GONE
};

/* Begins, with colours or without. Before this call nothing is written. */
void text_open(bool colours);

/* A paragraph, indented and broken between words. */
void text_paragraph(enum text_style, size_t indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A line "name: value" or the like, cut if it is too long. What is a secret
 * by the name, or in the value, is masked; all of it if the value is NULL.
 */
void text_pair(size_t indent, const char *name, size_t length,
    const char *between, const char *value);

/* A line with a bar from one column to another. */
void text_bar(enum text_style, const char *label, size_t from, size_t to);

/*
 * Everything written leaves for the log in one piece. Where memory failed, a
 * line says that instead: half of it would be misleading.
 */
void text_flush(void);

#endif

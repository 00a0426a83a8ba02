/*
 * Writes for a reader: lines of 80 columns, of printable ASCII, with colours
 * on a terminal. What was written stays with the pen until it is lifted.
 */
#ifndef PEN_H
#define PEN_H

#include <stdbool.h>
#include <stddef.h>

#define PEN_COLUMNS 80

enum pen_style {
	PEN_PLAIN,
	PEN_BOLD,
	PEN_NAME,
	PEN_GOOD,
	PEN_CHANGED,
	PEN_GONE
};

/* Colours, or not. Before this call nothing is written. */
void pen_open(bool colours);

/* A paragraph, indented and broken between words. */
void pen_text(enum pen_style, size_t indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A line "name: value" or the like, cut if it is too long. What is a secret
 * by the name, or in the value, is masked.
 */
void pen_pair(size_t indent, const char *name, size_t length,
    const char *between, const char *value);

/* A line with a bar from one column to another. */
void pen_bar(enum pen_style, const char *label, size_t from, size_t to);

/* Everything written leaves for the log in one piece. */
void pen_lift(void);

#endif

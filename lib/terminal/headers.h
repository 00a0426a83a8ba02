/* The header lines of a request from a command line, as variables. */
#ifndef LINES_H
#define LINES_H

#include "invocation/wishes.h"

/* Reads every -H. Returns 0, or -1 with a failure reported. */
int lines_collect(const struct wishes *);

/* What -H says of a header, or NULL: nothing, or to leave it out. */
const char *lines_value(const char *name);

/*
 * Sets the variable of a header (RFC 3875 4.1.18) that no -H speaks of, or
 * takes it away if the value is NULL or empty. lines_set() does it for -H,
 * afterwards. Both return 0, or -1 with a failure reported.
 */
int lines_offer(const char *name, const char *value);
int lines_set(void);

#endif

/* The header lines of a request from a command line, as variables. */
#ifndef TERMINAL_HEADERS_H
#define TERMINAL_HEADERS_H

#include "invocation/options.h"

/*
 * Sets a variable of the environment, or takes it away if the value is NULL.
 * Returns 0, or -1 with a failure reported.
 */
int headers_set_variable(const char *name, const char *value);

/* Reads every -H. Returns 0, or -1 with a failure reported. */
int headers_collect(const struct options *);

/* What -H says of a header, or NULL: nothing, or to leave it out. */
const char *headers_value(const char *name);

/*
 * Sets the variable of a header (RFC 3875 4.1.18) that no -H speaks of, or
 * takes it away if the value is NULL or empty. headers_set() does it for -H,
 * afterwards. Both return 0, or -1 with a failure reported.
 */
int headers_offer(const char *name, const char *value);
int headers_set(void);

#endif

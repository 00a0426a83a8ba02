/* The header lines of a request from a command line, as variables. */
#ifndef TERMINAL_HEADERS_H
#define TERMINAL_HEADERS_H

#include "invocation/options.h"

/* Sets a variable of the environment, or takes it away if the value is NULL. */
void headers_set_variable(const char *name, const char *value);

/* Reads every -H. Returns 0, or -1 with a failure reported. */
int headers_collect(const struct options *);

/*
 * What -H says of the header that a variable carries (RFC 3875 4.1.18), or
 * NULL: nothing, or to leave it out.
 */
const char *headers_value(const char *variable);

/*
 * Sets the variable of a header to what -H says, or else to this value, or
 * takes it away if that is NULL or empty.
 */
void headers_offer(const char *variable, const char *value);

/* Sets the variables of all headers to which -H gives a value. */
void headers_set(void);

#endif

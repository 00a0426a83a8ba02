/* What --debug adds to the page of a failure, as HTML. */
#ifndef CGI_DEBUG_H
#define CGI_DEBUG_H

#include "cgi/buffer.h"
#include "cgi/request.h"

/*
 * The exception that a traceback ends with, or else the failure itself, as a
 * heading: memory to be freed, or NULL.
 */
char *debug_title(const char *failure, const char *trace);

/*
 * Adds the failure, its traceback, which may be "", and the variables of the
 * request, without secrets.
 */
void debug_add(struct buffer *, const char *failure, const char *trace,
    const struct request *);

#endif

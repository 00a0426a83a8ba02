/* cgi2wsgi --check: what breaks CGI, found before the server finds it. */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "invocation/invocation.h"

/*
 * Writes findings about invocation->script. Returns the exit status: 0, 1 if
 * there was an error among them, or 2 with a failure reported.
 */
int check_run(struct invocation *);

#endif

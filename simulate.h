/* A command line instead of a web server. */
#ifndef SIMULATE_H
#define SIMULATE_H

#include "request.h"

/*
 * Adds to the request the variables that a server would have set for a GET
 * of url: a path, or a whole http or https URL. Returns 0, or -1 with a
 * failure reported.
 */
int simulate_get(struct request *, const char *url);

#endif

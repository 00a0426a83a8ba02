/* A command line instead of a web server. */
#ifndef TERMINAL_ENVIRON_H
#define TERMINAL_ENVIRON_H

#include "invocation/invocation.h"

/*
 * Puts into the environment what a server would for the request that the
 * command line describes (RFC 3875 4.1), and sets *body to a descriptor with
 * its body, or -1 without one. Returns 0, or -1 with a failure reported.
 */
int environ_simulate(const struct invocation *, int *body);

#endif

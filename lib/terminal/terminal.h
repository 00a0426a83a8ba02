/*
 * A person at a terminal: a command line becomes a request, and its reply is
 * printed. Nothing here runs under a web server.
 */
#ifndef TERMINAL_TERMINAL_H
#define TERMINAL_TERMINAL_H

#include "invocation/invocation.h"

/*
 * Reads the command line into the invocation. Returns -1 in a process that
 * shall answer the request, with environment and descriptors as a server leaves
 * them; a failure may have been reported. Otherwise all is done, and it returns
 * the exit status. open_request puts descriptors in order as for a request,
 * which --check needs; it returns 0, or -1 with a failure reported.
 */
int terminal_run(
    struct invocation *, int argc, char **argv, int (*open_request)(void));

#endif

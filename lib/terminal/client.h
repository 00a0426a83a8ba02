/* The other end of a request from a command line: server and client. */
#ifndef TERMINAL_CLIENT_H
#define TERMINAL_CLIENT_H

#include "invocation/options.h"

/* What the process says that prints the reply. */
enum {
	CLIENT_FAILED = 1, /* no reply, or not a whole one */
	CLIENT_USAGE = 2,
	/* curl's */
	CLIENT_WRITE_ERROR = 23,
	CLIENT_READ_ERROR = 26,
};

/*
 * Returns -1 in a child that has body, or nothing if that is -1, as its
 * standard input and a pipe to the client as its standard output. The parent
 * prints what comes, as curl's options want it, waits, and returns the exit
 * status; *complaint becomes a message, in memory to be freed, or NULL.
 */
int client_run(const struct options *, int body, char **complaint);

#endif

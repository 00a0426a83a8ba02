/* The other end of a request from a command line: server and client. */
#ifndef TERMINAL_CLIENT_H
#define TERMINAL_CLIENT_H

#include "invocation/options.h"

/* Exit statuses of the process that prints the reply. */
enum {
	CLIENT_FAILED = 1, /* no reply, or not a whole one */
	CLIENT_USAGE = 2,
	/* curl's */
	CLIENT_WRITE_ERROR = 23,
	CLIENT_READ_ERROR = 26,
};

/*
 * Forks. Returns -1 in the child: its standard input is body, or /dev/null if
 * that is -1, and its standard output is a pipe to the parent. The parent
 * prints the reply as curl's options want it, waits for the child, and returns
 * the exit status; *complaint becomes a message, in memory to be freed, or
 * NULL.
 */
int client_run(const struct options *, int body, char **complaint);

#endif

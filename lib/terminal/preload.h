/* cgi2wsgi --preload: the image of a script is made now, and described. */
#ifndef TERMINAL_PRELOAD_H
#define TERMINAL_PRELOAD_H

#include "invocation/invocation.h"

/*
 * Has the kernel start the script as a server would, but with PRELOAD_MAKE, and
 * prints what it says. Root becomes the user that --web-user names. Returns
 * the exit status, or CLIENT_USAGE with a failure reported.
 */
int terminal_preload_run(const struct invocation *);

#endif

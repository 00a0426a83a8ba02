/* The application is imported and called, as a server would, but for nobody. */
#ifndef CHECK_APPLICATION_H
#define CHECK_APPLICATION_H

#include "invocation/invocation.h"

/*
 * Imports the application in a child process and adds findings about it. With
 * lint, and if nothing was wrong, another child imports it again and sends it
 * three requests. The invocation is that of a server. --timeout is the limit
 * of each child, or 30 seconds.
 */
void check_application(const struct invocation *, bool lint);

#endif

/* A script's first line, as the kernel and env(1) read it. */
#ifndef CHECK_HASHBANG_H
#define CHECK_HASHBANG_H

#include "check/user.h"

/* Where env(1) looks when a server starts it: most have this much. */
#define SERVER_PATH "/usr/local/bin:/usr/bin:/bin"

/*
 * Adds findings about the #! line of a file: whether it brings the server to
 * this program. Both are absolute names; script is how the server calls it.
 */
void hashbang_check(
    const struct user *, const char *script, const char *program);

#endif

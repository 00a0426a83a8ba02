/* A script's first line, as the kernel and env(1) read it. */
#ifndef CHECK_HASHBANG_H
#define CHECK_HASHBANG_H

#include "check/user.h"

/*
 * Adds findings about the #! line of a file: whether it brings the server to
 * this program. Both are absolute names; script is how the server calls it.
 */
void hashbang_check(
    const struct user *, const char *script, const char *program);

#endif

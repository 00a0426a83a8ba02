/* A script's file and what lies around it, seen with the server's eyes. */
#ifndef CHECK_PERMISSIONS_H
#define CHECK_PERMISSIONS_H

#include <stdbool.h>

#include "check/user.h"
#include "invocation/invocation.h"

/*
 * Adds findings about a script: that it exists, that the user may read and
 * execute it, who else may write it and its folder, and what suEXEC, which is
 * strictest, makes of that. Both names are absolute, and differ if one is a
 * symbolic link to the other. Returns whether it is there.
 */
bool permissions_check_file(
    const struct user *, const char *script, const char *file);

/* Whether it is to be executed: Apache's Action reads .wsgi files only. */
bool permissions_is_executed(const char *script);

/*
 * Adds findings about the files that options name or should name, and about
 * what a server may hand out beside the script, which it calls by this name.
 */
void permissions_check_options(
    const struct user *, const struct invocation *, const char *script);

/* Adds findings about the limits of memory, time and processes here. */
void permissions_check_limits(void);

#endif

/* What a web server may hand out as a file, though nobody should read it. */
#ifndef CHECK_SERVED_H
#define CHECK_SERVED_H

#include <stdbool.h>

#include "check/user.h"
#include "invocation/settings.h"

/*
 * The folder that a server hands files out of: DOCUMENT_ROOT if --env sets it,
 * or the one above a folder that has such a folder's usual name, or else the
 * folder itself. Memory to be freed, or NULL.
 */
char *served_root(const char *folder, const struct settings *);

/* Whether what this names lies in such a folder, wherever links lead. */
bool served_has(const char *root, const char *path);

/*
 * Adds findings about what lies beside a script, and between its folder and
 * the root: compiled code that is not needed, and secrets.
 */
void served_check(const struct user *, const char *script, const char *root);

#endif

/* A form with files: multipart/form-data (RFC 7578), as curl's -F sends it. */
#ifndef TERMINAL_FORM_H
#define TERMINAL_FORM_H

#include <stdio.h>

#include "invocation/options.h"

/*
 * Writes one part for each -F. *type becomes the Content-Type with the
 * boundary, memory to be freed; base is what -H says of it, or NULL. Returns 0,
 * or -1 with a failure reported.
 */
int form_put(FILE *to, const struct options *, const char *base, char **type);

#endif

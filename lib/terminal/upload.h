/* The body of a request: what curl's -d and -F send. */
#ifndef TERMINAL_UPLOAD_H
#define TERMINAL_UPLOAD_H

#include <stdio.h>

#include "invocation/options.h"

struct upload {
	enum upload_kind { UPLOAD_NOTHING, UPLOAD_DATA, UPLOAD_FORM } kind;
	FILE *data; /* an unnamed file, at its beginning; NULL: no body */
	char *type; /* the Content-Type that it has by itself, or NULL */
};

/*
 * Collects the data from words, files and standard input. form_type is what -H
 * says of Content-Type, or NULL: a form adds its boundary. Returns 0, or -1
 * with a failure reported; upload_free() is needed in any case.
 */
int upload_make(struct upload *, const struct options *, const char *form_type);
void upload_free(struct upload *);

#endif

/* What one call of start_response() says (PEP 3333). */
#ifndef WSGI_HEAD_H
#define WSGI_HEAD_H

#include "python/cpython.h"

#include <stdbool.h>
#include <stdint.h>

struct head {
	char *status; /* with a reason */
	char *headers; /* lines with CRLF */
	int64_t content_length; /* -1: the application gave none */
	size_t longest; /* bytes of the longest line */
	bool typed, located; /* which headers there are */
};

/*
 * Checks and copies status and headers (conformance E1 to E4). Returns 0, or -1
 * with an exception set that names the header and the rule, and *head empty.
 */
int head_read(struct head *head, PyObject *status, PyObject *headers);

/* Frees what it holds, and makes it empty. */
void head_free(struct head *head);

#endif

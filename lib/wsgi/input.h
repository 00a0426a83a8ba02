/* wsgi.input (PEP 3333 "Input and Error Streams"). */
#ifndef WSGI_INPUT_H
#define WSGI_INPUT_H

#include "python/cpython.h"

#include "cgi/request.h"

/*
 * Receives a body without a length, as body_store() does, while other threads
 * run. Returns 0, or -1 with a failure reported.
 */
int input_store(struct request *);

/*
 * Makes a buffered reader over the request's body. Returns a new reference,
 * or NULL with an exception set.
 */
PyObject *input_make(void);

#endif

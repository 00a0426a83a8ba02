/* wsgi.input (PEP 3333 "Input and Error Streams"). */
#ifndef WSGI_INPUT_H
#define WSGI_INPUT_H

#include "python/cpython.h"

/*
 * Makes a buffered reader over the request's body. Returns a new reference,
 * or NULL with an exception set.
 */
PyObject *input_make(void);

#endif

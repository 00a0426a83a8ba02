/* start_response, write and the body's framing (PEP 3333). */
#ifndef WSGI_RESPONSE_H
#define WSGI_RESPONSE_H

#include "python/cpython.h"

#include "cgi/request.h"

/*
 * Calls application(environ, start_response), sends what it returns block
 * by block, and closes it. Every failure is logged, and answered with a
 * page if no byte had left. Returns 0 if the response was delivered whole.
 */
int response_run(
    PyObject *application, PyObject *environ, const struct request *);

#endif

/* From the server's variables to the environ of PEP 3333. */
#ifndef WSGI_ENV_H
#define WSGI_ENV_H

#include "python/cpython.h"

#include "cgi/request.h"

/*
 * Takes what is missing from the name that Apache's redirects gave it
 * (conformance B15). Returns 0, or -1 without memory.
 */
int wsgi_env_complete(struct request *);

/*
 * Makes an environ of the request's variables and the wsgi keys (PEP 3333
 * "environ Variables"); input is borrowed. Returns a new dict, or NULL with
 * an exception set.
 */
PyObject *wsgi_env_make(const struct request *, PyObject *input);

#endif

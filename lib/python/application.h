/* From a name to a callable. */
#ifndef WSGI_APP_H
#define WSGI_APP_H

#include "python/cpython.h"

#include "invocation/invocation.h"

/*
 * Imports the application's file or module and finds its callable. Returns a
 * new reference, or NULL with a failure reported.
 */
PyObject *wsgi_app_load(const struct invocation *);

#endif

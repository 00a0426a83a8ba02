/* From a name to a callable. */
#ifndef PYTHON_APPLICATION_H
#define PYTHON_APPLICATION_H

#include "python/cpython.h"

#include "invocation/invocation.h"

/*
 * Imports the application's file or module and finds its callable. Returns a
 * new reference, or NULL with a failure reported.
 */
PyObject *application_load(const struct invocation *);

#endif

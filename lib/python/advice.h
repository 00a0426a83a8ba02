/* What an exception means to the one who wrote the application. */
#ifndef PYTHON_ADVICE_H
#define PYTHON_ADVICE_H

#include "python/cpython.h"

#include <stdbool.h>

/* Whether a file is neither a part of Python nor of an installed package. */
bool advice_is_own(const char *file);

/*
 * Each returns a text to be freed, or NULL, and sets no exception.
 *
 * Where the application itself was at last: "FILE, line N, in NAME" of the
 * innermost frame that is neither the standard library's nor a package's.
 * *innermost: no other frame was called from there.
 */
char *advice_place(PyObject *exception, bool *innermost);

/* What to change so that it is not raised. */
char *advice_for(PyObject *exception);

/* The same, if it was raised by the call of this application. */
char *advice_for_call(PyObject *exception, PyObject *application);

/*
 * What to write for an object that cannot be called, which the script has
 * under this name.
 */
char *advice_for_object(PyObject *object, const char *name);

#endif

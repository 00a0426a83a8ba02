/* What an exception means to the one who wrote the application. */
#ifndef PYTHON_ADVICE_H
#define PYTHON_ADVICE_H

#include "python/cpython.h"

#include <stdbool.h>

/*
 * Each of these returns a text to be freed, or NULL, and sets no exception.
 *
 * Where the application itself was at last: "FILE, line N, in NAME" of the
 * innermost frame in a file of its own, or of a syntax error in one.
 * *innermost: it is the last line of a traceback.
 */
char *advice_place(PyObject *exception, bool *innermost);

/* What to change so that it is not raised; ended: a limit raised it. */
char *advice_for(PyObject *exception, bool ended);

/* The same, if it was raised by the call of this application. */
char *advice_for_call(PyObject *exception, PyObject *application);

/*
 * What to write for an object that cannot be called, which the script has
 * under this name.
 */
char *advice_for_object(PyObject *object, const char *name);

/* What this script does instead of having an application. */
char *advice_for_script(const char *file);

/*
 * "Type: message" of an exception, and the frames before it, if Python's
 * traceback module does not work.
 */
char *advice_line(PyObject *exception);
char *advice_trace(PyObject *exception);

#endif

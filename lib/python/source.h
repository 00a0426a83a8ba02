/* Functions that are written in Python, and lie in the program as text. */
#ifndef PYTHON_SOURCE_H
#define PYTHON_SOURCE_H

#include "python/cpython.h"

/*
 * Calls one with a tuple of arguments, which is consumed and may be NULL.
 * Returns a new reference to its result, or NULL. Sets no exception.
 */
PyObject *source_call(const char *function, PyObject *arguments);

/* A function in C for such a source: bytes without the secrets inside them. */
PyObject *source_hide(PyObject *self, PyObject *bytes);

/*
 * Runs a source in a dict, which is consumed and may be NULL, after these
 * functions in C, up to one without a name, were put into it. file is its name
 * in tracebacks. Returns the dict, or NULL with an exception set.
 */
PyObject *source_define(
    PyObject *names, PyMethodDef *, const char *text, const char *file);

/*
 * The same as source_call() of one that returns a str or None: a text to be
 * freed, or NULL.
 */
char *source_text(const char *function, PyObject *arguments);

#endif

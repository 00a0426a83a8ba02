/* Secrets in what an exception says, and in the lines of its source. */
#ifndef PYTHON_MASK_H
#define PYTHON_MASK_H

#include "python/cpython.h"

/*
 * Looks for what is secret by its name: in the process's environment, and in
 * the variables that the exception's frames can see, whatever they lie in. No
 * code of the application runs. Returns a new list of str, the longest first,
 * or NULL without memory; sets no exception.
 */
PyObject *mask_find(PyObject *exception);

/*
 * A text of UTF-8 in which none of them stands: memory to be freed, or NULL,
 * also where the list is NULL: then nothing may be shown. Sets no exception.
 */
char *mask_text(PyObject *secrets, const char *text);

#endif

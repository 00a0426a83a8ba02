/* The variables of a frame, as a page may show them (--debug). */
#ifndef PYTHON_LOCALS_H
#define PYTHON_LOCALS_H

#include "python/cpython.h"

#include <stdbool.h>

/*
 * Each variable of a frame as text, with secrets masked by name wherever they
 * lie in a value. No code of the application runs. Returns a new dict of name
 * and text, or NULL with an exception set.
 */
PyObject *locals_show(PyObject *frame);

/* Whether what has this name, or key, is a secret; in doubt it is. */
bool locals_is_secret(PyObject *name);

#endif

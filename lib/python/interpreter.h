/* The Python inside this program. */
#ifndef PYTHON_INTERPRETER_H
#define PYTHON_INTERPRETER_H

#include "python/cpython.h"

#include "invocation/invocation.h"

/*
 * Starts Python with the paths that the distribution's own python3 has, or
 * those of --venv, and nothing from PATH or the working folder. Returns 0,
 * or -1 with a failure reported.
 */
int interpreter_start(const struct invocation *);

#endif

/* Where each key of environ came from, and what became of each variable. */
#ifndef EXPLAIN_VARIABLES_H
#define EXPLAIN_VARIABLES_H

#include "python/cpython.h"

#include "cgi/request.h"
#include "invocation/settings.h"

/* Keeps the variables, borrowed, as the server gave them, to compare later. */
void variables_keep(const struct request *);

/* Writes how the kept variables became environ; settings are of --env. */
void variables_tell(PyObject *env, const struct settings *settings);

#endif

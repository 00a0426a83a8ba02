/* A script that hands its application to wsgiref's CGIHandler itself. */
#ifndef PYTHON_HANDLER_H
#define PYTHON_HANDLER_H

#include "python/cpython.h"

#include <stdbool.h>

/*
 * While such a script is imported, CGIHandler().run(application) and
 * mercurial's wsgicgi.launch(application) only say which application it is: so
 * that a script moves here by its first line alone. Does nothing if the code
 * names neither.
 */
void handler_watch(PyObject *code);

/*
 * The import is over: both do again what they always did. Returns the first
 * application that was named, a new reference, or NULL.
 */
PyObject *handler_take(void);

/* Whether the script names one of them, but has not called it. */
bool handler_is_idle(void);

#endif

/* A script that hands its application to a server itself. */
#ifndef PYTHON_HANDLER_H
#define PYTHON_HANDLER_H

#include "python/cpython.h"

/*
 * From now on CGIHandler().run(application), app.run() of the frameworks and
 * their like only say which application it is: so that a script moves here by
 * its first line alone. For the time of the import, in the calling thread.
 */
void handler_watch(void);

/*
 * The import is over: all these do again what they always did. imports_notify()
 * is left for the next to call. Returns the first application that was named, a
 * new reference, or NULL. Leaves the current exception alone.
 */
PyObject *handler_take(void);

#endif

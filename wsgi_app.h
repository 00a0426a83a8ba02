/* The interpreter, and from a name to a callable. */
#ifndef WSGI_APP_H
#define WSGI_APP_H

#include "cpython.h"

#include "invocation.h"

/*
 * Starts Python with the paths that the distribution's own python3 has, or
 * those of --venv, and nothing from PATH or the working folder. Returns 0,
 * or -1 with a failure reported.
 */
int		 wsgi_app_start(const struct invocation *);

/*
 * Imports the application's file or module and finds its callable. Returns a
 * new reference, or NULL with a failure reported.
 */
PyObject	*wsgi_app_load(const struct invocation *);

/* Joins threads, runs atexit, flushes. */
void		 wsgi_app_stop(void);

#endif

/* When Python collects garbage. */
#ifndef PYTHON_GARBAGE_H
#define PYTHON_GARBAGE_H

#include "python/cpython.h"

/*
 * None at all while Python starts; until garbage_put_off(). To be called before
 * Py_InitializeFromConfig(), and only if nothing but Python itself runs then.
 */
void garbage_hold(void);

/*
 * While an application is being loaded there is next to none to be found.
 * Returns 0, or -1 with an exception set.
 */
int garbage_put_off(void);

/* From now on as usual, but without looking at what has been loaded. */
void garbage_resume(void);

/*
 * The objects that are younger than garbage_resume(); before it, those that are
 * younger than Python's start. All, if nobody can tell: the application has
 * frozen some, or Python is older than 3.10. Returns a new list, or NULL with
 * an exception set.
 */
PyObject *garbage_list(void);

/* Ends what only objects refer to that nobody can reach, if not frozen. */
void garbage_collect(void);

/* Collects all garbage, and what is left is not looked at from now on. */
void garbage_freeze(void);

/* From now on all objects are looked at. */
void garbage_thaw(void);

#endif

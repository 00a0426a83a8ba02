/* When Python collects garbage. */
#ifndef PYTHON_GARBAGE_H
#define PYTHON_GARBAGE_H

#include "python/cpython.h"

/*
 * Never until garbage_put_off(). To be called before Py_InitializeFromConfig(),
 * and only if nothing but Python itself runs until then.
 */
void garbage_hold(void);

/*
 * Hardly ever from now on: an import leaves next to no garbage. Returns 0, or
 * -1 with an exception set.
 */
int garbage_put_off(void);

/* As usual from now on; what was loaded is frozen, and not looked at. */
void garbage_resume(void);

/*
 * The objects that are younger than garbage_resume(); before it, those that are
 * younger than Python's start. All, if nobody can tell: the application has
 * frozen some, or Python is older than 3.10. Returns a new list, or NULL with
 * an exception set.
 */
PyObject *garbage_list(void);

/* Collects all garbage now, but for frozen objects. */
void garbage_collect(void);

/* Freezes what there is. */
void garbage_freeze(void);

/* From now on nothing is frozen. */
void garbage_thaw(void);

#endif

/* Which modules are imported, inside which others, and how long each takes. */
#ifndef PYTHON_IMPORTS_H
#define PYTHON_IMPORTS_H

#include "python/cpython.h"

/*
 * Watches importlib from now on, in the calling thread; what an application
 * sees of the import system stays the same. If this Python's importlib is
 * another, nothing is watched.
 */
void imports_watch(void);

/*
 * Writes with the pen what was imported since the last time, if anything:
 * all modules if they are few, else those that took the longest, in the order
 * of their beginnings. Returns how many modules there were.
 */
int imports_tell(const char *title);

/*
 * A new list of (name, seconds without those of what it imported itself) of
 * all that was imported, or NULL with an exception set.
 */
PyObject *imports_list(void);

#endif

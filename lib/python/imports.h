/* Which modules are imported, inside which others, and how long each takes. */
#ifndef PYTHON_IMPORTS_H
#define PYTHON_IMPORTS_H

#include "python/cpython.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct import {
	char *name;
	int depth; /* inside so many others */
	bool failed;
	int64_t time, inside; /* nanoseconds: all, and what it imported */
};

/*
 * Watches importlib from now on, in the calling thread; what an application
 * sees of the import system stays the same. If this Python's importlib is
 * another, nothing is watched.
 */
void imports_watch(void);

/*
 * Calls this with the name of each module that was imported, in whatever
 * thread, before its importer goes on; NULL: no more. It must leave no
 * exception set.
 */
void imports_notify(void (*imported)(const char *name));

/*
 * How many were imported so far, and one of them, in the order of their
 * beginnings. The pointer is good until the next import.
 */
size_t imports_count(void);
const struct import *imports_get(size_t index);

/*
 * A new list of (name, seconds without those of what it imported itself) of
 * all that was imported, or NULL with an exception set.
 */
PyObject *imports_list(void);

#endif

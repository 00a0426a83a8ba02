/* The compiled form of the application's file. */
#ifndef PYTHON_BYTECODE_H
#define PYTHON_BYTECODE_H

#include "python/cpython.h"

/*
 * The code of a file, from the cache if it is not older than the file; else
 * compiled, and put there if Python may write bytecode. path is the same name
 * as a str. Returns a new reference, or NULL with an exception set.
 */
PyObject *bytecode_load(const char *file, PyObject *path);

/*
 * The name in the cache of a file's compiled form: memory to be freed, or NULL.
 */
char *bytecode_name(const char *file);

#endif

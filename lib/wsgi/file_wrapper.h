/* wsgi.file_wrapper (PEP 3333 "Optional Platform-Specific File Handling"). */
#ifndef WSGI_FILE_WRAPPER_H
#define WSGI_FILE_WRAPPER_H

#include "python/cpython.h"

#include <sys/types.h>

/* The type; a new reference, or NULL with an exception set. */
PyObject *file_wrapper_type(void);

/*
 * Whether the object is a wrapper that would yield the rest of a regular file,
 * which the kernel can send. Returns 1 with its descriptor, borrowed, and
 * where to begin; 0 if not; or -1 with an exception set.
 */
int file_wrapper_descriptor(PyObject *object, int *descriptor, off_t *offset);

#endif

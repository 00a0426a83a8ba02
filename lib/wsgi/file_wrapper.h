/* wsgi.file_wrapper (PEP 3333 "Optional Platform-Specific File Handling"). */
#ifndef WSGI_FILE_H
#define WSGI_FILE_H

#include "python/cpython.h"

#include <sys/types.h>

/* The type; a new reference, or NULL with an exception set. */
PyObject *wsgi_file_type(void);

/*
 * Finds out whether the kernel can send what object, if it is a wrapper,
 * would yield. Returns 1 with the descriptor and where to begin, 0 if it
 * can't, or -1 with an exception set.
 */
int wsgi_file_descriptor(PyObject *object, int *descriptor, off_t *offset);

#endif

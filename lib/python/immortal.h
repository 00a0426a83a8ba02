/* Objects whose references nobody counts any more. */
#ifndef PYTHON_IMMORTAL_H
#define PYTHON_IMMORTAL_H

#include <stdbool.h>

/*
 * In a process that is to be saved, while the collector looks at all objects:
 * code, functions, classes, modules, and texts, numbers and tuples get a count
 * of references that Python never changes, so that a request does not write to
 * their pages. Python never takes them apart, nor what they refer to. Nothing
 * where Python is older than 3.12, or counts in another way.
 */
void immortal_make(void);

/* Whether there are such objects. */
bool immortal_is_made(void);

#endif

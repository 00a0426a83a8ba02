/* What has to happen before the process may end. */
#ifndef PYTHON_SHUTDOWN_H
#define PYTHON_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

/* A step of the end, why it was taken or NULL, and its nanoseconds. */
typedef void shutdown_observer(const char *what, const char *why, int64_t took);

/* From now on each step is told to it; after the last one Python is gone. */
void shutdown_observe(shutdown_observer *);

/*
 * Looks at what an application has made while it was loaded, which then can be
 * frozen: to be called before garbage_resume(), or again after garbage_thaw().
 */
void shutdown_prepare(void);

/* Whether that found nothing whose end counts, and no library in C is there. */
bool shutdown_is_simple(void);

/*
 * Joins threads, runs atexit, flushes, and finalises what an application has
 * left if anybody could notice (conformance I3).
 */
void shutdown_python(void);

#endif

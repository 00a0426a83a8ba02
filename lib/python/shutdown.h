/* What has to happen before the process may end. */
#ifndef PYTHON_SHUTDOWN_H
#define PYTHON_SHUTDOWN_H

/*
 * Looks at what an application has made while it was loaded, which then can be
 * frozen: to be called before garbage_resume().
 */
void shutdown_prepare(void);

/*
 * Joins threads, runs atexit, flushes, and finalises what an application has
 * left if anybody could notice (conformance I3).
 */
void shutdown_python(void);

#endif

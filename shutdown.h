/* What has to happen before the process may end. */
#ifndef SHUTDOWN_H
#define SHUTDOWN_H

/*
 * Joins threads, runs atexit, flushes, and finalises what an application has
 * left if anybody could notice (conformance I3).
 */
void shutdown_python(void);

#endif

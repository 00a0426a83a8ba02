/* The application's call, start_response and write (PEP 3333). */
#ifndef WSGI_RESPONSE_H
#define WSGI_RESPONSE_H

#include "python/cpython.h"

#include <stdint.h>

#include "cgi/request.h"
#include "wsgi/head.h"

/* What an observer is told, in this order. */
struct response_observer {
	void (*head)(const struct head *); /* start_response() accepted it */
	void (*result)(PyObject *); /* the application returned */
	/*
	 * count blocks, size bytes together, left in one call, behind a head
	 * of head bytes, or 0. took: nanoseconds.
	 */
	void (*blocks)(int count, size_t head, int64_t size, int64_t took);
	void (*close)(bool has_close); /* close() is called next, if any */
};

/* Forgets all of an earlier request, and its observer. */
void response_open(void);

/* From now on tells this observer, which stays borrowed; NULL: nobody. */
void response_observe(const struct response_observer *);

/*
 * Calls application(environ, start_response), sends what it returns block
 * by block, and closes it. Every failure is logged, and answered with a
 * page if no byte had left. Returns 0 if the response was delivered whole.
 */
int response_run(
    PyObject *application, PyObject *environ, const struct request *);

#endif

/* start_response, write and the body's framing (PEP 3333). */
#ifndef WSGI_RESPONSE_H
#define WSGI_RESPONSE_H

#include "python/cpython.h"

#include <stdint.h>

#include "cgi/request.h"
#include "wsgi/head.h"

/* Who wants to know what happens; called in its order. */
struct response_observer {
	void (*head)(const struct head *); /* start_response() accepted it */
	void (*result)(PyObject *); /* the application returned */
	/*
	 * Blocks left in one call, with the head if that is not 0, in so many
	 * nanoseconds.
	 */
	void (*blocks)(int count, size_t head, int64_t size, int64_t took);
	void (*close)(bool has_close); /* is called next, or there is none */
};

/* Nothing was called or sent yet, and nobody observes. */
void response_open(void);

/* From now on tells this one, which stays; or, with NULL, nobody. */
void response_observe(const struct response_observer *);

/*
 * Calls application(environ, start_response), sends what it returns block
 * by block, and closes it. Every failure is logged, and answered with a
 * page if no byte had left. Returns 0 if the response was delivered whole.
 */
int response_run(
    PyObject *application, PyObject *environ, const struct request *);

#endif

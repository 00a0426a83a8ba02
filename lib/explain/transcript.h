/*
 * --explain: tells in the log, station by station, what becomes of a request.
 * Until transcript_open() is called, and in a child that the application
 * forked, each of these does nothing.
 */
#ifndef EXPLAIN_TRANSCRIPT_H
#define EXPLAIN_TRANSCRIPT_H

#include "python/cpython.h"

#include "invocation/invocation.h"
#include "cgi/request.h"

/* Forgets where an earlier request had its page and its log. */
void transcript_forget(void);

/*
 * The page of --explain=html goes to what is standard error now, so that
 * --log can part it from the application's log. Without --log, the log is kept
 * from now on, and becomes the end of the page; where the process ends without
 * one, transcript_return_log() writes it to where it belongs. That is for
 * signal handlers, too.
 */
void transcript_keep_output(bool keep_log);
void transcript_return_log(void);

/*
 * Tells who started the program; from now on the response is observed. The
 * invocation is read until transcript_end(). The variables come later, with
 * transcript_call().
 */
void transcript_open(const struct invocation *, const struct request *);

/* The interpreter has started; what is imported from now on is watched. */
void transcript_python(void);

/* Instead of both: the process was saved when they were over. */
void transcript_image(void);

/* The import is over, with the application, or NULL if it failed. */
void transcript_import(PyObject *application);

/* The application will be called with this environ. */
void transcript_call(PyObject *env);

/* The rest of the request's body is dropped next. */
void transcript_drain(void);

/* Everything is over: the exit status and the time line. */
void transcript_end(int status);

#endif

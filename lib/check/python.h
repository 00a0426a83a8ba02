/* Python in a child of the check, and what the check wrote in Python. */
#ifndef CHECK_PYTHON_H
#define CHECK_PYTHON_H

#include "python/cpython.h"

#include <stdbool.h>

#include "check/child.h"
#include "check/user.h"
#include "invocation/invocation.h"

/* What is checked; the invocation is that of a server. */
struct subject {
	const struct invocation *invocation;
	const struct user *user;
	const char *program; /* the absolute name of this one */
	const char *script; /* as a server calls it, absolute */
	const char *path; /* PATH of the one who checks, or NULL */
	/* Why the program would not run it, or NULL; and a word for the kind */
	const char *refusal, *refused;
};

#define PYTHON_PATIENCE 30 /* seconds, without --timeout */

/* How many seconds an import or a request may take. */
unsigned python_limit(const struct subject *);

/*
 * Calls act() in a child, with its argument, and adds what it found, or how it
 * died; doing is what it does, for messages. Returns whether act() returned.
 */
bool python_try(struct child *, unsigned seconds,
    void (*act)(const void *argument), const void *argument, const char *doing);

/*
 * In such a child: gives it the environment and the folder that a server would.
 * Returns 0, or -1 with a finding added, but for want of memory.
 */
int python_prepare(const struct subject *);

/* Starts Python. Returns 0, or -1 with a finding added. */
int python_begin(const struct invocation *);

/*
 * Runs the check's Python files. Returns a new dict of what they define, or
 * NULL with a finding added. imports: the application is to be imported.
 */
PyObject *python_define(const struct subject *, bool imports);

/* python_prepare(), python_begin() and python_define(), for the import. */
PyObject *python_start(const struct subject *);

/*
 * A new reference to the application, or NULL with a finding added; names as
 * python_start() returned them.
 */
PyObject *python_load(const struct subject *, PyObject *names);

/* Calls one of those functions. Returns 0, or -1 with a finding added. */
int python_call(
    PyObject *names, const char *function, PyObject *one, PyObject *two);

#endif

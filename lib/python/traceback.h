/* A Python exception becomes words. */
#ifndef PYTHON_TRACEBACK_H
#define PYTHON_TRACEBACK_H

#include "python/cpython.h"

#include "cgi/report.h"

/*
 * Takes the current exception and remembers it as the failure that ends the
 * request: "what: Type: message", with its traceback. If it came from SIGTERM
 * or --timeout, that is what the report says. Always returns -1.
 */
int traceback_fail(enum report_code, const char *what);

/*
 * The same of an exception that the call of this application raised, or of what
 * it returned: says what is wrong with its parameters.
 */
int traceback_fail_call(
    enum report_code, const char *what, PyObject *application);

/* Takes the current exception and logs it at once. */
void traceback_log(enum report_code, const char *what);

#endif

/*
 * traceback.py has the words. Where it cannot run, as without memory, the type
 * of the exception is told.
 */

#include "cgi/process.h"
#include "python/source.h"
#include "python/traceback.h"

int
traceback_fail_call(
    enum report_code code, const char *what, PyObject *application)
{
	PyObject *exception = PyErr_GetRaisedException(), *texts = NULL;
	const char *cause, *message, *trace, *page_message, *page_trace;
	bool first = report_failure() == NULL;

	if (exception != NULL)
		texts = source_call("describe",
		    Py_BuildValue("OyOi", exception, what,
			application != NULL ? application : Py_None,
			report_is_debug()));
	/* Time may have run out while the exception told of itself. */
	if ((cause = process_interruption(&code)) != NULL)
		what = cause;
	if (texts != NULL &&
	    PyArg_ParseTuple(
		texts, "yyyy", &message, &trace, &page_message, &page_trace)) {
		report_fail(code, "%s", message);
		if (first)
			report_trace(trace, page_message, page_trace);
	} else
		report_fail(code,
		    exception != NULL && cause == NULL ? "%s: %s" : "%s", what,
		    exception != NULL ? Py_TYPE(exception)->tp_name : "");
	PyErr_Clear();
	Py_XDECREF(texts);
	Py_XDECREF(exception);
	return -1;
}

int
traceback_fail(enum report_code code, const char *what)
{
	return traceback_fail_call(code, what, NULL);
}

void
traceback_log(enum report_code code, const char *what)
{
	PyObject *exception = PyErr_GetRaisedException(), *texts = NULL;
	const char *message = what, *trace = NULL;

	if (exception != NULL)
		texts = source_call(
		    "describe_briefly", Py_BuildValue("Oy", exception, what));
	if (texts != NULL && !PyArg_ParseTuple(texts, "yy", &message, &trace))
		PyErr_Clear();
	report_enter(code, message, trace);
	Py_XDECREF(texts);
	Py_XDECREF(exception);
}

/* Passenger's idiom, os.execl(INTERP, INTERP, *sys.argv), comes here. */

#include "python/cpython.h"

#include <stdlib.h>

#include "cgi/process.h"
#include "cgi/report.h"
#include "python/exec.h"
#include "python/source.h"

/* Stands for a function of os, which it is given as self. */
static PyObject *
exec_program(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	char *why;

	if (process_is_child())
		return PyObject_Call(self, arguments, keywords);
	why = source_text("describe_exec",
	    Py_BuildValue("sOO", ((PyCFunctionObject *)self)->m_ml->ml_name,
		arguments, keywords != NULL ? keywords : Py_None));
	if (why == NULL)
		return PyErr_NoMemory();
	PyErr_SetString(PyExc_RuntimeError, why);
	free(why);
	return NULL;
}

static PyObject *
exit_process(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static char *parameters[] = { "status", NULL };
	char *what;
	int status;

	(void)self;
	if (!PyArg_ParseTupleAndKeywords(
		arguments, keywords, "i", parameters, &status))
		return NULL;
	if (process_owes_reply()) {
		what = source_text("describe_exit", PyTuple_New(0));
		report_log(REPORT_CRASH, "%s",
		    what != NULL ? what : "os._exit() was called");
	}
	process_exit(status);
}

int
exec_refuse(void)
{
	/* All others of os end in these. */
	static PyMethodDef methods[] = {
		{ "execv", WITH_KEYWORDS(exec_program), NULL },
		{ "execve", WITH_KEYWORDS(exec_program), NULL },
		{ "_exit", WITH_KEYWORDS(exit_process), NULL },
	};
	PyObject *posix = PyImport_ImportModule("posix"),
		 *os = PyDict_GetItemString(PyImport_GetModuleDict(), "os"),
		 *before, *function = NULL;
	int result = posix != NULL ? 0 : -1;
	size_t i;

	for (i = 0; result == 0 && i < sizeof(methods) / sizeof(*methods);
	     i++) {
		before = PyObject_GetAttrString(posix, methods[i].ml_name);
		if (before != NULL)
			function = PyCFunction_New(&methods[i], before);
		/* os has taken over posix's functions, or will. */
		if (function == NULL ||
		    PyObject_SetAttrString(
			posix, methods[i].ml_name, function) == -1 ||
		    (os != NULL &&
			PyObject_SetAttrString(
			    os, methods[i].ml_name, function) == -1))
			result = -1;
		Py_CLEAR(function);
		Py_XDECREF(before);
	}
	Py_XDECREF(posix);
	return result;
}

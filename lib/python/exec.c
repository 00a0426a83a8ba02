/* Passenger's idiom, os.execl(INTERP, INTERP, *sys.argv), comes here. */

#include "python/cpython.h"
#include <frameobject.h> /* up to 3.10 Python.h has not all of it */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/process.h"
#include "cgi/report.h"
#include "cgi/trace.h"
#include "python/exec.h"

/* All others of os end in these two. */
static const char *const names[] = { "execv", "execve", "_exit" };
#define NAMES (sizeof(names) / sizeof(*names))

static PyObject *before[NAMES]; /* what os has */

/* The virtual environment whose python this is, as bytes, or NULL. */
static PyObject *
find_venv(PyObject *path)
{
	PyObject *bytes = NULL, *venv = NULL;
	char *end, *sign;

	if (!PyUnicode_FSConverter(path, &bytes)) {
		PyErr_Clear();
		return NULL;
	}
	end = strstr(PyBytes_AS_STRING(bytes), "/bin/python");
	if (end != NULL)
		venv = PyBytes_FromStringAndSize(
		    PyBytes_AS_STRING(bytes), end - PyBytes_AS_STRING(bytes));
	Py_DECREF(bytes);
	if (venv == NULL ||
	    asprintf(&sign, "%s/pyvenv.cfg", PyBytes_AS_STRING(venv)) == -1)
		return venv;
	if (access(sign, F_OK) == -1)
		Py_CLEAR(venv);
	free(sign);
	return venv;
}

static PyObject *
exec_program(size_t which, PyObject *arguments, PyObject *keywords)
{
	PyObject *path, *venv;

	if (process_is_child())
		return PyObject_Call(before[which], arguments, keywords);
	path = PyTuple_GET_SIZE(arguments) > 0 ? PyTuple_GET_ITEM(arguments, 0)
	    : keywords != NULL ? PyDict_GetItemString(keywords, "path")
			       : NULL;
	venv = path != NULL ? find_venv(path) : NULL;
	PyErr_Format(PyExc_RuntimeError,
	    "os.%s: this process owes the web server a reply, and another "
	    "program in its place would give none; for the packages of a "
	    "virtual environment write --venv %s into the first line",
	    names[which], venv != NULL ? PyBytes_AS_STRING(venv) : "DIR");
	Py_XDECREF(venv);
	return NULL;
}

static PyObject *
execv_method(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	(void)self;
	return exec_program(0, arguments, keywords);
}

static PyObject *
execve_method(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	(void)self;
	return exec_program(1, arguments, keywords);
}

/* A new reference to the innermost frame in a file of the user's, or NULL. */
static PyFrameObject *
find_own_frame(void)
{
	PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(
	    (PyObject *)PyEval_GetFrame());
	PyCodeObject *code;
	const char *file;
	bool own = false;

	while (frame != NULL) {
		code = PyFrame_GetCode(frame);
		file = PyUnicode_AsUTF8(code->co_filename);
		own = file != NULL && trace_is_own(file);
		Py_DECREF(code);
		if (own)
			break;
		Py_SETREF(frame, PyFrame_GetBack(frame));
	}
	PyErr_Clear();
	return frame;
}

/* For the log: the process leaves no traceback. */
static void
log_caller(void)
{
	PyFrameObject *frame = find_own_frame();
	PyCodeObject *code;

	if (frame == NULL) {
		report_log(REPORT_CRASH, "os._exit() was called");
		return;
	}
	code = PyFrame_GetCode(frame);
	report_log(REPORT_CRASH, "os._exit() was called, at %s, line %d",
	    PyUnicode_AsUTF8(code->co_filename), PyFrame_GetLineNumber(frame));
	Py_DECREF(code);
	Py_DECREF(frame);
}

static PyObject *
exit_method(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static char *parameters[] = { "status", NULL };
	int status;

	(void)self;
	if (!PyArg_ParseTupleAndKeywords(
		arguments, keywords, "i", parameters, &status))
		return NULL;
	if (process_owes_reply())
		log_caller();
	process_exit(status);
	Py_UNREACHABLE();
}

/* os has taken over posix's functions, or will. */
static int
set_function(const char *module_name, const char *name, PyObject *function)
{
	PyObject *module = PyDict_GetItemString(
	    PyImport_GetModuleDict(), module_name);

	return module == NULL ? 0
			      : PyObject_SetAttrString(module, name, function);
}

int
exec_refuse(void)
{
	static PyMethodDef methods[NAMES] = {
		{ "execv", (PyCFunction)(void (*)(void))execv_method,
		    METH_VARARGS | METH_KEYWORDS, NULL },
		{ "execve", (PyCFunction)(void (*)(void))execve_method,
		    METH_VARARGS | METH_KEYWORDS, NULL },
		{ "_exit", (PyCFunction)(void (*)(void))exit_method,
		    METH_VARARGS | METH_KEYWORDS, NULL },
	};
	PyObject *posix = PyImport_ImportModule("posix"), *function;
	int result = posix != NULL ? 0 : -1;
	size_t i;

	for (i = 0; result == 0 && i < NAMES; i++) {
		before[i] = PyObject_GetAttrString(posix, names[i]);
		function = PyCFunction_New(&methods[i], NULL);
		if (before[i] == NULL || function == NULL ||
		    set_function("posix", names[i], function) == -1 ||
		    set_function("os", names[i], function) == -1)
			result = -1;
		Py_XDECREF(function);
	}
	Py_XDECREF(posix);
	return result;
}

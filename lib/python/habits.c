/*
 * sys.stdin and cgi.FieldStorage() find nothing, and raise nothing: a form
 * without fields is all that the author sees.
 */

#include "python/cpython.h"

#include <stdbool.h>
#include <string.h>

#include "cgi/process.h"
#include "cgi/report.h"
#include "python/habits.h"
#include "python/imports.h"

static struct {
	bool input, form;
} told; /* in this request */

void
habits_open(void)
{
	memset(&told, 0, sizeof(told));
}

static void
tell_once(bool *known, const char *what)
{
	if (!*known && !process_is_child())
		report_log(REPORT_HABIT, "%s", what);
	*known = true;
}

/* A method of sys.stdin; self is the one that it replaces. */
static PyObject *
read_stdin(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	tell_once(&told.input,
	    "sys.stdin is empty: the request's body is in "
	    "environ['wsgi.input']");
	return PyObject_Call(self, arguments, keywords);
}

/* The fourth parameter behind self is environ. */
static PyObject *
make_form(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	if (PyTuple_GET_SIZE(arguments) < 5 &&
	    (keywords == NULL ||
		PyDict_GetItemString(keywords, "environ") == NULL))
		tell_once(&told.form,
		    "cgi.FieldStorage() finds no request in os.environ: write "
		    "cgi.FieldStorage(fp=environ['wsgi.input'], "
		    "environ=environ)");
	return PyObject_Call(self, arguments, keywords);
}

/* A function in the place of an attribute, which it is given as self. */
static void
replace_method(PyObject *owner, PyMethodDef *definition, bool is_method)
{
	PyObject *before = PyObject_GetAttrString(owner, definition->ml_name),
		 *function = NULL;

	if (before != NULL)
		function = PyCFunction_New(definition, before);
	if (function != NULL && is_method)
		Py_SETREF(function, PyInstanceMethod_New(function));
	if (function != NULL)
		PyObject_SetAttrString(owner, definition->ml_name, function);
	PyErr_Clear();
	Py_XDECREF(function);
	Py_XDECREF(before);
}

void
habits_watch_stdin(void)
{
	static PyMethodDef methods[] = {
		{ "read", WITH_KEYWORDS(read_stdin), NULL },
		{ "readline", WITH_KEYWORDS(read_stdin), NULL },
		{ "readlines", WITH_KEYWORDS(read_stdin), NULL },
		{ "__next__", WITH_KEYWORDS(read_stdin), NULL },
	};
	PyObject *text = PySys_GetObject("stdin"), *buffer = NULL;
	size_t i;

	if (text != NULL && text != Py_None)
		buffer = PyObject_GetAttrString(text, "buffer");
	PyErr_Clear();
	for (i = 0; buffer != NULL && i < sizeof(methods) / sizeof(*methods);
	     i++) {
		replace_method(text, &methods[i], false);
		replace_method(buffer, &methods[i], false);
	}
	Py_XDECREF(buffer);
}

/* The application may import cgi only when it is called. */
static void
watch_cgi(const char *name)
{
	static PyMethodDef method = { "__init__", WITH_KEYWORDS(make_form),
		NULL };
	PyObject *module = strcmp(name, "cgi") == 0
	    ? PyDict_GetItemString(PyImport_GetModuleDict(), name)
	    : NULL,
		 *class = NULL;

	if (module == NULL)
		return;
	imports_notify(NULL);
	if (PyModule_Check(module))
		class = PyDict_GetItemString(
		    PyModule_GetDict(module), "FieldStorage");
	if (class != NULL && PyType_Check(class))
		replace_method(class, &method, true);
}

void
habits_watch_forms(void)
{
	PyObject *error = PyErr_GetRaisedException();

	imports_notify(watch_cgi);
	watch_cgi("cgi");
	if (error != NULL)
		PyErr_SetRaisedException(error);
}

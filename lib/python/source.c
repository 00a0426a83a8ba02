/*
 * What is told of a failure costs nothing until there is one. So it is written
 * in Python: advice.py, traceback.py and exec.py; locals.py for --debug.
 */

#include <string.h>

#include "cgi/process.h"
#include "cgi/secret.h"
#include "cgi/trace.h"
#include "python/source.h"

static const char source[] = {
#include <advice.inc>
#include <traceback.inc>
#include <exec.inc>
	0
};
static const char locals_source[] = {
#include <locals.inc>
	0
};

/* is_own(file): whether the user wrote it. */
static PyObject *
is_own(PyObject *self, PyObject *file)
{
	const char *name = PyUnicode_Check(file) ? PyUnicode_AsUTF8(file)
						 : NULL;

	(void)self;
	PyErr_Clear();
	return PyBool_FromLong(name != NULL && trace_is_own(name));
}

/* has_secret_word(name): whether bytes are the name of a secret. */
static PyObject *
has_secret_word(PyObject *self, PyObject *name)
{
	(void)self;
	return PyBool_FromLong(secret_is_named(
	    PyBytes_AsString(name), (size_t)PyBytes_Size(name)));
}

PyObject *
source_hide(PyObject *self, PyObject *value)
{
	char *hidden = secret_hide(PyBytes_AsString(value));
	PyObject *result = hidden != NULL ? PyBytes_FromString(hidden)
					  : PyErr_NoMemory();

	(void)self;
	free(hidden);
	return result;
}

/* find_interruption(): None, or why the time was over. */
static PyObject *
find_interruption(PyObject *self, PyObject *ignored)
{
	enum report_code code;
	const char *cause = process_interruption(&code);

	(void)self;
	(void)ignored;
	if (cause == NULL)
		Py_RETURN_NONE;
	return PyBytes_FromString(cause);
}

PyObject *
source_define(
    PyObject *names, PyMethodDef *functions, const char *text, const char *file)
{
	PyObject *code = NULL, *function, *done = NULL;

	for (; names != NULL && functions->ml_name != NULL; functions++) {
		function = PyCFunction_New(functions, NULL);
		if (function == NULL ||
		    PyDict_SetItemString(names, functions->ml_name, function) ==
			-1)
			Py_CLEAR(names);
		Py_XDECREF(function);
	}
	if (names != NULL)
		code = Py_CompileString(text, file, Py_file_input);
	if (code != NULL)
		done = PyEval_EvalCode(code, names, names);
	if (done == NULL)
		Py_CLEAR(names);
	Py_XDECREF(done);
	Py_XDECREF(code);
	return names;
}

/* What these files define; a borrowed reference, or NULL. */
static PyObject *
get_names(void)
{
	static PyMethodDef functions[] = {
		{ "is_own", is_own, METH_O, NULL },
		{ "has_secret_word", has_secret_word, METH_O, NULL },
		{ "hide", source_hide, METH_O, NULL },
		{ "find_interruption", find_interruption, METH_NOARGS, NULL },
		{ NULL, NULL, 0, NULL },
	};
	static PyObject *names;

	if (names == NULL)
		names = source_define(
		    Py_BuildValue("{sOssss}", "__builtins__",
			PyEval_GetBuiltins(), "library", PYTHON_STDLIB,
			"locals_source", locals_source),
		    functions, source, "<python/source>");
	return names;
}

PyObject *
source_call(const char *function, PyObject *arguments)
{
	PyObject *names = arguments != NULL ? get_names() : NULL,
		 *found = names != NULL ? PyDict_GetItemString(names, function)
					: NULL,
		 *result = found != NULL ? PyObject_Call(found, arguments, NULL)
					 : NULL;

	PyErr_Clear();
	Py_XDECREF(arguments);
	return result;
}

char *
source_text(const char *function, PyObject *arguments)
{
	PyObject *answer = source_call(function, arguments), *bytes = NULL;
	char *text = NULL;

	if (answer != NULL && PyUnicode_Check(answer))
		bytes = PyUnicode_AsEncodedString(
		    answer, "utf-8", "backslashreplace");
	if (bytes != NULL)
		text = strdup(PyBytes_AS_STRING(bytes));
	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(answer);
	return text;
}

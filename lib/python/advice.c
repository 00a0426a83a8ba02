/*
 * This looks at an exception after it was raised, never at what an application
 * may do. Advice costs nothing until then, so it is written in Python
 * (advice.py); where the user was has to be known even if Python is broken.
 */

#include <stdlib.h>
#include <string.h>

#include "cgi/buffer.h"
#include "cgi/trace.h"
#include "python/advice.h"

static const char source[] = {
#include <advice.inc>
	0
};

struct frame {
	const char *file, *function;
	long line;
};

/* What is read stays as long as the traceback does. */
static bool
read_frame(PyObject *traceback, struct frame *to)
{
	PyCodeObject *code = PyFrame_GetCode(
	    ((PyTracebackObject *)traceback)->tb_frame);
	PyObject *line = PyObject_GetAttrString(traceback, "tb_lineno");

	to->file = PyUnicode_AsUTF8(code->co_filename);
	to->function = PyUnicode_AsUTF8(code->co_name);
	to->line = line != NULL ? PyLong_AsLong(line) : 0;
	PyErr_Clear();
	Py_XDECREF(line);
	Py_DECREF(code);
	return to->file != NULL && to->function != NULL;
}

/* The place of a syntax error is no frame, but an attribute. */
static char *
find_syntax_error(PyObject *exception)
{
	PyObject *file = PyObject_GetAttrString(exception, "filename"),
		 *line = PyObject_GetAttrString(exception, "lineno");
	const char *name = file != NULL && PyUnicode_Check(file)
	    ? PyUnicode_AsUTF8(file)
	    : NULL;
	char *text = NULL;

	/* Line 0: it is about the whole file. */
	if (name != NULL && line != NULL && PyLong_Check(line) &&
	    PyLong_AsLong(line) > 0 && trace_is_own(name) &&
	    asprintf(&text, "%s, line %ld", name, PyLong_AsLong(line)) == -1)
		text = NULL;
	PyErr_Clear();
	Py_XDECREF(line);
	Py_XDECREF(file);
	return text;
}

char *
advice_place(PyObject *exception, bool *innermost)
{
	PyObject *first = PyException_GetTraceback(exception), *at;
	struct frame frame, own = { NULL, NULL, 0 };
	char *text = NULL;

	*innermost = false;
	if (PyErr_GivenExceptionMatches(exception, PyExc_SyntaxError))
		text = find_syntax_error(exception);
	for (at = first; at != NULL && text == NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next)
		if (read_frame(at, &frame)) {
			*innermost = trace_is_own(frame.file);
			if (*innermost)
				own = frame;
		}
	if (own.file != NULL &&
	    asprintf(&text, "%s, line %ld, in %s", own.file, own.line,
		own.function) == -1)
		text = NULL;
	Py_XDECREF(first);
	return text;
}

char *
advice_line(PyObject *exception)
{
	PyObject *said = PyObject_Str(exception);
	const char *text = said != NULL ? PyUnicode_AsUTF8(said) : NULL;
	char *line;

	if (asprintf(&line, "%s: %s", Py_TYPE(exception)->tp_name,
		text != NULL ? text : "") == -1)
		line = NULL;
	PyErr_Clear();
	Py_XDECREF(said);
	return line;
}

char *
advice_trace(PyObject *exception)
{
	PyObject *first = PyException_GetTraceback(exception), *at;
	struct buffer trace = { 0 };
	struct frame frame;

	for (at = first; at != NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next)
		if (read_frame(at, &frame))
			buffer_print(&trace, "  File \"%s\", line %ld, in %s\n",
			    frame.file, frame.line, frame.function);
	Py_XDECREF(first);
	return buffer_take(&trace, NULL);
}

static PyObject *
is_own(PyObject *self, PyObject *file)
{
	const char *name = PyUnicode_Check(file) ? PyUnicode_AsUTF8(file)
						 : NULL;

	(void)self;
	PyErr_Clear();
	return PyBool_FromLong(name != NULL && trace_is_own(name));
}

/* What advice.py defines; a borrowed reference, or NULL. */
static PyObject *
get_names(void)
{
	static PyMethodDef definition = { "is_own", is_own, METH_O, NULL };
	static PyObject *names;
	PyObject *code, *done = NULL;

	if (names != NULL)
		return names;
	code = Py_CompileString(source, "<python/advice>", Py_file_input);
	names = Py_BuildValue("{sOsNss}", "__builtins__", PyEval_GetBuiltins(),
	    "is_own", PyCFunction_New(&definition, NULL), "library",
	    PYTHON_STDLIB);
	if (code != NULL && names != NULL)
		done = PyEval_EvalCode(code, names, names);
	if (done == NULL)
		Py_CLEAR(names);
	Py_XDECREF(done);
	Py_XDECREF(code);
	return names;
}

/* Calls one of its functions; consumes arguments, a tuple or NULL. */
static char *
ask(const char *function, PyObject *arguments)
{
	PyObject *names = arguments != NULL ? get_names() : NULL,
		 *found = names != NULL ? PyDict_GetItemString(names, function)
					: NULL,
		 *answer = NULL, *bytes = NULL;
	char *text = NULL;

	if (found != NULL)
		answer = PyObject_Call(found, arguments, NULL);
	if (answer != NULL && PyUnicode_Check(answer))
		bytes = PyUnicode_AsEncodedString(
		    answer, "utf-8", "backslashreplace");
	if (bytes != NULL)
		text = strdup(PyBytes_AS_STRING(bytes));
	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(answer);
	Py_XDECREF(arguments);
	return text;
}

char *
advice_for(PyObject *exception, bool ended)
{
	return ask(
	    "for_exception", Py_BuildValue("Oi", exception, ended ? 1 : 0));
}

char *
advice_for_call(PyObject *exception, PyObject *application)
{
	return ask("for_call", Py_BuildValue("OO", exception, application));
}

char *
advice_for_object(PyObject *object, const char *name)
{
	return ask("for_object", Py_BuildValue("Os", object, name));
}

char *
advice_for_script(const char *file)
{
	return ask("for_script",
	    Py_BuildValue("(N)", PyUnicode_DecodeFSDefault(file)));
}

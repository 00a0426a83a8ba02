/*
 * Habits of CGI, of ASGI and of development servers end in exceptions that say
 * nothing to those who have them. This looks at an exception after it was
 * raised, never at what an application may do.
 */

#include <stdlib.h>
#include <string.h>

#include "python/advice.h"

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

bool
advice_is_own(const char *file)
{
	return *file != '<' &&
	    strncmp(file, PYTHON_STDLIB "/", sizeof(PYTHON_STDLIB)) != 0 &&
	    strstr(file, "/site-packages/") == NULL &&
	    strstr(file, "/dist-packages/") == NULL;
}

char *
advice_place(PyObject *exception, bool *innermost)
{
	PyObject *first = PyException_GetTraceback(exception), *at;
	struct frame frame, own = { NULL, NULL, 0 };
	char *text = NULL;

	for (at = first; at != NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next)
		if (read_frame(at, &frame)) {
			*innermost = advice_is_own(frame.file);
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

/* Whether a frame is of a server that frameworks bring for development. */
static bool
is_server(const struct frame *frame)
{
	static const char *const files[] = { "/werkzeug/serving.py",
		"/waitress/server.py", "/uvicorn/server.py", "/gunicorn/app/",
		"/hypercorn/run.py", "/cheroot/server.py",
		"/wsgiref/simple_server.py" };
	size_t i;

	if (strcmp(frame->function, "serve_forever") == 0)
		return true;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strstr(frame->file, files[i]) != NULL)
			return true;
	return false;
}

/* RFC 3875 4.1: what is in environ and has left the process's environment. */
static bool
is_about_request(const char *name)
{
	static const char *const names[] = { "AUTH_TYPE", "CONTENT_LENGTH",
		"CONTENT_TYPE", "DOCUMENT_ROOT", "GATEWAY_INTERFACE", "HTTPS",
		"PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR",
		"REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER",
		"REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI",
		"SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_ADDR", "SERVER_NAME",
		"SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE" };
	size_t i;

	if (strncmp(name, "HTTP_", 5) == 0)
		return true;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The variable that os.environ[NAME] has not, or NULL. */
static const char *
get_missing_variable(PyObject *exception, const struct frame *last)
{
	PyObject *arguments = ((PyBaseExceptionObject *)exception)->args, *name;

	if (!PyErr_GivenExceptionMatches(exception, PyExc_KeyError) ||
	    (strcmp(last->file, PYTHON_STDLIB "/os.py") != 0 &&
		strcmp(last->file, "<frozen os>") != 0) ||
	    !PyTuple_Check(arguments) || PyTuple_GET_SIZE(arguments) != 1)
		return NULL;
	name = PyTuple_GET_ITEM(arguments, 0);
	return PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
}

static char *
explain_variable(const char *name)
{
	char *text;

	return asprintf(&text,
		   is_about_request(name)
		       ? "%s is in environ, the application's first argument, "
			 "not in os.environ"
		       : "servers pass on next to none of their own variables: "
			 "set %s with SetEnv or --env",
		   name) == -1
	    ? NULL
	    : text;
}

char *
advice_for(PyObject *exception)
{
	PyObject *first = PyException_GetTraceback(exception), *at;
	struct frame frame, last = { "", "", 0 };
	const char *name;
	char *text = NULL;
	bool serves = false;

	for (at = first; at != NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next)
		if (read_frame(at, &frame)) {
			last = frame;
			serves = serves || is_server(&frame);
		}
	name = get_missing_variable(exception, &last);
	if (serves)
		text = strdup("a server of its own was started: take that "
			      "line, as app.run(), away");
	else if (name != NULL)
		text = explain_variable(name);
	PyErr_Clear();
	Py_XDECREF(first);
	return text;
}

/* The parameters of what is called, without self. */
struct parameters {
	int count, flags;
	char first[64];
};

/* The function that a call ends in; *bound: it has a self. NULL: unknown. */
static PyObject *
find_function(PyObject *application, bool *bound)
{
	PyObject *method;

	*bound = !PyFunction_Check(application);
	if (PyMethod_Check(application))
		return Py_NewRef(PyMethod_GET_FUNCTION(application));
	if (!*bound)
		return Py_NewRef(application);
	method = PyType_Check(application)
	    ? PyObject_GetAttrString(application, "__init__")
	    : PyObject_GetAttrString(
		  (PyObject *)Py_TYPE(application), "__call__");
	PyErr_Clear();
	if (method != NULL && !PyFunction_Check(method))
		Py_CLEAR(method);
	return method;
}

static bool
read_parameters(PyObject *application, struct parameters *to)
{
	bool bound;
	PyObject *function = find_function(application, &bound), *names = NULL;
	PyCodeObject *code;
	const char *first = NULL;

	if (function == NULL)
		return false;
	code = (PyCodeObject *)PyFunction_GET_CODE(function);
	*to = (struct parameters){ .count = code->co_argcount - bound,
		.flags = code->co_flags };
	names = PyObject_GetAttrString((PyObject *)code, "co_varnames");
	if (names != NULL && to->count > 0)
		first = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, bound));
	if (first != NULL)
		snprintf(to->first, sizeof(to->first), "%s", first);
	PyErr_Clear();
	Py_XDECREF(names);
	Py_DECREF(function);
	return true;
}

char *
advice_for_call(PyObject *exception, PyObject *application)
{
	static const char asgi[] =
	    "it is an ASGI application, as of FastAPI, Starlette or Quart, but "
	    "this is WSGI: wrap it, as in application = "
	    "a2wsgi.ASGIMiddleware(app)";
	PyObject *traceback = PyException_GetTraceback(exception);
	bool began = traceback != NULL;
	struct parameters parameters;
	char *text = NULL;

	Py_XDECREF(traceback);
	if ((!PyErr_GivenExceptionMatches(exception, PyExc_TypeError) &&
		!PyErr_GivenExceptionMatches(
		    exception, PyExc_AttributeError)) ||
	    !read_parameters(application, &parameters))
		return NULL;
	if (strncmp(parameters.first, "start", 5) == 0)
		return strdup("its parameters are swapped: WSGI calls "
			      "application(environ, start_response)");
	if (began)
		return NULL;
	if (strcmp(parameters.first, "scope") == 0 ||
	    (parameters.flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0)
		return strdup(asgi);
	if (parameters.count == 0)
		return strdup("it has no parameter: if it returns the "
			      "application, write :NAME() into the first line");
	if (parameters.count != 2 &&
	    asprintf(&text,
		"it has %d parameter%s, but WSGI calls application(environ, "
		"start_response)",
		parameters.count, parameters.count == 1 ? "" : "s") != -1)
		return text;
	return NULL;
}

char *
advice_for_object(PyObject *object, const char *name)
{
	static const struct {
		const char *attribute;
		bool makes; /* it: it has to be called */
	} known[] = {
		{ "wsgifunc", true }, /* web.py */
		{ "make_wsgi_app", true }, /* Pyramid's Configurator */
		{ "get_wsgi_application", true },
		{ "create_app", true },
		{ "wsgi_app", false },
		{ "wsgi_application", false },
		{ "wsgi", false },
		{ "application", false },
		{ "app", false },
	};
	PyObject *found;
	char *text = NULL;
	size_t i;

	for (i = 0; text == NULL && i < sizeof(known) / sizeof(*known); i++) {
		found = PyObject_GetAttrString(object, known[i].attribute);
		if (found != NULL && PyCallable_Check(found) &&
		    asprintf(&text,
			"write :%s.%s%s at the end of the first line", name,
			known[i].attribute, known[i].makes ? "()" : "") == -1)
			text = NULL;
		PyErr_Clear();
		Py_XDECREF(found);
	}
	return text;
}

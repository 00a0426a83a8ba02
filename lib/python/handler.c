/*
 * Under a web server such a call is of no use. CGIHandler reads os.environ,
 * which has nothing of the request, and prints to a log; a server of its own
 * waits for a client that never comes. So functions that take an application
 * are replaced as soon as their module is imported, whoever imports it.
 */

#include <stdbool.h>
#include <string.h>

#include "python/handler.h"
#include "python/imports.h"

static const struct entrance {
	const char *module; /* '.' at its end: each module of this package */
	const char *class; /* or NULL: it is a function of the module */
	const char *function;
	const char *application; /* a lambda finds it in the arguments */
} entrances[] = {
	{ "wsgiref.handlers", "BaseHandler", "run",
	    "lambda self, application: application" },
	{ "wsgiref.simple_server", "WSGIServer", "serve_forever",
	    "lambda self, poll_interval=0: self.get_app()" },
	{ "mercurial.hgweb.wsgicgi", NULL, "launch",
	    "lambda application: application" },
	{ "flup.server.", "WSGIServer", "run",
	    "lambda self, *_: self.application" },
	{ "flipflop", "WSGIServer", "run", "lambda self: self.application" },
	{ "bottle", NULL, "run",
	    "lambda app=None, *_, **__: app or module.default_app()" },
	{ "web.wsgi", NULL, "runwsgi", "lambda func: func" },
	{ "werkzeug.serving", NULL, "run_simple",
	    "lambda hostname, port, application, *_, **__: application" },
	{ "cherrypy", NULL, "quickstart",
	    "lambda root=None, script_name='', config=None:"
	    "(module.config.update(config or {}),"
	    "module.Application(root, None, config))[1]" },
	{ "cheroot.wsgi", "Server", "start", "lambda self: self.wsgi_app" },
	{ "waitress", NULL, "serve", "lambda app, **_: app" },
	{ "gevent.pywsgi", "WSGIServer", "serve_forever",
	    "lambda self, *_, **__: self.application" },
	{ "eventlet.wsgi", NULL, "server",
	    "lambda sock, site, *_, **__: site" },
	{ "paste.httpserver", NULL, "serve",
	    "lambda application, *_, **__: application" },
	{ "uvicorn", NULL, "run", "lambda app, *_, **__: app" },
	{ "django.core.management", NULL, "execute_from_command_line",
	    "lambda argv=None: __import__('django.core.wsgi').core.wsgi"
	    ".get_wsgi_application()" },
};
#define ENTRANCES (sizeof(entrances) / sizeof(*entrances))

static struct {
	bool watching;
	unsigned long thread;
	PyObject *application; /* the first that was handed over, or NULL */
	PyObject *replaced; /* a list of (owner, function's name, function) */
} handler;

/* Stands for a function; self is (that function, the lambda). */
static PyObject *
note_application(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	PyObject *application;

	if (!handler.watching || PyThread_get_thread_ident() != handler.thread)
		return PyObject_Call(
		    PyTuple_GET_ITEM(self, 0), arguments, keywords);
	application = PyObject_Call(
	    PyTuple_GET_ITEM(self, 1), arguments, keywords);
	if (application == NULL)
		return NULL;
	if (handler.application == NULL)
		handler.application = Py_NewRef(application);
	Py_DECREF(application);
	Py_RETURN_NONE;
}

/* Where a module has no such function, nothing happens. */
static void
replace_function(PyObject *module, const struct entrance *entrance)
{
	static PyMethodDef definition = { "run",
		WITH_KEYWORDS(note_application), NULL };
	PyObject *owner = entrance->class == NULL
	    ? Py_NewRef(module)
	    : PyObject_GetAttrString(module, entrance->class),
		 *names = Py_BuildValue("{sOsO}", "module", module,
		     "__builtins__", PyEval_GetBuiltins()),
		 *function = NULL, *lambda = NULL, *both = NULL,
		 *substitute = NULL, *entry = NULL;

	if (owner != NULL)
		function = PyObject_GetAttrString(owner, entrance->function);
	if (function != NULL && !PyCFunction_Check(function) && names != NULL)
		lambda = PyRun_String(
		    entrance->application, Py_eval_input, names, names);
	if (lambda != NULL)
		both = PyTuple_Pack(2, function, lambda);
	if (both != NULL)
		substitute = PyCFunction_New(&definition, both);
	if (substitute != NULL && entrance->class != NULL)
		Py_SETREF(substitute, PyInstanceMethod_New(substitute));
	if (substitute != NULL)
		entry = Py_BuildValue(
		    "OsO", owner, entrance->function, function);
	if (entry != NULL && PyList_Append(handler.replaced, entry) == 0)
		PyObject_SetAttrString(owner, entrance->function, substitute);
	PyErr_Clear();
	Py_XDECREF(entry);
	Py_XDECREF(substitute);
	Py_XDECREF(both);
	Py_XDECREF(lambda);
	Py_XDECREF(function);
	Py_XDECREF(names);
	Py_XDECREF(owner);
}

static void
replace_in_module(const char *name)
{
	PyObject *module;
	const char *wanted;
	size_t i, length;

	for (i = 0; i < ENTRANCES; i++) {
		wanted = entrances[i].module;
		length = strlen(wanted);
		/* The whole name with its NUL, or how a package begins. */
		if (strncmp(name, wanted,
			length + (wanted[length - 1] != '.')) != 0)
			continue;
		module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
		if (module != NULL)
			replace_function(module, &entrances[i]);
	}
}

void
handler_watch(void)
{
	size_t i;

	handler.replaced = PyList_New(0);
	if (handler.replaced == NULL) {
		PyErr_Clear();
		return;
	}
	handler.thread = PyThread_get_thread_ident();
	handler.watching = true;
	/* What sitecustomize has imported is there already. */
	for (i = 0; i < ENTRANCES; i++)
		replace_in_module(entrances[i].module);
	imports_notify(replace_in_module);
}

/* Deletes what was put there; what a class does not inherit it gets again. */
static void
restore_function(PyObject *entry)
{
	PyObject *owner = PyTuple_GET_ITEM(entry, 0),
		 *name = PyTuple_GET_ITEM(entry, 1), *now;

	PyObject_SetAttr(owner, name, NULL);
	PyErr_Clear();
	now = PyObject_GetAttr(owner, name);
	PyErr_Clear();
	if (now != PyTuple_GET_ITEM(entry, 2))
		PyObject_SetAttr(owner, name, PyTuple_GET_ITEM(entry, 2));
	PyErr_Clear();
	Py_XDECREF(now);
}

PyObject *
handler_take(void)
{
	PyObject *error = PyErr_GetRaisedException(),
		 *taken = handler.application;
	Py_ssize_t i;

	handler.watching = false;
	for (i = 0;
	     handler.replaced != NULL && i < PyList_GET_SIZE(handler.replaced);
	     i++)
		restore_function(PyList_GET_ITEM(handler.replaced, i));
	Py_CLEAR(handler.replaced);
	handler.application = NULL;
	if (error != NULL)
		PyErr_SetRaisedException(error);
	return taken;
}

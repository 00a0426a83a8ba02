/*
 * Py_FinalizeEx() takes apart, object by object, what the kernel frees at once;
 * that would be a quarter of a small application's time. So it is called only
 * if an object is left whose end does something: one with a __del__(), a file
 * with unwritten data, a generator inside a try or with, a database, or if
 * there is no telling.
 */

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "python/cpython.h"
#if PY_VERSION_HEX >= 0x030d0000
#include <opcode.h>
#endif

#include "cgi/clock.h"
#include "python/garbage.h"
#include "python/immortal.h"
#include "python/shutdown.h"
#include "python/source.h"

static const char order_text[] = {
#include <shutdown.inc>
	0
};

static struct {
	shutdown_observer *observer; /* or NULL */
	int64_t since; /* the last step ended */
	char why[160]; /* Py_FinalizeEx() is called; empty: it is not */
} shutdown_state;

/* The first reason counts. Returns true, for those who look for one. */
static bool __attribute__((format(printf, 1, 2)))
note_reason(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (shutdown_state.why[0] == '\0')
		vsnprintf(shutdown_state.why, sizeof(shutdown_state.why),
		    format, arguments);
	va_end(arguments);
	return true;
}

static void
end_step(const char *what, const char *why)
{
	int64_t now;

	if (shutdown_state.observer == NULL)
		return;
	now = clock_elapsed();
	shutdown_state.observer(what, why, now - shutdown_state.since);
	shutdown_state.since = clock_elapsed();
}

void
shutdown_observe(shutdown_observer *observer)
{
	shutdown_state.observer = observer;
}

/* The module if something imported it; a borrowed reference or NULL. */
static PyObject *
find_loaded(const char *name)
{
	return PyDict_GetItemString(PyImport_GetModuleDict(), name);
}

static void
call_method(PyObject *object, const char *method)
{
	PyObject *result = PyObject_CallMethod(object, method, NULL);

	if (result == NULL)
		PyErr_WriteUnraisable(object);
	Py_XDECREF(result);
}

static void
call_module(const char *name, const char *function)
{
	PyObject *module = Py_XNewRef(find_loaded(name));

	if (module != NULL)
		call_method(module, function);
	Py_XDECREF(module);
}

static void
flush_stream(const char *name)
{
	PyObject *stream = PySys_GetObject(name);

	if (stream != NULL && stream != Py_None)
		call_method(stream, "flush");
}

/* What CPython made itself, and was flushed. */
static bool
is_standard(PyObject *object)
{
	return object == PySys_GetObject("__stdin__") ||
	    object == PySys_GetObject("__stdout__") ||
	    object == PySys_GetObject("__stderr__");
}

/* Types whose objects hold nothing that is not written yet. */
static bool
is_harmless(const PyTypeObject *type)
{
	static const char *const names[] = { "_io.FileIO", "_io.BufferedReader",
		"_io.BytesIO", "_io.StringIO", "cgi2wsgi.body",
		"cgi2wsgi.input" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(type->tp_name, names[i]) == 0)
			return true;
	return false;
}

/* Every Django has some Locals, which but forget what is in memory. */
static bool
is_local(PyTypeObject *type)
{
	PyObject *module;
	bool result = false;

	if (strcmp(type->tp_name, "Local") != 0)
		return false;
	module = PyObject_GetAttrString((PyObject *)type, "__module__");
	if (module != NULL && PyUnicode_Check(module))
		result = PyUnicode_CompareWithASCIIString(
			     module, "asgiref.local") == 0;
	PyErr_Clear();
	Py_XDECREF(module);
	return result;
}

static bool
has_own(PyObject *object, PyObject *base, const char *name)
{
	PyObject *inherited = PyObject_GetAttrString(base, name),
		 *found = PyObject_GetAttrString(
		     (PyObject *)Py_TYPE(object), name),
		 *dict = PyObject_GetAttrString(object, "__dict__");
	bool result = found == NULL || found != inherited ||
	    (dict != NULL && PyMapping_HasKeyString(dict, name));

	PyErr_Clear();
	Py_XDECREF(dict);
	Py_XDECREF(found);
	Py_XDECREF(inherited);
	return result;
}

/* A stream whose end is io.IOBase's, which does nothing; Django makes one. */
static bool
is_plain_stream(PyObject *object)
{
	PyObject *module = find_loaded("_io"), *base = NULL;
	PyTypeObject *type = Py_TYPE(object);
	bool result;

	if (module != NULL)
		base = PyObject_GetAttrString(module, "_IOBase");
	result = base != NULL && PyType_Check(base) &&
	    PyObject_TypeCheck(object, (PyTypeObject *)base) &&
	    type->tp_finalize == ((PyTypeObject *)base)->tp_finalize &&
	    !has_own(object, base, "close") &&
	    !has_own(object, base, "closed") && !has_own(object, base, "flush");
	PyErr_Clear();
	Py_XDECREF(base);
	return result;
}

/* The collector knows such a class, but not its objects: there may be some. */
static bool
hides_objects(PyObject *class)
{
	PyTypeObject *type = (PyTypeObject *)class;
	PyObject *method;
	bool result;

	if (type->tp_finalize == NULL || PyType_IS_GC(type))
		return false;
	method = PyObject_GetAttrString(class, "__del__");
	result = method != NULL && PyFunction_Check(method);
	PyErr_Clear();
	Py_XDECREF(method);
	return result;
}

#if PY_VERSION_HEX >= 0x030d0000

/* Bytecode of Python 3.13 and later tells; before, nothing does. */
#define WAITS_OUTSIDE 4 /* of every try and with; see dis, "RESUME" */

static bool
is_false(PyObject *object, const char *name)
{
	PyObject *value = PyObject_GetAttrString(object, name);

	PyErr_Clear();
	Py_XDECREF(value);
	return value == Py_False;
}

/* Whether the instruction it goes on with says so. */
static bool
waits_outside(PyObject *object)
{
	PyObject *frame = PyObject_GetAttrString(object, "gi_frame"), *text;
	PyCodeObject *code = PyGen_GetCode((PyGenObject *)object);
	Py_ssize_t last = -1;
	const char *at;
	bool result = false;

	text = PyCode_GetCode(code);
	if (frame != NULL && PyFrame_Check(frame))
		last = PyFrame_GetLasti((PyFrameObject *)frame);
	if (text != NULL && last >= 0 && last + 1 < PyBytes_GET_SIZE(text)) {
		at = PyBytes_AS_STRING(text) + last;
		result = (unsigned char)at[0] == RESUME &&
		    (at[1] & WAITS_OUTSIDE) != 0;
	}
	PyErr_Clear();
	Py_XDECREF(text);
	Py_DECREF(code);
	Py_XDECREF(frame);
	return result;
}

/* A generator of which close() runs nothing (PEP 342). */
static bool
is_idle(PyObject *object)
{
	return PyGen_CheckExact(object) && is_false(object, "gi_running") &&
	    (is_false(object, "gi_suspended") || waits_outside(object));
}

#else

static bool
is_idle(PyObject *object)
{
	(void)object;
	return false;
}

#endif

static bool
needs_end(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);

	if (type->tp_finalize != NULL && !is_harmless(type) &&
	    !is_standard(object) && !is_local(type) && !is_idle(object) &&
	    !is_plain_stream(object))
		return note_reason("an object of the type %s is left, whose "
				   "end may do something",
		    type->tp_name);
	return type->tp_finalize == NULL && PyType_Check(object) &&
	    hides_objects(object) &&
	    note_reason("objects of the class %s may be left",
		((PyTypeObject *)object)->tp_name);
}

/*
 * The type of SQLite's connections, of which the last merges a write-ahead log
 * into its database; a new reference or NULL.
 */
static PyObject *
find_connections(void)
{
	PyObject *module = find_loaded("_sqlite3"), *type = NULL;

	if (module != NULL)
		type = PyObject_GetAttrString(module, "Connection");
	if (type != NULL && !PyType_Check(type))
		Py_CLEAR(type);
	PyErr_Clear();
	return type;
}

static bool left_by_import; /* by loading the application */

static bool
left_objects(void)
{
	PyObject *objects = garbage_list(), *connections = find_connections(),
		 *object;
	PyTypeObject *type = (PyTypeObject *)connections;
	Py_ssize_t i, count = objects != NULL ? PyList_GET_SIZE(objects) : 0;
	/* Before Python 3.11 the collector did not know these. */
	bool found = (objects == NULL ||
			 (type != NULL && !PyType_IS_GC(type))) &&
	    note_reason("some objects cannot be looked at");

	PyErr_Clear();
	for (i = 0; !found && i < count; i++) {
		object = PyList_GET_ITEM(objects, i);
		found = (type != NULL && PyObject_TypeCheck(object, type) &&
			    note_reason("a connection of sqlite3 is left")) ||
		    needs_end(object);
	}
	Py_XDECREF(connections);
	Py_XDECREF(objects);
	return found;
}

/* Extension modules whose objects are but memory; '.' ends a package. */
static bool
is_memory(const char *name)
{
	static const char *const names[] = { "PIL._imaging", "bcrypt._bcrypt",
		"dulwich.", "lxml.", "markupsafe._speedups", "mercurial.",
		"msgpack._cmsgpack", "psycopg2._psycopg", "regex._regex",
		"simplejson._speedups", "sqlalchemy.cyextension.", "yaml._yaml",
		"zope.interface._zope_interface_coptimizations" };
	size_t i, length;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		length = strlen(names[i]);
		if (names[i][length - 1] == '.'
			? strncmp(name, names[i], length) == 0
			: strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Whether a module is a library in C that does not come with Python: the end of
 * its objects may do anything, and nothing tells that it does. Berkeley DB and
 * Xapian write then.
 */
static bool
is_foreign(PyObject *name, PyObject *module)
{
	PyObject *file = PyModule_Check(module)
	    ? PyDict_GetItemString(PyModule_GetDict(module), "__file__")
	    : NULL;
	const char *path = NULL, *known = NULL;
	size_t length;

	if (file != NULL && PyUnicode_Check(file) && PyUnicode_Check(name)) {
		path = PyUnicode_AsUTF8(file);
		known = PyUnicode_AsUTF8(name);
	}
	PyErr_Clear();
	if (path == NULL || known == NULL)
		return false;
	length = strlen(path);
	return length > 3 && strcmp(path + length - 3, ".so") == 0 &&
	    strstr(path, "/lib-dynload/") == NULL && !is_memory(known) &&
	    note_reason("the module %s is written in C, and the end of its "
			"objects may do something",
		known);
}

static bool
left_foreign(void)
{
	PyObject *modules = PyImport_GetModuleDict(), *name, *module;
	Py_ssize_t position = 0;

	/* Their files are complete only once their objects are gone. */
	if (find_loaded("_gdbm") != NULL || find_loaded("_dbm") != NULL)
		return note_reason("databases of dbm are complete only then");
	while (PyDict_Next(modules, &position, &name, &module))
		if (is_foreign(name, module))
			return true;
	return false;
}

/* Leaks are seen only where everything has an end. */
static bool
is_watched(void)
{
#ifdef __SANITIZE_ADDRESS__
	return note_reason("this is a build that looks for leaks");
#else
	return false;
#endif
}

/*
 * Py_FinalizeEx() gives each signal that has a Python handler back to the
 * system while __del__() and flushing are still to come, unless it is ignored.
 * SIGTERM keeps its handler; others that have one, such as that of a timer
 * that goes on, do not end the process now. SIGINT may, and SIGCHLD never does.
 */
static void
keep_handlers(void)
{
	PyObject *module = PyImport_ImportModule("_signal"), *handler, *done;
	struct sigaction ours;
	int number;

	sigaction(SIGTERM, NULL, &ours);
	for (number = 1; module != NULL && number <= SIGRTMAX; number++) {
		if (number == SIGINT || number == SIGCHLD)
			continue;
		handler = PyObject_CallMethod(module, "getsignal", "i", number);
		done = handler != NULL && PyCallable_Check(handler)
		    ? PyObject_CallMethod(
			  module, "signal", "ii", number, 1 /* SIG_IGN */)
		    : NULL;
		PyErr_Clear();
		Py_XDECREF(done);
		Py_XDECREF(handler);
	}
	sigaction(SIGTERM, &ours, NULL);
	Py_XDECREF(module);
	PyErr_Clear();
}

/* For a circle that nobody can reach any more the collector is enough. */
static bool
left_after_collecting(void)
{
	if (!left_objects())
		return false;
	garbage_collect();
	end_step("Collecting garbage", shutdown_state.why);
	shutdown_state.why[0] = '\0';
	return left_objects();
}

/* A new list of the objects in the order that shutdown.py tells, or NULL. */
static PyObject *
order_objects(PyObject *objects)
{
	static PyMethodDef none = { NULL, NULL, 0, NULL };
	PyObject *order = NULL,
		 *names = source_define(Py_BuildValue("{sO}", "__builtins__",
					    PyEval_GetBuiltins()),
		     &none, order_text, "<shutdown>");

	if (names != NULL)
		order = PyObject_CallFunctionObjArgs(
		    PyDict_GetItemString(names, "outermost_first"), objects,
		    NULL);
	Py_XDECREF(names);
	return order;
}

/*
 * What immortal objects refer to, Py_FinalizeEx() does not take apart. So what
 * is left is finalised now, as the collector would do there: while all is still
 * in its place, and each object once (PEP 442).
 */
static void
end_objects(void)
{
	PyObject *objects = garbage_list(), *order = NULL, *object,
		 *connections = find_connections();
	Py_ssize_t i;

	if (objects != NULL)
		order = order_objects(objects);
	for (i = 0; order != NULL && i < PyList_GET_SIZE(order); i++) {
		object = PyList_GET_ITEM(order, i);
		if (Py_TYPE(object)->tp_finalize != NULL && needs_end(object))
			PyObject_CallFinalizer(object);
		if (connections != NULL &&
		    PyObject_TypeCheck(object, (PyTypeObject *)connections))
			Py_XDECREF(PyObject_CallMethod(
			    connections, "close", "O", object));
		PyErr_Clear();
	}
	PyErr_Clear();
	Py_XDECREF(connections);
	Py_XDECREF(order);
	Py_XDECREF(objects);
}

void
shutdown_prepare(void)
{
	left_by_import = left_objects();
}

bool
shutdown_is_simple(void)
{
	bool simple = !left_by_import && !left_foreign();

	shutdown_state.why[0] = '\0';
	return simple;
}

void
shutdown_python(void)
{
	if (!Py_IsInitialized())
		return;
	shutdown_state.since = clock_elapsed();
	call_module("threading", "_shutdown");
	end_step("Waiting for threads", NULL);
	call_module("atexit", "_run_exitfuncs");
	end_step("The functions of atexit", NULL);
	flush_stream("stdout");
	flush_stream("stderr");
	if (!left_by_import && !left_after_collecting() && !left_foreign() &&
	    !is_watched())
		return;
	keep_handlers();
	if (immortal_is_made())
		end_objects();
	garbage_thaw();
	Py_FinalizeEx();
	end_step("Taking Python's objects apart", shutdown_state.why);
}

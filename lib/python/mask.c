/*
 * "wrong password hunter2" has no name in it that tells. But the value is known
 * wherever it has one: so the values are gathered, and hidden wherever they
 * stand. What is shorter than a word would garble a page, and is left.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/secret.h"
#include "cgi/trace.h"
#include "python/locals.h"
#include "python/mask.h"

#define LEAST 6 /* characters of a secret, as in secret.c */
#define DEEPEST 6 /* value in a value */
#define MOST 50000 /* values that are looked at */
#define LONGEST_CHAIN 20 /* exceptions, one because of the other */

extern char **environ;

struct search {
	PyObject *found;
	PyObject
	    *module; /* its name, of the frame that is looked at, or NULL */
	int left; /* values to look at */
};

static void look_at(struct search *, PyObject *value, bool secret, int depth);

/* At its place: the longest are first. Returns 0, or -1 with an exception. */
static int
add_secret(PyObject *found, PyObject *text)
{
	Py_ssize_t length = PyUnicode_GET_LENGTH(text), i;

	if (length < LEAST)
		return 0;
	for (i = 0; i < PyList_GET_SIZE(found) &&
	     PyUnicode_GET_LENGTH(PyList_GET_ITEM(found, i)) > length;
	     i++)
		;
	return PyList_Insert(found, i, text);
}

/* The password in scheme://user:password@host (RFC 3986 3.2.1). */
static void
add_login(PyObject *found, PyObject *text)
{
	const char *url = PyUnicode_AsUTF8(text), *start, *end;
	PyObject *password = NULL;

	start = url != NULL ? strstr(url, "://") : NULL;
	end = start != NULL ? strrchr(start, '@') : NULL;
	if (end != NULL && (start = strchr(start + 3, ':')) != NULL &&
	    start < end)
		password = PyUnicode_FromStringAndSize(
		    start + 1, end - start - 1);
	if (password != NULL)
		add_secret(found, password);
	PyErr_Clear();
	Py_XDECREF(password);
}

static void
look_at_text(PyObject *found, PyObject *value, bool secret)
{
	PyObject *text = PyUnicode_Check(value)
	    ? PyUnicode_FromObject(value)
	    : PyUnicode_FromEncodedObject(value, "utf-8", "backslashreplace");

	if (text != NULL && secret)
		add_secret(found, text);
	else if (text != NULL)
		add_login(found, text);
	PyErr_Clear();
	Py_XDECREF(text);
}

static void
look_at_dict(struct search *search, PyObject *dict, bool secret, int depth)
{
	PyObject *key, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(dict, &position, &key, &value))
		look_at(search, value, secret || locals_is_secret(key), depth);
}

/* Whether a module's names are the user's; others have no secrets of his. */
static bool
has_own_file(PyObject *names)
{
	PyObject *file = PyDict_GetItemString(names, "__file__");
	const char *name = file != NULL && PyUnicode_Check(file)
	    ? PyUnicode_AsUTF8(file)
	    : NULL;

	PyErr_Clear();
	return name != NULL && trace_is_own(name);
}

/* A class of the user's, as frameworks have their settings. */
static bool
is_own_class(PyObject *class, PyObject *here)
{
	PyObject *names = ((PyTypeObject *)class)->tp_dict, *name, *module;
	bool own = false;

	if (!PyType_HasFeature((PyTypeObject *)class, Py_TPFLAGS_HEAPTYPE) ||
	    names == NULL)
		return false;
	name = PyDict_GetItemString(names, "__module__");
	/* A module whose import failed is not in sys.modules any more. */
	if (name == NULL || name == here)
		return name != NULL;
	module = PyImport_GetModule(name);
	own = module != NULL && PyModule_Check(module) &&
	    has_own_file(PyModule_GetDict(module));
	PyErr_Clear();
	Py_XDECREF(module);
	return own;
}

/* What an object holds by name, without asking it. */
static void
look_at_object(struct search *search, PyObject *object, bool secret, int depth)
{
	PyObject *dict = NULL;

	if (PyModule_Check(object)) {
		if (has_own_file(PyModule_GetDict(object)))
			dict = Py_NewRef(PyModule_GetDict(object));
	} else if (PyType_Check(object)) {
		if (is_own_class(object, search->module))
			dict = Py_NewRef(((PyTypeObject *)object)->tp_dict);
	} else if (PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE))
		dict = PyObject_GenericGetDict(object, NULL);
	PyErr_Clear();
	if (dict != NULL)
		look_at_dict(search, dict, secret, depth);
	Py_XDECREF(dict);
}

static void
look_at(struct search *search, PyObject *value, bool secret, int depth)
{
	Py_ssize_t i;

	if (depth > DEEPEST || search->left-- <= 0)
		return;
	if (PyUnicode_Check(value) || PyBytes_Check(value) ||
	    PyByteArray_Check(value))
		look_at_text(search->found, value, secret);
	else if (PyDict_Check(value))
		look_at_dict(search, value, secret, depth + 1);
	else if (PyList_Check(value) || PyTuple_Check(value))
		for (i = 0; i < PySequence_Fast_GET_SIZE(value); i++)
			look_at(search, PySequence_Fast_GET_ITEM(value, i),
			    secret, depth + 1);
	else
		look_at_object(search, value, secret, depth + 1);
}

/* Names and values, of which os.environ is made. */
static void
look_at_environment(struct search *search)
{
	const char *equals;
	PyObject *value;
	char **variable;

	for (variable = environ; *variable != NULL; variable++) {
		equals = strchr(*variable, '=');
		if (equals == NULL)
			continue;
		if ((value = PyUnicode_DecodeFSDefault(equals + 1)) != NULL)
			look_at(search, value,
			    secret_is_named(
				*variable, (size_t)(equals - *variable)),
			    0);
		PyErr_Clear();
		Py_XDECREF(value);
	}
}

/* A dict of variables, or what a frame has instead. */
static void
look_at_variables(struct search *search, PyObject *frame, const char *name)
{
	PyObject *variables = PyObject_GetAttrString(frame, name),
		 *items = variables != NULL ? PyMapping_Items(variables) : NULL;
	Py_ssize_t i;

	for (i = 0; items != NULL && i < PyList_GET_SIZE(items); i++) {
		PyObject *item = PyList_GET_ITEM(items, i);

		look_at(search, PyTuple_GET_ITEM(item, 1),
		    locals_is_secret(PyTuple_GET_ITEM(item, 0)), 0);
	}
	PyErr_Clear();
	Py_XDECREF(items);
	Py_XDECREF(variables);
}

/* The name of a frame's module, if it is the user's; borrowed, or NULL. */
static PyObject *
find_own_name(PyObject *frame)
{
	PyObject *names = PyObject_GetAttrString(frame, "f_globals"),
		 *name = NULL;

	if (names != NULL && PyDict_Check(names) && has_own_file(names))
		name = PyDict_GetItemString(names, "__name__");
	PyErr_Clear();
	Py_XDECREF(names); /* the frame has it */
	return name;
}

static void look_at_exception(struct search *, PyObject *, int depth);

/* Those that a traceback shows before it: it took their place (PEP 3134). */
static void
look_at_chain(struct search *search, PyObject *exception, int depth)
{
	PyObject *cause = PyException_GetCause(exception),
		 *context = PyException_GetContext(exception),
		 *group = PyObject_GetAttrString(exception, "exceptions");
	Py_ssize_t i;

	if (cause != NULL)
		look_at_exception(search, cause, depth);
	if (context != NULL && context != cause)
		look_at_exception(search, context, depth);
	/* PEP 654 */
	for (i = 0; group != NULL && PyTuple_Check(group) &&
	     i < PyTuple_GET_SIZE(group);
	     i++)
		look_at_exception(search, PyTuple_GET_ITEM(group, i), depth);
	PyErr_Clear();
	Py_XDECREF(group);
	Py_XDECREF(context);
	Py_XDECREF(cause);
}

static void
look_at_exception(struct search *search, PyObject *exception, int depth)
{
	PyObject *first, *at, *frame;

	if (depth > LONGEST_CHAIN || !PyExceptionInstance_Check(exception))
		return;
	first = PyException_GetTraceback(exception);
	for (at = first; at != NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next) {
		frame = (PyObject *)((PyTracebackObject *)at)->tb_frame;
		search->module = find_own_name(frame);
		look_at_variables(search, frame, "f_locals");
		look_at_variables(search, frame, "f_globals");
	}
	Py_XDECREF(first);
	look_at_chain(search, exception, depth + 1);
}

PyObject *
mask_find(PyObject *exception)
{
	struct search search = { PyList_New(0), NULL, MOST };

	if (search.found != NULL) {
		look_at_environment(&search);
		look_at_exception(&search, exception, 0);
	}
	PyErr_Clear();
	return search.found;
}

char *
mask_text(PyObject *secrets, const char *text)
{
	PyObject *whole = secrets != NULL
	    ? PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace")
	    : NULL,
		 *mask = PyUnicode_FromString(SECRET_MASK), *bytes = NULL;
	char *result = NULL;
	Py_ssize_t i;

	for (i = 0;
	     whole != NULL && mask != NULL && i < PyList_GET_SIZE(secrets); i++)
		Py_SETREF(whole,
		    PyUnicode_Replace(
			whole, PyList_GET_ITEM(secrets, i), mask, -1));
	if (whole != NULL && mask != NULL)
		bytes = PyUnicode_AsEncodedString(
		    whole, "utf-8", "backslashreplace");
	if (bytes != NULL)
		result = strdup(PyBytes_AS_STRING(bytes));
	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(mask);
	Py_XDECREF(whole);
	return result;
}

/*
 * "wrong password hunter2" has no name in it that tells. But the value is known
 * wherever it has one: so the values are gathered, and hidden wherever they
 * stand. What is shorter than a word would garble a page, and is left.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/secret.h"
#include "python/locals.h"
#include "python/mask.h"

#define LEAST 6 /* characters of a secret, as in secret.c */
#define DEEPEST 6 /* value in a value */
#define MOST 50000 /* values that are looked at */

extern char **environ;

struct search {
	PyObject *found;
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

/* What an object of the application's holds by name, without asking it. */
static void
look_at_object(struct search *search, PyObject *object, bool secret, int depth)
{
	PyObject *dict = NULL;

	if (PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) &&
	    !PyType_Check(object))
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

PyObject *
mask_find(PyObject *exception)
{
	struct search search = { PyList_New(0), MOST };
	PyObject *first = PyException_GetTraceback(exception), *at;

	if (search.found != NULL)
		look_at_environment(&search);
	for (at = first; at != NULL && search.found != NULL;
	     at = (PyObject *)((PyTracebackObject *)at)->tb_next) {
		PyObject *frame =
		    (PyObject *)((PyTracebackObject *)at)->tb_frame;

		look_at_variables(&search, frame, "f_locals");
		look_at_variables(&search, frame, "f_globals");
	}
	PyErr_Clear();
	Py_XDECREF(first);
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

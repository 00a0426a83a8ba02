/*
 * A page must not show a secret, and only names say what is secret. The text
 * that repr() makes has lost where a name ends and a value begins, so it is not
 * made: values are walked, and a value is masked when its name is met. Names
 * are those of variables, keys, fields, and what stands before a value in a
 * list or tuple. What cannot be walked is shown as its type. Nothing here calls
 * a method that the application wrote, since that could say or do anything.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/secret.h"
#include "python/locals.h"

#define LONGEST 1000 /* text of a variable */
#define LONGEST_TEXT 16384 /* in a value: it is searched for secrets */
#define DEEPEST 8 /* value in a value */

struct text {
	PyObject *parts; /* a list of str, or NULL: memory failed */
	Py_ssize_t left; /* characters */
};

static void show_value(struct text *, PyObject *value, int depth);

/* Consumes part; NULL is a failure. */
static void
add_part(struct text *text, PyObject *part)
{
	if (part != NULL)
		text->left -= PyUnicode_GET_LENGTH(part);
	if (text->parts != NULL &&
	    (part == NULL || PyList_Append(text->parts, part) == -1))
		Py_CLEAR(text->parts);
	Py_XDECREF(part);
}

static void
add_text(struct text *text, const char *part)
{
	add_part(text, PyUnicode_FromString(part));
}

/* The bytes of a str or bytes, and of their kinds, or NULL. */
static const char *
get_bytes(PyObject *value, Py_ssize_t *length)
{
	const char *bytes = NULL;

	if (PyUnicode_Check(value))
		bytes = PyUnicode_AsUTF8AndSize(value, length);
	else if (PyBytes_Check(value)) {
		bytes = PyBytes_AS_STRING(value);
		*length = PyBytes_GET_SIZE(value);
	} else if (PyByteArray_Check(value)) {
		bytes = PyByteArray_AS_STRING(value);
		*length = PyByteArray_GET_SIZE(value);
	}
	PyErr_Clear();
	return bytes;
}

static bool
is_text(PyObject *value)
{
	return PyUnicode_Check(value) || PyBytes_Check(value) ||
	    PyByteArray_Check(value);
}

bool
locals_is_secret(PyObject *name)
{
	Py_ssize_t length, i;
	const char *bytes;

	if (is_text(name)) {
		bytes = get_bytes(name, &length);
		return bytes == NULL || secret_is_named(bytes, (size_t)length);
	}
	if (PyTuple_Check(name)) {
		for (i = 0; i < PyTuple_GET_SIZE(name); i++)
			if (locals_is_secret(PyTuple_GET_ITEM(name, i)))
				return true;
		return false;
	}
	return name != Py_None && !PyLong_CheckExact(name) &&
	    !PyBool_Check(name) && !PyFloat_CheckExact(name) &&
	    !PyType_Check(name);
}

/* A name under which others stand: {'name': 'password', 'value': ...}. */
static bool
holds_name(PyObject *key)
{
	static const char *const names[] = { "name", "key", "field", "header",
		"variable", "id" };
	Py_ssize_t length;
	const char *bytes = is_text(key) ? get_bytes(key, &length) : NULL;
	size_t i;

	for (i = 0; bytes != NULL && i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(bytes, names[i]) == 0)
			return true;
	return false;
}

/* Some kinds of value, by what the class itself says, not its metaclass. */
static PyObject *
find_in_class(PyTypeObject *type, const char *name)
{
	PyObject *bases = type->tp_mro, *class, *found = NULL;
	Py_ssize_t i;

	for (i = 0;
	     found == NULL && bases != NULL && i < PyTuple_GET_SIZE(bases);
	     i++) {
		class = PyTuple_GET_ITEM(bases, i);
		if (PyType_HasFeature(
			(PyTypeObject *)class, Py_TPFLAGS_HEAPTYPE) &&
		    ((PyTypeObject *)class)->tp_dict != NULL)
			found = PyDict_GetItemString(
			    ((PyTypeObject *)class)->tp_dict, name);
	}
	return found;
}

static const char *
get_type_name(PyObject *value)
{
	const char *name = Py_TYPE(value)->tp_name, *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* How many items it has, or -1 if that is not known without its class. */
static Py_ssize_t
count_items(PyObject *value)
{
	PyTypeObject *type = Py_TYPE(value);
	PyObject *method;
	Py_ssize_t size = -1;
	bool counts;

	if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
		/* A method of C's, not of the application's. */
		method = find_in_class(type, "__len__");
		counts = method != NULL &&
		    Py_TYPE(method) == &PyWrapperDescr_Type;
	} else
		/* These two ask another object. */
		counts = type != &PyDictProxy_Type &&
		    !PyWeakref_CheckProxy(value) &&
		    (type->tp_as_sequence != NULL ||
			type->tp_as_mapping != NULL);
	if (counts)
		size = PyObject_Size(value);
	PyErr_Clear();
	return size;
}

/* What says nothing of what is in it. */
static void
show_type(struct text *text, PyObject *value)
{
	Py_ssize_t size = count_items(value);

	if (size != -1)
		add_part(text,
		    PyUnicode_FromFormat(
			"<%s of %zd>", get_type_name(value), size));
	else
		add_part(text,
		    PyUnicode_FromFormat(
			PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE)
			    ? "%s(...)"
			    : "<%s>",
			get_type_name(value)));
}

/* With the secrets in it hidden; then as Python writes it. */
static void
show_text(struct text *text, PyObject *value)
{
	Py_ssize_t length = 0;
	const char *bytes = get_bytes(value, &length);
	char *hidden = NULL;
	PyObject *shown = NULL;

	if (bytes != NULL && length <= LONGEST_TEXT &&
	    memchr(bytes, '\0', (size_t)length) == NULL)
		hidden = secret_hide(bytes);
	if (hidden != NULL)
		shown = PyUnicode_Check(value)
		    ? PyUnicode_DecodeUTF8(
			  hidden, (Py_ssize_t)strlen(hidden), "replace")
		    : PyBytes_FromString(hidden);
	if (shown != NULL)
		Py_SETREF(shown, PyObject_Repr(shown));
	free(hidden);
	PyErr_Clear();
	if (shown != NULL)
		add_part(text, shown);
	else
		show_type(text, value);
}

/* Whether there is more, before which a comma stands. */
static bool
separate(struct text *text, Py_ssize_t index)
{
	if (index > 0)
		add_text(text, ", ");
	if (text->left > 0)
		return true;
	add_text(text, "...");
	return false;
}

/* As repr() does, without quotes. */
static void
add_name(struct text *text, PyObject *name)
{
	if (PyUnicode_Check(name))
		add_part(text, PyUnicode_FromObject(name));
	else
		show_text(text, name);
}

/* A value behind its name, in any notation. */
static void
show_named(
    struct text *text, PyObject *name, bool hidden, PyObject *value, int depth)
{
	if (hidden || locals_is_secret(name))
		add_text(text, "'" SECRET_MASK "'");
	else
		show_value(text, value, depth);
}

/* The items of a list or tuple: each may be the name of the next. */
static void
show_items(struct text *text, PyObject *list, int depth)
{
	PyObject *item, *before = NULL;
	Py_ssize_t i;

	for (i = 0; i < PySequence_Fast_GET_SIZE(list) && separate(text, i);
	     i++) {
		item = PySequence_Fast_GET_ITEM(list, i);
		if (before != NULL && is_text(before))
			show_named(text, before, false, item, depth);
		else
			show_value(text, item, depth);
		before = item;
	}
}

static void
show_list(struct text *text, PyObject *list, int depth)
{
	bool is_list = PyList_Check(list);

	add_text(text, is_list ? "[" : "(");
	show_items(text, list, depth);
	if (!is_list && PyTuple_GET_SIZE(list) == 1)
		add_text(text, ",");
	add_text(text, is_list ? "]" : ")");
}

/* collections.namedtuple */
static void
show_named_tuple(
    struct text *text, PyObject *tuple, PyObject *fields, int depth)
{
	PyObject *name;
	Py_ssize_t i;

	add_part(text, PyUnicode_FromFormat("%s(", get_type_name(tuple)));
	for (i = 0; i < PyTuple_GET_SIZE(tuple) && separate(text, i); i++) {
		name = PyTuple_GET_ITEM(fields, i);
		add_name(text, name);
		add_text(text, "=");
		show_named(
		    text, name, false, PyTuple_GET_ITEM(tuple, i), depth);
	}
	add_text(text, ")");
}

static void
show_tuple(struct text *text, PyObject *tuple, int depth)
{
	PyObject *fields = find_in_class(Py_TYPE(tuple), "_fields");

	if (fields != NULL && PyTuple_CheckExact(fields) &&
	    PyTuple_GET_SIZE(fields) == PyTuple_GET_SIZE(tuple))
		show_named_tuple(text, tuple, fields, depth);
	else
		show_list(text, tuple, depth);
}

static void
show_set(struct text *text, PyObject *set, int depth)
{
	/* The set's own, whatever a class derived from it has. */
	PyObject *items = PySet_Type.tp_iter(set), *item;
	Py_ssize_t i = 0;

	add_part(text, PyUnicode_FromFormat("%s({", get_type_name(set)));
	while (items != NULL && (item = PyIter_Next(items)) != NULL) {
		if (separate(text, i++))
			show_value(text, item, depth);
		Py_DECREF(item);
		if (text->left <= 0)
			break;
	}
	PyErr_Clear();
	Py_XDECREF(items);
	add_text(text, "})");
}

/* Whether it says of itself that it describes a secret. */
static bool
describes_secret(PyObject *dict)
{
	PyObject *key, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(dict, &position, &key, &value))
		if (holds_name(key) && is_text(value) &&
		    locals_is_secret(value))
			return true;
	return false;
}

static void
show_dict(struct text *text, PyObject *dict, int depth)
{
	bool hidden = describes_secret(dict);
	PyObject *key, *value;
	Py_ssize_t position = 0, i = 0;

	add_text(text, "{");
	while (
	    PyDict_Next(dict, &position, &key, &value) && separate(text, i++)) {
		show_value(text, key, depth);
		add_text(text, ": ");
		show_named(text, key, hidden && !holds_name(key), value, depth);
	}
	add_text(text, "}");
}

/* An object by its fields: a dict of names and values, in its notation. */
static void
show_fields(struct text *text, PyObject *object, PyObject *fields, int depth)
{
	bool hidden = describes_secret(fields);
	PyObject *name, *value;
	Py_ssize_t position = 0, i = 0;

	add_part(text, PyUnicode_FromFormat("%s(", get_type_name(object)));
	while (PyDict_Next(fields, &position, &name, &value) &&
	    separate(text, i++)) {
		add_name(text, name);
		add_text(text, "=");
		show_named(
		    text, name, hidden && !holds_name(name), value, depth);
	}
	add_text(text, ")");
}

/* A new reference to what a module that is loaded has, or NULL. */
static PyObject *
find_loaded(const char *module_name, const char *attribute)
{
	PyObject *module = PyDict_GetItemString(
		     PyImport_GetModuleDict(), module_name),
		 *found = NULL;

	if (module != NULL && PyModule_CheckExact(module))
		found = PyDict_GetItemString(
		    PyModule_GetDict(module), attribute);
	return Py_XNewRef(found);
}

/* Whether a dataclass shows this field: field(repr=False) hides it. */
static bool
is_shown(PyObject *field, PyObject *field_type)
{
	PyObject *shown = NULL;
	bool result = false;

	if ((PyObject *)Py_TYPE(field) == field_type)
		shown = PyObject_GetAttrString(field, "repr");
	if (shown != NULL)
		result = shown == Py_True;
	PyErr_Clear();
	Py_XDECREF(shown);
	return result;
}

/* One in the object's dict or in a slot; a new reference or NULL. */
static PyObject *
get_field(PyObject *object, PyObject *dict, PyObject *name)
{
	const char *text = PyUnicode_AsUTF8(name);
	PyObject *value = NULL, *slot;

	if (dict != NULL && text != NULL)
		value = Py_XNewRef(PyDict_GetItemString(dict, text));
	if (value == NULL && text != NULL) {
		slot = find_in_class(Py_TYPE(object), text);
		if (slot != NULL && Py_TYPE(slot) == &PyMemberDescr_Type)
			value = PyObject_GenericGetAttr(object, name);
	}
	PyErr_Clear();
	return value;
}

/* The fields of a dataclass that may be shown; a new dict, or NULL: none. */
static PyObject *
list_fields(PyObject *object, PyObject *dict)
{
	PyObject *fields = find_in_class(
		     Py_TYPE(object), "__dataclass_fields__"),
		 *type = find_loaded("dataclasses", "Field"), *shown = NULL,
		 *name, *field, *value;
	Py_ssize_t position = 0;

	if (fields != NULL && PyDict_CheckExact(fields) && type != NULL)
		shown = PyDict_New();
	while (shown != NULL && PyDict_Next(fields, &position, &name, &field)) {
		if (!PyUnicode_CheckExact(name) || !is_shown(field, type))
			continue;
		if ((value = get_field(object, dict, name)) != NULL)
			PyDict_SetItem(shown, name, value);
		Py_XDECREF(value);
	}
	PyErr_Clear();
	Py_XDECREF(type);
	return shown;
}

/* os.environ, a mapping in Python over a dict of bytes. */
static PyObject *
get_environ(PyObject *object, PyObject *dict)
{
	PyObject *known = find_loaded("os", "environ"), *data = NULL;

	if (known == object && dict != NULL)
		data = PyDict_GetItemString(dict, "_data");
	Py_XDECREF(known);
	return data != NULL && PyDict_CheckExact(data) ? data : NULL;
}

static void
show_exception(struct text *text, PyObject *exception, int depth)
{
	PyObject *arguments = ((PyBaseExceptionObject *)exception)->args;

	add_part(text, PyUnicode_FromFormat("%s(", get_type_name(exception)));
	if (arguments != NULL && PyTuple_Check(arguments))
		show_items(text, arguments, depth);
	add_text(text, ")");
}

/* Something that a class has made: what it holds is its own affair. */
static void
show_object(struct text *text, PyObject *object, int depth)
{
	bool heap = PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE),
	     simple = strcmp(Py_TYPE(object)->tp_name,
			  "types.SimpleNamespace") == 0;
	PyObject *dict = heap || simple ? PyObject_GenericGetDict(object, NULL)
					: NULL,
		 *fields, *data;

	PyErr_Clear();
	if ((fields = list_fields(object, dict)) != NULL)
		show_fields(text, object, fields, depth);
	else if ((data = get_environ(object, dict)) != NULL)
		show_dict(text, data, depth);
	else if (simple && dict != NULL)
		show_fields(text, object, dict, depth);
	else if (dict != NULL && PyDict_GET_SIZE(dict) == 0 &&
	    count_items(object) == -1)
		add_part(
		    text, PyUnicode_FromFormat("%s()", get_type_name(object)));
	else
		show_type(text, object);
	Py_XDECREF(fields);
	Py_XDECREF(dict);
}

/* Python's own, of which C makes a text that says nothing else. */
static bool
is_plain(PyObject *value)
{
	const PyTypeObject *type = Py_TYPE(value);

	return value == Py_None || value == Py_Ellipsis ||
	    PyBool_Check(value) || PyLong_CheckExact(value) ||
	    PyFloat_CheckExact(value) || PyComplex_CheckExact(value) ||
	    type == &PyRange_Type ||
	    (!PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE) &&
		strncmp(type->tp_name, "datetime.", 9) == 0);
}

static void
show_plain(struct text *text, PyObject *value)
{
	/* A number of thousands of digits has none (ValueError). */
	PyObject *shown = PyObject_Repr(value);

	PyErr_Clear();
	if (shown != NULL)
		add_part(text, shown);
	else
		show_type(text, value);
}

static void
show_value(struct text *text, PyObject *value, int depth)
{
	if (depth >= DEEPEST)
		add_text(text, "...");
	else if (is_plain(value))
		show_plain(text, value);
	else if (is_text(value))
		show_text(text, value);
	else if (PyDict_Check(value))
		show_dict(text, value, depth + 1);
	else if (PyList_Check(value))
		show_list(text, value, depth + 1);
	else if (PyTuple_Check(value))
		show_tuple(text, value, depth + 1);
	else if (PyAnySet_Check(value))
		show_set(text, value, depth + 1);
	else if (PyType_Check(value))
		add_part(text,
		    PyUnicode_FromFormat(
			"<class %s>", ((PyTypeObject *)value)->tp_name));
	else if (PyFunction_Check(value))
		add_part(text,
		    PyUnicode_FromFormat("<function %U>",
			((PyFunctionObject *)value)->func_qualname));
	else if (PyExceptionInstance_Check(value))
		show_exception(text, value, depth + 1);
	else
		show_object(text, value, depth + 1);
}

/* A variable as a new str, or NULL with an exception set. */
static PyObject *
show_variable(PyObject *name, PyObject *value)
{
	struct text text = { PyList_New(0), LONGEST };
	PyObject *empty = PyUnicode_FromString(""), *whole = NULL;

	show_named(&text, name, false, value, 0);
	if (text.parts != NULL && empty != NULL)
		whole = PyUnicode_Join(empty, text.parts);
	if (whole != NULL && PyUnicode_GET_LENGTH(whole) > LONGEST)
		Py_SETREF(whole, PyUnicode_Substring(whole, 0, LONGEST));
	Py_XDECREF(empty);
	Py_XDECREF(text.parts);
	return whole;
}

/* What each module has: __builtins__, __name__ and others. */
static bool
is_of_python(PyObject *name)
{
	const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name)
						 : NULL;

	PyErr_Clear();
	return text != NULL && strncmp(text, "__", 2) == 0;
}

PyObject *
locals_show(PyObject *frame)
{
	PyObject *locals = PyObject_GetAttrString(frame, "f_locals"),
		 *items = locals == NULL ? NULL : PyMapping_Items(locals),
		 *shown = items == NULL ? NULL : PyDict_New(), *name, *value,
		 *text;
	Py_ssize_t i;

	for (i = 0; shown != NULL && i < PyList_GET_SIZE(items); i++) {
		name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
		value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
		if (is_of_python(name))
			continue;
		text = show_variable(name, value);
		if (text == NULL || PyDict_SetItem(shown, name, text) == -1)
			Py_CLEAR(shown);
		Py_XDECREF(text);
	}
	Py_XDECREF(items);
	Py_XDECREF(locals);
	return shown;
}

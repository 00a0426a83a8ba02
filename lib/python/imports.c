/*
 * Whatever imports, a statement or importlib, ends in one function if the
 * module is not there yet: _find_and_load(name, import) of importlib's frozen
 * part. It is wrapped in C: no frame more in tracebacks, nothing on
 * sys.meta_path.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/clock.h"
#include "python/imports.h"

static struct {
	PyObject *wrapped; /* the function, or NULL: it is in its place */
	void (*notify)(const char *name); /* or NULL */
	bool recorded; /* in the list */
	unsigned long thread;
	struct import *list;
	size_t count;
	int depth;
} imports;

static struct import *
append_import(const char *name)
{
	struct import *grown = realloc(
	    imports.list, (imports.count + 1) * sizeof(*grown));

	if (grown == NULL)
		return NULL;
	imports.list = grown;
	grown += imports.count;
	*grown = (struct import){ .name = strdup(name),
		.depth = imports.depth };
	return grown->name != NULL ? grown : NULL;
}

/* Notes that an import begins. Returns its index, or -1 if it is not noted. */
static Py_ssize_t
begin_import(PyObject *arguments)
{
	PyObject *name = PyTuple_GET_SIZE(arguments) > 0
	    ? PyTuple_GET_ITEM(arguments, 0)
	    : NULL,
		 *present;
	const char *text;
	struct import *import;

	if (!imports.recorded ||
	    PyThread_get_thread_ident() != imports.thread || name == NULL ||
	    !PyUnicode_Check(name))
		return -1;
	present = PyImport_GetModule(name);
	Py_XDECREF(present);
	text = present == NULL ? PyUnicode_AsUTF8(name) : NULL;
	PyErr_Clear();
	if (text == NULL || (import = append_import(text)) == NULL)
		return -1;
	imports.depth++;
	import->time = -clock_elapsed();
	return (Py_ssize_t)imports.count++;
}

static void
finish_import(size_t index, bool failed)
{
	struct import *import = &imports.list[index], *outer = import;

	import->time += clock_elapsed();
	import->failed = failed;
	imports.depth--;
	while (outer > imports.list && outer->depth >= import->depth)
		outer--;
	if (outer->depth < import->depth)
		outer->inside += import->time;
}

static void
notify(PyObject *name)
{
	const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name)
						 : NULL;

	PyErr_Clear();
	if (text != NULL)
		imports.notify(text);
}

static PyObject *
find_and_load(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	Py_ssize_t index = begin_import(arguments);
	PyObject *module = PyObject_Call(self, arguments, keywords);

	if (index != -1)
		finish_import((size_t)index, module == NULL);
	if (module != NULL && imports.notify != NULL &&
	    PyTuple_GET_SIZE(arguments) > 0)
		notify(PyTuple_GET_ITEM(arguments, 0));
	return module;
}

/* Puts a function into importlib's place for this one. */
static void
set_function(PyObject *importlib, PyObject *function)
{
	if (importlib != NULL && function != NULL)
		PyObject_SetAttrString(importlib, "_find_and_load", function);
	PyErr_Clear();
}

/* Wraps importlib's function, or gives it back, as somebody needs it. */
static void
settle_wrapper(void)
{
	static PyMethodDef definition = { "_find_and_load",
		WITH_KEYWORDS(find_and_load), NULL };
	bool needed = imports.recorded || imports.notify != NULL;
	PyObject *importlib, *wrapper;

	if (needed == (imports.wrapped != NULL))
		return;
	importlib = PyImport_ImportModule("_frozen_importlib");
	if (!needed) {
		set_function(importlib, imports.wrapped);
		Py_CLEAR(imports.wrapped);
	} else if (importlib != NULL &&
	    (imports.wrapped = PyObject_GetAttrString(
		 importlib, "_find_and_load")) != NULL) {
		wrapper = PyCFunction_New(&definition, imports.wrapped);
		set_function(importlib, wrapper);
		Py_XDECREF(wrapper);
	}
	PyErr_Clear();
	Py_XDECREF(importlib);
}

void
imports_watch(void)
{
	imports.thread = PyThread_get_thread_ident();
	imports.recorded = true;
	settle_wrapper();
}

void
imports_notify(void (*imported)(const char *name))
{
	imports.notify = imported;
	settle_wrapper();
}

size_t
imports_count(void)
{
	return imports.count;
}

const struct import *
imports_get(size_t index)
{
	return &imports.list[index];
}

PyObject *
imports_list(void)
{
	PyObject *list = PyList_New((Py_ssize_t)imports.count), *item;
	size_t i;

	for (i = 0; list != NULL && i < imports.count; i++) {
		const struct import *import = &imports.list[i];

		item = Py_BuildValue("sd", import->name,
		    (double)(import->time - import->inside) / 1e9);
		if (item == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, item);
	}
	return list;
}

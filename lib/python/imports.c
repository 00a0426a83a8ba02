/*
 * Whatever imports, a statement or importlib, ends in one function if the
 * module is not there yet: _find_and_load(name, import) of importlib's frozen
 * part. It is wrapped in C: no frame more in tracebacks, nothing on
 * sys.meta_path.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/clock.h"
#include "python/imports.h"
#include "explain/text.h"

#define ROWS 20
#define DEEPEST 12 /* what is deeper is not indented any further */

struct import {
	char *name;
	int depth;
	bool failed;
	int64_t time, inside; /* all of it, and what it imported itself */
};

static struct {
	PyObject *wrapped;
	unsigned long thread;
	struct import *list;
	size_t count, room, told;
	int depth;
} imports;

static struct import *
append(const char *name)
{
	struct import *grown;

	if (imports.count == imports.room) {
		imports.room = imports.room ? imports.room * 2 : 256;
		grown = realloc(imports.list, imports.room * sizeof(*grown));
		if (grown == NULL) {
			imports.room = imports.count;
			return NULL;
		}
		imports.list = grown;
	}
	grown = &imports.list[imports.count];
	*grown = (struct import){ .name = strdup(name),
		.depth = imports.depth };
	return grown->name != NULL ? grown : NULL;
}

/* Notes that an import begins. Returns its index, or -1 if it is not noted. */
static Py_ssize_t
begin(PyObject *arguments)
{
	PyObject *name = PyTuple_GET_SIZE(arguments) > 0
	    ? PyTuple_GET_ITEM(arguments, 0)
	    : NULL,
		 *present;
	const char *text;
	struct import *import;

	if (PyThread_get_thread_ident() != imports.thread || name == NULL ||
	    !PyUnicode_Check(name))
		return -1;
	present = PyImport_GetModule(name);
	Py_XDECREF(present);
	text = present == NULL ? PyUnicode_AsUTF8(name) : NULL;
	PyErr_Clear();
	if (text == NULL || (import = append(text)) == NULL)
		return -1;
	imports.depth++;
	import->time = -clock_elapsed();
	return (Py_ssize_t)imports.count++;
}

static void
finish(size_t index, bool failed)
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

static PyObject *
find_and_load(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	Py_ssize_t index = begin(arguments);
	PyObject *module = PyObject_Call(imports.wrapped, arguments, keywords);

	(void)self;
	if (index != -1)
		finish((size_t)index, module == NULL);
	return module;
}

void
imports_watch(void)
{
	static PyMethodDef definition = { "_find_and_load",
		(PyCFunction)(void (*)(void))find_and_load,
		METH_VARARGS | METH_KEYWORDS, NULL };
	PyObject *importlib = PyImport_ImportModule("_frozen_importlib"),
		 *wrapper = PyCFunction_New(&definition, NULL);

	imports.thread = PyThread_get_thread_ident();
	if (importlib != NULL)
		imports.wrapped = PyObject_GetAttrString(
		    importlib, definition.ml_name);
	if (imports.wrapped != NULL && wrapper != NULL)
		PyObject_SetAttrString(importlib, definition.ml_name, wrapper);
	PyErr_Clear();
	Py_XDECREF(wrapper);
	Py_XDECREF(importlib);
}

static int
longest_first(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a < b) - (a > b);
}

/* The time of the last of those that are told. */
static int64_t
shortest_told(const struct import *first, size_t count)
{
	int64_t *times, shortest = 0;
	size_t i;

	if (count <= ROWS || (times = malloc(count * sizeof(*times))) == NULL)
		return 0;
	for (i = 0; i < count; i++)
		times[i] = first[i].time;
	qsort(times, count, sizeof(*times), longest_first);
	shortest = times[ROWS - 1];
	free(times);
	return shortest;
}

static int64_t
own_time(const struct import *import)
{
	return import->time - import->inside;
}

static void
tell(const struct import *import)
{
	int depth = import->depth < DEEPEST ? import->depth : DEEPEST;

	text_text(TEXT_PLAIN, 4, "%7.1f ms %7.1f ms  %*s%s%s",
	    (double)import->time / 1e6, (double)own_time(import) / 1e6,
	    2 * depth, "", import->name, import->failed ? " (failed)" : "");
}

int
imports_tell(const char *title)
{
	const struct import *first = imports.list + imports.told;
	size_t count = imports.count - imports.told, i, told = 0;
	int64_t shortest = shortest_told(first, count), rest = 0;

	if (count > 0) {
		text_text(TEXT_PLAIN, 4, "%s", title);
		text_text(TEXT_BOLD, 4, "      all     itself  module");
	}
	for (i = 0; i < count; i++)
		if (first[i].time >= shortest && told < ROWS) {
			tell(&first[i]);
			told++;
		} else
			rest += own_time(&first[i]);
	if (told < count)
		text_text(TEXT_PLAIN, 4,
		    "           %7.1f ms  %zu shorter ones", (double)rest / 1e6,
		    count - told);
	imports.told = imports.count;
	return (int)count;
}

PyObject *
imports_list(void)
{
	PyObject *list = PyList_New((Py_ssize_t)imports.count), *item;
	size_t i;

	for (i = 0; list != NULL && i < imports.count; i++) {
		item = Py_BuildValue("sd", imports.list[i].name,
		    (double)own_time(&imports.list[i]) / 1e9);
		if (item == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, item);
	}
	return list;
}

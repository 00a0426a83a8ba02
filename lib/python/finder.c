/*
 * Anything that is not as usual is importlib's own to look for: other forms
 * than a source, zip files, relative folders, further hooks.
 */

#include "python/cpython.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/finder.h"

#define METHOD "find_spec"
#define INIT "/__init__" /* of a package */
#define LONGEST 100 /* ending of a file's name */
#define ROOM (LONGEST + (int)sizeof(INIT))
#define HOOKS 2 /* that Python puts into sys.path_hooks */

static struct {
	PyObject *class; /* PathFinder */
	PyObject *own, *wrapped, *ours; /* its find_spec: stored, bound, ours */
	PyObject *make_spec; /* from a file */
	PyObject *suffixes; /* of extension modules */
} finder;

/* Whether there is such a file; what is neither yes nor no is a yes. */
static bool
has_file(char *stem, const char *ending)
{
	size_t length = strlen(stem);
	struct stat st;
	bool result = true;

	if (strlen(ending) <= LONGEST) {
		strcpy(stem + length, ending);
		result = stat(stem, &st) == 0 || errno != ENOENT;
		stem[length] = '\0';
	}
	return result;
}

static bool
has_extension(char *stem)
{
	const char *suffix;
	Py_ssize_t i;

	for (i = 0; i < PyList_GET_SIZE(finder.suffixes); i++) {
		suffix = PyUnicode_AsUTF8(PyList_GET_ITEM(finder.suffixes, i));
		if (suffix == NULL || has_file(stem, suffix))
			return true;
	}
	return false;
}

/* The spec of a module's source, or NULL. */
static PyObject *
make_spec(PyObject *module, const char *file)
{
	PyObject *path = NULL, *spec = NULL;
	struct stat st;

	if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
		path = PyUnicode_DecodeFSDefault(file);
	if (path != NULL)
		spec = PyObject_CallFunctionObjArgs(
		    finder.make_spec, module, path, NULL);
	Py_XDECREF(path);
	return spec;
}

/*
 * None if no file begins like this, the spec if there is but a source, or NULL
 * if importlib had better look.
 */
static PyObject *
look_at_stem(PyObject *module, char *stem)
{
	bool folder = has_file(stem, "");

	if (folder)
		strcat(stem, INIT);
	if (has_file(stem, ".pyc") || has_extension(stem))
		return NULL;
	if (has_file(stem, ".py"))
		return make_spec(module, strcat(stem, ".py"));
	return folder ? NULL : Py_NewRef(Py_None);
}

/* Memory to be freed, with room for an ending; or NULL. */
static char *
make_stem(const char *folder, PyObject *module)
{
	Py_ssize_t length;
	const char *name = PyUnicode_AsUTF8AndSize(module, &length);
	char *stem;

	/* Without a slash at its end, as importlib joins folder and name. */
	if (name == NULL || strcspn(name, "/") != (size_t)length ||
	    folder[0] != '/' || folder[strlen(folder) - 1] == '/' ||
	    asprintf(&stem, "%s/%s%*s", folder, name, ROOM, "") == -1)
		return NULL;
	stem[strlen(folder) + 1 + (size_t)length] = '\0';
	return stem;
}

static PyObject *
look_into_folder(PyObject *folder, PyObject *module)
{
	PyObject *bytes = NULL, *found = NULL;
	char *stem = NULL;

	if (PyUnicode_Check(folder))
		bytes = PyUnicode_EncodeFSDefault(folder);
	if (bytes != NULL)
		stem = make_stem(PyBytes_AS_STRING(bytes), module);
	if (stem != NULL)
		found = look_at_stem(module, stem);
	free(stem);
	Py_XDECREF(bytes);
	return found;
}

/* As look_at_stem(), for all of sys.path. */
static PyObject *
look_for_module(PyObject *module)
{
	PyObject *path = PySys_GetObject("path"),
		 *hooks = PySys_GetObject("path_hooks"), *found;
	Py_ssize_t i;

	if (path == NULL || !PyList_Check(path) || hooks == NULL ||
	    !PyList_Check(hooks) || PyList_GET_SIZE(hooks) != HOOKS)
		return NULL;
	found = Py_NewRef(Py_None);
	for (i = 0; found == Py_None && i < PyList_GET_SIZE(path); i++) {
		Py_DECREF(found);
		found = look_into_folder(PyList_GET_ITEM(path, i), module);
	}
	return found;
}

/* find_spec(name, path, target) of importlib.abc.MetaPathFinder */
static PyObject *
find_spec(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	PyObject *module, *path = Py_None, *target, *found = NULL;

	(void)self;
	if (keywords == NULL &&
	    PyArg_ParseTuple(arguments, "U|OO", &module, &path, &target) &&
	    path == Py_None)
		found = look_for_module(module);
	PyErr_Clear();
	if (found != NULL)
		return found;
	return PyObject_Call(finder.wrapped, arguments, keywords);
}

static PyObject *
get_own_method(void)
{
	PyObject *names = PyObject_GetAttrString(finder.class, "__dict__"),
		 *method = NULL;

	if (names != NULL)
		method = PyMapping_GetItemString(names, METHOD);
	Py_XDECREF(names);
	return method;
}

int
finder_replace(void)
{
	static PyMethodDef definition = { METHOD, WITH_KEYWORDS(find_spec),
		NULL };
	PyObject *imp = PyImport_ImportModule("_imp"),
		 *importlib = PyImport_ImportModule(
		     "_frozen_importlib_external");

	if (imp == NULL || importlib == NULL ||
	    !(finder.suffixes = PyObject_CallMethod(
		  imp, "extension_suffixes", NULL)) ||
	    !(finder.make_spec = PyObject_GetAttrString(
		  importlib, "spec_from_file_location")) ||
	    !(finder.class = PyObject_GetAttrString(importlib, "PathFinder")) ||
	    !(finder.own = get_own_method()) ||
	    !(finder.wrapped = PyObject_GetAttrString(finder.class, METHOD)) ||
	    !(finder.ours = PyCFunction_New(&definition, NULL)))
		return -1;
	Py_DECREF(importlib);
	Py_DECREF(imp);
	return PyObject_SetAttrString(finder.class, METHOD, finder.ours);
}

int
finder_restore(void)
{
	PyObject *now = PyObject_GetAttrString(finder.class, METHOD);
	int result = 0;

	PyErr_Clear();
	if (now == finder.ours)
		result = PyObject_SetAttrString(
		    finder.class, METHOD, finder.own);
	Py_XDECREF(now);
	return result;
}

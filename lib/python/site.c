/*
 * The site module and what it imports (os, _collections_abc) would take as long
 * as a third of the interpreter's start. In the common case all it does is to
 * append a few folders.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "python/cpython.h"

#include "python/finder.h"
#include "python/site.h"

/* site.getsitepackages() of the Python that this was built for. */
static const char *const packages[] = {
#include <site_packages.inc>
};
#define PACKAGES ((int)(sizeof(packages) / sizeof(*packages)))

#define NO_SITE 6 /* in sys.flags */

/* The folder of the user's own packages, once it was looked for, or NULL. */
static char *user_packages;

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* An empty file asks for nothing. */
static bool
is_pth(DIR *folder, const char *name)
{
	const char *dot = strrchr(name, '.');
	struct stat st;

	return dot != NULL && strcmp(dot, ".pth") == 0 &&
	    (fstatat(dirfd(folder), name, &st, 0) == -1 || st.st_size > 0);
}

static bool
has_pth(const char *folder)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (!found && entries != NULL && (entry = readdir(entries)) != NULL)
		found = is_pth(entries, entry->d_name);
	if (entries != NULL)
		closedir(entries);
	return found;
}

static bool
is_variable_set(const char *variable)
{
	const char *text = getenv(variable);

	return text != NULL && *text != '\0';
}

static char *
find_user_packages(void)
{
	const char *home = getenv("HOME");
	char *folder;

	if (is_variable_set("PYTHONNOUSERSITE") || home == NULL ||
	    asprintf(&folder, "%s/.local/lib/python%d.%d/site-packages", home,
		PY_MAJOR_VERSION, PY_MINOR_VERSION) == -1)
		return NULL;
	if (is_folder(folder))
		return folder;
	free(folder);
	return NULL;
}

/*
 * Whether the result of the site module can be had without it: no virtual
 * environment, nothing in PYTHONPATH, no .pth file.
 */
static bool
is_plain(bool venv)
{
	const char *home = getenv("HOME");
	bool plain;
	int i;

	if (venv || is_variable_set("PYTHONPATH") ||
	    is_variable_set("PYTHONUSERBASE") ||
	    is_variable_set("PYTHONVERBOSE") || (home != NULL && *home != '/'))
		return false;
	user_packages = find_user_packages();
	plain = user_packages == NULL || !has_pth(user_packages);
	for (i = 0; i < PACKAGES; i++)
		plain = plain && !has_pth(packages[i]);
	return plain;
}

static int
append_folder(const char *folder)
{
	PyObject *path = PySys_GetObject("path"),
		 *item = PyUnicode_DecodeFSDefault(folder);
	int result = path == NULL || item == NULL ? -1
						  : PyList_Append(path, item);

	Py_XDECREF(item);
	return result;
}

static int
add_builtin(const char *name, PyObject *object)
{
	int result = -1;

	if (object != NULL)
		result = PyDict_SetItemString(
		    PyEval_GetBuiltins(), name, object);
	Py_XDECREF(object);
	return result;
}

/*
 * Without copyright, credits and license, which are for an interactive session
 * and would import os.
 */
static int
add_builtins(void)
{
	static const char eof[] = "Ctrl-D (i.e. EOF)";
	PyObject *module = PyImport_ImportModule("_sitebuiltins");
	int result = -1;

	if (module != NULL &&
	    add_builtin("quit",
		PyObject_CallMethod(module, "Quitter", "ss", "quit", eof)) ==
		0 &&
	    add_builtin("exit",
		PyObject_CallMethod(module, "Quitter", "ss", "exit", eof)) == 0)
		result = add_builtin(
		    "help", PyObject_CallMethod(module, "_Helper", NULL));
	Py_XDECREF(module);
	return result;
}

/* Whether the current ImportError says that this very module is missing. */
static bool
is_missing(PyObject *error, const char *name)
{
	PyObject *missing = PyObject_GetAttrString(error, "name");
	bool result = missing != NULL && PyUnicode_Check(missing) &&
	    PyUnicode_CompareWithASCIIString(missing, name) == 0;

	PyErr_Clear();
	Py_XDECREF(missing);
	return result;
}

/* In the words of site.py. */
static int
import_customization(const char *name)
{
	PyObject *module = PyImport_ImportModule(name), *error;

	if (module == NULL && !PyErr_ExceptionMatches(PyExc_Exception))
		return -1;
	if (module == NULL) {
		error = PyErr_GetRaisedException();
		if (!PyErr_GivenExceptionMatches(error, PyExc_ImportError) ||
		    !is_missing(error, name))
			PySys_FormatStderr("Error in %s; set PYTHONVERBOSE for "
					   "traceback:\n%s: %S\n",
			    name, Py_TYPE(error)->tp_name, error);
		Py_DECREF(error);
	}
	Py_XDECREF(module);
	return 0;
}

static int
append_packages(void)
{
	int result = user_packages != NULL ? append_folder(user_packages) : 0,
	    i;

	for (i = 0; result == 0 && i < PACKAGES; i++)
		if (is_folder(packages[i]))
			result = append_folder(packages[i]);
	return result;
}

static int
complete_plain(void)
{
	if (append_packages() == -1 || add_builtins() == -1 ||
	    import_customization("sitecustomize") == -1)
		return -1;
	if (is_variable_set("PYTHONNOUSERSITE") ||
	    finder_lacks("usercustomize"))
		return 0;
	return import_customization("usercustomize");
}

static int
import_site(void)
{
	PyObject *module = PyImport_ImportModule("site");

	Py_XDECREF(module);
	return module != NULL ? 0 : -1;
}

int
site_complete(bool venv)
{
	PyObject *flags = PySys_GetObject("flags");

	/* Whoever imports site, here or later, has its main() run. */
	PyStructSequence_SetItem(flags, NO_SITE, PyLong_FromLong(0));
	if (finder_replace() == -1 ||
	    (is_plain(venv) ? complete_plain() : import_site()) == -1)
		return -1;
	return finder_restore();
}

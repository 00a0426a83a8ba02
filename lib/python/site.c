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

static bool
has_pth(const char *folder)
{
	DIR *entries = opendir(folder);
	int at = entries != NULL ? dirfd(entries) : -1;
	struct dirent *entry;
	struct stat st;
	const char *dot;
	bool found = false;

	while (!found && at != -1 && (entry = readdir(entries)) != NULL) {
		dot = strrchr(entry->d_name, '.');
		/* An empty file asks for nothing. */
		found = dot != NULL && strcmp(dot, ".pth") == 0 &&
		    (fstatat(at, entry->d_name, &st, 0) == -1 ||
			st.st_size > 0);
	}
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

/* What is wrong is said in the words of site.py. */
static int
import_customization(const char *name)
{
	PyObject *module = PyImport_ImportModule(name), *error, *missing;

	if (module == NULL && !PyErr_ExceptionMatches(PyExc_Exception))
		return -1;
	if (module == NULL) {
		error = PyErr_GetRaisedException();
		missing = PyObject_GetAttrString(error, "name");
		PyErr_Clear();
		/* That it is not there itself is no error. */
		if (!PyErr_GivenExceptionMatches(error, PyExc_ImportError) ||
		    missing == NULL || !PyUnicode_Check(missing) ||
		    PyUnicode_CompareWithASCIIString(missing, name) != 0)
			PySys_FormatStderr("Error in %s; set PYTHONVERBOSE for "
					   "traceback:\n%s: %S\n",
			    name, Py_TYPE(error)->tp_name, error);
		Py_XDECREF(missing);
		Py_DECREF(error);
	}
	Py_XDECREF(module);
	return 0;
}

static int
complete_plain(void)
{
	int result = user_packages != NULL ? append_folder(user_packages) : 0,
	    i;

	for (i = 0; result == 0 && i < PACKAGES; i++)
		if (is_folder(packages[i]))
			result = append_folder(packages[i]);
	if (result == -1 || add_builtins() == -1 ||
	    import_customization("sitecustomize") == -1)
		return -1;
	return is_variable_set("PYTHONNOUSERSITE")
	    ? 0
	    : import_customization("usercustomize");
}

int
site_complete(bool venv)
{
	PyObject *flags = PySys_GetObject("flags"), *site = NULL;

	/* Whoever imports site, here or later, has its main() run. */
	PyStructSequence_SetItem(flags, NO_SITE, PyLong_FromLong(0));
	if (finder_replace() == -1)
		return -1;
	if (is_plain(venv)) {
		if (complete_plain() == -1)
			return -1;
	} else if ((site = PyImport_ImportModule("site")) == NULL)
		return -1;
	Py_XDECREF(site);
	return finder_restore();
}

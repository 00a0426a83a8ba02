/*
 * A file is read as a script, a module is imported; then the callable is looked
 * for by its name. Nothing here depends on the request.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/report.h"
#include "python/source.h"
#include "python/application.h"
#include "python/bytecode.h"
#include "python/habits.h"
#include "python/handler.h"
#include "python/traceback.h"

/*
 * app.py is the module app, as for every import. Other names must not hide a
 * package: django.wsgi is django_wsgi, and a script called flask is flask_.
 */
static PyObject *
make_module_name(const char *file)
{
	const char *base = strrchr(file, '/') + 1, *dot = strchr(base, '.');
	char *name, *c, *end;
	PyObject *text;

	if (asprintf(&name, "%s_", base) == -1)
		return PyErr_NoMemory();
	end = name + strlen(base);
	if (dot != NULL && strcmp(dot, ".py") == 0)
		end = name + (dot - base);
	else
		for (c = name, end++; *c != '\0'; c++)
			if ((unsigned char)*c < 0x80 && *c != '_' &&
			    !ascii_is_letter(*c) && !ascii_is_digit(*c)) {
				*c = '_';
				end = name + strlen(base);
			}
	*end = '\0';
	text = PyUnicode_DecodeFSDefault(name);
	free(name);
	return text;
}

static PyObject *
load_file(const char *file)
{
	PyObject *name = make_module_name(file),
		 *path = PyUnicode_DecodeFSDefault(file), *code = NULL,
		 *module = NULL;

	if (name != NULL && path != NULL)
		code = bytecode_load(file, path);
	if (code != NULL && (module = PyImport_AddModuleObject(name)) != NULL &&
	    PyModule_AddStringConstant(module, "__package__", "") == 0)
		module = PyImport_ExecCodeModuleObject(name, code, path, NULL);
	else
		module = NULL;
	Py_XDECREF(code);
	Py_XDECREF(path);
	Py_XDECREF(name);
	return module;
}

static int
fail_import(const struct invocation *invocation)
{
	const char *venv = PyErr_ExceptionMatches(PyExc_ImportError)
	    ? invocation_unused_venv(invocation)
	    : NULL,
		   *name = invocation->file ? invocation->file
					    : invocation->module;
	char *what;
	int length;

	if (venv == NULL)
		length = asprintf(&what, "cannot import %s", name);
	else
		length = asprintf(&what,
		    "cannot import %s (the virtual environment %s beside it is "
		    "not used; --venv %s would)",
		    name, venv, venv);
	if (length == -1)
		return report_no_memory();
	traceback_fail(REPORT_IMPORT, what);
	free(what);
	return -1;
}

/* sys.modules may hold anything under a module's name. */
static const char *
get_module_name(PyObject *module)
{
	const char *name = PyModule_Check(module) ? PyModule_GetName(module)
						  : NULL;

	PyErr_Clear();
	return name != NULL ? name : Py_TYPE(module)->tp_name;
}

static int
fail_missing(
    const struct invocation *invocation, PyObject *module, const char *wanted)
{
	char *names, *advice;

	if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
		return traceback_fail(REPORT_IMPORT, wanted);
	PyErr_Clear();
	names = source_text("list_callables", Py_BuildValue("(O)", module));
	advice = source_text("for_object", Py_BuildValue("(O)", module));
	if (advice == NULL && invocation->file != NULL)
		advice = source_text("for_script",
		    Py_BuildValue(
			"(N)", PyUnicode_DecodeFSDefault(invocation->file)));
	report_fail(REPORT_NO_CALLABLE,
	    "%s has no %s; its callables are: %s%s%s", get_module_name(module),
	    wanted, names != NULL && *names != '\0' ? names : "none",
	    advice != NULL ? "; " : "", advice != NULL ? advice : "");
	free(advice);
	free(names);
	return -1;
}

/* a.b.c: attribute by attribute. */
static PyObject *
walk_attributes(PyObject *module, const char *dotted)
{
	char *copy = strdup(dotted), *rest = copy, *name;
	PyObject *object = Py_NewRef(module), *next;

	while (object != NULL && (name = strsep(&rest, ".")) != NULL) {
		next = PyObject_GetAttrString(object, name);
		Py_SETREF(object, next);
	}
	free(copy);
	return object;
}

static PyObject *
call_factory(PyObject *factory, const char *name)
{
	PyObject *made = NULL;

	if (PyCallable_Check(factory))
		made = PyObject_CallNoArgs(factory);
	else
		report_fail(REPORT_NO_CALLABLE, "%s: %s cannot be called", name,
		    Py_TYPE(factory)->tp_name);
	Py_DECREF(factory);
	if (PyErr_Occurred())
		traceback_fail(REPORT_IMPORT, name);
	return made;
}

/* name, dotted.name or factory() */
static PyObject *
find_named(
    const struct invocation *invocation, PyObject *module, const char *name)
{
	size_t length = strlen(name);
	bool factory = length > 2 && strcmp(name + length - 2, "()") == 0;
	char *path = strndup(name, factory ? length - 2 : length);
	PyObject *object = path != NULL ? walk_attributes(module, path) : NULL;

	if (path != NULL && path[strcspn(path, "()[]'\"")] != '\0')
		report_fail(REPORT_NO_CALLABLE,
		    ":%s is neither a name, nor a dotted.name, nor factory(), "
		    "which is called without arguments",
		    name);
	if (object == NULL)
		fail_missing(invocation, module, name);
	else if (factory)
		object = call_factory(object, name);
	free(path);
	return object;
}

/* *name becomes the one that it has. */
static PyObject *
find_default(
    const struct invocation *invocation, PyObject *module, const char **name)
{
	PyObject *object = PyObject_GetAttrString(module, "application");

	*name = "application";
	if (object == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
		PyErr_Clear();
		object = PyObject_GetAttrString(module, "app");
		*name = "app";
	}
	if (object == NULL)
		fail_missing(invocation, module, "'application' or 'app'");
	return object;
}

/* Says what an object is, and what to write instead; always returns NULL. */
static PyObject *
refuse_object(PyObject *object, PyObject *module, const char *name)
{
	char *advice = source_text(
	    "for_object", Py_BuildValue("Os", object, name));

	report_fail(REPORT_NO_CALLABLE,
	    "%s in %s is %s, which cannot be called%s%s", name,
	    get_module_name(module), Py_TYPE(object)->tp_name,
	    advice != NULL ? ": " : "", advice != NULL ? advice : "");
	free(advice);
	Py_DECREF(object);
	return NULL;
}

static PyObject *
find_callable(const struct invocation *invocation, PyObject *module)
{
	const char *name = invocation->callable;
	PyObject *object = name != NULL
	    ? find_named(invocation, module, name)
	    : find_default(invocation, module, &name);

	return object == NULL || PyCallable_Check(object)
	    ? object
	    : refuse_object(object, module, name);
}

PyObject *
application_load(const struct invocation *invocation)
{
	PyObject *module, *taken, *object;

	handler_watch();
	module = invocation->file ? load_file(invocation->file)
				  : PyImport_ImportModule(invocation->module);
	taken = handler_take();
	habits_watch_forms();
	/* As sys.exit() behind CGIHandler().run(). */
	if (taken != NULL && invocation->callable == NULL &&
	    (module != NULL || PyErr_ExceptionMatches(PyExc_SystemExit))) {
		PyErr_Clear();
		Py_XDECREF(module);
		return taken;
	}
	Py_XDECREF(taken);
	if (module == NULL) {
		fail_import(invocation);
		return NULL;
	}
	object = find_callable(invocation, module);
	Py_DECREF(module);
	return object;
}

/* Nothing here depends on the request. */

#include <sys/stat.h>

#include <ctype.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "report.h"
#include "traceback.h"
#include "wsgi_app.h"

static int
no_memory(void)
{
	return report_fail(REPORT_SYSTEM, "out of memory");
}

/* Servers often start programs without HOME; the user site needs it. */
static void
set_home(void)
{
	struct passwd *user;

	if (getenv("HOME") == NULL && (user = getpwuid(geteuid())) != NULL)
		setenv("HOME", user->pw_dir, 1);
}

/*
 * The version in a pyvenv.cfg: venv writes "version = 3.11.2", virtualenv
 * "version_info = 3.11.2.final.0". Returns false without one.
 */
static bool
read_venv_version(FILE *from, int *major, int *minor)
{
	char *line = NULL, *c;
	size_t room = 0;
	bool found = false;

	while (!found && getline(&line, &room, from) != -1) {
		for (c = line; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		found = sscanf(line, " version = %d.%d", major, minor) == 2 ||
		    sscanf(line, " version_info = %d.%d", major, minor) == 2;
	}
	free(line);
	return found;
}

static int
check_venv(const char *venv)
{
	int major, minor;
	FILE *from = NULL;
	char *file;
	bool found;

	if (asprintf(&file, "%s/pyvenv.cfg", venv) != -1) {
		from = fopen(file, "re");
		free(file);
	}
	if (from == NULL)
		return report_fail(REPORT_VENV, "%s is no virtual environment "
		    "that can be read: it has no pyvenv.cfg", venv);
	found = read_venv_version(from, &major, &minor);
	fclose(from);
	if (found && (major != PY_MAJOR_VERSION || minor != PY_MINOR_VERSION))
		return report_fail(REPORT_VENV, "%s is for Python %d.%d, but "
		    "this program runs Python %s: make it again with "
		    "python%d.%d -m venv", venv, major, minor, PY_VERSION,
		    PY_MAJOR_VERSION, PY_MINOR_VERSION);
	return 0;
}

static PyStatus
set(PyConfig *config, wchar_t **field, const char *text)
{
	return PyConfig_SetBytesString(config, field, text);
}

static PyStatus
append_path(PyConfig *config, const char *path)
{
	wchar_t *wide = Py_DecodeLocale(path, NULL);
	PyStatus status = wide == NULL ? PyStatus_NoMemory() :
	    PyWideStringList_Append(&config->module_search_paths, wide);

	PyMem_RawFree(wide);
	return status;
}

/* PYTHONPATH is the deployer's; an empty item would be the working folder. */
static PyStatus
append_pythonpath(PyConfig *config)
{
	const char *text = getenv("PYTHONPATH");
	char *copy = text ? strdup(text) : NULL, *rest = copy, *item;
	PyStatus status = PyStatus_Ok();

	while (!PyStatus_Exception(status) &&
	    (item = strsep(&rest, ":")) != NULL)
		if (*item != '\0')
			status = append_path(config, item);
	free(copy);
	return status;
}

/* What python3 computes from where it lies, said outright. */
static PyStatus
set_paths(PyConfig *config)
{
	static const char *const library[] = {
	    PYTHON_ZIP, PYTHON_STDLIB, PYTHON_STDLIB "/lib-dynload" };
	PyStatus status = append_pythonpath(config);
	size_t i;

	config->module_search_paths_set = 1;
	for (i = 0; !PyStatus_Exception(status) &&
	    i < sizeof(library) / sizeof(*library); i++)
		status = append_path(config, library[i]);
	return status;
}

static PyStatus
set_prefixes(PyConfig *config, const char *executable, const char *prefix)
{
	const struct {
		wchar_t		**field;
		const char	 *text;
	} fields[] = {
		{ &config->program_name, executable },
		{ &config->executable, executable },
		{ &config->base_executable, PYTHON_EXECUTABLE },
		{ &config->prefix, prefix },
		{ &config->exec_prefix, prefix },
		{ &config->base_prefix, PYTHON_PREFIX },
		{ &config->base_exec_prefix, PYTHON_EXEC_PREFIX },
		{ &config->home, PYTHON_PREFIX },
#if PY_VERSION_HEX >= 0x030b0000
		{ &config->stdlib_dir, PYTHON_STDLIB },
#endif
	};
	PyStatus status = PyStatus_Ok();
	size_t i;

	for (i = 0; !PyStatus_Exception(status) &&
	    i < sizeof(fields) / sizeof(*fields); i++)
		status = set(config, fields[i].field, fields[i].text);
	return status;
}

static PyStatus
fill(PyConfig *config, const char *venv, const char *name)
{
	const char *prefix = PYTHON_PREFIX;
	char *executable = strdup(PYTHON_EXECUTABLE), *argv[1];
	PyStatus status;

#if PY_VERSION_HEX >= 0x030e0000
	/* Older versions leave this to the site module. */
	if (venv != NULL)
		prefix = venv;
#endif
	if (venv != NULL) {
		free(executable);
		if (asprintf(&executable, "%s/bin/python3", venv) == -1)
			executable = NULL;
	}
	argv[0] = strdup(name);
	if (executable == NULL || argv[0] == NULL)
		return PyStatus_NoMemory();
	status = set_prefixes(config, executable, prefix);
	if (!PyStatus_Exception(status))
		status = set_paths(config);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesArgv(config, 1, argv);
	free(executable);
	free(argv[0]);
	return status;
}

static PyStatus
start_python(const char *venv, const char *name)
{
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	PyPreConfig_InitPythonConfig(&before);
	before.utf8_mode = 1;
	before.coerce_c_locale = 0;
	before.parse_argv = 0;
	status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return status;
	PyConfig_InitPythonConfig(&config);
	config.parse_argv = 0;
	config.pathconfig_warnings = 0;
	/* Nothing written to a log may be lost when the process ends badly. */
	config.buffered_stdio = 0;
#if PY_VERSION_HEX >= 0x030b0000
	config.safe_path = 1;
#endif
	status = set(&config, &config.stdio_errors, "backslashreplace");
	if (!PyStatus_Exception(status))
		status = fill(&config, venv, name);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return status;
}

static PyObject *
on_signal(PyObject *self, PyObject *arguments)
{
	(void)self;
	(void)arguments;
	PyErr_SetString(PyExc_SystemExit,
	    process_interruption() == SIGALRM ? "--timeout is over" :
	    "SIGTERM");
	return NULL;
}

static int
handle_signal(PyObject *module, int number)
{
	static PyMethodDef definition = {
	    "on_signal", on_signal, METH_VARARGS, NULL };
	PyObject *handler = PyCFunction_New(&definition, NULL),
	    *before = NULL;

	if (handler != NULL)
		before = PyObject_CallMethod(module, "signal", "iO", number,
		    handler);
	Py_XDECREF(before);
	Py_XDECREF(handler);
	return before != NULL ? 0 : -1;
}

/* When time runs out, the log shows where every thread is. */
static int
dump_on_alarm(void)
{
	PyObject *module = PyImport_ImportModule("faulthandler"),
	    *done = NULL;

	if (module != NULL)
		done = PyObject_CallMethod(module, "register", "iiii", SIGALRM,
		    STDERR_FILENO, 1 /* all threads */, 1 /* chain */);
	Py_XDECREF(done);
	Py_XDECREF(module);
	return done != NULL ? 0 : -1;
}

/* From now on the two signals raise SystemExit in the application. */
static int
handle_signals(void)
{
	PyObject *module = PyImport_ImportModule("_signal");
	int result = -1;

	if (module != NULL && handle_signal(module, SIGTERM) == 0 &&
	    handle_signal(module, SIGALRM) == 0) {
		process_serve();
		result = dump_on_alarm();
	}
	Py_XDECREF(module);
	return result;
}

static int
insert_path(Py_ssize_t index, const char *path)
{
	PyObject *list = PySys_GetObject("path"),
	    *item = PyUnicode_DecodeFSDefault(path);
	int result = list == NULL || item == NULL ? -1 :
	    PyList_Insert(list, index, item);

	Py_XDECREF(item);
	return result;
}

/* The script's folder first, then those of --path, in their order. */
static int
extend_path(const struct invocation *invocation)
{
	Py_ssize_t index = 0;
	const char **path;
	char *absolute;
	int result = 0;

	if (invocation->file != NULL)
		result = insert_path(index++, invocation->folder);
	for (path = invocation->paths; result == 0 && path && *path; path++) {
		absolute = invocation_path(invocation, *path);
		result = absolute == NULL ? no_memory() :
		    insert_path(index++, absolute);
		free(absolute);
	}
	return result;
}

int
wsgi_app_start(const struct invocation *invocation)
{
	char *venv = NULL;
	PyStatus status;

	if (invocation->venv != NULL &&
	    (venv = invocation_path(invocation, invocation->venv)) == NULL)
		return no_memory();
	if (venv != NULL && check_venv(venv) == -1) {
		free(venv);
		return -1;
	}
	set_home();
	status = start_python(venv,
	    invocation->file ? invocation->file : invocation->module);
	free(venv);
	if (PyStatus_Exception(status))
		return report_fail(REPORT_PYTHON, "Python %s in %s did not "
		    "start: %s", PY_VERSION, PYTHON_PREFIX,
		    status.err_msg ? status.err_msg : "unknown reason");
	if (handle_signals() == -1 || extend_path(invocation) == -1)
		return traceback_fail(REPORT_PYTHON,
		    "the interpreter is incomplete");
	return 0;
}

/*
 * app.py is the module app, as for every import. Other names must not hide a
 * package: django.wsgi is django_wsgi.
 */
static PyObject *
module_name(const char *file)
{
	char *name = strdup(strrchr(file, '/') + 1), *dot, *c;
	PyObject *text;

	if (name == NULL)
		return PyErr_NoMemory();
	dot = strrchr(name, '.');
	if (dot != NULL && strcmp(dot, ".py") == 0 && dot == strchr(name, '.'))
		*dot = '\0';
	else
		for (c = name; *c != '\0'; c++)
			if (isascii((unsigned char)*c) &&
			    !isalnum((unsigned char)*c))
				*c = '_';
	text = PyUnicode_DecodeFSDefault(name);
	free(name);
	return text;
}

/*
 * importlib would keep the compiled forms of app.cgi and app.py in one file.
 * While this tag is set, that of app.cgi is app.cgi-cpython-311.pyc. Returns
 * the tag before, a new reference, or NULL with an exception set.
 */
static PyObject *
set_cache_tag(const char *file, PyObject *tag)
{
	PyObject *implementation = PySys_GetObject("implementation"),
	    *before, *own;
	const char *dot = strrchr(file, '.');

	before = PyObject_GetAttrString(implementation, "cache_tag");
	if (before == NULL || before == Py_None)
		return before;
	own = tag != NULL ? Py_NewRef(tag) :
	    dot == NULL || strchr(dot, '/') || strcmp(dot, ".py") == 0 ?
	    Py_NewRef(before) :
	    PyUnicode_FromFormat("%s-%U", dot + 1, before);
	if (own == NULL || PyObject_SetAttrString(implementation, "cache_tag",
	    own) == -1)
		Py_CLEAR(before);
	Py_XDECREF(own);
	return before;
}

/*
 * The frozen parts of importlib are used directly: importlib.util would import
 * a dozen modules more.
 */
static PyObject *
call_importlib(const char *module_name, const char *function, PyObject *first,
    PyObject *second)
{
	PyObject *module = PyImport_ImportModule(module_name), *name, *result;

	if (module == NULL)
		return NULL;
	name = PyUnicode_FromString(function);
	result = name == NULL ? NULL : PyObject_CallMethodObjArgs(module, name,
	    first, second, NULL);
	Py_XDECREF(name);
	Py_DECREF(module);
	return result;
}

/* A module with its spec, in sys.modules. */
static PyObject *
make_module(PyObject *name, PyObject *loader)
{
	PyObject *spec, *module = NULL;

	spec = call_importlib("_frozen_importlib", "spec_from_loader", name,
	    loader);
	if (spec != NULL)
		module = call_importlib("_frozen_importlib",
		    "module_from_spec", spec, NULL);
	Py_XDECREF(spec);
	if (module != NULL && PyDict_SetItem(PyImport_GetModuleDict(), name,
	    module) == -1)
		Py_CLEAR(module);
	return module;
}

static int
execute(PyObject *code, PyObject *module)
{
	PyObject *builtins = PyImport_ImportModule("builtins"), *done = NULL;

	if (builtins != NULL)
		done = PyObject_CallMethod(builtins, "exec", "OO", code,
		    PyModule_GetDict(module));
	Py_XDECREF(done);
	Py_XDECREF(builtins);
	return done != NULL ? 0 : -1;
}

/* The module, not yet executed, and its code. */
static PyObject *
prepare(const char *file, PyObject *name, PyObject **code)
{
	PyObject *path = PyUnicode_DecodeFSDefault(file), *loader = NULL,
	    *module = NULL, *tag = set_cache_tag(file, NULL), *own_tag = NULL;

	if (path != NULL && tag != NULL)
		loader = call_importlib("_frozen_importlib_external",
		    "SourceFileLoader", name, path);
	if (loader != NULL)
		module = make_module(name, loader);
	if (module != NULL)
		*code = PyObject_CallMethod(loader, "get_code", "O", name);
	if (*code != NULL)
		own_tag = set_cache_tag(file, tag);
	if (own_tag == NULL)
		Py_CLEAR(module);
	Py_XDECREF(own_tag);
	Py_XDECREF(tag);
	Py_XDECREF(loader);
	Py_XDECREF(path);
	return module;
}

static PyObject *
load_file(const char *file)
{
	PyObject *name = module_name(file), *module = NULL, *code = NULL;

	if (name != NULL)
		module = prepare(file, name, &code);
	if (module != NULL && execute(code, module) == -1)
		Py_CLEAR(module);
	Py_XDECREF(code);
	Py_XDECREF(name);
	return module;
}

static const char *
find_unused_venv(const struct invocation *invocation)
{
	static const char *const names[] = { "venv", ".venv" };
	const char *found = NULL;
	struct stat st;
	char *file;
	size_t i;

	if (invocation->venv != NULL || invocation->file == NULL ||
	    !PyErr_ExceptionMatches(PyExc_ImportError))
		return NULL;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (asprintf(&file, "%s/%s/pyvenv.cfg", invocation->folder,
		    names[i]) != -1) {
			if (stat(file, &st) == 0)
				found = names[i];
			free(file);
		}
	return found;
}

static int
import_failed(const struct invocation *invocation)
{
	const char *venv = find_unused_venv(invocation),
	    *name = invocation->file ? invocation->file : invocation->module;
	char *what;

	if ((venv != NULL ? asprintf(&what, "cannot import %s (the virtual "
	    "environment %s beside it is not used; the option --venv %s "
	    "would)", name, venv, venv) :
	    asprintf(&what, "cannot import %s", name)) == -1)
		return no_memory();
	traceback_fail(REPORT_IMPORT, what);
	free(what);
	return -1;
}

/* The public callables of a module, as "a, b, c"; a new str or NULL. */
static PyObject *
list_callables(PyObject *module)
{
	PyObject *names = PyList_New(0), *comma = PyUnicode_FromString(", "),
	    *name, *object, *text = NULL;
	Py_ssize_t position = 0;

	while (names != NULL && PyDict_Next(PyModule_GetDict(module),
	    &position, &name, &object))
		if (PyUnicode_Check(name) && PyCallable_Check(object) &&
		    PyUnicode_READ_CHAR(name, 0) != '_')
			PyList_Append(names, name);
	if (names != NULL && comma != NULL && PyList_Sort(names) == 0)
		text = PyUnicode_Join(comma, names);
	Py_XDECREF(comma);
	Py_XDECREF(names);
	return text;
}

static int
not_found(PyObject *module, const char *wanted)
{
	PyObject *list;
	const char *text;

	PyErr_Clear();
	list = list_callables(module);
	text = list != NULL ? PyUnicode_AsUTF8(list) : "";
	report_fail(REPORT_NO_CALLABLE, "%s has no %s; its callables are: %s",
	    PyModule_GetName(module), wanted, text && *text ? text : "none");
	Py_XDECREF(list);
	PyErr_Clear();
	return -1;
}

/* a.b.c: attribute by attribute. */
static PyObject *
walk(PyObject *module, const char *dotted)
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
		report_fail(REPORT_NO_CALLABLE, "%s: %s cannot be called",
		    name, Py_TYPE(factory)->tp_name);
	Py_DECREF(factory);
	if (PyErr_Occurred())
		traceback_fail(REPORT_IMPORT, name);
	return made;
}

/* name, dotted.name or factory() */
static PyObject *
find_named(PyObject *module, const char *name)
{
	size_t length = strlen(name);
	bool factory = length > 2 && strcmp(name + length - 2, "()") == 0;
	char *path = strndup(name, factory ? length - 2 : length);
	PyObject *object = path != NULL ? walk(module, path) : NULL;

	if (object == NULL)
		not_found(module, name);
	else if (factory)
		object = call_factory(object, name);
	free(path);
	return object;
}

static PyObject *
find_default(PyObject *module)
{
	PyObject *object = PyObject_GetAttrString(module, "application");

	if (object == NULL &&
	    PyErr_ExceptionMatches(PyExc_AttributeError)) {
		PyErr_Clear();
		object = PyObject_GetAttrString(module, "app");
	}
	if (object == NULL)
		not_found(module, "'application' or 'app'");
	return object;
}

PyObject *
wsgi_app_load(const struct invocation *invocation)
{
	PyObject *module, *object;

	module = invocation->file ? load_file(invocation->file) :
	    PyImport_ImportModule(invocation->module);
	if (module == NULL) {
		import_failed(invocation);
		return NULL;
	}
	object = invocation->callable ?
	    find_named(module, invocation->callable) : find_default(module);
	if (object != NULL && !PyCallable_Check(object)) {
		report_fail(REPORT_NO_CALLABLE,
		    "%s in %s is %s, which cannot be called",
		    invocation->callable ? invocation->callable :
		    "the application", PyModule_GetName(module),
		    Py_TYPE(object)->tp_name);
		Py_CLEAR(object);
	}
	Py_DECREF(module);
	return object;
}

void
wsgi_app_stop(void)
{
	if (Py_IsInitialized())
		Py_FinalizeEx();
}

/*
 * The floor python/ is all that happens before a request is looked at: Python
 * starts, the application is imported, and what happens at the end is settled.
 * It knows neither the request nor its body nor the reply.
 *
 * Here is the start. There is one PyConfig, and every path in it is given, so
 * that neither PATH nor the working folder can choose another Python.
 */

#include <errno.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "python/exec.h"
#include "python/frozen.h"
#include "python/garbage.h"
#include "python/habits.h"
#include "python/interpreter.h"
#include "cgi/ascii.h"
#include "cgi/process.h"
#include "cgi/report.h"
#include "python/site.h"
#include "python/traceback.h"
#include "invocation/file.h"

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
			*c = ascii_lower(*c);
		found = sscanf(line, " version = %d.%d", major, minor) == 2 ||
		    sscanf(line, " version_info = %d.%d", major, minor) == 2;
	}
	free(line);
	return found;
}

static int
check_venv_version(const char *venv)
{
	int major, minor;
	char *file = file_path(venv, "pyvenv.cfg");
	FILE *from = fopen(file, "re");
	bool found;

	free(file);
	if (from == NULL)
		return report_fail(REPORT_VENV,
		    "%s is no virtual environment that can be read: it has no "
		    "pyvenv.cfg",
		    venv);
	found = read_venv_version(from, &major, &minor);
	fclose(from);
	if (found && (major != PY_MAJOR_VERSION || minor != PY_MINOR_VERSION))
		return report_fail(REPORT_VENV,
		    "%s is for Python %d.%d, but this program runs Python %s: "
		    "make it again with python%d.%d -m venv",
		    venv, major, minor, PY_VERSION, PY_MAJOR_VERSION,
		    PY_MINOR_VERSION);
	return 0;
}

/*
 * PYTHONPATH is the deployer's, but for empty items, which would be the working
 * folder. PYTHONHOME is not obeyed: it would choose another library.
 */
static int
settle_environment(void)
{
	const char *text = getenv("PYTHONPATH");
	char *kept = text != NULL ? strdup(text) : NULL, *to = kept;
	int result = -1;

	unsetenv("PYTHONHOME");
	if (text == NULL)
		return 0;
	for (; kept != NULL && *text != '\0'; text++)
		if (*text != ':' ||
		    (to > kept && text[1] != ':' && text[1] != '\0'))
			*to++ = *text;
	if (kept != NULL) {
		*to = '\0';
		result = setenv("PYTHONPATH", kept, 1);
	}
	free(kept);
	return result;
}

static PyStatus
set_prefixes(PyConfig *config, const char *executable, const char *prefix)
{
	const struct {
		wchar_t **field;
		const char *text;
	} fields[] = {
		{ &config->program_name, executable },
		{ &config->executable, executable },
		{ &config->base_executable, PYTHON_EXECUTABLE },
		{ &config->prefix, prefix },
		{ &config->exec_prefix, prefix },
		{ &config->base_prefix, PYTHON_PREFIX },
		{ &config->base_exec_prefix, PYTHON_EXEC_PREFIX },
#if PY_VERSION_HEX >= 0x030b0000
		{ &config->stdlib_dir, PYTHON_STDLIB },
#endif
	};
	PyStatus status = PyStatus_Ok();
	size_t i;

	for (i = 0; !PyStatus_Exception(status) &&
	     i < sizeof(fields) / sizeof(*fields);
	     i++)
		status = PyConfig_SetBytesString(
		    config, fields[i].field, fields[i].text);
	return status;
}

static PyStatus
fill_config(PyConfig *config, const char *venv, const char *name)
{
	const char *prefix = PYTHON_PREFIX;
	char *executable = file_path(venv != NULL ? venv : "/",
		 venv != NULL ? "bin/python3" : PYTHON_EXECUTABLE),
	     *argv[] = { (char *)(uintptr_t)name };
	PyStatus status;

#if PY_VERSION_HEX >= 0x030e0000
	/* Older versions leave this to the site module. */
	if (venv != NULL)
		prefix = venv;
#endif
	status = set_prefixes(config, executable, prefix);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesArgv(config, 1, argv);
	free(executable);
	return status;
}

static PyStatus
start_python(const char *venv, const char *name)
{
	const char *locale = setlocale(LC_CTYPE, "");
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	/* As python3 does, and without telling children (PEP 538). */
	if (locale == NULL || strcmp(locale, "C") == 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	PyPreConfig_InitPythonConfig(&before);
	before.utf8_mode = 1;
	before.configure_locale = 0;
	before.parse_argv = 0;
	status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return status;
	frozen_install();
	garbage_hold();
	if (settle_environment() == -1)
		return PyStatus_NoMemory();
	PyConfig_InitPythonConfig(&config);
	config.parse_argv = 0;
	config.pathconfig_warnings = 0;
	config.site_import = 0; /* see site.c */
	/* Nothing written to a log may be lost when the process ends badly. */
	config.buffered_stdio = 0;
#if PY_VERSION_HEX >= 0x030b0000
	config.safe_path = 1;
#endif
	status = PyConfig_SetBytesString(
	    &config, &config.stdio_errors, "backslashreplace");
	if (!PyStatus_Exception(status))
		status = fill_config(&config, venv, name);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return status;
}

/*
 * Python keeps a handler by the number of a signal. The end of a time limit has
 * a number that nobody sends: interrupt_python() itself calls the handlers that
 * Python and faulthandler, in C, have for it.
 */
#define TIME_SIGNAL (SIGRTMAX - 1)

static struct sigaction on_python, on_dump;

/* While this is the handler, no signal.signal() has taken that number. */
static void
do_nothing(int number)
{
	(void)number;
}

static PyObject *
raise_exit(PyObject *self, PyObject *arguments)
{
	enum report_code code;
	const char *cause = process_interruption(&code);

	(void)self;
	(void)arguments;
	PyErr_SetString(PyExc_SystemExit, cause != NULL ? cause : "SIGTERM");
	return NULL;
}

static int
raise_pending(void *ignored)
{
	(void)ignored;
	raise_exit(NULL, NULL);
	return -1;
}

/*
 * If an application has given even our number a handler of its own, the
 * exception comes as a pending call (I6): at the next step of Python code, so
 * it does not cut time.sleep() short. A pending call takes a lock. If Python
 * holds that at this moment, nothing goes on, and the next deadline ends the
 * process.
 */
static void
interrupt_python(enum report_code code)
{
	struct sigaction now;

	if (code == REPORT_TERMINATED) {
		on_python.sa_handler(SIGTERM);
		return;
	}
	/* faulthandler's memory is gone where Python is. */
	if (Py_IsInitialized())
		on_dump.sa_handler(TIME_SIGNAL);
	if (code == REPORT_SHUTDOWN)
		return;
	if (sigaction(TIME_SIGNAL, NULL, &now) == 0 &&
	    now.sa_handler == do_nothing)
		on_python.sa_handler(TIME_SIGNAL);
	else
		Py_AddPendingCall(raise_pending, NULL);
}

static int
raise_exit_on(PyObject *module, int number)
{
	static PyMethodDef definition = { "on_signal", raise_exit, METH_VARARGS,
		NULL };
	PyObject *handler = PyCFunction_New(&definition, NULL), *before = NULL;

	if (handler != NULL)
		before = PyObject_CallMethod(
		    module, "signal", "iO", number, handler);
	Py_XDECREF(before);
	Py_XDECREF(handler);
	return before != NULL ? 0 : -1;
}

/* When time runs out, the log shows where every thread is. */
static int
dump_on_time(void)
{
	PyObject *module = PyImport_ImportModule("faulthandler"), *done = NULL;

	if (module != NULL)
		done = PyObject_CallMethod(module, "register", "iiii",
		    TIME_SIGNAL, STDERR_FILENO, 1 /* all threads */,
		    0 /* chain */);
	Py_XDECREF(done);
	Py_XDECREF(module);
	return done != NULL ? 0 : -1;
}

/*
 * From now on SIGTERM, and the end of a time limit, raise SystemExit in the
 * application. Both of TIME_SIGNAL's handlers are kept to be called.
 */
static int
handle_signals(void)
{
	struct sigaction nothing = { .sa_handler = do_nothing };
	PyObject *module = PyImport_ImportModule("_signal");
	int result = -1;

	if (module != NULL && raise_exit_on(module, SIGTERM) == 0 &&
	    raise_exit_on(module, TIME_SIGNAL) == 0 &&
	    sigaction(TIME_SIGNAL, NULL, &on_python) == 0 &&
	    dump_on_time() == 0 &&
	    sigaction(TIME_SIGNAL, &nothing, &on_dump) == 0) {
		process_serve(interrupt_python);
		result = 0;
	}
	Py_XDECREF(module);
	return result;
}

static int
insert_path(Py_ssize_t index, const char *path)
{
	PyObject *list = PySys_GetObject("path"),
		 *item = PyUnicode_DecodeFSDefault(path);
	int result = list == NULL || item == NULL
	    ? -1
	    : PyList_Insert(list, index, item);

	Py_XDECREF(item);
	return result;
}

/* The script's folder first, then those of --path, in their order. */
static int
extend_path(const struct invocation *invocation)
{
	Py_ssize_t index = 0;
	char *path;
	int result = 0, i;

	if (invocation->file != NULL)
		result = insert_path(index++, invocation->folder);
	for (i = 0; result == 0 && i < invocation->options.paths.count; i++) {
		path = file_path(
		    invocation->folder, invocation->options.paths.word[i]);
		result = insert_path(index++, path);
		free(path);
	}
	return result;
}

/*
 * An upgrade of the host may have taken the library away: then nothing else is
 * found, and no message about it would say why.
 */
static int
check_library(void)
{
	if (access(PYTHON_STDLIB "/os.py", R_OK) == 0 ||
	    access(PYTHON_ZIP, R_OK) == 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR
	    ? report_fail(REPORT_PYTHON,
		  "the library in " PYTHON_STDLIB " is gone, perhaps by an "
		  "upgrade: build cgi2wsgi again")
	    : report_fail(REPORT_PYTHON,
		  "the library in " PYTHON_STDLIB
		  " cannot be read as user %ld: %s",
		  (long)geteuid(), strerror(errno));
}

/*
 * The folder of --venv, without "." and ".." in its name: sys.prefix and
 * sys.executable would have them, too. Returns memory to be freed.
 */
static char *
find_venv(const struct invocation *invocation)
{
	char *path = file_path(invocation->folder, invocation->options.venv),
	     *real;

	if ((strstr(path, "/.") == NULL && strstr(path, "//") == NULL &&
		path[strlen(path) - 1] != '/') ||
	    (real = realpath(path, NULL)) == NULL)
		return path;
	free(path);
	return real;
}

int
interpreter_start(const struct invocation *invocation)
{
	static const char incomplete[] = "the interpreter is incomplete";
	const struct passwd *user;
	char *venv = NULL;
	PyStatus status;

	if (check_library() == -1)
		return -1;
	if (invocation->options.venv != NULL)
		venv = find_venv(invocation);
	if (venv != NULL && check_venv_version(venv) == -1) {
		free(venv);
		return -1;
	}
	/* Servers often start programs without HOME; the user site needs it. */
	if (getenv("HOME") == NULL && (user = getpwuid(geteuid())) != NULL)
		setenv("HOME", user->pw_dir, 1);
	status = start_python(
	    venv, invocation->file ? invocation->file : invocation->module);
	free(venv);
	if (PyStatus_Exception(status))
		return report_fail(REPORT_PYTHON,
		    "Python %s in %s did not start: %s", PY_VERSION,
		    PYTHON_PREFIX,
		    status.err_msg ? status.err_msg : "unknown reason");
	if (garbage_put_off() == -1)
		return traceback_fail(REPORT_PYTHON, incomplete);
	if (site_complete(invocation->options.venv != NULL) == -1)
		return traceback_fail(REPORT_SITE,
		    "a .pth file, sitecustomize or usercustomize ended it");
	if (exec_refuse() == -1 || handle_signals() == -1 ||
	    extend_path(invocation) == -1)
		return traceback_fail(REPORT_PYTHON, incomplete);
	habits_watch_stdin();
	return 0;
}

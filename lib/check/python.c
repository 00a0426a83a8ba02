/*
 * The application does what it likes when it is imported: it may end, crash,
 * wait for ever, print, or leave threads. So all of that is in a child.
 */

#include "check/python.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/ascii.h"
#include "cgi/process.h"
#include "cgi/report.h"
#include "cgi/secret.h"
#include "cgi/trace.h"
#include "check/finding.h"
#include "check/hashbang.h"
#include "invocation/file.h"
#include "invocation/words.h"
#include "python/application.h"
#include "python/bytecode.h"
#include "python/cache.h"
#include "python/garbage.h"
#include "python/interpreter.h"
#include "python/traceback.h"

extern char **environ;

#define PATIENCE 30 /* seconds, without --timeout */

static const char source[] = {
#include <import.inc>
#include <answers.inc>
	'\0'
};

/* add(id, problem, advice) */
static PyObject *
add_finding(PyObject *self, PyObject *arguments)
{
	const char *id, *problem, *advice;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "sss", &id, &problem, &advice))
		return NULL;
	finding_add(id, "%s\n%s", problem, advice);
	Py_RETURN_NONE;
}

/* "FILE, line 1, in NAME"; memory to be freed, or NULL if there is no place. */
static char *
find_place(const char *text)
{
	struct trace_frame frame;
	char *place;

	return !trace_find_innermost(text, &frame) ||
		asprintf(&place, "%.*s, line %.*s%s%.*s",
		    (int)frame.file_length, frame.file, (int)frame.line_length,
		    frame.line, frame.name_length > 0 ? ", in " : "",
		    (int)frame.name_length, frame.name) == -1
	    ? NULL
	    : place;
}

/* place(text), for Python: "" if there is none. */
static PyObject *
find_place_in(PyObject *self, PyObject *text)
{
	PyObject *bytes = PyUnicode_EncodeFSDefault(text), *result;
	char *place = bytes != NULL ? find_place(PyBytes_AsString(bytes))
				    : NULL;

	(void)self;
	PyErr_Clear(); /* a text that is none names no file */
	result = PyUnicode_DecodeFSDefault(place != NULL ? place : "");
	free(place);
	Py_XDECREF(bytes);
	return result;
}

/*
 * "...: ValueError: TEXT" with what is secret in TEXT hidden, which is the
 * application's; the names in front of it are not. Memory to be freed, or NULL.
 */
static char *
hide_message(const char *text)
{
	const char *end, *message = NULL, *at = text;
	char *hidden, *whole = NULL;

	for (; at != NULL && message == NULL; at = strstr(at, ": ")) {
		at += at > text ? 2 : 0;
		end = at + strcspn(at, ": /,'\"()[]");
		message = end > at && strncmp(end, ": ", 2) == 0 ? end + 2
								 : NULL;
	}
	if (message == NULL)
		return strdup(text);
	hidden = secret_hide(message);
	if (hidden == NULL ||
	    asprintf(&whole, "%.*s%s", (int)(message - text), text, hidden) ==
		-1)
		whole = NULL;
	free(hidden);
	return whole;
}

/* hide(text), for Python */
static PyObject *
hide_message_in(PyObject *self, PyObject *text)
{
	PyObject *bytes = PyUnicode_AsEncodedString(
	    text, "utf-8", "backslashreplace");
	char *hidden = bytes != NULL ? hide_message(PyBytes_AsString(bytes))
				     : NULL;
	PyObject *result = NULL;

	(void)self;
	if (hidden != NULL)
		result = PyUnicode_FromString(hidden);
	else if (bytes != NULL)
		PyErr_NoMemory();
	free(hidden);
	Py_XDECREF(bytes);
	return result;
}

/* What starts the script in a terminal, by the user that was checked. */
static char *
make_command(const struct subject *subject)
{
	const char *name = subject->user->by_root ? subject->user->name : NULL;
	char *command;

	/* words_quote() has room for one word. */
	if (asprintf(&command, "%s%s%s%s%s", name ? "runuser -u " : "",
		name ? name : "", name ? " -- " : "",
		access(subject->invocation->file, X_OK) == 0 ? "" : "cgi2wsgi ",
		words_quote(subject->invocation->file)) == -1)
		return NULL;
	return command;
}

/* Where the compiled script is kept, or NULL. */
static char *
find_cache(const struct invocation *invocation)
{
	static const char *const none[2] = { NULL, NULL };
	char *name = bytecode_name(invocation->file), *path = NULL;

	if (name != NULL && cache_open(invocation, none) == 0 &&
	    asprintf(&path, "%s/%s", cache_folder(), name) == -1)
		path = NULL;
	free(name);
	return path;
}

/* Returns 0, or -1 with an exception set. */
static int
set_name(PyObject *names, const char *name, const char *value)
{
	PyObject *text = PyUnicode_DecodeFSDefault(value != NULL ? value : "");
	int result = text == NULL ? -1
				  : PyDict_SetItemString(names, name, text);

	Py_XDECREF(text);
	return result;
}

/* The names in a new dict, or NULL with an exception set. */
static PyObject *
load_source(const struct subject *subject)
{
	static PyMethodDef definitions[] = {
		{ "add", add_finding, METH_VARARGS, NULL },
		{ "place", find_place_in, METH_O, NULL },
		{ "hide", hide_message_in, METH_O, NULL },
	};
	PyObject *names = PyDict_New(),
		 *add = PyCFunction_New(&definitions[0], NULL),
		 *place = PyCFunction_New(&definitions[1], NULL),
		 *hide = PyCFunction_New(&definitions[2], NULL), *done = NULL;
	char *command = make_command(subject),
	     *cache = find_cache(subject->invocation);

	if (names != NULL && add != NULL && place != NULL && hide != NULL &&
	    PyDict_SetItemString(names, "add", add) == 0 &&
	    PyDict_SetItemString(names, "place", place) == 0 &&
	    PyDict_SetItemString(names, "hide", hide) == 0 &&
	    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) ==
		0 &&
	    set_name(names, "file", subject->invocation->file) == 0 &&
	    set_name(names, "python", PYTHON_EXECUTABLE) == 0 &&
	    set_name(names, "cache", cache) == 0 &&
	    set_name(names, "complaint", cache_complaint()) == 0 &&
	    set_name(names, "command", command) == 0)
		done = PyRun_String(source, Py_file_input, names, names);
	free(cache);
	free(command);
	Py_XDECREF(hide);
	Py_XDECREF(place);
	Py_XDECREF(add);
	if (done == NULL)
		Py_CLEAR(names);
	Py_XDECREF(done);
	return names;
}

int
python_call(PyObject *names, const char *name, PyObject *one, PyObject *two)
{
	PyObject *function = PyDict_GetItemString(names, name), *done = NULL;

	if (function != NULL)
		done = PyObject_CallFunctionObjArgs(function, one, two, NULL);
	if (done == NULL) {
		traceback_fail(REPORT_PYTHON, name);
		finding_add("check-failed",
		    "Python does not work as this check needs it: %s\n"
		    "let the user read " PYTHON_STDLIB
		    ", or see what the application changes in Python",
		    report_failure());
		return -1;
	}
	Py_DECREF(done);
	return 0;
}

/* Servers pass on next to nothing of their own environment. */
static int
set_environment(const struct settings *settings)
{
	static char *none[] = { NULL };
	int i;

	environ = none; /* clearenv() is not everywhere */
	if (setenv("PATH", SERVER_PATH, 1) == -1)
		return -1;
	for (i = 0; i < settings->count; i++)
		if (setenv(settings->list[i].name, settings->list[i].value,
			1) == -1)
			return -1;
	return 0;
}

int
python_prepare(const struct subject *subject)
{
	if (invocation_change_folder(subject->invocation) == -1) {
		finding_add("folder-chdir",
		    "%s\ncorrect --chdir in the first line", report_failure());
		return -1;
	}
	return set_environment(&subject->invocation->options.settings);
}

static void
report_start(const char *venv)
{
	if (report_failed_with(REPORT_VENV))
		finding_add("venv-wrong",
		    "%s\nmake it again: python%d.%d -m venv --clear %s",
		    report_failure(), PY_MAJOR_VERSION, PY_MINOR_VERSION,
		    words_quote(venv));
	else
		finding_add("python-failed",
		    "%s\ninstall the Python that the program was built for; "
		    "see the memory limit, too",
		    report_failure());
}

/* os.environ["NAME"], which a shell does not set but a server may. */
static bool
lacks_variable(const char *failure)
{
	static const char sign[] = ": KeyError: '";
	const char *name = strstr(failure, sign);

	return name != NULL && name[sizeof(sign) - 1] >= 'A' &&
	    name[sizeof(sign) - 1] <= 'Z';
}

/* No application was found, but perhaps something like one. */
static void
report_missing(PyObject *names, const char *failure)
{
	PyObject *text = PyObject_CallNoArgs(
	    PyDict_GetItemString(names, "find_similar"));
	const char *place = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

	PyErr_Clear();
	finding_add("callable-missing", "%s%s\n%s", failure,
	    place != NULL ? place : "",
	    strstr(failure, "cannot be called") != NULL
		? "name an object that can be called at the end of the first "
		  "line"
		: "name it application, or write :name at the end of the first "
		  "line");
	Py_XDECREF(text);
}

static void
report_load(const struct subject *subject, PyObject *names)
{
	char *hidden = hide_message(report_failure()),
	     *command = make_command(subject),
	     *place = find_place(report_page_trace());
	const char *failure = hidden != NULL ? hidden : "no memory";
	bool placed = place != NULL && strstr(failure, ", line ") == NULL;

	if (report_failed_with(REPORT_NO_CALLABLE))
		report_missing(names, failure);
	else if (strstr(failure, ": SystemExit") != NULL)
		finding_add("import-exit",
		    "sys.exit() ends the import: %s%s%s\ntake sys.exit() and "
		    "what belongs to a command line away",
		    failure, placed ? ", at " : "", placed ? place : "");
	else if (report_failed_with(REPORT_TERMINATED))
		finding_add("process-crash",
		    "SIGTERM ended the import%s%s\nlook for os.kill() or "
		    "os.killpg() there",
		    place != NULL ? ", at " : "", place != NULL ? place : "");
	else
		finding_add("import-failed",
		    "%s%s%s\n%stype, for the traceback: %s", failure,
		    placed ? ", at " : "", placed ? place : "",
		    lacks_variable(failure)
			? "if the server sets this variable, check with "
			  "--env NAME=VALUE, too; "
			: "",
		    command);
	free(place);
	free(command);
	free(hidden);
}

PyObject *
python_load(const struct subject *subject, PyObject *names)
{
	PyObject *application = application_load(subject->invocation);

	if (application == NULL && !process_is_child())
		report_load(subject, names);
	garbage_resume();
	return application;
}

PyObject *
python_start(const struct subject *subject)
{
	PyObject *names;

	report_show_debug(false);
	if (python_prepare(subject) == -1)
		return NULL;
	if (interpreter_start(subject->invocation) == -1) {
		report_start(subject->invocation->options.venv);
		return NULL;
	}
	if ((names = load_source(subject)) == NULL) {
		traceback_fail(REPORT_PYTHON, "the check");
		report_start(subject->invocation->options.venv);
	}
	return names;
}

/*
 * Whether a server of a framework waits in this dump. The same ones as of
 * SERVERS and is_server() in python/advice.py.
 */
static bool
has_server(const char *dump)
{
	static const char *const signs[] = { "/werkzeug/serving.py\"",
		"/waitress/server.py\"", "/uvicorn/server.py\"",
		"/hypercorn/run.py\"", "/cheroot/server.py\"",
		"/wsgiref/simple_server.py\"", "/gunicorn/app/base.py\"",
		"/gunicorn/app/wsgiapp.py\"", " in serve_forever\n",
		" in handle_request\n" };
	struct trace_frame frame;
	bool found = false;
	size_t i;

	for (; !found && trace_find(dump, &frame);
	     dump = frame.body + frame.length)
		for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
			found = found ||
			    memmem(frame.start,
				(size_t)(frame.body - frame.start), signs[i],
				strlen(signs[i])) != NULL;
	return found;
}

/* A child that did not come to its end; doing is what it did. */
static void
report_death(const struct child *child, unsigned seconds, const char *doing)
{
	char *found = find_place(child->errors.bytes);
	const char *at = found != NULL ? ", at " : "",
		   *place = found != NULL ? found : "";

	if (child->late)
		finding_add("process-endless",
		    "%s took longer than %u seconds%s%s\n%s", doing, seconds,
		    at, place,
		    has_server(child->errors.bytes)
			? "take that away: it starts a server of its own, and "
			  "the web server is there already"
			: "it does not come to its end: see what it waits for "
			  "there, or set --timeout");
	else if (WIFSIGNALED(child->status))
		finding_add("process-crash",
		    "%s ended by a signal, %s%s%s\nlook for os.kill(), a "
		    "module in C that is broken, or a limit that is too low",
		    doing, strsignal(WTERMSIG(child->status)), at, place);
	else
		finding_add("process-ended",
		    "%s ended the process with status %d (os._exit)\ntake that "
		    "away",
		    doing, WEXITSTATUS(child->status));
	free(found);
}

unsigned
python_limit(const struct subject *subject)
{
	const struct options *options = &subject->invocation->options;

	return options_last(options, OPTION_TIMEOUT) != NULL &&
		options->timeout > 0
	    ? options->timeout
	    : PATIENCE;
}

/*
 * Modules that were just installed are compiled and read from the disk by the
 * first import only, which says nothing about requests.
 */
static bool
was_slow(const struct child *child)
{
	static const char sign[] = "import-slow";

	return memmem(child->told->findings.bytes, child->told->findings.length,
		   sign, sizeof(sign)) != NULL;
}

bool
python_try(struct child *child, const struct subject *subject,
    void (*act)(const void *), const void *argument, const char *doing)
{
	unsigned seconds = python_limit(subject);
	int result;

	finding_progress(doing);
	result = child_run(child, seconds, act, argument);
	if (result == 0 && was_slow(child)) {
		child_release(child);
		result = child_run(child, seconds, act, argument);
	}
	if (result == -1) {
		finding_add("process-start",
		    "%s: cannot start a process: %s\nend other processes of "
		    "this user, or ask the host for more",
		    doing, strerror(errno));
		return false;
	}
	finding_add_all(&child->told->findings);
	if (!child->told->returned)
		report_death(child, seconds, doing);
	return child->told->returned;
}

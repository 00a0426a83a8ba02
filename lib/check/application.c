/*
 * A child that imports, so that nothing the application does at its import
 * reaches us: it may end, crash, wait for ever, print, or leave threads.
 * What Python says better than C is in rehearsal.py.
 */

#include "python/cpython.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/finding.h"
#include "python/bytecode.h"
#include "python/cache.h"
#include "python/garbage.h"
#include "python/imports.h"
#include "python/interpreter.h"
#include "cgi/ascii.h"
#include "cgi/process.h"
#include "check/application.h"
#include "cgi/report.h"
#include "python/traceback.h"
#include "check/child.h"
#include "invocation/words.h"
#include "python/application.h"

extern char **environ;

#define PATIENCE 30 /* seconds, without --timeout */

static const char source[] = {
#include <application.inc>
	'\0'
};

/* add(id, problem, advice) */
static PyObject *
add(PyObject *self, PyObject *arguments)
{
	const char *id, *problem, *advice;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "sss", &id, &problem, &advice))
		return NULL;
	finding_add(id, "%s\n%s", problem, advice);
	Py_RETURN_NONE;
}

/* What starts the script in a terminal: its own line, if it has one. */
static char *
make_command(const struct invocation *invocation)
{
	char *command;

	return asprintf(&command, "%s%s",
		   access(invocation->file, X_OK) == 0 ? "" : "cgi2wsgi ",
		   words_quote(invocation->file)) == -1
	    ? NULL
	    : command;
}

/* Where the compiled script is kept, or NULL. */
static char *
find_cache(const struct invocation *invocation)
{
	static const char *const none[2] = { NULL, NULL };
	char *name = bytecode_name(invocation->file), *path = NULL,
	     *chosen = invocation->options.cache == NULL
	    ? NULL
	    : invocation_path(invocation, invocation->options.cache);

	if (name != NULL && cache_open(chosen, none) == 0 &&
	    asprintf(&path, "%s/%s", cache_folder(), name) == -1)
		path = NULL;
	free(chosen);
	free(name);
	return path;
}

/* Tells rehearsal.py a name. Returns 0, or -1 with an exception set. */
static int
tell(PyObject *names, const char *name, const char *value)
{
	PyObject *text = PyUnicode_DecodeFSDefault(value != NULL ? value : "");
	int result = text == NULL ? -1
				  : PyDict_SetItemString(names, name, text);

	Py_XDECREF(text);
	return result;
}

/* The functions of rehearsal.py in a new dict, or NULL with an exception. */
static PyObject *
load_source(const struct invocation *invocation)
{
	static PyMethodDef definition = { "add", add, METH_VARARGS, NULL };
	PyObject *names = PyDict_New(),
		 *function = PyCFunction_New(&definition, NULL), *done = NULL;
	char *command = make_command(invocation),
	     *cache = find_cache(invocation);

	if (names != NULL && function != NULL &&
	    PyDict_SetItemString(names, "add", function) == 0 &&
	    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) ==
		0 &&
	    tell(names, "file", invocation->file) == 0 &&
	    tell(names, "cache", cache) == 0 &&
	    tell(names, "complaint", cache_complaint()) == 0 &&
	    tell(names, "command", command) == 0)
		done = PyRun_String(source, Py_file_input, names, names);
	free(cache);
	free(command);
	Py_XDECREF(function);
	if (done == NULL)
		Py_CLEAR(names);
	Py_XDECREF(done);
	return names;
}

/* Calls one of them. Returns 0, or -1 with a finding added. */
static int
call(PyObject *names, const char *name, PyObject *one, PyObject *two)
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
set_environment(const struct invocation *invocation)
{
	static char *none[] = { NULL };
	const struct settings *settings = &invocation->options.settings;
	int i;

	environ = none; /* clearenv() is not everywhere */
	if (setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) == -1)
		return -1;
	for (i = 0; i < settings->count; i++)
		if (setenv(settings->list[i].name, settings->list[i].value,
			1) == -1)
			return -1;
	return 0;
}

static int
change_folder(const struct invocation *invocation)
{
	if (invocation_change_folder(invocation) == 0)
		return 0;
	finding_add("folder-chdir", "%s\ncorrect --chdir in the first line",
	    report_failure());
	return -1;
}

static void
report_start(const struct invocation *invocation)
{
	if (report_failed_with(REPORT_VENV))
		finding_add("venv-wrong",
		    "%s\nmake it again: python%d.%d -m venv --clear %s",
		    report_failure(), PY_MAJOR_VERSION, PY_MINOR_VERSION,
		    words_quote(invocation->options.venv));
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

static void
report_load(const struct invocation *invocation)
{
	const char *failure = report_failure();
	char *command = make_command(invocation);

	if (report_failed_with(REPORT_NO_CALLABLE))
		finding_add("callable-missing",
		    "%s\nname it application, or write :name at the end of the "
		    "first line",
		    failure);
	else if (strstr(failure, ": SystemExit") != NULL)
		finding_add("import-exit",
		    "%s ends itself while it is imported (sys.exit): %s\n"
		    "take sys.exit() and what belongs to a command line away",
		    invocation->file, failure);
	else
		finding_add("import-failed",
		    "%s\n%stype, for the traceback: %s", failure,
		    lacks_variable(failure)
			? "if the server sets this variable, check with "
			  "--env NAME=VALUE, too; "
			: "",
		    command);
	free(command);
}

/* A new reference to the application, or NULL with a finding added. */
static PyObject *
load(const struct invocation *invocation)
{
	PyObject *application = application_load(invocation);

	if (application == NULL && !process_is_child())
		report_load(invocation);
	garbage_resume();
	return application;
}

/* Returns the functions of rehearsal.py, or NULL with a finding added. */
static PyObject *
start(int channel, const struct invocation *invocation)
{
	PyObject *names;

	finding_send(channel);
	report_configure(false, false);
	if (set_environment(invocation) == -1 ||
	    change_folder(invocation) == -1)
		return NULL;
	if (interpreter_start(invocation) == -1) {
		report_start(invocation);
		return NULL;
	}
	if ((names = load_source(invocation)) == NULL) {
		traceback_fail(REPORT_PYTHON, "the check");
		report_start(invocation);
	}
	return names;
}

static void
import(int channel, const void *argument)
{
	const struct invocation *invocation = argument;
	PyObject *names = start(channel, invocation), *application, *times;

	if (names == NULL)
		return;
	finding_add("python", "Python %s starts", PY_VERSION);
	if (invocation->options.venv != NULL)
		finding_add(
		    "venv", "%s is for this Python", invocation->options.venv);
	imports_watch();
	if (call(names, "before", NULL, NULL) == 0 &&
	    (application = load(invocation)) != NULL && !process_is_child()) {
		times = imports_list();
		call(names, "after", application, times);
		Py_XDECREF(times);
	}
}

static void
request(int channel, const void *argument)
{
	const struct invocation *invocation = argument;
	PyObject *names = start(channel, invocation), *application;

	if (names != NULL && (application = load(invocation)) != NULL &&
	    !process_is_child())
		call(names, "lint", application, NULL);
}

/* Where faulthandler says that the child was: "file", line 1 in name. */
static char *
find_place(const char *errors)
{
	static const char mark[] = "\n  File ";
	const char *place = strstr(errors, mark);

	if (place == NULL)
		return strdup("a place unknown");
	place += sizeof(mark) - 1;
	return strndup(place, strcspn(place, "\n"));
}

/* A child that did not come to its end; doing is what it did. */
static void
report_death(const struct child *trial, unsigned seconds, const char *doing)
{
	char *place = find_place(trial->errors.bytes);

	if (trial->late)
		finding_add("process-endless",
		    "%s took longer than %u seconds; it was at %s\n"
		    "see what it waits for there, or set --timeout",
		    doing, seconds, place);
	else if (WIFSIGNALED(trial->status))
		finding_add("process-crash",
		    "%s ended by a signal, %s, at %s\nlook for a module in C "
		    "that is broken, or a limit that is too low",
		    doing, strsignal(WTERMSIG(trial->status)), place);
	else
		finding_add("process-ended",
		    "%s ended the process with status %d (os._exit)\ntake that "
		    "away",
		    doing, WEXITSTATUS(trial->status));
	free(place);
}

/* The first line of what was written, and at most so much of it. */
static int
first_line(const char *written)
{
	size_t length = strcspn(written, "\r\n");

	return length < 60 ? (int)length : 60;
}

/* A script for CgiHandler, or print("Content-Type: ..."). */
static bool
is_reply(const char *output)
{
	return ascii_begins(output, "Status:", 7) ||
	    ascii_begins(output, "Content-Type:", 13);
}

static void
report_output(const struct child *trial)
{
	const char *output = trial->output.bytes, *errors = trial->errors.bytes;

	if (is_reply(output))
		finding_add("output-cgi",
		    "the script writes a CGI reply itself, '%.*s'; nobody gets "
		    "it\ntake CGIHandler().run() or the print() away, and name "
		    "the application",
		    first_line(output), output);
	else if (*output != '\0')
		finding_add("output-printed",
		    "the import prints %zu bytes, which each request adds to "
		    "the log: '%.*s'\ntake the print() away",
		    trial->output.length, first_line(output), output);
	if (*errors != '\0')
		finding_add("output-log",
		    "the import writes %zu bytes to the log, at each request: "
		    "'%.*s'\nmend what it complains of",
		    trial->errors.length, first_line(errors), errors);
	if (!finding_has("output-"))
		finding_add("output", "the import prints nothing");
}

/* Returns whether the child came to its end. */
static bool
try(struct child *trial, const struct invocation *invocation,
    void (*act)(int, const void *), const char *doing)
{
	unsigned seconds = invocation->options.timeout > 0
	    ? invocation->options.timeout
	    : PATIENCE;

	if (child_run(trial, seconds, act, invocation) == -1) {
		finding_add("process-start",
		    "%s: cannot start a process: %s\nend other processes of "
		    "this user, or ask the host for more",
		    doing, strerror(errno));
		return false;
	}
	finding_receive(trial->channel.bytes, trial->channel.length);
	if (!trial->returned)
		report_death(trial, seconds, doing);
	return trial->returned;
}

void
check_application(const struct invocation *invocation, bool lint)
{
	struct child trial;
	bool good = try(&trial, invocation, import, "the import");

	if (good && finding_has("callable"))
		report_output(&trial);
	child_release(&trial);
	if (!lint || !good || finding_has("callable-") ||
	    !finding_has("callable"))
		return;
	try(&trial, invocation, request, "a request of --lint");
	child_release(&trial);
}

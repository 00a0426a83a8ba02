/*
 * The application does what it likes when it is imported: it may end, crash,
 * wait for ever, print, or leave threads. So all of that is in a child.
 */

#include "check/python.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/process.h"
#include "cgi/report.h"
#include "cgi/secret.h"
#include "cgi/trace.h"
#include "check/finding.h"
#include "invocation/file.h"
#include "invocation/words.h"
#include "python/application.h"
#include "python/bytecode.h"
#include "python/cache.h"
#include "python/garbage.h"
#include "python/interpreter.h"
#include "python/source.h"
#include "python/traceback.h"

static const char source[] = {
#include <import.inc>
#include <permissions.inc>
#include <hashbang.inc>
#include <served.inc>
#include <answers.inc>
	'\0'
};

/* add(id, problem, advice) */
static PyObject *
add_finding(PyObject *self, PyObject *arguments)
{
	const char *id, *problem, *advice;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "syy", &id, &problem, &advice))
		return NULL;
	finding_add(id, "%s\n%s", problem, advice);
	Py_RETURN_NONE;
}

/* "FILE, line 1, in NAME"; memory to be freed, or NULL if there is no place. */
static char *
find_place(const char *text)
{
	struct trace_frame frame;

	return trace_find_innermost(text, &frame)
	    ? alloc_print("%.*s, line %.*s%s%.*s", (int)frame.file_length,
		  frame.file, (int)frame.line_length, frame.line,
		  frame.name_length > 0 ? ", in " : "", (int)frame.name_length,
		  frame.name)
	    : NULL;
}

/* find_place(bytes), for Python: b"" if there is none. */
static PyObject *
find_place_in(PyObject *self, PyObject *bytes)
{
	char *place = find_place(PyBytes_AsString(bytes));
	PyObject *result = PyBytes_FromString(place != NULL ? place : "");

	(void)self;
	free(place);
	return result;
}

/* Where the compiled script is kept, or NULL. */
static char *
find_cache(const struct invocation *invocation)
{
	static const char *const none[2] = { NULL, NULL };
	char *name = bytecode_name(invocation->file), *path = NULL;

	if (name != NULL && cache_open(invocation, getenv("HOME"), none) == 0)
		path = file_path(cache_folder(), name);
	free(name);
	return path;
}

/* For Py_BuildValue(): a text of the system's, or None. */
static PyObject *
decode_text(void *text)
{
	return text != NULL ? PyUnicode_DecodeFSDefault(text)
			    : Py_NewRef(Py_None);
}

/* Appends a reference that it takes. Returns the list, or NULL. */
static PyObject *
append_item(PyObject *list, PyObject *item)
{
	if (list != NULL && (item == NULL || PyList_Append(list, item) == -1))
		Py_CLEAR(list);
	Py_XDECREF(item);
	return list;
}

/* Pairs of a name and a value: the options as they were given. */
static PyObject *
list_options(const struct options *options)
{
	PyObject *list = PyList_New(0);
	int i;

	for (i = 0; list != NULL && i < options->count; i++)
		list = append_item(list,
		    Py_BuildValue("sO&", options_name(options->given[i].letter),
			decode_text, options->given[i].value));
	return list;
}

/* The same of the variables of --env and --env-file. */
static PyObject *
list_settings(const struct settings *settings)
{
	PyObject *list = PyList_New(0);
	int i;

	for (i = 0; list != NULL && i < settings->count; i++)
		list = append_item(list,
		    Py_BuildValue("O&O&", decode_text, settings->list[i].name,
			decode_text, settings->list[i].value));
	return list;
}

/* What the check's Python is told, in a new dict; or NULL. */
static PyObject *
list_facts(const struct subject *subject, bool imports)
{
	const struct invocation *invocation = subject->invocation;
	char *cache = imports ? find_cache(invocation) : NULL;
	PyObject *facts = Py_BuildValue(
	    "{sO& sO& sO& sO& sO& sO& sO& sO& sO& sO& sO& sO& sO& sO& "
	    "si sO sO sO ss ss ss sN sN sO}",
	    "script", decode_text, subject->script, "file", decode_text,
	    invocation->file, "folder", decode_text, invocation->folder,
	    "program", decode_text, subject->program, "python", decode_text,
	    PYTHON_EXECUTABLE, "typed_path", decode_text, subject->path, "user",
	    decode_text, subject->user->name, "url", decode_text,
	    invocation->url, "prefix", decode_text,
	    invocation->options.script_name, "log", decode_text,
	    invocation->options.log, "venv_beside", decode_text,
	    invocation_unused_venv(invocation), "refusal", decode_text,
	    subject->refusal, "cache", decode_text, cache, "complaint",
	    decode_text, cache_complaint(), "uid", (int)subject->user->uid,
	    "ours", subject->user->ours ? Py_True : Py_False, "by_root",
	    subject->user->by_root ? Py_True : Py_False, "starts",
	    finding_has("line") && !finding_has("line-") ? Py_True : Py_False,
	    "refused", subject->refused, "MASK", SECRET_MASK, "SERVER_PATH",
	    SERVER_PATH, "given", list_options(&invocation->options),
	    "settings", list_settings(&invocation->options.settings),
	    "__builtins__", PyEval_GetBuiltins());

	free(cache);
	return facts;
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

int
python_prepare(const struct subject *subject)
{
	if (invocation_change_folder(subject->invocation) == -1) {
		finding_add("folder-chdir",
		    "%s\ncorrect --chdir in the first line", report_failure());
		return -1;
	}
	return user_set_environment(&subject->invocation->options.settings);
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

static void
report_load(PyObject *names)
{
	const char *trace = report_page_trace();
	PyObject *facts = Py_BuildValue("O&sO&", decode_text, report_failure(),
	    report_failed_with(REPORT_NO_CALLABLE)      ? "callable"
		: report_failed_with(REPORT_TERMINATED) ? "terminated"
							: "",
	    decode_text, trace != NULL ? trace : "");

	python_call(names, "say_refused", facts, NULL);
	Py_XDECREF(facts);
}

PyObject *
python_load(const struct subject *subject, PyObject *names)
{
	PyObject *application = application_load(subject->invocation);

	if (application == NULL && !process_is_child())
		report_load(names);
	garbage_resume();
	return application;
}

int
python_begin(const struct invocation *invocation)
{
	report_show_debug(false);
	if (interpreter_start(invocation) == 0)
		return 0;
	report_start(invocation->options.venv);
	return -1;
}

PyObject *
python_define(const struct subject *subject, bool imports)
{
	static PyMethodDef functions[] = {
		{ "add", add_finding, METH_VARARGS, NULL },
		{ "find_place", find_place_in, METH_O, NULL },
		{ "mask", source_hide, METH_O, NULL },
		{ NULL, NULL, 0, NULL },
	};
	PyObject *names = source_define(
	    list_facts(subject, imports), functions, source, "<string>");

	if (names == NULL) {
		traceback_fail(REPORT_PYTHON, "the check");
		report_start(subject->invocation->options.venv);
	}
	return names;
}

PyObject *
python_start(const struct subject *subject)
{
	return python_prepare(subject) == 0 &&
		python_begin(subject->invocation) == 0
	    ? python_define(subject, true)
	    : NULL;
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
	    : PYTHON_PATIENCE;
}

bool
python_try(struct child *child, unsigned seconds, void (*act)(const void *),
    const void *argument, const char *doing)
{
	static const char slow[] = "import-slow";
	int result = child_run(child, seconds, act, argument);

	/*
	 * Modules that were just installed are compiled and read from the disk
	 * by the first import only, which says nothing about requests.
	 */
	if (result == 0 &&
	    memmem(child->told->findings.bytes, child->told->findings.length,
		slow, sizeof(slow)) != NULL) {
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

/*
 * Python's traceback module formats. With --debug the page also shows the
 * variables of each frame, except where a name smells of a secret.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/process.h"
#include "cgi/secret.h"
#include "python/traceback.h"

/*
 * What follows a secret's name in the repr of anything: 'NAME': value,
 * ('NAME', value) or NAME=value. A list or dict is masked with all behind it.
 */
#define SECRET_ITEM \
	"(?is)((?:['\"][^'\"]*(?:" SECRET_WORDS ")[^'\"]*['\"]\\s*" \
	"[:,]|\\b\\w*(?:" SECRET_WORDS \
	")\\w*\\s*[=:])\\s*)(b?'(?:[^'\\\\]|\\\\.)*'|" \
	"b?\"(?:[^\"\\\\]|\\\\.)*\"|b?[\\[({<'\"].*|[^,)\\]}]+)"
#define SECRET_NAME "(?i)" SECRET_WORDS
#define LONGEST 1000 /* repr shown */

/* The repr of a variable, or what there is instead; a new str or NULL. */
static PyObject *
show(PyObject *value)
{
	PyObject *text = PyObject_Repr(value), *shown;

	if (text == NULL) {
		PyErr_Clear();
		return PyUnicode_FromFormat(
		    "<%s without repr>", Py_TYPE(value)->tp_name);
	}
	if (PyUnicode_GET_LENGTH(text) <= LONGEST)
		return text;
	shown = PyUnicode_Substring(text, 0, LONGEST);
	Py_DECREF(text);
	return shown;
}

static PyObject *
show_masked(PyObject *re, PyObject *name, PyObject *value)
{
	PyObject *smell = PyObject_CallMethod(
		     re, "search", "sO", SECRET_NAME, name),
		 *text = NULL, *masked = NULL;

	if (smell == Py_None && (text = show(value)) != NULL)
		masked = PyObject_CallMethod(
		    re, "sub", "ssO", SECRET_ITEM, "\\1'****'", text);
	else if (smell != NULL && smell != Py_None)
		masked = PyUnicode_FromString("'****'");
	Py_XDECREF(text);
	Py_XDECREF(smell);
	return masked;
}

/* The variables of a frame as name: text; a new dict or NULL. */
static PyObject *
show_variables(PyObject *re, PyObject *frame)
{
	PyObject *locals = PyObject_GetAttrString(frame, "f_locals"),
		 *items = locals == NULL ? NULL : PyMapping_Items(locals),
		 *shown = items == NULL ? NULL : PyDict_New(), *name, *value,
		 *text;
	Py_ssize_t i;

	for (i = 0; shown != NULL && i < PyList_GET_SIZE(items); i++) {
		name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
		value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
		text = show_masked(re, name, value);
		if (text == NULL || PyDict_SetItem(shown, name, text) == -1)
			Py_CLEAR(shown);
		Py_XDECREF(text);
	}
	Py_XDECREF(items);
	Py_XDECREF(locals);
	return shown;
}

/* Gives a traceback.FrameSummary the variables of its frame. */
static int
add_variables(PyObject *re, PyObject *summary, PyObject *traceback)
{
	PyObject *frame = PyObject_GetAttrString(traceback, "tb_frame"),
		 *shown = frame == NULL ? NULL : show_variables(re, frame);
	int result = shown == NULL
	    ? -1
	    : PyObject_SetAttrString(summary, "locals", shown);

	Py_XDECREF(shown);
	Py_XDECREF(frame);
	return result;
}

/* A traceback.TracebackException has one summary for each traceback. */
static int
add_all_variables(PyObject *re, PyObject *summary, PyObject *exception)
{
	PyObject *stack = PyObject_GetAttrString(summary, "stack"),
		 *traceback = PyException_GetTraceback(exception), *next;
	Py_ssize_t i;
	int result = stack == NULL || !PyList_Check(stack) ? -1 : 0;

	for (i = 0;
	     result == 0 && traceback != NULL && i < PyList_GET_SIZE(stack);
	     i++) {
		result = add_variables(
		    re, PyList_GET_ITEM(stack, i), traceback);
		next = PyObject_GetAttrString(traceback, "tb_next");
		Py_SETREF(traceback, next == Py_None ? NULL : next);
	}
	Py_XDECREF(traceback);
	Py_XDECREF(stack);
	return result;
}

/* A new traceback.TracebackException, or NULL with an exception set. */
static PyObject *
summarize(PyObject *module, PyObject *exception)
{
	PyObject *class = PyObject_GetAttrString(module, "TracebackException"),
		 *summary = NULL;

	if (class != NULL)
		summary = PyObject_CallMethod(
		    class, "from_exception", "O", exception);
	Py_XDECREF(class);
	return summary;
}

/* A C string ends at NUL; what a log says does not. */
static char *
copy_text(PyObject *bytes)
{
	size_t length = (size_t)PyBytes_GET_SIZE(bytes), i;
	char *copy = malloc(length + 1);

	for (i = 0; copy != NULL && i <= length; i++)
		copy[i] = PyBytes_AS_STRING(bytes)[i] == '\0' && i < length
		    ? '\1'
		    : PyBytes_AS_STRING(bytes)[i];
	return copy;
}

/* The concatenation of what a method yields, as UTF-8 to be freed. */
static char *
text_of(PyObject *summary, const char *method, bool last_only)
{
	PyObject *yielded = PyObject_CallMethod(summary, method, NULL),
		 *lines = NULL, *empty = PyUnicode_FromString(""), *text = NULL,
		 *bytes = NULL;
	char *result = NULL;

	if (yielded != NULL)
		lines = PySequence_List(yielded);
	if (lines != NULL && last_only && PyList_GET_SIZE(lines) > 1)
		PyList_SetSlice(lines, 0, PyList_GET_SIZE(lines) - 1, NULL);
	if (lines != NULL && empty != NULL)
		text = PyUnicode_Join(empty, lines);
	if (text != NULL)
		bytes = PyUnicode_AsEncodedString(
		    text, "utf-8", "backslashreplace");
	if (bytes != NULL)
		result = copy_text(bytes);
	Py_XDECREF(bytes);
	Py_XDECREF(text);
	Py_XDECREF(empty);
	Py_XDECREF(lines);
	Py_XDECREF(yielded);
	return result;
}

/* The traceback for a page: only --debug pays for it. */
static char *
text_with_variables(PyObject *module, PyObject *exception)
{
	PyObject *re = PyImport_ImportModule("re"), *summary = NULL;
	char *text = NULL;

	if (re != NULL)
		summary = summarize(module, exception);
	if (summary != NULL && add_all_variables(re, summary, exception) == 0)
		text = text_of(summary, "format", false);
	Py_XDECREF(summary);
	Py_XDECREF(re);
	return text;
}

struct texts {
	char *line, *trace, *page; /* each may be NULL */
};

static struct texts
describe(PyObject *exception)
{
	PyObject *module = PyImport_ImportModule("traceback"), *summary = NULL;
	struct texts texts = { NULL, NULL, NULL };

	if (module != NULL)
		summary = summarize(module, exception);
	if (summary != NULL) {
		texts.line = text_of(summary, "format_exception_only", true);
		texts.trace = text_of(summary, "format", false);
	}
	if (summary != NULL && report_is_debug())
		texts.page = text_with_variables(module, exception);
	Py_XDECREF(summary);
	Py_XDECREF(module);
	/* Describing an exception may fail; there is no one left to tell. */
	PyErr_Clear();
	if (texts.line == NULL)
		texts.line = strdup(Py_TYPE(exception)->tp_name);
	else if (strlen(texts.line) > 0)
		texts.line[strlen(texts.line) - 1] = '\0';
	return texts;
}

static struct texts
take(void)
{
	PyObject *exception = PyErr_GetRaisedException();
	struct texts texts = { NULL, NULL, NULL };

	if (exception != NULL)
		texts = describe(exception);
	Py_XDECREF(exception);
	return texts;
}

static void
release(struct texts *texts)
{
	free(texts->line);
	free(texts->trace);
	free(texts->page);
}

int
traceback_fail(enum report_code code, const char *what)
{
	struct texts texts = take();
	bool first = report_failure() == NULL;

	if (process_interruption() == SIGALRM) {
		code = REPORT_TIMEOUT;
		what = "--timeout is over";
	} else if (process_interruption() == SIGTERM) {
		code = REPORT_TERMINATED;
		what = "the server sent SIGTERM";
	}

	report_fail(code, "%s: %s", what, texts.line ? texts.line : "");
	if (first && texts.trace != NULL)
		report_trace(
		    texts.trace, texts.page ? texts.page : texts.trace);
	release(&texts);
	return -1;
}

void
traceback_log(enum report_code code, const char *what)
{
	struct texts texts = take();
	char *message;

	if (asprintf(&message, "%s: %s", what, texts.line ? texts.line : "") !=
	    -1) {
		report_enter(code, message, texts.trace);
		free(message);
	}
	release(&texts);
}

/*
 * Python's traceback module formats. With --debug the page also shows the
 * variables of each frame, except where a name smells of a secret.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/process.h"
#include "python/advice.h"
#include "python/locals.h"
#include "python/traceback.h"

/* Gives a traceback.FrameSummary the variables of its frame. */
static int
add_variables(PyObject *summary, PyObject *traceback)
{
	PyObject *frame = PyObject_GetAttrString(traceback, "tb_frame"),
		 *shown = frame == NULL ? NULL : locals_show(frame);
	int result = shown == NULL
	    ? -1
	    : PyObject_SetAttrString(summary, "locals", shown);

	Py_XDECREF(shown);
	Py_XDECREF(frame);
	return result;
}

/* A traceback.TracebackException has one summary for each traceback. */
static int
add_all_variables(PyObject *summary, PyObject *exception)
{
	PyObject *stack = PyObject_GetAttrString(summary, "stack"),
		 *traceback = PyException_GetTraceback(exception), *next;
	Py_ssize_t i;
	int result = stack == NULL || !PyList_Check(stack) ? -1 : 0;

	for (i = 0;
	     result == 0 && traceback != NULL && i < PyList_GET_SIZE(stack);
	     i++) {
		result = add_variables(PyList_GET_ITEM(stack, i), traceback);
		next = PyObject_GetAttrString(traceback, "tb_next");
		if (next == Py_None)
			Py_CLEAR(next);
		Py_SETREF(traceback, next);
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
join_lines(PyObject *summary, const char *method, bool last_only)
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
	PyObject *summary = summarize(module, exception);
	char *text = NULL;

	if (summary != NULL && add_all_variables(summary, exception) == 0)
		text = join_lines(summary, "format", false);
	Py_XDECREF(summary);
	return text;
}

struct texts {
	char *line, *trace, *page; /* each may be NULL */
	char *place, *advice; /* as advice.h has them */
	bool innermost; /* the place is the last of the trace */
};

static struct texts
describe_exception(PyObject *exception)
{
	PyObject *module = PyImport_ImportModule("traceback"), *summary = NULL;
	struct texts texts = { .place = NULL };

	texts.place = advice_place(exception, &texts.innermost);
	texts.advice = advice_for(exception);
	if (module != NULL)
		summary = summarize(module, exception);
	if (summary != NULL) {
		texts.line = join_lines(summary, "format_exception_only", true);
		texts.trace = join_lines(summary, "format", false);
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

/* Takes the current exception; application is what was called, or NULL. */
static struct texts
take_exception(PyObject *application)
{
	PyObject *exception = PyErr_GetRaisedException();
	struct texts texts = { .place = NULL };

	if (exception != NULL)
		texts = describe_exception(exception);
	if (exception != NULL && application != NULL && texts.advice == NULL)
		texts.advice = advice_for_call(exception, application);
	Py_XDECREF(exception);
	return texts;
}

static void
free_texts(struct texts *texts)
{
	free(texts->line);
	free(texts->trace);
	free(texts->page);
	free(texts->place);
	free(texts->advice);
}

/* One sentence: what, the exception, where it was and what to do about it. */
static void
fail_with(enum report_code code, const char *what, const struct texts *texts)
{
	const char *line = texts->line != NULL ? texts->line : "",
		   *place = texts->place, *advice = texts->advice;
	bool ended = code == REPORT_TIMEOUT || code == REPORT_TERMINATED;

	/* The last line of the traceback says it otherwise. */
	if (texts->innermost && !ended)
		place = NULL;
	report_fail(code, "%s%s%s%s%s%s%s%s", what, ended ? "" : ": ",
	    ended ? "" : line,
	    place == NULL ? ""
		: ended   ? ", at "
			  : " (",
	    place != NULL ? place : "", place != NULL && !ended ? ")" : "",
	    advice != NULL ? "; " : "", advice != NULL ? advice : "");
}

int
traceback_fail_call(
    enum report_code code, const char *what, PyObject *application)
{
	struct texts texts = take_exception(application);
	bool first = report_failure() == NULL;

	if (process_interruption(&code) != NULL)
		what = process_interruption(&code);
	fail_with(code, what, &texts);
	if (first && texts.trace != NULL)
		report_trace(
		    texts.trace, texts.page ? texts.page : texts.trace);
	free_texts(&texts);
	return -1;
}

int
traceback_fail(enum report_code code, const char *what)
{
	return traceback_fail_call(code, what, NULL);
}

void
traceback_log(enum report_code code, const char *what)
{
	struct texts texts = take_exception(NULL);
	char *message;

	if (asprintf(&message, "%s: %s", what, texts.line ? texts.line : "") !=
	    -1) {
		report_enter(code, message, texts.trace);
		free(message);
	}
	free_texts(&texts);
}

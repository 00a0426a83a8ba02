/*
 * Python's traceback module formats. The log has the exception as it is. With
 * --debug the page has it, too, with the variables of each frame and without
 * what is a secret by its name (locals.c, mask.c).
 */

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/process.h"
#include "python/advice.h"
#include "python/locals.h"
#include "python/mask.h"
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

/* More of a traceback's frames, or of a message, nobody reads. */
#define MOST_FRAMES 60
#define LONGEST_LINE 2000

/* Leaves out the middle of a long traceback. Returns 0, or -1. */
static int
shorten_list(PyObject *lines)
{
	Py_ssize_t more = PyList_GET_SIZE(lines) - MOST_FRAMES;
	PyObject *note, *instead = NULL;
	int result = -1;

	if (more <= 0)
		return 0;
	note = PyUnicode_FromFormat("  [%zd more frames]\n", more);
	if (note != NULL)
		instead = PyList_New(1);
	if (instead != NULL) {
		PyList_SET_ITEM(instead, 0, Py_NewRef(note));
		result = PyList_SetSlice(
		    lines, MOST_FRAMES / 2, MOST_FRAMES / 2 + more, instead);
	}
	Py_XDECREF(instead);
	Py_XDECREF(note);
	return result;
}

/* Cuts long messages; a frame may have variables. Returns 0, or -1. */
static int
shorten_lines(PyObject *lines)
{
	PyObject *frame = PyUnicode_FromString("  File "), *line, *start;
	Py_ssize_t i;
	int result = frame != NULL ? 0 : -1;

	for (i = 0; result == 0 && i < PyList_GET_SIZE(lines); i++) {
		line = PyList_GET_ITEM(lines, i);
		if (!PyUnicode_Check(line) ||
		    PyUnicode_GET_LENGTH(line) <= LONGEST_LINE ||
		    PyUnicode_Tailmatch(line, frame, 0, PY_SSIZE_T_MAX, -1) ==
			1)
			continue;
		start = PyUnicode_Substring(line, 0, LONGEST_LINE);
		line = start != NULL ? PyUnicode_FromFormat("%U...\n", start)
				     : NULL;
		Py_XDECREF(start);
		if (line == NULL || PyList_SetItem(lines, i, line) == -1)
			result = -1;
	}
	Py_XDECREF(frame);
	return result;
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
	if (lines != NULL && empty != NULL && shorten_list(lines) == 0 &&
	    shorten_lines(lines) == 0)
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

/* The traceback for a page, without its secrets: only --debug pays for it. */
static char *
text_with_variables(PyObject *module, PyObject *exception, PyObject *secrets)
{
	PyObject *summary = summarize(module, exception);
	char *text = NULL, *masked = NULL;

	if (summary != NULL && add_all_variables(summary, exception) == 0)
		text = join_lines(summary, "format", false);
	if (text != NULL)
		masked = mask_text(secrets, text);
	free(text);
	Py_XDECREF(summary);
	return masked;
}

/* "Type: message": the last line of a traceback, without notes (PEP 678). */
static char *
text_of_exception(PyObject *summary)
{
	PyObject *notes = PyObject_GetAttrString(summary, "__notes__");
	char *text;

	PyErr_Clear();
	if (notes != NULL)
		PyObject_SetAttrString(summary, "__notes__", Py_None);
	text = join_lines(summary, "format_exception_only", true);
	if (notes != NULL)
		PyObject_SetAttrString(summary, "__notes__", notes);
	Py_XDECREF(notes);
	return text;
}
struct texts {
	char *line, *trace, *page; /* each may be NULL */
	char *place, *advice; /* as advice.h has them */
	bool innermost; /* the place is the last of the trace */
	PyObject *secrets; /* for the page, or NULL */
};

/* By Python's traceback module, unless the application has broken it. */
static void
format_exception(struct texts *texts, PyObject *exception)
{
	PyObject *module = PyImport_ImportModule("traceback"), *summary = NULL;

	if (module != NULL)
		summary = summarize(module, exception);
	if (summary != NULL) {
		texts->line = text_of_exception(summary);
		texts->trace = join_lines(summary, "format", false);
	}
	if (summary != NULL && report_is_debug()) {
		texts->secrets = mask_find(exception);
		texts->page = text_with_variables(
		    module, exception, texts->secrets);
	}
	Py_XDECREF(summary);
	Py_XDECREF(module);
	/* Describing an exception may fail; there is no one left to tell. */
	PyErr_Clear();
}

/* Takes the current exception; application is what was called, or NULL. */
static struct texts
take_exception(PyObject *application)
{
	PyObject *exception = PyErr_GetRaisedException();
	struct texts texts = { .place = NULL };
	enum report_code code;

	if (exception == NULL)
		return texts;
	texts.place = advice_place(exception, &texts.innermost);
	format_exception(&texts, exception);
	if (texts.trace == NULL)
		texts.trace = advice_trace(exception);
	if (texts.line == NULL)
		texts.line = advice_line(exception);
	texts.advice = advice_for(
	    exception, process_interruption(&code) != NULL);
	if (application != NULL && texts.advice == NULL)
		texts.advice = advice_for_call(exception, application);
	if (texts.line != NULL && strlen(texts.line) > 0 &&
	    texts.line[strlen(texts.line) - 1] == '\n')
		texts.line[strlen(texts.line) - 1] = '\0';
	Py_DECREF(exception);
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
	Py_XDECREF(texts->secrets);
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

/* What the log says, for the page; if it cannot be masked, nothing. */
static void
show_failure(const struct texts *texts)
{
	const char *trace = texts->trace != NULL ? texts->trace : "";
	char *message;

	if (!report_is_debug()) {
		report_trace(trace, report_failure(), trace);
		return;
	}
	message = mask_text(texts->secrets, report_failure());
	report_trace(trace, message != NULL ? message : "",
	    texts->page != NULL ? texts->page : "");
	free(message);
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
	if (first && report_failure() != NULL)
		show_failure(&texts);
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

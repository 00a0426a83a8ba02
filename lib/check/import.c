/* What Python says better than C is in import.py. */

#include "check/import.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/process.h"
#include "cgi/secret.h"
#include "check/finding.h"
#include "python/imports.h"

/* The import as each request would do it. */
static void
import_application(const void *argument)
{
	const struct subject *subject = argument;
	const char *venv = subject->invocation->options.venv;
	PyObject *names, *application, *times;

	if ((names = python_start(subject)) == NULL)
		return;
	finding_add("python", "Python %s starts", PY_VERSION);
	if (venv != NULL)
		finding_add("venv", "%s is for this Python", venv);
	imports_watch();
	if (python_call(names, "before", NULL, NULL) == 0 &&
	    (application = python_load(subject, names)) != NULL &&
	    !process_is_child()) {
		times = imports_list();
		python_call(names, "after", application, times);
		Py_XDECREF(times);
	}
}

/*
 * The first line of what was written, without secrets, and at most so much of
 * it. Memory to be freed, or NULL.
 */
static char *
take_first_line(const char *written)
{
	enum { MOST = 60 };
	char *line = strndup(written, strcspn(written, "\r\n")),
	     *hidden = line != NULL ? secret_hide(line) : NULL;

	free(line);
	if (hidden != NULL && strlen(hidden) > MOST)
		hidden[MOST] = '\0';
	return hidden;
}

/* What was written to the pipes where a server has none. */
static void
report_output(const struct child *child)
{
	const char *output = child->output.bytes, *errors = child->errors.bytes;
	char *printed = take_first_line(output),
	     *logged = take_first_line(errors);

	/* A script for CGIHandler, or print("Content-Type: ..."). */
	if (ascii_begins(output, "Status:", 7) ||
	    ascii_begins(output, "Content-Type:", 13))
		finding_add("output-cgi",
		    "the script writes a CGI reply itself, '%s'; nobody gets "
		    "it\ntake the print() away, and name "
		    "the application",
		    printed != NULL ? printed : "");
	else if (*output != '\0')
		finding_add("output-printed",
		    "the import prints %zu bytes, which each request adds to "
		    "the log: '%s'\ntake the print() away",
		    child->output.length, printed != NULL ? printed : "");
	if (*errors != '\0')
		finding_add("output-log",
		    "the import writes %zu bytes to the log, at each request: "
		    "'%s'\nmend what it complains of",
		    child->errors.length, logged != NULL ? logged : "");
	if (!finding_has("output-"))
		finding_add("output", "the import prints nothing");
	free(logged);
	free(printed);
}

bool
import_check(const struct subject *subject)
{
	static const char doing[] = "the import";
	struct child child;
	bool good;

	finding_progress(doing);
	good = python_try(
	    &child, python_limit(subject), import_application, subject, doing);
	if (good && finding_has("callable"))
		report_output(&child);
	child_release(&child);
	return good && finding_has("callable") && !finding_has("callable-");
}

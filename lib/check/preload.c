/*
 * Nobody can foresee what stands against an image, so one is made. Whatever the
 * first line names, cgi2wsgi-preload is started with the application in
 * CGI2WSGI_ARGS, and with PRELOAD_MAKE, so that it says what came of it.
 */

#include "check/preload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/buffer.h"
#include "check/finding.h"
#include "invocation/file.h"
#include "invocation/words.h"

/* The options of the first line and the command line, and the application. */
static char *
make_arguments(const struct invocation *invocation)
{
	const struct given_option *given;
	struct buffer text = { 0 };
	const char *value;
	char *name;
	int i;

	for (i = 0; i < invocation->options.count; i++) {
		given = &invocation->options.given[i];
		if (given->letter == OPTION_CHECK ||
		    given->letter == OPTION_LINT ||
		    given->letter == OPTION_WEB_USER ||
		    options_is_about_request(given->letter))
			continue;
		value = given->value != NULL ? given->value : "";
		/* The other program reads --cache only if it is plain. */
		if (value[strcspn(value, " \t'\"\\")] != '\0' || *value == '\0')
			value = given->value != NULL ? words_quote(value) : "";
		buffer_print(&text, "%s%s%s ", options_name(given->letter),
		    given->value != NULL ? "=" : "", value);
	}
	name = alloc_print("%s%s%s", invocation->file,
	    invocation->callable ? ":" : "",
	    invocation->callable ? invocation->callable : "");
	buffer_print(&text, "--log=- %s", words_quote(name));
	free(name);
	return buffer_take(&text, NULL);
}

static void
start_program(const void *argument)
{
	const struct subject *subject = argument;
	char *argv[2] = { NULL, NULL },
	     *arguments = make_arguments(subject->invocation);

	argv[0] = alloc_print("%s-preload", subject->program);
	if (arguments == NULL || python_prepare(subject) == -1 ||
	    setenv("CGI2WSGI_ARGS", arguments, 1) == -1 ||
	    setenv(PRELOAD_MAKE, "try", 1) == -1 ||
	    setenv("REQUEST_METHOD", "GET", 1) == -1 ||
	    setenv("SERVER_NAME", "localhost", 1) == -1)
		return;
	execv(argv[0], argv);
}

char *
preload_find_fact(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; text != NULL && *text != '\0';
	     text = strchr(text, '\n'), text += text != NULL)
		if (strncmp(text, word, length) == 0 && text[length] == ' ')
			return strndup(text + length + 1,
			    strcspn(text + length + 1, "\n"));
	return NULL;
}

double
preload_find_number(const char *text, const char *word)
{
	char *fact = preload_find_fact(text, word);
	double number = fact != NULL ? strtod(fact, NULL) : 0;

	free(fact);
	return number;
}

static void
report_result(const struct subject *subject, const char *told)
{
	double import = preload_find_number(told, "import") / 1e6,
	       start = preload_find_number(told, "start") / 1e6;
	char *refused = preload_find_fact(told, "refused");
	enum line_fault fault;
	struct words line;
	bool wanted = words_read_line(
			  &line, subject->invocation->file, &fault) &&
	    strcmp(file_base(line.word[0]), PRELOAD_NAME) == 0;

	if (import > 0 && start > 0)
		finding_add("preload",
		    "a request can start from an image, in %.0f ms instead of "
		    "%.0f%s",
		    start, import,
		    wanted ? "" : ": " PRELOAD_NAME " in the first line");
	else if (refused != NULL && wanted)
		finding_add("preload-refused",
		    "no request can start from an image: %s\n"
		    "have the application do that when it is called",
		    refused);
	else if (refused != NULL)
		finding_add("preload",
		    "no request could start from an image: %s", refused);
	free(refused);
}

void
preload_check(const struct subject *subject)
{
	char *program = alloc_print("%s-preload", subject->program);
	struct child child;

	if (access(program, X_OK) == 0) {
		finding_progress("saving the process");
		if (child_run(&child, python_limit(subject), start_program,
			subject) == 0)
			report_result(subject, child.output.bytes);
		child_release(&child);
	}
	free(program);
}

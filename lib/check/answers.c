/*
 * The program itself is started once for each request, as a server would, and
 * its answers are collected. answers.py judges them.
 */

#include "check/answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "check/finding.h"
#include "cgi/process.h"
#include "invocation/words.h"

#define GRACE 5 /* seconds for close() and what follows */
#define MARGIN 5 /* seconds more than the program gives itself */

static const char *const methods[] = { "GET", "HEAD", "POST" };

#define METHODS (sizeof(methods) / sizeof(*methods))

/* The requests: what a child needs to make one, and the answers so far. */
struct asked {
	const struct subject *subject;
	const char *method;
	struct child answers[METHODS]; /* after a late one is none */
};

/* Those of the check's command line that are for the program, too. */
static void
append_options(struct words *words, const struct options *options)
{
	const struct given_option *given;
	int i;

	for (i = 0; i < options->count; i++) {
		given = &options->given[i];
		if (!given->typed || given->letter == OPTION_CHECK ||
		    given->letter == OPTION_LINT ||
		    given->letter == OPTION_WEB_USER)
			continue;
		words_append(words,
		    alloc_print("%s%s%s", options_name(given->letter),
			given->value != NULL && given->letter >= 0x100 ? "="
								       : "",
			given->value != NULL ? given->value : ""));
	}
}

/* The command line that makes this request, with its log on standard error. */
static void
make_command(
    struct words *words, const struct subject *subject, const char *method)
{
	words_append(words, alloc_text(subject->program));
	append_options(words, &subject->invocation->options);
	words_append(words, alloc_text("--log=-"));
	words_append(words, alloc_print("--timeout=%u", python_limit(subject)));
	words_append(words, alloc_print("--graceful-timeout=%d", GRACE));
	words_append(words, alloc_text("-i"));
	if (strcmp(method, "HEAD") == 0)
		words_append(words, alloc_text("-I"));
	if (strcmp(method, "POST") == 0)
		words_append(words, alloc_text("-dname=value"));
	words_append(words, alloc_text(subject->invocation->file));
	words_append(words, alloc_text(subject->invocation->url));
}

static void
ask_program(const void *argument)
{
	const struct asked *asked = argument;
	struct words words = { 0 };

	if (python_prepare(asked->subject) == -1 ||
	    /* So that the log has the place of a crash. */
	    setenv("PYTHONFAULTHANDLER", "1", 0) == -1)
		return;
	make_command(&words, asked->subject, asked->method);
	execv(words.word[0], words.word);
	dprintf(STDERR_FILENO, "cgi2wsgi: cannot start %s: %s\n", words.word[0],
	    strerror(errno));
}

/* A list of (method, whether it was ended, output, log). */
static PyObject *
list_answers(const struct asked *asked)
{
	PyObject *list = PyList_New(0), *item;
	const struct child *answer;
	size_t i;

	for (i = 0; list != NULL && i < METHODS; i++) {
		answer = &asked->answers[i];
		if (answer->told == NULL)
			break;
		item = Py_BuildValue("sOy#y#", methods[i],
		    answer->late ? Py_True : Py_False, answer->output.bytes,
		    (Py_ssize_t)answer->output.length, answer->errors.bytes,
		    (Py_ssize_t)answer->errors.length);
		if (item == NULL || PyList_Append(list, item) == -1)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

static void
judge_answers(const void *argument)
{
	const struct asked *asked = argument;
	PyObject *names, *application, *answers;

	if ((names = python_start(asked->subject)) == NULL ||
	    (application = python_load(asked->subject, names)) == NULL ||
	    process_is_child())
		return;
	if ((answers = list_answers(asked)) != NULL)
		python_call(names, "judge", answers, application);
	Py_XDECREF(answers);
}

/* Returns 0, or -1 with a finding added. */
static int
ask_for(struct asked *asked, size_t i)
{
	struct child *answer = &asked->answers[i];
	char doing[64];

	asked->method = methods[i];
	snprintf(doing, sizeof(doing), "asking for %s", methods[i]);
	finding_progress(doing);
	if (child_run(answer, python_limit(asked->subject) + GRACE + MARGIN,
		ask_program, asked) == 0) {
		finding_add_all(&answer->told->findings);
		return 0;
	}
	finding_add("process-start",
	    "%s: cannot start a process: %s\nend other processes of this "
	    "user, or ask the host for more",
	    doing, strerror(errno));
	return -1;
}

void
answers_check(const struct subject *subject)
{
	static const char judging[] = "looking at the answers";
	struct asked asked = { .subject = subject };
	struct child child = { 0 };
	size_t i;
	int result = 0;

	/* Who gave no answer to one is not waited for three times. */
	for (i = 0; i < METHODS && result == 0; i++)
		if ((result = ask_for(&asked, i)) == 0 && asked.answers[i].late)
			break;
	if (result == 0) {
		finding_progress(judging);
		python_try(&child, python_limit(subject), judge_answers, &asked,
		    judging);
		child_release(&child);
	}
	for (i = 0; i < METHODS; i++)
		child_release(&asked.answers[i]);
}

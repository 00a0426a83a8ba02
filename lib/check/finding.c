/* Names of files and the application's words are escaped for the terminal. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/finding.h"
#include "cgi/buffer.h"
#include "cgi/escape.h"
#include "cgi/reply.h"
#include "cgi/screen.h"

#define INDENT 6 /* columns of a level, and of further lines */
#define LEAST 20 /* columns of a text, however narrow the terminal */

enum level { OK, WARN, ERROR };

static const struct {
	const char *word, *colour;
} levels[] = {
	[OK] = { "ok", "32" },
	[WARN] = { "warn", "33" },
	[ERROR] = { "error", "31" },
};

/* In the order of the table in cgi2wsgi-check(1). */
/* clang-format off */
static const struct {
	const char *word;
	enum level level;
} ids[] = {
	{ "user", OK }, { "user-root", WARN }, { "user-modes", WARN },
	{ "file", OK }, { "file-missing", ERROR }, { "file-type", ERROR },
	{ "file-read", ERROR }, { "file-execute", ERROR },
	{ "file-noexec", ERROR },
	{ "folder-search", ERROR },
	{ "rights", OK },
	{ "shared-file", ERROR }, { "shared-folder", ERROR },
	{ "group-file", WARN }, { "group-folder", WARN },
	{ "owner", WARN },
	{ "set-id", WARN },
	{ "line", OK }, { "line-missing", ERROR }, { "line-bom", ERROR },
	{ "line-end", ERROR }, { "line-long", ERROR }, { "line-cut", WARN },
	{ "line-interpreter", ERROR }, { "line-other", ERROR },
	{ "line-copy", WARN }, { "line-env", ERROR }, { "line-path", ERROR },
	{ "line-server-path", WARN }, { "line-option", ERROR },
	{ "line-folder", ERROR },
	{ "served", OK },
	{ "cache-public", WARN },
	{ "secret-public", WARN },
	{ "path", OK }, { "path-shared", ERROR }, { "path-unusable", WARN },
	{ "path-public", WARN },
	{ "log", OK }, { "log-file", ERROR }, { "log-public", WARN },
	{ "limits", OK },
	{ "limit-memory", WARN }, { "limit-cpu", WARN },
	{ "limit-processes", WARN },
	{ "venv", OK }, { "venv-unused", WARN }, { "venv-wrong", ERROR },
	{ "python", OK }, { "python-failed", ERROR },
	{ "folder-chdir", ERROR },
	{ "import", OK }, { "import-slow", WARN }, { "import-failed", ERROR },
	{ "import-exit", ERROR },
	{ "imports", OK },
	{ "process-start", ERROR }, { "process-ended", ERROR },
	{ "process-crash", ERROR }, { "process-endless", ERROR },
	{ "callable", OK }, { "callable-missing", ERROR },
	{ "callable-asgi", ERROR }, { "callable-parameters", ERROR },
	{ "source", OK }, { "source-cgi", WARN },
	{ "cache", OK }, { "cache-unusable", WARN },
	{ "output", OK }, { "output-printed", WARN }, { "output-cgi", ERROR },
	{ "output-log", WARN },
	{ "rest", OK },
	{ "check-failed", ERROR },
	{ "threads-left", WARN },
	{ "processes-left", WARN },
	{ "descriptors-closed", ERROR },
	{ "connections-left", WARN },
	{ "files-left", WARN },
	{ "preload", OK }, { "preload-refused", WARN },
	{ "request", OK }, { "request-failed", ERROR },
	{ "request-rule", ERROR }, { "request-endless", ERROR },
	{ "request-ended", ERROR }, { "request-error", ERROR },
	{ "request-status", WARN }, { "request-head", WARN },
	{ "request-log", WARN },
	{ "wsgi-rule", WARN }, { "wsgi-warning", WARN },
};
/* clang-format on */

#define COUNT (sizeof(ids) / sizeof(*ids))

static struct {
	bool json, colour, added[COUNT];
	int columns; /* of the terminal; 0: there is none */
	int count, counts[ERROR + 1]; /* all, and those of each level */
	int shown; /* columns of what finding_progress() wrote */
	struct finding_store *store; /* of a child */
} finding;

/* A text for JSON, in which \xNN has two backslashes. */
static void
add_quoted(struct buffer *to, const char *text)
{
	struct buffer escaped = { 0 };
	const char *c;

	escape_add(&escaped, text, "", false);
	for (c = escaped.bytes; c != NULL && *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			buffer_add_byte(to, '\\');
		buffer_add_byte(to, *c);
	}
	to->failed = to->failed || escaped.failed;
	free(escaped.bytes);
}

static void
add_object(
    struct buffer *to, size_t id, const char *problem, const char *advice)
{
	buffer_print(to,
	    "%s\n{\"level\": \"%s\", \"id\": \"%s\", \"message\": \"",
	    finding.count > 0 ? "," : "", levels[ids[id].level].word,
	    ids[id].word);
	add_quoted(to, problem);
	buffer_add_text(to, "\", \"do\": \"");
	add_quoted(to, advice);
	buffer_add_text(to, "\"}");
}

/* The bytes that as many characters of a text in UTF-8 have as columns says. */
static size_t
measure_columns(const char *text, size_t columns)
{
	const char *c = text;

	for (; *c != '\0'; c++)
		if ((*c & 0xc0) != 0x80 && columns-- == 0)
			break;
	return (size_t)(c - text);
}

/*
 * Adds a text in lines of the terminal's width, broken between words. In the
 * first one used columns are taken.
 */
static void
add_wrapped(struct buffer *to, const char *text, size_t used)
{
	size_t room, length, at;

	for (;; text += length + strspn(text + length, " ")) {
		room = (size_t)finding.columns > used + LEAST
		    ? (size_t)finding.columns - used
		    : LEAST;
		length = at = measure_columns(text, room);
		while (text[length] != '\0' && at > 0 && text[at] != ' ')
			at--;
		if (text[length] != '\0' && at > 0)
			length = at;
		buffer_add(to, text, length);
		if (text[length] == '\0')
			return;
		buffer_print(to, "\n%*s", INDENT, "");
		used = INDENT;
	}
}

/* A command or a first line stays in one piece, so that it can be copied. */
static bool
is_to_be_copied(const char *advice)
{
	return strncmp(advice, "type", 4) == 0 ||
	    strncmp(advice, "first line", 10) == 0;
}

static void
add_person_text(struct buffer *to, const char *text, size_t used, bool wrapped)
{
	struct buffer escaped = { 0 };
	char *whole;

	escape_add(&escaped, text, "", false);
	if ((whole = buffer_take(&escaped, NULL)) == NULL)
		to->failed = true;
	else if (wrapped)
		add_wrapped(to, whole, used);
	else
		buffer_add_text(to, whole);
	free(whole);
}

/* On a terminal what to do has lines of its own. */
static void
add_lines(struct buffer *to, size_t id, const char *problem, const char *advice)
{
	const char *word = levels[ids[id].level].word,
		   *colour = levels[ids[id].level].colour;
	bool wrapped = finding.columns > 0;

	buffer_print(to,
	    finding.colour ? "\033[%sm%-5s\033[0m %s: " : "%.0s%-5s %s: ",
	    colour, word, ids[id].word);
	add_person_text(
	    to, problem, INDENT + strlen(ids[id].word) + 2, wrapped);
	if (*advice != '\0') {
		if (wrapped)
			buffer_print(to, "\n%*s", INDENT, "");
		else
			buffer_add_text(to, "; ");
		add_person_text(
		    to, advice, INDENT, wrapped && !is_to_be_copied(advice));
	}
	buffer_add_byte(to, '\n');
}

static void
show_finding(size_t id, const char *problem, const char *advice)
{
	struct buffer made = { 0 };
	size_t length;
	char *text;

	finding_progress(NULL);
	(finding.json ? add_object : add_lines)(&made, id, problem, advice);
	if ((text = buffer_take(&made, &length)) != NULL)
		reply_shout(text, length);
	free(text);
	finding.added[id] = true;
	finding.counts[ids[id].level]++;
	finding.count++;
}

void
finding_progress(const char *doing)
{
	char line[80];
	int length;

	if (finding.columns == 0)
		return;
	if (finding.shown > 0) {
		length = snprintf(
		    line, sizeof(line), "\r%*s\r", finding.shown, "");
		reply_shout(line, (size_t)length);
	}
	finding.shown = 0;
	if (doing != NULL) {
		finding.shown = snprintf(line, sizeof(line), "%s ...", doing);
		reply_shout(line, (size_t)finding.shown);
	}
}

void
finding_begin(bool json)
{
	finding.json = json;
	if (!json) {
		finding.columns = screen_columns(reply_descriptor());
		finding.colour = screen_has_colours(reply_descriptor());
	}
	if (json)
		reply_shout("[", 1);
}

bool
finding_end(void)
{
	int errors = finding.counts[ERROR], warnings = finding.counts[WARN],
	    length;
	char text[64];

	finding_progress(NULL);
	length = snprintf(text, sizeof(text), "%d error%s, %d warning%s\n",
	    errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	if (finding.json)
		reply_shout("\n]\n", 3);
	else
		reply_shout(text, (size_t)length);
	return errors > 0;
}

static void
add_known(const char *word, const char *problem, const char *advice)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (strcmp(ids[i].word, word) == 0)
			show_finding(i, problem, advice);
}

static void
store_finding(const char *word, const char *problem, const char *advice)
{
	struct finding_store *to = finding.store;
	size_t length = strlen(word) + strlen(problem) + strlen(advice) + 3;
	char *at = to->bytes + to->length;

	if (length > sizeof(to->bytes) - to->length)
		return;
	strcpy(stpcpy(stpcpy(at, word) + 1, problem) + 1, advice);
	to->length += length;
}

/* The length of the problem: the text up to the line end in the format. */
static int
measure_problem(const char *format, va_list arguments)
{
	char *problem = strndup(format, strcspn(format, "\n"));
	int length = problem != NULL ? vsnprintf(NULL, 0, problem, arguments)
				     : -1;

	free(problem);
	return length;
}

void
finding_add(const char *id, const char *format, ...)
{
	va_list arguments;
	char *text, *advice;
	int length;

	va_start(arguments, format);
	length = measure_problem(format, arguments);
	va_end(arguments);
	va_start(arguments, format);
	if (length == -1 || vasprintf(&text, format, arguments) == -1)
		text = NULL;
	va_end(arguments);
	if (text == NULL)
		return;
	advice = text + length;
	if (*advice != '\0')
		*advice++ = '\0';
	(finding.store != NULL ? store_finding : add_known)(id, text, advice);
	free(text);
}

bool
finding_has(const char *beginning)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (finding.added[i] &&
		    strncmp(ids[i].word, beginning, strlen(beginning)) == 0)
			return true;
	return false;
}

void
finding_keep_in(struct finding_store *store)
{
	finding.store = store;
}

void
finding_add_all(const struct finding_store *from)
{
	const char *id = from->bytes, *problem, *advice;

	for (; id < from->bytes + from->length;
	     id = advice + strlen(advice) + 1) {
		problem = id + strlen(id) + 1;
		advice = problem + strlen(problem) + 1;
		add_known(id, problem, advice);
	}
}

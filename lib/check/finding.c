/* Texts may hold names of files and words of the application: escape them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/finding.h"
#include "cgi/reply.h"

enum level { OK, WARN, ERROR };

static const struct {
	const char *word, *colour;
} levels[] = {
	[OK] = { "ok", "32" },
	[WARN] = { "warn", "33" },
	[ERROR] = { "error", "31" },
};

/* In the order of the table in cgi2wsgi(1). */
static const struct {
	const char *word;
	enum level level;
} ids[] = {
	{ "user", OK },
	{ "user-root", WARN },
	{ "user-modes", WARN },
	{ "file", OK },
	{ "file-missing", ERROR },
	{ "file-type", ERROR },
	{ "file-read", ERROR },
	{ "file-execute", ERROR },
	{ "file-noexec", ERROR },
	{ "folder-search", ERROR },
	{ "rights", OK },
	{ "shared-file", ERROR },
	{ "shared-folder", ERROR },
	{ "group-file", WARN },
	{ "group-folder", WARN },
	{ "owner", WARN },
	{ "set-id", WARN },
	{ "line", OK },
	{ "line-missing", ERROR },
	{ "line-bom", ERROR },
	{ "line-end", ERROR },
	{ "line-long", ERROR },
	{ "line-cut", WARN },
	{ "line-interpreter", ERROR },
	{ "line-other", ERROR },
	{ "line-copy", WARN },
	{ "line-env", ERROR },
	{ "line-path", ERROR },
	{ "line-server-path", WARN },
	{ "line-option", ERROR },
	{ "line-folder", ERROR },
	{ "log", OK },
	{ "log-file", ERROR },
	{ "log-public", WARN },
	{ "limits", OK },
	{ "limit-memory", WARN },
	{ "limit-cpu", WARN },
	{ "limit-processes", WARN },
	{ "venv", OK },
	{ "venv-unused", WARN },
	{ "venv-wrong", ERROR },
	{ "python", OK },
	{ "python-failed", ERROR },
	{ "folder-chdir", ERROR },
	{ "import", OK },
	{ "import-slow", WARN },
	{ "import-failed", ERROR },
	{ "import-exit", ERROR },
	{ "imports", OK },
	{ "process-start", ERROR },
	{ "process-ended", ERROR },
	{ "process-crash", ERROR },
	{ "process-endless", ERROR },
	{ "callable", OK },
	{ "callable-missing", ERROR },
	{ "cache", OK },
	{ "cache-unusable", WARN },
	{ "output", OK },
	{ "output-printed", WARN },
	{ "output-cgi", ERROR },
	{ "output-log", WARN },
	{ "rest", OK },
	{ "check-failed", ERROR },
	{ "threads-left", WARN },
	{ "processes-left", WARN },
	{ "connections-left", WARN },
	{ "files-left", WARN },
	{ "lint", OK },
	{ "lint-rule", ERROR },
	{ "lint-warning", WARN },
	{ "lint-raised", ERROR },
	{ "lint-header", ERROR },
	{ "lint-length", ERROR },
	{ "lint-status", WARN },
	{ "lint-head", WARN },
};

#define COUNT (sizeof(ids) / sizeof(*ids))

static struct {
	bool json, colour, added[COUNT];
	int count, channel;
} finding = { .channel = -1 };

/* The length of the UTF-8 character that begins there, 0 if none does. */
static size_t
measure_character(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1
	    : text[0] < 0xc2           ? 0
	    : text[0] < 0xe0           ? 2
	    : text[0] < 0xf0           ? 3
	    : text[0] < 0xf5           ? 4
				       : 0,
	       i;

	for (i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f) ||
	    (text[0] == 0xc2 && text[1] < 0xa0))
		return 0;
	return length;
}

/* What is no printable character becomes \xNN, in JSON with two backslashes. */
static void
put_text(FILE *to, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t length;

	for (; *c != '\0'; c += length > 0 ? length : 1) {
		length = *c < 0x20 || *c == 0x7f ? 0 : measure_character(c);
		if (length == 0)
			fprintf(to, "%s\\x%02x", finding.json ? "\\" : "", *c);
		else {
			if (finding.json && strchr("\"\\", *c))
				putc('\\', to);
			fwrite(c, 1, length, to);
		}
	}
}

static void
put_json(FILE *to, size_t id, const char *problem, const char *advice)
{
	fprintf(to, "%s\n{\"level\": \"%s\", \"id\": \"%s\", \"message\": \"",
	    finding.count > 0 ? "," : "", levels[ids[id].level].word,
	    ids[id].word);
	put_text(to, problem);
	fputs("\", \"do\": \"", to);
	put_text(to, advice);
	fputs("\"}", to);
}

static void
put_line(FILE *to, size_t id, const char *problem, const char *advice)
{
	const char *word = levels[ids[id].level].word;

	if (finding.colour)
		fprintf(to, "\033[%sm%-5s\033[0m ",
		    levels[ids[id].level].colour, word);
	else
		fprintf(to, "%-5s ", word);
	fprintf(to, "%s: ", ids[id].word);
	put_text(to, problem);
	if (*advice != '\0')
		fputs("; ", to);
	put_text(to, advice);
	putc('\n', to);
}

static void
show(size_t id, const char *problem, const char *advice)
{
	char *made;
	size_t length;
	FILE *to = open_memstream(&made, &length);

	if (to == NULL)
		return;
	(finding.json ? put_json : put_line)(to, id, problem, advice);
	if (fclose(to) == 0)
		reply_shout(made, length);
	free(made);
	finding.added[id] = true;
	finding.count++;
}

void
finding_begin(bool json)
{
	const char *plain = getenv("NO_COLOR"), *terminal = getenv("TERM");

	finding.json = json;
	finding.colour = reply_is_terminal() &&
	    (plain == NULL || *plain == '\0') &&
	    (terminal == NULL || strcmp(terminal, "dumb") != 0);
	if (json)
		reply_shout("[", 1);
}

bool
finding_end(void)
{
	size_t i;

	if (finding.json)
		reply_shout("\n]\n", 3);
	for (i = 0; i < COUNT; i++)
		if (finding.added[i] && ids[i].level == ERROR)
			return true;
	return false;
}

static void
add(const char *word, const char *problem, const char *advice)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (strcmp(ids[i].word, word) == 0)
			show(i, problem, advice);
}

/* Each with its NUL; the parent is there to read until we end. */
static void
send(const char *word, const char *problem, const char *advice)
{
	char *bytes;
	size_t length = strlen(word) + strlen(problem) + strlen(advice) + 3,
	       done = 0;
	ssize_t n;

	if ((bytes = malloc(length)) == NULL)
		return;
	strcpy(stpcpy(stpcpy(bytes, word) + 1, problem) + 1, advice);
	while (done < length) {
		n = write(finding.channel, bytes + done, length - done);
		if (n == -1 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	free(bytes);
}

/* How much of the text stands before the line end of the format itself. */
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
	(finding.channel != -1 ? send : add)(id, text, advice);
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
finding_send(int descriptor)
{
	finding.channel = descriptor;
}

void
finding_receive(const char *bytes, size_t length)
{
	const char *end = bytes + length, *problem, *advice;

	for (; bytes < end; bytes = advice + strlen(advice) + 1) {
		problem = bytes + strlen(bytes) + 1;
		advice = problem < end ? problem + strlen(problem) + 1 : end;
		if (advice >= end)
			break;
		add(bytes, problem, advice);
	}
}

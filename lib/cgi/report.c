/*
 * Every failure has a word that stays the same from release to release, and
 * one entry in the log, which tells all. What the client sees is in page.c.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/buffer.h"
#include "cgi/date.h"
#include "cgi/escape.h"
#include "cgi/log.h"
#include "cgi/report.h"

#define FEW 256 /* bytes of a message, where there is no memory for all */

static const char *const words[REPORT_CODES] = {
	[REPORT_USAGE] = "usage",
	[REPORT_NO_APPLICATION] = "no-application",
	[REPORT_LINE_END] = "line-end",
	[REPORT_NO_FILE] = "no-file",
	[REPORT_FILE_KIND] = "file-kind",
	[REPORT_UNSAFE_FILE] = "unsafe-file",
	[REPORT_SET_ID] = "set-id",
	[REPORT_VENV] = "venv",
	[REPORT_LOG_FILE] = "log-file",
	[REPORT_SYSTEM] = "system",
	[REPORT_PYTHON] = "python",
	[REPORT_SITE] = "site",
	[REPORT_IMPORT] = "import",
	[REPORT_NO_CALLABLE] = "no-callable",
	[REPORT_CONTENT_LENGTH] = "content-length",
	[REPORT_LENGTH_REQUIRED] = "length-required",
	[REPORT_TOO_LARGE] = "too-large",
	[REPORT_APPLICATION] = "application",
	[REPORT_PROTOCOL] = "protocol",
	[REPORT_TIMEOUT] = "timeout",
	[REPORT_TERMINATED] = "terminated",
	[REPORT_CRASH] = "crash",
	[REPORT_CPU_TIME] = "cpu-time",
	[REPORT_SIGNAL] = "signal",
	[REPORT_SHORT_BODY] = "short-body",
	[REPORT_LONG_BODY] = "long-body",
	[REPORT_CLIENT_GONE] = "client-gone",
	[REPORT_CLOSE] = "close",
	[REPORT_LOCATION] = "location",
	[REPORT_HEADER_SIZE] = "header-size",
	[REPORT_SHUTDOWN] = "shutdown",
	[REPORT_SCRIPT_NAME] = "script-name",
	[REPORT_PRELOAD] = "preload",
	[REPORT_INFLATED] = "inflated",
	[REPORT_HABIT] = "habit",
	[REPORT_NO_TYPE] = "no-type",
};

static const struct request nothing;

static struct {
	const struct request *request;
	char id[2 * sizeof(uint64_t) + 1];
	bool debug, failed, concluded;
	enum report_code code;
	char *message, *log_trace, *page_message, *page_trace;
	char few[FEW];
	char *origin; /* for report_last_words() */
} report;

void
report_open(void)
{
	memset(&report, 0, sizeof(report));
	report.request = &nothing;
}

void
report_about(const struct request *request)
{
	report.request = request;
}

void
report_show_debug(bool debug)
{
	report.debug = debug;
}

bool
report_is_debug(void)
{
	return report.debug;
}

const char *
report_word(enum report_code code)
{
	return words[code];
}

const char *
report_id(void)
{
	static const char digit[] = "0123456789abcdef";
	uint64_t number;
	int i;

	if (report.id[0] == '\0') {
		if (getentropy(&number, sizeof(number)) == -1)
			number = (uint64_t)time(NULL) << 32 |
			    (uint64_t)getpid();
		for (i = 0; i < (int)sizeof(report.id) - 1; i++, number >>= 4)
			report.id[i] = digit[number & 15];
	}
	return request_text(report.request, "UNIQUE_ID", report.id);
}

/* "[id] GET /path", of which everything but the brackets is the request's. */
static void
add_origin(struct buffer *to)
{
	buffer_add_text(to, " [");
	escape_add(to, report_id(), "", false);
	buffer_add_text(to, "] ");
	escape_add(
	    to, request_text(report.request, "REQUEST_METHOD", "-"), "", false);
	buffer_add_byte(to, ' ');
	escape_add(
	    to, request_text(report.request, "SCRIPT_NAME", ""), "", false);
	escape_add(to,
	    request_text(report.request, "PATH_INFO",
		*request_text(report.request, "SCRIPT_NAME", "") ? "" : "-"),
	    "", false);
}

/* A traceback is indented, so that no line of it passes for one of ours. */
static void
add_trace(struct buffer *to, const char *trace)
{
	char *copy = strdup(trace), *rest = copy, *line;

	while (copy != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0') {
			buffer_add_text(to, "  ");
			escape_add(to, line, "\t", false);
			buffer_add_byte(to, '\n');
		}
	free(copy);
}

/* How each entry begins (D4): who looks at a terminal knows the time. */
static void
add_start(struct buffer *to)
{
	if (!isatty(STDERR_FILENO))
		date_add_entry(to);
	buffer_add_text(to, "cgi2wsgi: ");
}

/* One write(2) for the whole entry: other processes share the log. */
void
report_enter(enum report_code code, const char *message, const char *trace)
{
	struct buffer entry = { 0 };
	size_t length;
	char *text;

	add_start(&entry);
	buffer_add_text(&entry, words[code]);
	add_origin(&entry);
	buffer_add_text(&entry, ": ");
	escape_add(&entry, message, "", false);
	buffer_add_byte(&entry, '\n');
	if (trace != NULL)
		add_trace(&entry, trace);
	if ((text = buffer_take(&entry, &length)) != NULL)
		log_write(text, length);
	else
		report_last_words(code, -1);
	free(text);
}

/* The message; where there is no memory for it, as much as few has room for. */
static char *
print_message(char few[FEW], const char *format, va_list arguments)
{
	va_list again;
	char *message;

	va_copy(again, arguments);
	if (vasprintf(&message, format, arguments) == -1) {
		vsnprintf(few, FEW, format, again);
		message = few;
	}
	va_end(again);
	return message;
}

void
report_log(enum report_code code, const char *format, ...)
{
	va_list arguments;
	char few[FEW], *message;

	va_start(arguments, format);
	message = print_message(few, format, arguments);
	va_end(arguments);
	report_enter(code, message, NULL);
	if (message != few)
		free(message);
}

int
report_fail(enum report_code code, const char *format, ...)
{
	va_list arguments;

	if (report.failed)
		return -1;
	report.failed = true;
	report.code = code;
	va_start(arguments, format);
	report.message = print_message(report.few, format, arguments);
	va_end(arguments);
	return -1;
}

int
report_no_memory(void)
{
	return report_fail(REPORT_SYSTEM, "out of memory");
}

const char *
report_failure(void)
{
	return report.message;
}

bool
report_failed_with(enum report_code code)
{
	return report.failed && report.code == code;
}

void
report_trace(
    const char *for_log, const char *page_message, const char *page_trace)
{
	report.log_trace = strdup(for_log);
	report.page_message = strdup(page_message);
	report.page_trace = strdup(page_trace);
}

const char *
report_page_message(void)
{
	if (report.page_message != NULL)
		return report.page_message;
	return report.message;
}

const char *
report_page_trace(void)
{
	return report.page_trace != NULL ? report.page_trace : "";
}

bool
report_conclude(enum report_code *code)
{
	if (!report.failed || report.concluded)
		return false;
	report.concluded = true;
	report_enter(report.code, report.message, report.log_trace);
	*code = report.code;
	return true;
}

void
report_prepare(void)
{
	struct buffer origin = { 0 };

	add_origin(&origin);
	report.origin = buffer_take(&origin, NULL);
}

static void
write_text(const char *text)
{
	log_write_more(text, strlen(text));
}

void
report_last_words(enum report_code code, int signal_number)
{
	char memory[512];
	struct buffer start = { .bytes = memory,
		.room = sizeof(memory),
		.fixed = true },
		      number = start;

	if (signal_number == -2)
		return;
	add_start(&start);
	buffer_add_text(&start, words[code]);
	if (report.origin == NULL)
		add_origin(&start);
	log_write(start.bytes, start.length);
	if (report.origin != NULL)
		write_text(report.origin);
	if (code == REPORT_SHUTDOWN)
		write_text(": close(), threads, atexit or the request's body "
			   "did not end within --graceful-timeout\n");
	else if (signal_number < 0)
		write_text(": there is no memory for more words\n");
	else if (signal_number > 0) {
		write_text(": the process ended at once, by signal ");
		buffer_add_number(&number, signal_number, 1);
		write_text(number.bytes);
		write_text("\n");
	} else
		write_text(": the process ended at once\n");
}

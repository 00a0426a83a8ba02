/*
 * Every failure has a word that stays the same from release to release. The
 * page says what it means and what to do, but nothing of this host, for a
 * stranger may read it; the log says the rest.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/page.h"
#include "cgi/reply.h"
#include "cgi/report.h"

#define ERROR "500 Internal Server Error"
#define SEE_LOG \
	"Read the server's error log, or let the script write one of " \
	"its own: add --log FILE to its #! line. Started in a shell, the " \
	"program shows the same failure."

static const struct {
	const char *word, *status, *happened, *advice;
} codes[] = {
	[REPORT_USAGE] = { "usage", ERROR,
	    "The options given to cgi2wsgi are wrong.",
	    "Correct the script's #! line or CGI2WSGI_ARGS; cgi2wsgi --help "
	    "lists the options. The error log names the wrong one." },
	[REPORT_NO_APPLICATION] = { "no-application", ERROR,
	    "Nothing told cgi2wsgi which application to run.",
	    "Begin the script with #! and the path of cgi2wsgi, or name the "
	    "application in CGI2WSGI_ARGS. See cgi2wsgi(1), INVOCATION." },
	[REPORT_LINE_END] = { "line-end", ERROR,
	    "The script's #! line ends in a carriage return.",
	    "Save the script with Unix line ends (LF), not those of Windows "
	    "(CR LF), and upload it again as text." },
	[REPORT_NO_FILE] = { "no-file", ERROR,
	    "The application's file cannot be read.",
	    "Check its path, and that the web server's user may read it (chmod "
	    "a+r) and enter its folders (chmod a+x)." },
	[REPORT_UNSAFE_FILE] = { "unsafe-file", ERROR,
	    "Everyone on this host may change the application.",
	    "Take write permission from others: chmod o-w for the script, its "
	    "folder, and the folder's __pycache__." },
	[REPORT_SET_ID] = { "set-id", ERROR,
	    "cgi2wsgi was started with somebody else's rights.",
	    "Take the set-user-ID and set-group-ID bits from the program "
	    "(chmod ug-s); use suEXEC to run scripts as their owner." },
	[REPORT_VENV] = { "venv", ERROR,
	    "The virtual environment cannot be used.",
	    "Check the folder given with --venv; if it was made by another "
	    "version of Python, make it again with the right one." },
	[REPORT_LOG_FILE] = { "log-file", ERROR,
	    "The file given with --log cannot be written.",
	    "Make its folder writable for the web server's user, or choose "
	    "another." },
	[REPORT_SYSTEM] = { "system", ERROR,
	    "The operating system refused something cgi2wsgi needs.", SEE_LOG },
	[REPORT_PYTHON] = { "python", ERROR,
	    "The Python interpreter did not start.",
	    "Install the Python that cgi2wsgi was built for (cgi2wsgi "
	    "--version names it), and check the host's memory limit." },
	[REPORT_IMPORT] = { "import", ERROR,
	    "The application's module could not be imported.", SEE_LOG },
	[REPORT_NO_CALLABLE] = { "no-callable", ERROR,
	    "The application's module has no WSGI application under the "
	    "expected name.",
	    "Call it 'application' or 'app', or add :name to the script's #! "
	    "line. The error log lists what there is." },
	[REPORT_CONTENT_LENGTH] = { "content-length", "400 Bad Request",
	    "The request's Content-Length is no number of bytes.",
	    "Send the request again with the length of its body." },
	[REPORT_LENGTH_REQUIRED] = { "length-required", "411 Length Required",
	    "This server cannot receive a body sent in chunks.",
	    "Send the request again with a Content-Length." },
	[REPORT_TOO_LARGE] = { "too-large", "413 Content Too Large",
	    "The request's body is larger than this site accepts.",
	    "Send less, or ask the site's owner to raise --max-body." },
	[REPORT_APPLICATION] = { "application", ERROR,
	    "The application failed.", SEE_LOG },
	[REPORT_PROTOCOL] = { "protocol", ERROR,
	    "The application broke a rule of WSGI (PEP 3333).", SEE_LOG },
	[REPORT_TIMEOUT] = { "timeout", "504 Gateway Timeout",
	    "The application took longer than --timeout allows.",
	    "Try again later. The error log shows where it was at the end." },
	[REPORT_TERMINATED] = { "terminated", ERROR,
	    "The server ended the application before it had answered.",
	    "Try again later; a server does this when it stops, or when its "
	    "own time limit is over." },
	[REPORT_CRASH] = { "crash", ERROR,
	    "The process of the application crashed.",
	    "A module written in C is the usual cause: set "
	    "PYTHONFAULTHANDLER=1 and read the error log." },
	[REPORT_SHORT_BODY] = { .word = "short-body" },
	[REPORT_LONG_BODY] = { .word = "long-body" },
	[REPORT_CLIENT_GONE] = { .word = "client-gone" },
	[REPORT_CLOSE] = { .word = "close" },
	[REPORT_LOCATION] = { .word = "location" },
	[REPORT_HEADER_SIZE] = { .word = "header-size" },
	[REPORT_SHUTDOWN] = { .word = "shutdown" },
	[REPORT_SCRIPT_NAME] = { .word = "script-name" },
};

static const struct request nothing;

static struct {
	const struct request *request;
	bool debug, timed, text, failed, delivered;
	enum report_code code;
	char *message, *log_trace, *page_trace;
	/* what report_last_words() writes */
	char *origin, *page[REPORT_CRASH + 1];
	size_t page_length[REPORT_CRASH + 1];
} report = { .request = &nothing };

void
report_about(const struct request *request)
{
	report.request = request;
}

void
report_configure(bool debug, bool timed)
{
	report.debug = debug;
	report.timed = timed;
}

bool
report_is_debug(void)
{
	return report.debug;
}

void
report_prefer_text(void)
{
	report.text = true;
}

const char *
report_id(void)
{
	static char id[2 * sizeof(uint64_t) + 1];
	uint64_t number;

	if (id[0] == '\0') {
		if (getentropy(&number, sizeof(number)) == -1)
			number = (uint64_t)time(NULL) << 32 |
			    (uint64_t)getpid();
		snprintf(id, sizeof(id), "%016llx", (unsigned long long)number);
	}
	return request_text(report.request, "UNIQUE_ID", id);
}

/*
 * Control characters of a request would forge lines or drive a terminal;
 * those of Latin-1 count as well, in their UTF-8 form.
 */
static void
put_escaped(FILE *to, const char *text, const char *allowed)
{
	unsigned char c;

	for (; (c = (unsigned char)*text) != '\0'; text++)
		if (c == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80)
			fprintf(to, "\\x%02x", (unsigned char)*++text);
		else if ((c < 0x20 || c == 0x7f) && !strchr(allowed, c))
			fprintf(to, "\\x%02x", c);
		else
			putc(c, to);
}

/* "[id] GET /path", of which everything but the brackets is the request's. */
static void
put_origin(FILE *to)
{
	fputs(" [", to);
	put_escaped(to, report_id(), "");
	fputs("] ", to);
	put_escaped(
	    to, request_text(report.request, "REQUEST_METHOD", "-"), "");
	putc(' ', to);
	put_escaped(to, request_text(report.request, "SCRIPT_NAME", ""), "");
	put_escaped(to,
	    request_text(report.request, "PATH_INFO",
		*request_text(report.request, "SCRIPT_NAME", "") ? "" : "-"),
	    "");
}

/* A traceback is indented, so that no line of it passes for one of ours. */
static void
put_trace(FILE *to, const char *trace)
{
	char *copy = strdup(trace), *rest = copy, *line;

	while (copy != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0') {
			fputs("  ", to);
			put_escaped(to, line, "\t");
			putc('\n', to);
		}
	free(copy);
}

void
report_write(const char *text, size_t length)
{
	ssize_t done;

	for (; length > 0; text += done, length -= (size_t)done)
		if ((done = write(STDERR_FILENO, text, length)) == -1) {
			if (errno != EINTR)
				return;
			done = 0;
		}
}

static void
put_time(FILE *to)
{
	char text[sizeof("2000-01-01T00:00:00Z")];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(to, "%s ", text);
}

/* One write(2) for the whole entry: other processes share the log. */
void
report_enter(enum report_code code, const char *message, const char *trace)
{
	size_t length;
	char *text;
	FILE *to = open_memstream(&text, &length);

	if (to == NULL)
		return;
	if (report.timed)
		put_time(to);
	fprintf(to, "cgi2wsgi: %s", codes[code].word);
	put_origin(to);
	fputs(": ", to);
	put_escaped(to, message, "");
	putc('\n', to);
	if (trace != NULL)
		put_trace(to, trace);
	if (fclose(to) == 0)
		report_write(text, length);
	free(text);
}

static char *
format_message(const char *format, va_list arguments)
{
	char *message;

	return vasprintf(&message, format, arguments) == -1 ? NULL : message;
}

void
report_log(enum report_code code, const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = format_message(format, arguments);
	va_end(arguments);
	report_enter(code, message != NULL ? message : format, NULL);
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
	report.message = format_message(format, arguments);
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
report_trace(const char *for_log, const char *for_page)
{
	report.log_trace = strdup(for_log);
	report.page_trace = strdup(for_page);
}

static char *
make_page(enum report_code code, size_t *length)
{
	const struct page page = { .code = codes[code].word,
		.status = codes[code].status,
		.happened = codes[code].happened,
		.advice = codes[code].advice,
		.id = report_id(),
		.message = report.debug ? report.message : NULL,
		.trace = report.page_trace,
		.accept = request_text(report.request, "HTTP_ACCEPT", "*/*"),
		.text = report.text,
		.head_only = strcmp(request_text(report.request,
					"REQUEST_METHOD", "GET"),
				 "HEAD") == 0 };

	return page_make(&page, length);
}

void
report_deliver(void)
{
	struct iovec page = { 0 };
	char *whole;

	if (!report.failed || report.delivered)
		return;
	report.delivered = true;
	report_enter(report.code, report.message ? report.message : "",
	    report.log_trace);
	if (reply_is_started() || codes[report.code].status == NULL)
		return;
	page.iov_base = whole = make_page(report.code, &page.iov_len);
	while (reply_push(&page, 1) == -1 && errno == EINTR)
		;
	free(whole);
}

static void
prepare(enum report_code code)
{
	report.page[code] = make_page(code, &report.page_length[code]);
}

void
report_prepare(void)
{
	size_t length;
	FILE *to = open_memstream(&report.origin, &length);

	if (to != NULL) {
		put_origin(to);
		fclose(to);
	}
	prepare(REPORT_TIMEOUT);
	prepare(REPORT_TERMINATED);
	prepare(REPORT_CRASH);
}

static void
put_signal_safe(const char *text)
{
	report_write(text, strlen(text));
}

void
report_last_words(enum report_code code)
{
	put_signal_safe("cgi2wsgi: ");
	put_signal_safe(codes[code].word);
	put_signal_safe(report.origin ? report.origin : " [-] - -");
	put_signal_safe(code == REPORT_SHUTDOWN
		? ": threads, atexit or the request's body did not end within "
		  "--graceful-timeout\n"
		: ": the process ended at once\n");
	if (code <= REPORT_CRASH && report.page[code] != NULL &&
	    !reply_is_started())
		reply_shout(report.page[code], report.page_length[code]);
}

/*
 * The page that a client sees after a failure: what the failure means and
 * what to do, but nothing of this host, for a stranger may read it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/body.h"
#include "cgi/buffer.h"
#include "cgi/debug.h"
#include "cgi/escape.h"
#include "cgi/markup.h"
#include "cgi/page.h"
#include "cgi/reply.h"

#define ERROR "500 Internal Server Error"
#define SEE_LOG NULL /* find_log() says where it is */

static const struct {
	const char *status, *happened, *advice;
} pages[REPORT_CODES] = {
	[REPORT_USAGE] = { ERROR, "The options given to cgi2wsgi are wrong.",
	    "Correct the script's #! line or CGI2WSGI_ARGS; cgi2wsgi --help "
	    "lists the options. The log names the wrong one." },
	[REPORT_NO_APPLICATION] = { ERROR,
	    "Nothing told cgi2wsgi which application to run.",
	    "Begin the script with #! and the path of cgi2wsgi, or name the "
	    "application in CGI2WSGI_ARGS. See cgi2wsgi(1), INVOCATION." },
	[REPORT_LINE_END] = { ERROR,
	    "Something invisible stands around the script's #! line.",
	    "Save the script as UTF-8 without a byte order mark and with Unix "
	    "line ends (LF), not those of Windows (CR LF), and upload it again "
	    "as text." },
	[REPORT_NO_FILE] = { ERROR, "The application's file cannot be read.",
	    "Check its path, and that the web server's user may read it (chmod "
	    "a+r) and enter its folders (chmod a+x)." },
	[REPORT_FILE_KIND] = { ERROR,
	    "The application's file is not Python source.",
	    "Name a file of Python source in UTF-8. The log says what the file "
	    "is, and what to write instead." },
	[REPORT_UNSAFE_FILE] = { ERROR,
	    "Everyone on this host may change the application or its log, or "
	    "read its secrets.",
	    "Take permissions from others: chmod o-w for what the log names, "
	    "or chmod o= if that is a file of --env-file." },
	[REPORT_SET_ID] = { ERROR,
	    "cgi2wsgi was started with somebody else's rights.",
	    "Take the set-user-ID and set-group-ID bits and capabilities from "
	    "the program (chmod ug-s, setcap -r); use suEXEC to run scripts as "
	    "their owner." },
	[REPORT_VENV] = { ERROR, "The virtual environment cannot be used.",
	    "Check the folder given with --venv; if it was made by another "
	    "version of Python, make it again with the right one." },
	[REPORT_LOG_FILE] = { ERROR,
	    "The file given with --log cannot be written.",
	    "Make its folder writable for the web server's user, or choose "
	    "another." },
	[REPORT_SYSTEM] = { ERROR,
	    "The operating system refused something cgi2wsgi needs.", SEE_LOG },
	[REPORT_PYTHON] = { ERROR, "The Python interpreter did not start.",
	    "Install the Python that cgi2wsgi was built for (cgi2wsgi "
	    "--version names it) or build it again for another, and check the "
	    "host's memory limit." },
	[REPORT_SITE] = { ERROR,
	    "A .pth file, sitecustomize or usercustomize, which Python runs at "
	    "each start, ended it.",
	    "Mend or remove it; the error log has its traceback." },
	[REPORT_IMPORT] = { ERROR,
	    "The application's module could not be imported.", SEE_LOG },
	[REPORT_NO_CALLABLE] = { ERROR,
	    "The application's module has no WSGI application under the "
	    "expected name.",
	    "Call it 'application' or 'app', or add :name to the script's #! "
	    "line. The log lists what there is." },
	[REPORT_CONTENT_LENGTH] = { "400 Bad Request",
	    "The request's Content-Length is no number of bytes.",
	    "Send the request again with the length of its body." },
	[REPORT_LENGTH_REQUIRED] = { "411 Length Required",
	    "This server cannot receive a body sent in chunks.",
	    "Send the request again with a Content-Length." },
	[REPORT_TOO_LARGE] = { "413 Content Too Large",
	    "The request's body is larger than this site accepts.",
	    "Send less, or ask the site's owner to raise --max-body." },
	[REPORT_APPLICATION] = { ERROR, "The application failed.", SEE_LOG },
	[REPORT_PROTOCOL] = { ERROR,
	    "The application broke a rule of WSGI (PEP 3333).", SEE_LOG },
	[REPORT_TIMEOUT] = { "504 Gateway Timeout",
	    "The application was silent for longer than --timeout allows.",
	    "Try again later. The log shows where it was at the end." },
	[REPORT_TERMINATED] = { ERROR,
	    "The server ended the application before it had answered.",
	    "Try again later; a server does this when it stops, or when its "
	    "own time limit is over." },
	[REPORT_CRASH] = { ERROR, "The process of the application crashed.",
	    "os._exit() or a module written in C is the usual cause: read the "
	    "log, of the latter with PYTHONFAULTHANDLER=1." },
	[REPORT_CPU_TIME] = { "504 Gateway Timeout",
	    "The application needed more processor time than this host "
	    "allows.",
	    "The log shows where it was at the end. Let it do less, or "
	    "ask whoever runs the host to raise the limit." },
	[REPORT_SIGNAL] = { ERROR,
	    "A signal ended the process of the application.",
	    "The log has its number. A timer that the application set "
	    "without a handler does that, or a person with kill(1)." },
};

static struct {
	const struct request *request;
	bool terminal; /* text is as good as HTML */
	bool own_log;
	/* noted by look_at_request() */
	bool prepared, text, head_only;
	const char *log, *id;
} page;

void
page_open(const struct request *request, bool terminal)
{
	memset(&page, 0, sizeof(page));
	page.request = request;
	page.terminal = terminal;
}

void
page_expect_log(void)
{
	page.own_log = true;
}

/* Whoever reads the page may not know where entries go. */
static const char *
find_log(void)
{
	if (page.own_log)
		return "Read the entry in the file that --log names.";
	if (page.terminal)
		return "Read the entry on standard error.";
	if (request_is_by(page.request, "Apache"))
		return "Read the server's error log (under mod_cgid that of "
		       "the main server, not of the virtual host), or let the "
		       "script write one of its own: add --log FILE to its #! "
		       "line. Started in a shell, the program shows the same "
		       "failure.";
	return "Read the server's error log, or let the script write one of "
	       "its own: add --log FILE to its #! line. Started in a shell, "
	       "the program shows the same failure.";
}

static const char *
find_advice(enum report_code code)
{
	return pages[code].advice != NULL ? pages[code].advice : page.log;
}

/*
 * The weight among an item's parameters (RFC 9110 12.4.2), in thousandths:
 * 1000 without one, 0 if it is no number.
 */
static int
read_weight(const char *p)
{
	int weight, unit;

	for (; *p != '\0' && *p != ','; p += strcspn(p, ";,")) {
		p += strspn(p, "; \t");
		if (!ascii_begins(p, "q=", 2))
			continue;
		weight = p[2] == '1' ? 1000 : 0;
		if (strncmp(p + 2, "0.", 2) == 0)
			for (p += 4, unit = 100; ascii_is_digit(*p); unit /= 10)
				weight += unit * (*p++ - '0');
		return weight;
	}
	return 1000;
}

/*
 * The quality that an Accept header gives to a type (RFC 9110 12.5.1). The
 * item that names it most exactly counts, and breaks a tie.
 */
static int
read_quality(const char *accept, const char *type)
{
	const char *const ranges[] = { "*/*", "text/*", type };
	int best = 0, weight = 0, i;
	const char *item;

	for (item = accept; *item != '\0'; item += strcspn(item, ",")) {
		item += strspn(item, ", \t");
		for (i = best; i < 3; i++)
			if (ascii_equal_text(
				item, strcspn(item, ",; \t"), ranges[i])) {
				best = i;
				weight = read_weight(item + strlen(ranges[i]));
			}
	}
	return weight > 0 ? weight * 3 + best : 0;
}

static bool
is_text_preferred(void)
{
	const char *accept = request_text(page.request, "HTTP_ACCEPT", "*/*");
	int text = read_quality(accept, "text/plain"),
	    html = read_quality(accept, "text/html");

	return text > html || (text == html && page.terminal);
}

/* Notes what a page has of the request: a signal handler cannot look. */
static void
look_at_request(void)
{
	page.text = is_text_preferred();
	/* RFC 9110 9.3.2 */
	page.head_only =
	    strcmp(request_text(page.request, "REQUEST_METHOD", "GET"),
		"HEAD") == 0;
	page.log = find_log();
	page.id = report_id();
}

/* failure: what --debug shows of it, or NULL. */
static void
add_html_page(struct buffer *to, enum report_code code, const char *failure)
{
	char *title = failure == NULL
	    ? NULL
	    : debug_title(failure, report_page_trace());

	markup_begin(to, title != NULL ? title : pages[code].status, "");
	if (title != NULL) {
		buffer_add_text(to, "<p>");
		buffer_add_text(to, pages[code].status);
		buffer_add_text(to, "</p>\n");
	}
	buffer_add_text(to, "<p>");
	buffer_add_text(to, pages[code].happened);
	buffer_add_text(to, "</p>\n<p>");
	markup_add(to, find_advice(code));
	buffer_add_text(to, "</p>\n<p class=\"dim\">cgi2wsgi: <code>");
	buffer_add_text(to, report_word(code));
	buffer_add_text(to, "</code>, request <code>");
	markup_add(to, page.id);
	buffer_add_text(to, "</code></p>\n");
	if (failure != NULL)
		debug_add(to, failure, report_page_trace(), page.request);
	markup_end(to);
	free(title);
}

static void
add_text_page(struct buffer *to, enum report_code code, const char *failure)
{
	buffer_add_text(to, pages[code].status);
	buffer_add_text(to, "\n\n");
	buffer_add_text(to, pages[code].happened);
	buffer_add_byte(to, '\n');
	buffer_add_text(to, find_advice(code));
	buffer_add_text(to, "\n\ncgi2wsgi: ");
	buffer_add_text(to, report_word(code));
	buffer_add_text(to, ", request ");
	escape_add(to, page.id, "", false);
	if (failure != NULL) {
		buffer_add_text(to, "\n\n");
		escape_add(to, failure, "\n\t", false);
		buffer_add_text(to, "\n\n");
		escape_add(to, report_page_trace(), "\n\t", false);
	} else
		buffer_add_byte(to, '\n');
}

/* A complete reply, as parts of these two. Returns 0, or -1: no memory. */
static int
make_page(struct buffer *head, struct buffer *body, struct iovec parts[2],
    enum report_code code, const char *failure)
{
	(page.text ? add_text_page : add_html_page)(body, code, failure);
	reply_add_head(head, pages[code].status,
	    page.text ? "Content-Type: text/plain; charset=utf-8\r\n"
		      : "Content-Type: text/html; charset=utf-8\r\n",
	    (int64_t)body->length);
	parts[0] = (struct iovec){ head->bytes, head->length };
	parts[1] = (struct iovec){ body->bytes,
		page.head_only ? 0 : body->length };
	return head->failed || body->failed ? -1 : 0;
}

/* In memory that is there: in a signal handler, or because there is no more. */
static void
make_urgent_page(struct iovec parts[2], enum report_code code)
{
	static char memory[2][8192],
	    least[] = "Status: " ERROR "\r\nContent-Type: text/plain"
		      "\r\n\r\n" ERROR "\n";
	struct buffer head = { .bytes = memory[0],
		.room = sizeof(memory[0]),
		.fixed = true },
		      body = head;

	body.bytes = memory[1];
	if (!page.prepared ||
	    make_page(&head, &body, parts, code, NULL) == -1) {
		parts[0] = (struct iovec){ least, sizeof(least) - 1 };
		parts[1] = (struct iovec){ NULL, 0 };
	}
}

void
page_deliver(void)
{
	struct buffer head = { 0 }, body = { 0 };
	struct iovec parts[2];
	enum report_code code;
	const char *failure;

	if (!report_conclude(&code) || reply_is_started() ||
	    pages[code].status == NULL)
		return;
	failure = report_is_debug() && report_failure() != NULL
	    ? report_page_message()
	    : NULL;
	look_at_request();
	if (make_page(&head, &body, parts, code, failure) == -1)
		make_urgent_page(parts, code);
	/* --max-body has not bounded a body whose length is not known yet. */
	body_abandon();
	while (reply_push(parts, 2) == -1 && errno == EINTR)
		;
	free(head.bytes);
	free(body.bytes);
}

void
page_prepare(void)
{
	report_prepare();
	look_at_request();
	page.prepared = true;
}

void
page_last_words(enum report_code code, int signal_number)
{
	struct iovec parts[2];

	report_last_words(code, signal_number);
	if (reply_is_started())
		reply_await_reader();
	else if (pages[code].status != NULL) {
		make_urgent_page(parts, code);
		reply_shout(parts[0].iov_base, parts[0].iov_len);
		reply_shout(parts[1].iov_base, parts[1].iov_len);
	}
}

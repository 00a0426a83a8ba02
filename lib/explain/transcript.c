/*
 * The floor explain/ follows one request and writes down what becomes of it, as
 * it happens (--explain). It only looks: the floors below do not know that it
 * is there. Some call an observer. A request takes the same way without it.
 */

#include <config.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/body.h"
#include "cgi/buffer.h"
#include "cgi/clock.h"
#include "cgi/log.h"
#include "cgi/screen.h"
#include "python/imports.h"
#include "python/shutdown.h"
#include "explain/imported.h"
#include "explain/text.h"
#include "cgi/process.h"
#include "explain/variables.h"
#include "cgi/secret.h"
#include "explain/transcript.h"
#include "wsgi/response.h"

#define TOLD 40 /* so many times that blocks left */
#define TELL(...) text_paragraph(TEXT_PLAIN, 4, __VA_ARGS__)

static struct transcript {
	bool open;
	const struct invocation *invocation;
	int blocks, told, untold;
	int64_t bytes, untold_bytes; /* of blocks */
	size_t imports; /* that were told */
} transcript;

static double
milliseconds(int64_t nanoseconds)
{
	return (double)nanoseconds / 1e6;
}

/* Whether anything is told; if so, the clock stands still until end_part(). */
static bool
begin_part(void)
{
	if (!transcript.open || process_is_child())
		return false;
	clock_pause();
	return true;
}

static void
end_part(void)
{
	text_flush();
	clock_resume();
}

static void
tell_station(const char *title)
{
	text_station(milliseconds(clock_elapsed()), title);
}

static void
tell_process(void)
{
	char file[32], parent[64];
	FILE *from;

	snprintf(file, sizeof(file), "/proc/%ld/comm", (long)getppid());
	from = fopen(file, "re");
	if (from == NULL || fscanf(from, "%63[^\n]", parent) != 1)
		strcpy(parent, "?");
	if (from != NULL)
		fclose(from);
	TELL("This is cgi2wsgi " VERSION ", process %ld; user %ld, group %ld.",
	    (long)getpid(), (long)geteuid(), (long)getegid());
	TELL("Process %ld (%s) %s.", (long)getppid(), parent,
	    clock_process() == getpid()
		? "started it, by fork and exec"
		: "forked it, and reads its reply as a server would");
}

static void
tell_who(const struct invocation *invocation, const struct request *request)
{
	if (!invocation->by_server) {
		TELL("It was started from a terminal: a web server sets one at "
		     "least of REQUEST_METHOD, GATEWAY_INTERFACE and "
		     "SERVER_PROTOCOL, and none was set. The request is made "
		     "from the command line.");
		return;
	}
	TELL("A web server wants a request answered: %s is set (RFC 3875 4.1).",
	    request_find_sign(request));
}

static void
tell_way(const struct invocation *invocation)
{
	static const char *const ways[] = {
		[WAY_LINE] = "The kernel was given that file. It begins with "
			     "#!, so the kernel started the program whose name "
			     "follows.",
		[WAY_ARGS] = "The server's configuration says so, in "
			     "CGI2WSGI_ARGS.",
		[WAY_ACTION] =
		    "SCRIPT_FILENAME is this program, and there is "
		    "REDIRECT_HANDLER: so it is the handler of an "
		    "Apache Action, for the file in PATH_TRANSLATED.",
		[WAY_SCRIPT] = "The first argument and SCRIPT_FILENAME are "
			       "that file: so the server, or env, uses this "
			       "program as its interpreter.",
		[WAY_PERSON] = "The command line says so.",
	};

	TELL("The application is");
	text_paragraph(TEXT_NAME, 6, "%s%s%s",
	    invocation->file ? invocation->file : invocation->module,
	    invocation->callable ? ":" : "",
	    invocation->callable ? invocation->callable : "");
	TELL("%s", ways[invocation->way]);
}

/*
 * What an option says, but for secrets; memory to be freed, or NULL. What
 * --env sets is the deployer's, and often secret whatever its name is.
 */
static char *
show_value(const struct given_option *option)
{
	const char *value = option->value;
	char *shown;

	if (option->letter == 'u' || option->letter == 'b')
		return strdup(SECRET_MASK);
	if (option->letter != OPTION_ENV)
		return secret_hide(value);
	return asprintf(&shown, "%.*s=" SECRET_MASK, (int)strcspn(value, "="),
		   value) == -1
	    ? NULL
	    : shown;
}

/* The options of one place, by their full names. */
static void
tell_options(const struct options *options, bool typed, const char *where)
{
	const struct given_option *option;
	struct buffer line = { 0 };
	char *value, *whole;
	int i;

	for (i = 0; i < options->count; i++) {
		option = &options->given[i];
		if (option->typed != typed)
			continue;
		buffer_print(&line, " %s", options_name(option->letter));
		if (option->value == NULL)
			continue;
		value = show_value(option);
		buffer_print(&line, "%s%s",
		    option->letter == OPTION_EXPLAIN ? "=" : " ",
		    value != NULL ? value : SECRET_MASK);
		free(value);
	}
	if (line.length > 0 && (whole = buffer_take(&line, NULL)) != NULL) {
		TELL("%s%s", where, whole);
		free(whole);
	}
	free(line.bytes);
}

/* Lines with CRLF, each a name, ": " and a value. */
static void
tell_headers(const char *line)
{
	const char *next, *colon;
	char *value;

	for (; (next = strstr(line, "\r\n")) != NULL; line = next + 2) {
		colon = line + strcspn(line, ":");
		if ((value = strndup(colon + 2, (size_t)(next - colon - 2))))
			text_pair(6, line, (size_t)(colon - line), ": ", value);
		free(value);
	}
}

static void
tell_head(const struct head *head)
{
	if (!begin_part())
		return;
	tell_station("start_response(status, headers)");
	text_paragraph(TEXT_GOOD, 6, "%s", head->status);
	tell_headers(head->headers);
	TELL("Nothing is sent before the first block of the body, so that a "
	     "failure can still become a page (PEP 3333).");
	end_part();
}

static void
tell_result(PyObject *result)
{
	bool are_there = PyList_CheckExact(result) ||
	    PyTuple_CheckExact(result);

	if (!begin_part())
		return;
	tell_station("IT RETURNED");
	TELL(are_there
		? "A %s of blocks: they are there, and leave together."
		: "A %s, an iterable of blocks: none waits until the next "
		  "is there (PEP 3333).",
	    Py_TYPE(result)->tp_name);
	end_part();
}

static void
tell_line_of_blocks(int count, size_t head, int64_t size, int64_t took)
{
	char which[64], with_head[64] = "";

	if (count == 1)
		snprintf(which, sizeof(which), "block %d has",
		    transcript.blocks + 1);
	else
		snprintf(which, sizeof(which), "blocks %d to %d have",
		    transcript.blocks + 1, transcript.blocks + count);
	if (head > 0)
		snprintf(with_head, sizeof(with_head), ", behind a head of %zu",
		    head);
	text_paragraph(TEXT_PLAIN, 0,
	    "[%8.1f ms] %s left: %lld bytes%s; %.2f ms",
	    milliseconds(clock_elapsed()), which, (long long)size, with_head,
	    milliseconds(took));
}

static void
tell_blocks(int count, size_t head, int64_t size, int64_t took)
{
	if (!begin_part())
		return;
	if (transcript.told++ < TOLD)
		tell_line_of_blocks(count, head, size, took);
	else {
		transcript.untold += count;
		transcript.untold_bytes += size;
	}
	transcript.blocks += count;
	transcript.bytes += size;
	end_part();
}

static void
tell_close(bool has_close)
{
	if (!begin_part())
		return;
	if (transcript.untold > 0)
		text_paragraph(TEXT_PLAIN, 13, "and %d more: %lld bytes",
		    transcript.untold, (long long)transcript.untold_bytes);
	tell_station(
	    has_close ? "close() OF WHAT IT RETURNED" : "THE REPLY IS OVER");
	if (!has_close)
		TELL(
		    "What it returned has no close() to be called (PEP 3333).");
	end_part();
}

/* A step of the process's end that took long enough to be seen. */
static void
tell_step(const char *what, const char *why, int64_t took)
{
	if (!begin_part())
		return;
	TELL("%s took %.1f ms%s%s.", what, milliseconds(took),
	    why != NULL ? ": " : "", why != NULL ? why : "");
	end_part();
}

static const struct response_observer observer = { .head = tell_head,
	.result = tell_result,
	.blocks = tell_blocks,
	.close = tell_close };

/* Where the page goes, and what is the log until then, or -1. */
static int page_output = STDERR_FILENO, kept_log = -1;

void
transcript_forget(void)
{
	page_output = STDERR_FILENO;
	kept_log = -1;
}

void
transcript_keep_output(bool keep_log)
{
	int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	char name[32];

	page_output = copy != -1 ? copy : STDERR_FILENO;
	if (!keep_log || copy == -1 ||
	    (kept_log = memfd_create("log", MFD_CLOEXEC)) == -1)
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", kept_log);
	if (log_redirect(name) == -1) {
		close(kept_log);
		kept_log = -1;
	}
}

void
transcript_return_log(void)
{
	char block[4096];
	ssize_t got;
	off_t at = 0;

	if (kept_log == -1)
		return;
	dup2(page_output, STDOUT_FILENO);
	dup2(page_output, STDERR_FILENO);
	while ((got = pread(kept_log, block, sizeof(block), at)) > 0 &&
	    write(STDERR_FILENO, block, (size_t)got) == got)
		at += got;
	close(kept_log);
	kept_log = -1;
}

/* What was logged meanwhile; memory to be freed, or NULL. */
static char *
read_kept_log(void)
{
	struct stat st;
	char *log;
	ssize_t got;

	if (kept_log == -1 || fstat(kept_log, &st) == -1 ||
	    (log = calloc(1, (size_t)st.st_size + 1)) == NULL)
		return NULL;
	got = pread(kept_log, log, (size_t)st.st_size, 0);
	log[got > 0 ? got : 0] = '\0';
	return log;
}

void
transcript_open(
    const struct invocation *invocation, const struct request *request)
{
	transcript = (struct transcript){ .open = true,
		.invocation = invocation,
		.imports = imports_count() };
	response_observe(&observer);
	shutdown_observe(tell_step);
	text_open(invocation->options.page, screen_has_colours(STDERR_FILENO));
	begin_part();
	clock_ask_kernel();
	variables_keep(request);
	tell_station("WHO STARTED THE PROGRAM, AND HOW IT KNOWS");
	tell_process();
	tell_who(invocation, request);
	tell_way(invocation);
	tell_options(&invocation->options, false,
	    invocation->way == WAY_PERSON ? "Its first line has the options"
					  : "The options there are");
	tell_options(
	    &invocation->options, true, "The command line's options are");
	end_part();
}

static void
tell_path(void)
{
	PyObject *list = PySys_GetObject("path"), *bytes;
	Py_ssize_t i;

	for (i = 0;
	     list != NULL && PyList_Check(list) && i < PyList_GET_SIZE(list);
	     i++) {
		bytes = PyUnicode_EncodeFSDefault(PyList_GET_ITEM(list, i));
		if (bytes != NULL)
			text_paragraph(
			    TEXT_PLAIN, 6, "%s", PyBytes_AS_STRING(bytes));
		Py_XDECREF(bytes);
	}
	PyErr_Clear();
}

void
transcript_python(void)
{
	PyObject *modules;

	if (!begin_part())
		return;
	modules = PySys_GetObject("modules");
	tell_station("PYTHON HAS STARTED");
	TELL("Python %d.%d.%d began in this process, in %.1f ms, with %zd "
	     "modules.",
	    PY_MAJOR_VERSION, PY_MINOR_VERSION, PY_MICRO_VERSION,
	    milliseconds(clock_spent(CLOCK_INTERPRETER)),
	    modules != NULL ? PyObject_Size(modules) : 0);
	TELL("It looks for others in the folders of sys.path:");
	tell_path();
	imports_watch();
	end_part();
}

/* Returns whether anything was imported since the last time. */
static bool
tell_imports(const char *title)
{
	size_t count = imported_tell(title, transcript.imports);

	transcript.imports += count;
	return count > 0;
}

void
transcript_image(void)
{
	if (!begin_part())
		return;
	tell_station("THE PROCESS STARTS FROM AN IMAGE");
	TELL("Python had started and the application was imported when the "
	     "process was saved. Nothing that this depended on is another now, "
	     "so the process goes on from there, as a forked child would: see "
	     "cgi2wsgi-preload(1).");
	end_part();
}

void
transcript_import(PyObject *application)
{
	const struct invocation *invocation = transcript.invocation;

	if (!begin_part())
		return;
	tell_station(application != NULL ? "THE APPLICATION IS IMPORTED"
					 : "THE IMPORT HAS FAILED");
	TELL("It took %.1f ms.", milliseconds(clock_spent(CLOCK_IMPORT)));
	if (!tell_imports(application != NULL
		    ? "What it imported, inside each other:"
		    : "What was imported, inside each other; traceback is "
		      "for the entry in the log:"))
		TELL("It imported nothing new.");
	if (application != NULL)
		text_paragraph(TEXT_GOOD, 4,
		    "The application is what it calls %s: a %s.",
		    invocation->callable ? invocation->callable
					 : "'application', or else 'app'",
		    Py_TYPE(application)->tp_name);
	end_part();
}

void
transcript_call(PyObject *env)
{
	if (!begin_part())
		return;
	tell_station("THE REQUEST BECOMES environ");
	variables_tell(env, &transcript.invocation->options.settings);
	tell_station("THE CALL: application(environ, start_response)");
	end_part();
}

void
transcript_drain(void)
{
	if (!begin_part())
		return;
	tell_imports("Imported since then:");
	tell_station("THE END BEGINS");
	TELL(body_pending() == -1
		? "Nothing is left of the request's body."
		: "What is left of the request's body is read and dropped: "
		  "servers lose the reply otherwise.");
	end_part();
}

/* The bars follow each other, although application and output take turns. */
static void
tell_phase(enum clock_phase phase, int64_t before, int64_t total)
{
	static const struct {
		const char *name;
		enum text_style style;
	} looks[] = {
		[CLOCK_FORK] = { "fork, exec", TEXT_PLAIN },
		[CLOCK_INTERPRETER] = { "interpreter", TEXT_NAME },
		[CLOCK_IMPORT] = { "import", TEXT_CHANGED },
		[CLOCK_APPLICATION] = { "application", TEXT_GOOD },
		[CLOCK_OUTPUT] = { "output", TEXT_BOLD },
		[CLOCK_EXIT] = { "exit", TEXT_GONE },
	};
	int64_t spent = clock_spent(phase);
	const struct text_phase part = { .name = looks[phase].name,
		.style = looks[phase].style,
		.milliseconds = milliseconds(spent),
		.before = (double)before / (double)total,
		.share = (double)spent / (double)total,
		.percent = (int)((spent * 100 + total / 2) / total) };

	text_phase(&part);
}

static void
tell_time_line(void)
{
	int64_t total = 0, before = 0;
	int phase;

	for (phase = 0; phase < CLOCK_PHASES; phase++)
		total += clock_spent((enum clock_phase)phase);
	for (phase = 0; phase < CLOCK_PHASES; phase++) {
		tell_phase((enum clock_phase)phase, before, total);
		before += clock_spent((enum clock_phase)phase);
	}
	TELL("%-11s %8.1f ms", "together", milliseconds(total));
}

static void
tell_precision(void)
{
	if (clock_fork_at_most() <= 0)
		TELL("The kernel does not tell when the process began, hence "
		     "not how long fork and exec took.");
	else {
		TELL("Fork and exec took %.1f to %.1f ms.",
		    milliseconds(clock_spent(CLOCK_FORK)),
		    milliseconds(clock_fork_at_most()));
		TELL(
		    "The kernel tells the process's beginning only by the tick "
		    "of its clock, but exactly how long it ran since.");
	}
	TELL("Writing this down is not counted.");
}

void
transcript_end(int status)
{
	char *log;

	if (!begin_part())
		return;
	tell_station("EXIT");
	text_paragraph(status == 0 ? TEXT_GOOD : TEXT_GONE, 4, "Status %d: %s",
	    status,
	    status == 0 ? "the application's reply was sent whole."
			: "the application's reply was not sent whole; an "
			  "entry in the log says why.");
	text_paragraph(TEXT_BOLD, 4, "Where the time went:");
	tell_time_line();
	tell_precision();
	log = read_kept_log();
	if (text_finish_page(page_output, log) && log != NULL)
		(void)!ftruncate(kept_log, 0);
	transcript_return_log();
	free(log);
	end_part();
}

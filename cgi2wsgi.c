/*
 * cgi2wsgi: one request of the Common Gateway Interface (RFC 3875), one call
 * of a WSGI application (PEP 3333). It keeps nothing running, caches nothing
 * in memory, and believes nothing of what a client sends about what to run.
 */

#include "python/cpython.h"

#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/body.h"
#include "cgi/clock.h"
#include "cgi/keeper.h"
#include "image/keep.h"
#include "cgi/log.h"
#include "cgi/mount.h"
#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "cgi/request.h"
#include "explain/transcript.h"
#include "invocation/file.h"
#include "invocation/invocation.h"
#include "invocation/trust.h"
#include "python/application.h"
#include "python/cache.h"
#include "python/garbage.h"
#include "python/habits.h"
#include "python/interpreter.h"
#include "python/memory.h"
#include "python/shutdown.h"
#include "python/traceback.h"
#include "terminal/terminal.h"
#include "wsgi/input.h"
#include "wsgi/response.h"
#include "wsgi_env.h"

extern char **environ;

static struct request request;
static struct {
	int argc;
	char **argv;
	bool typed; /* by a person: there is no server */
} command_line;

/* What prepare() leaves behind. */
static struct invocation invocation;
static PyObject *application; /* NULL: nothing is prepared yet */

static int
system_failure(const char *what)
{
	return report_fail(REPORT_SYSTEM, "%s: %s", what, strerror(errno));
}

/* The reply and the body are the parent's: a child must not touch them. */
static void
leave_to_parent(void)
{
	reply_close();
	body_close();
}

/* Signal handlers call this. */
static void
say_last_words(enum report_code code, int signal_number)
{
	/* Nobody reads them, and who tries an image wants to know the end. */
	if (code == REPORT_TERMINATED && keep_is_probe())
		raise(SIGKILL);
	transcript_return_log();
	page_last_words(code, signal_number);
}

static int
open_request(void)
{
	static const struct process_hooks hooks = {
		.last_words = say_last_words,
		.after_fork = leave_to_parent,
	};
	int body, reply, result = 0;

	page_open(&request, command_line.typed);
	transcript_forget();
	if (process_open(&hooks, &body, &reply) == -1)
		result = system_failure("cannot put descriptors in order");
	body_open(body);
	reply_open(reply);
	response_open();
	habits_open();
	if (request_open(&request, environ) == -1)
		return system_failure("cannot read the environment");
	report_about(&request);
	if (result == 0 && process_is_set_id())
		return report_fail(REPORT_SET_ID,
		    "refusing to run set-user-ID, set-group-ID or with "
		    "capabilities of the program's file");
	return result;
}

static int
open_log(void)
{
	const char *name = invocation.options.log;
	char *file;
	int result = 0;

	/* "-" is standard error, where the log is already. */
	if (name == NULL || strcmp(name, "-") == 0)
		return 0;
	page_expect_log();
	file = file_path(invocation.folder, name);
	if (log_redirect(file) == -1)
		result = report_fail(REPORT_LOG_FILE,
		    "cannot write %s as user %ld: %s", name, (long)geteuid(),
		    strerror(errno));
	free(file);
	return result;
}

/* --env reaches the process only if it says nothing about the request. */
static int
set_variables(void)
{
	const struct settings *settings = &invocation.options.settings;
	const struct setting *set;
	int i;

	for (i = 0; i < settings->count; i++) {
		set = &settings->list[i];
		if (request_set(&request, set->name, set->value) == -1 ||
		    (!request_is_meta(set->name, strlen(set->name)) &&
			setenv(set->name, set->value, 1) == -1))
			return system_failure("cannot set a variable");
	}
	return 0;
}

/*
 * A server that passes the reply on looks at the script's name (RFC 3875 5);
 * these never do, and a status line would confuse them.
 */
static bool
is_nph(void)
{
	static const char *const parsing[] = { "nginx", "lighttpd", "Caddy",
		"h2o", "WEBrick" };
	const char *script = request_text(&request, "SCRIPT_FILENAME",
	    request_text(&request, "SCRIPT_NAME", ""));
	const char *slash = strrchr(script, '/');
	size_t i;

	if (invocation.options.nph)
		return true;
	if (slash == NULL || strncmp(slash, "/nph-", 5) != 0)
		return false;
	for (i = 0; i < sizeof(parsing) / sizeof(*parsing); i++)
		if (request_is_by(&request, parsing[i]))
			return false;
	return true;
}

static int
follow_options(void)
{
	report_show_debug(invocation.options.debug);
	if (invocation.options.page)
		transcript_keep_output(invocation.options.log == NULL);
	if (open_log() == -1)
		return -1;
	if (invocation.options.explain || invocation.options.timing)
		clock_run(invocation.options.timing);
	if (invocation.options.explain)
		transcript_open(&invocation, &request);
	if (invocation_change_folder(&invocation) == -1 ||
	    set_variables() == -1)
		return -1;
	if (is_nph())
		reply_be_nph(request_text(
		    &request, "SERVER_SOFTWARE", "cgi2wsgi/" VERSION));
	if (body_measure(&request, invocation.options.max_body) == -1)
		return -1;
	page_prepare();
	if (process_limit(invocation.options.timeout,
		invocation.options.graceful_timeout) == -1)
		return system_failure("cannot set a timer");
	return 0;
}

static int
call(void)
{
	PyObject *input = NULL, *dict = NULL;
	int result;

	clock_enter(CLOCK_APPLICATION);
	if (input_store(&request) == -1)
		return -1;
	if (wsgi_env_complete(&request) == -1 ||
	    mount_repair(&request, invocation.options.script_name,
		invocation.action_tail) == -1)
		return system_failure("cannot complete the environ");
	if ((input = input_make()) != NULL)
		dict = wsgi_env_make(&request, input);
	if (dict != NULL)
		transcript_call(dict);
	result = dict == NULL
	    ? traceback_fail(REPORT_SYSTEM, "cannot make the environ")
	    : response_run(application, dict, &request);
	Py_XDECREF(dict);
	Py_XDECREF(input);
	return result;
}

/* A request of --preload-request, before this process is saved. */
static int
answer_before(void)
{
	int result = -1;

	report_open();
	if (open_request() == 0 && set_variables() == 0 &&
	    body_measure(&request, -1) == 0)
		result = call();
	leave_to_parent();
	return result;
}

static void wake(void);

/* Starts Python and imports the application. */
static int
prepare(void)
{
	static const struct keep_hooks hooks = { wake, answer_before };
	const char *const served[2] = { request_value(
					    &request, "DOCUMENT_ROOT"),
		request_value(&request, "CONTEXT_DOCUMENT_ROOT") };

	if (interpreter_start(&invocation) == -1)
		return -1;
	/* Without a folder that is safe nothing is kept, and all goes on. */
	cache_open(&invocation, keep_home(), served);
	keep_watch();
	clock_enter(CLOCK_IMPORT);
	transcript_python();
	application = application_load(&invocation);
	transcript_import(application);
	if (application == NULL)
		return -1;
	shutdown_prepare();
	garbage_resume();
	keep_image(&invocation, &hooks);
	return 0;
}

static int
leave(int result)
{
	int status = result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;

	clock_enter(CLOCK_EXIT);
	transcript_drain();
	if (!process_is_child()) {
		process_pause_clock();
		body_drain(invocation.options.graceful_timeout);
		process_resume_clock();
	}
	/* Before keep_resume() an image's Python would wait for its locks. */
	if (!keep_is_asleep())
		shutdown_python();
	transcript_end(status);
	if (!process_is_child() && request_is_by(&request, "Apache"))
		keeper_start();
	return status;
}

/*
 * A person's is found already. So is a process image's; but since then others
 * may have got the right to change what its options name (H5).
 */
static int
find_application(void)
{
	if (application != NULL)
		return trust_check_options(
		    &invocation.options, invocation.folder);
	if (command_line.typed)
		return report_failure() != NULL ? -1 : 0;
	return invocation_read(&invocation, &request, command_line.argc,
	    command_line.argv, process_execfn(command_line.argv[0]));
}

/*
 * One request, from its descriptors to the exit status. Where prepare() has
 * been already, as in a process image, nothing of an earlier request counts:
 * each unit forgets it when it is opened.
 */
static int
answer(void)
{
	bool prepared = application != NULL;
	int result = -1;

	/*
	 * The border lies before the call: until then nothing of the request is
	 * read but CONTENT_LENGTH, and what error pages need; from then on
	 * nothing is started or imported.
	 */
	if (open_request() == 0 && find_application() == 0 &&
	    follow_options() == 0 &&
	    (prepared ? keep_resume() : prepare()) == 0) {
		if (prepared)
			transcript_image();
		result = call();
	}
	Py_CLEAR(application);
	if (result == -1) {
		if (!body_is_measured())
			body_measure(&request, -1);
		clock_enter(CLOCK_OUTPUT);
		page_deliver();
		process_finish(EXIT_FAILURE);
	}
	return leave(result);
}

static int end_status = -1;

/*
 * atexit(3) calls the last function first: those that libraries in C registered
 * after the border have run. The others are the saved process's. OpenSSL's
 * would free all of its memory, and so write to it. They run only if something
 * was left whose end counts, for which Python was finalised.
 */
static void
leave_early(void)
{
	if (end_status == -1 || !Py_IsInitialized())
		return;
	fflush(NULL);
	_exit(end_status);
}

/* What was saved at the border starts again: another process, a request. */
static void
wake(void)
{
	clock_open();
	report_open();
	atexit(leave_early);
	end_status = answer();
	exit(end_status);
}

int
main(int argc, char **argv)
{
	int status;

	clock_open();
	report_open();
	keep_begin(argc, argv);
	memory_end_loops(alloc_fail);
	command_line.argc = argc;
	command_line.argv = argv;
	command_line.typed = !request_is_there() && !process_is_set_id();
	if (command_line.typed) {
		status = terminal_run(&invocation, argc, argv, open_request);
		if (status != -1)
			return status;
	} else if (!keep_is_wanted()) {
		memory_gather();
	}
	return answer();
}

/*
 * cgi2wsgi: one request of the Common Gateway Interface (RFC 3875), one call
 * of a WSGI application (PEP 3333). It keeps nothing running, caches nothing
 * in memory, and believes nothing of what a client sends about what to run.
 */

#include "python/cpython.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/body.h"
#include "check/check.h"
#include "terminal/client.h"
#include "cgi/clock.h"
#include "python/frozen.h"
#include "python/garbage.h"
#include "python/interpreter.h"
#include "invocation/invocation.h"
#include "cgi/keeper.h"
#include "python/memory.h"
#include "cgi/mount.h"
#include "invocation/options.h"
#include "cgi/page.h"
#include "cgi/process.h"
#include "cgi/reply.h"
#include "cgi/report.h"
#include "cgi/request.h"
#include "python/shutdown.h"
#include "terminal/environ.h"
#include "python/traceback.h"
#include "explain/transcript.h"
#include "python/application.h"
#include "wsgi_env.h"
#include "wsgi/input.h"
#include "wsgi/response.h"

extern char **environ;

static struct request request;
static struct invocation invocation;

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

static int
open_request(void)
{
	static const struct process_hooks hooks = {
		.last_words = page_last_words,
		.after_fork = leave_to_parent,
	};
	int body, reply;

	page_open(&request);
	if (process_open(&hooks, &body, &reply) == -1)
		return system_failure("cannot put descriptors in order");
	body_open(body);
	reply_open(reply);
	response_open();
	if (request_open(&request, environ) == -1)
		return system_failure("cannot read the environment");
	report_about(&request);
	if (process_is_set_id())
		return report_fail(REPORT_SET_ID,
		    "refusing to run set-user-ID or set-group-ID");
	return 0;
}

static int
open_log(void)
{
	char *file;
	int result = 0;

	if (invocation.options.log == NULL)
		return 0;
	if ((file = invocation_path(&invocation, invocation.options.log)) ==
		NULL ||
	    process_log_to(file) == -1)
		result = report_fail(REPORT_LOG_FILE,
		    "cannot write %s as user %ld: %s", invocation.options.log,
		    (long)geteuid(), strerror(errno));
	free(file);
	return result;
}

/* RFC 3875 7.2: a script runs in its own folder. */
static int
change_folder(void)
{
	char *folder = NULL;
	int result = 0;

	if (invocation.options.chdir != NULL)
		folder = invocation_path(&invocation, invocation.options.chdir);
	else if (invocation.by_server)
		folder = strdup(invocation.folder);
	else
		return 0;
	if (folder == NULL || chdir(folder) == -1)
		result = report_fail(REPORT_SYSTEM,
		    "cannot change to the folder %s: %s", folder ? folder : "",
		    strerror(errno));
	free(folder);
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

static void
choose_head(void)
{
	if (is_nph())
		reply_be_nph(request_text(
		    &request, "SERVER_SOFTWARE", "cgi2wsgi/" VERSION));
}

static int
follow_options(void)
{
	report_configure(invocation.options.debug, false);
	if (open_log() == -1)
		return -1;
	report_configure(
	    invocation.options.debug, invocation.options.log != NULL);
	if (invocation.options.explain || invocation.options.timing)
		clock_run(invocation.options.timing);
	if (invocation.options.explain)
		transcript_open(&invocation, &request);
	if (change_folder() == -1 || set_variables() == -1)
		return -1;
	choose_head();
	if (body_measure(&request, invocation.options.max_body) == -1)
		return -1;
	page_prepare();
	process_limit(
	    invocation.options.timeout, invocation.options.graceful_timeout);
	return 0;
}

static int
run(PyObject *application)
{
	PyObject *input = NULL, *dict = NULL;
	int result;

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

static int
serve(void)
{
	PyObject *application;
	int result;

	if (interpreter_start(&invocation) == -1)
		return -1;
	clock_enter(CLOCK_IMPORT);
	transcript_python();
	application = application_load(&invocation);
	transcript_import(application);
	if (application == NULL)
		return -1;
	shutdown_prepare();
	garbage_resume();
	/*
	 * Here is the border: above, nothing of the request was read but
	 * CONTENT_LENGTH, and what error pages need; below, nothing is started
	 * or imported.
	 */
	clock_enter(CLOCK_APPLICATION);
	result = run(application);
	Py_DECREF(application);
	return result;
}

/* A failure before the application was called. */
static void
give_up(void)
{
	if (!body_is_measured())
		body_measure(&request, -1);
	clock_enter(CLOCK_OUTPUT);
	page_deliver();
	process_finish(EXIT_FAILURE);
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
	shutdown_python();
	transcript_end(status);
	if (!process_is_child() && request_is_by(&request, "Apache"))
		keeper_start();
	return status;
}

static int
complain_to_person(void)
{
	fprintf(stderr, "cgi2wsgi: %s\n", report_failure());
	if (report_failed_with(REPORT_USAGE))
		return CLIENT_USAGE;
	return report_failed_with(REPORT_NO_FILE) ? CLIENT_READ_ERROR
						  : CLIENT_FAILED;
}

/* Findings are a reply, too, and what is checked must not reach it. */
static int
check(void)
{
	int result = open_request() == 0 ? check_run(&invocation)
					 : CLIENT_USAGE;

	return result == CLIENT_USAGE ? complain_to_person() : result;
}

/* --help, --version and --check */
static int
answer_person(void)
{
	if (invocation.options.want == WANT_CHECK)
		return check();
	if (invocation.options.want == WANT_HELP)
		fputs(options_help(invocation.options.all_help), stdout);
	else
		puts("cgi2wsgi " VERSION " (Python " PY_VERSION ")");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : CLIENT_WRITE_ERROR;
}

/*
 * A command line becomes environment and descriptors, as a server would have
 * left them. Returns -1 in the process where they are, or an exit status.
 */
static int
simulate(int argc, char **argv)
{
	char *complaint;
	int body, found, status;

	if (process_open_standard() == -1)
		return -1;
	found = invocation_read(
	    &invocation, &request, argc, argv, process_execfn(argv[0]));
	if (found == 0 && invocation.options.want != WANT_APPLICATION)
		return answer_person();
	/* Other failures are the page of the request. */
	if ((found == -1 && report_failed_with(REPORT_USAGE)) ||
	    environ_simulate(&invocation, &body) == -1)
		return complain_to_person();
	if (invocation.options.explain)
		clock_ask_kernel();
	status = client_run(&invocation.options, body, &complaint);
	if (complaint != NULL)
		fprintf(stderr, "cgi2wsgi: %s\n", complaint);
	free(complaint);
	return status;
}

/* A person's is found already. */
static int
find_application(int argc, char **argv, bool simulated)
{
	if (simulated) {
		page_prefer_text();
		return report_failure() != NULL ? -1 : 0;
	}
	return invocation_read(
	    &invocation, &request, argc, argv, process_execfn(argv[0]));
}

int
main(int argc, char **argv)
{
	bool simulated = !request_is_there() && !process_is_set_id();
	char *spare, *spare_end;
	int result = -1, status;

	clock_open();
	report_open();
	if (simulated && (status = simulate(argc, argv)) != -1)
		return status;
	if (!simulated) {
		frozen_spare(&spare, &spare_end);
		memory_gather(spare, spare_end);
	}
	if (open_request() == 0 &&
	    find_application(argc, argv, simulated) == 0 &&
	    follow_options() == 0)
		result = serve();
	if (result == -1)
		give_up();
	return leave(result);
}

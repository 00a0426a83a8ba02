/*
 * This floor is both ends of a request that a person makes: it sets the
 * variables and the body as a server would, and reads the reply. What lies
 * between is a process of its own, which takes the way of any request. It
 * opens no connection, and does nothing where a server started the program.
 */

#include "python/cpython.h"

#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "cgi/clock.h"
#include "cgi/process.h"
#include "cgi/report.h"
#include "check/check.h"
#include "terminal/client.h"
#include "terminal/environ.h"
#include "terminal/headers.h"
#include "terminal/preload.h"
#include "terminal/target.h"
#include "terminal/terminal.h"

static int
print_failure(void)
{
	fprintf(stderr, "cgi2wsgi: %s\n", report_failure());
	if (report_failed_with(REPORT_USAGE))
		return CLIENT_USAGE;
	return report_failed_with(REPORT_NO_FILE) ? CLIENT_READ_ERROR
						  : CLIENT_FAILED;
}

/* Findings are a reply, too, and what is checked must not reach it. */
static int
run_check(struct invocation *invocation, int (*open_request)(void))
{
	struct target target;
	int result = CLIENT_USAGE;

	/* A wrong URL is a mistake of the command line, not of the script. */
	if (target_read(&target, invocation->url) == 0 &&
	    headers_collect(&invocation->options) == 0 && open_request() == 0)
		result = check_run(invocation);
	target_free(&target);
	return result == CLIENT_USAGE ? print_failure() : result;
}

static int
print_text(const struct options *options)
{
	if (options->want == WANT_HELP)
		fputs(options_help(options->all_help), stdout);
	else
		puts("cgi2wsgi " VERSION " (Python " PY_VERSION ")");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : CLIENT_WRITE_ERROR;
}

int
terminal_run(struct invocation *invocation, int argc, char **argv,
    int (*open_request)(void))
{
	const struct request none = { 0 };
	char *complaint;
	int body, found, status;

	if (process_open_standard() == -1)
		return -1;
	found = invocation_read(
	    invocation, &none, argc, argv, process_execfn(argv[0]));
	if (found == 0 && invocation->options.want == WANT_CHECK)
		return run_check(invocation, open_request);
	if (found == 0 && invocation->options.want == WANT_PRELOAD) {
		status = terminal_preload_run(invocation);
		return report_failure() != NULL ? print_failure() : status;
	}
	if (found == 0 && invocation->options.want != WANT_APPLICATION)
		return print_text(&invocation->options);
	/* Other failures are the page of the request. */
	if ((found == -1 && report_failed_with(REPORT_USAGE)) ||
	    environ_simulate(invocation, &body) == -1)
		return print_failure();
	if (invocation->options.explain)
		clock_ask_kernel();
	status = client_run(&invocation->options, body, &complaint);
	if (complaint != NULL)
		fprintf(stderr, "cgi2wsgi: %s\n", complaint);
	free(complaint);
	return status;
}

/*
 * This floor says what would break a script under a server, before a server
 * finds it: first the file and its #! line, then the import, then answers to
 * requests. It changes nothing, and runs nothing as root. Each child process
 * that it starts has its findings collected here.
 */

#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/user.h"
#include "check/check.h"
#include "check/finding.h"
#include "check/preload.h"
#include "cgi/process.h"
#include "check/answers.h"
#include "check/import.h"
#include "cgi/alloc.h"
#include "cgi/report.h"
#include "cgi/secret.h"
#include "invocation/file.h"

#define USAGE_ERROR 2
#define LEAST_MEMORY (INT64_C(256) << 20)
#define LEAST_TIME 30 /* seconds */
#define LEAST_PROCESSES 32

static struct user account;

static void
report_user(void)
{
	if (account.uid == 0)
		finding_add("user-root",
		    "root asks, whom no permission stops, and as whom nothing "
		    "is imported\nname the user that the server runs scripts "
		    "as: --web-user NAME");
	else if (!account.ours)
		finding_add("user-modes",
		    "only root can act as %s: permissions are worked out from "
		    "owner, group and mode, and nothing is imported\n"
		    "let root check, or leave --web-user away where scripts "
		    "run as their owner",
		    account.name);
	else
		finding_add("user", "checked as the user %s, number %ld",
		    account.name, (long)account.uid);
}

static char *
make_absolute(const char *name)
{
	char *folder = *name == '/' ? alloc_text("/") : getcwd(NULL, 0),
	     *path = folder != NULL ? file_path(folder, name) : NULL;

	free(folder);
	return path;
}

static const char *
show_limit(char *text, size_t size, rlim_t value, const char *unit)
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(text, size, "%llu%s", (unsigned long long)value, unit);
	return text;
}

static void
check_limits(void)
{
	struct rlimit all = { 0 }, data = { 0 }, time = { 0 },
		      processes = { 0 };
	char megabytes[24], seconds[24], number[24];
	rlim_t memory;

	getrlimit(RLIMIT_AS, &all);
	getrlimit(RLIMIT_DATA, &data);
	getrlimit(RLIMIT_CPU, &time);
	getrlimit(RLIMIT_NPROC, &processes);
	memory = data.rlim_cur < all.rlim_cur ? data.rlim_cur : all.rlim_cur;
	if (memory < (rlim_t)LEAST_MEMORY)
		finding_add("limit-memory",
		    "memory is limited to %llu MB (ulimit -v, -d): Python with "
		    "a framework may need more\nask the host for 256 MB",
		    (unsigned long long)memory >> 20);
	if (time.rlim_cur < LEAST_TIME)
		finding_add("limit-cpu",
		    "a process gets %llu seconds of the processor (ulimit "
		    "-t)\nask the host for %d",
		    (unsigned long long)time.rlim_cur, LEAST_TIME);
	if (processes.rlim_cur < LEAST_PROCESSES)
		finding_add("limit-processes",
		    "the user may have %llu processes at once (ulimit -u), and "
		    "each request takes one\nask the host for %d",
		    (unsigned long long)processes.rlim_cur, LEAST_PROCESSES);
	if (finding_has("limit-"))
		return;
	finding_add("limits",
	    "memory %s, processor time %s, processes %s; a server may set "
	    "others (Apache: RLimitMEM, RLimitCPU, RLimitNPROC)",
	    show_limit(megabytes, sizeof(megabytes),
		memory == RLIM_INFINITY ? memory : memory >> 20, " MB"),
	    show_limit(seconds, sizeof(seconds), time.rlim_cur, " s"),
	    show_limit(number, sizeof(number), processes.rlim_cur, ""));
}

/* Whether the program would start Python for it; if not, notes why. */
static bool
read_script(struct subject *subject, struct invocation *invocation)
{
	if (!file_is_regular(subject->script) ||
	    access(subject->script, R_OK) == -1)
		return false;
	if (invocation_read_script(
		invocation, subject->script, subject->program) == 0)
		return true;
	subject->refusal = report_failure();
	subject->refused = report_failed_with(REPORT_UNSAFE_FILE) ? "unsafe"
	    : report_failed_with(REPORT_FILE_KIND)                ? "kind"
	    : report_failed_with(REPORT_LINE_END)                 ? "line"
								  : "usage";
	return false;
}

/*
 * permissions.py and what it calls; in a child, as python_try() wants it.
 * Python starts before root becomes the user, who perhaps cannot read its
 * library, and imports nothing of the user's.
 */
static void
check_files(const void *argument)
{
	static const struct invocation nothing = { .module = "check" };
	static const char *const modules[] = { "fnmatch", "os", "pwd", "shlex",
		"stat" };
	struct invocation invocation;
	struct subject subject = *(const struct subject *)argument;
	PyObject *names = NULL;
	size_t i;

	if (user_set_environment(&nothing.options.settings) == -1 ||
	    setenv("PYTHONNOUSERSITE", "1", 1) == -1 ||
	    python_begin(&nothing) == -1)
		return;
	for (i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		Py_XDECREF(PyImport_ImportModule(modules[i]));
	invocation = *subject.invocation;
	subject.invocation = &invocation;
	if (user_become(&account) == 0) {
		read_script(&subject, &invocation);
		names = python_define(&subject, false);
	}
	if (names != NULL)
		python_call(names, "check_files", NULL, NULL);
}

static void
check_script(struct subject *subject, struct invocation *invocation)
{
	const struct settings *settings = &invocation->options.settings;
	struct child child;
	int i;
	bool good = python_try(&child, PYTHON_PATIENCE, check_files, subject,
	    "looking at the files");

	child_release(&child);
	if (user_become(&account) == -1) {
		finding_add("check-failed", "%s\nlet --web-user name another",
		    report_failure());
		return;
	}
	/* As another user the import would leave files with a wrong owner. */
	if (!read_script(subject, invocation) || !good ||
	    finding_has("python-failed") || account.uid == 0 || !account.ours)
		return;
	/* Findings are for other eyes, too: values of --env are hidden. */
	for (i = 0; i < settings->count; i++)
		secret_add(settings->list[i].name, settings->list[i].value);
	/* The application's root, unless a URL was given. */
	if (strcmp(invocation->url, "/") == 0 &&
	    invocation->options.script_name != NULL &&
	    *invocation->options.script_name == '/')
		invocation->url = invocation->options.script_name;
	if (import_check(subject) && !invocation->options.check_files) {
		preload_check(subject);
		answers_check(subject);
	}
}

int
check_run(struct invocation *invocation)
{
	/* ./app.cgi --check gave the kernel the script's name, not ours. */
	char *program = realpath("/proc/self/exe", NULL),
	     *script = make_absolute(invocation->script);
	struct subject subject = { .invocation = invocation,
		.user = &account,
		.path = getenv("PATH"),
		.refused = "" };
	int result = USAGE_ERROR;

	if (program == NULL)
		program = realpath(process_execfn(""), NULL);
	if (program == NULL || script == NULL)
		report_fail(REPORT_SYSTEM,
		    "cannot find the program or the folder: %s",
		    strerror(errno));
	else if (user_find(&account, invocation->options.web_user) == 0) {
		subject.program = program;
		subject.script = script;
		finding_begin(invocation->options.check_json);
		report_user();
		check_limits();
		check_script(&subject, invocation);
		result = finding_end() ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	free(script);
	free(program);
	return result;
}

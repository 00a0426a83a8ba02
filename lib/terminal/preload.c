/*
 * No request is made: the script starts with a variable that has it saved and
 * not answer, in the environment that servers pass on: PATH, and what --env
 * sets.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/buffer.h"
#include "cgi/escape.h"
#include "cgi/report.h"
#include "check/preload.h"
#include "check/user.h"
#include "invocation/file.h"
#include "invocation/words.h"
#include "terminal/client.h"
#include "terminal/preload.h"

#define TIMES 5 /* files that were changed just now are not trusted yet */

/* As a server names it; memory to be freed, or NULL. */
static char *
name_script(const char *name)
{
	char *folder, *whole, *path = NULL;

	if (*name == '/')
		return alloc_text(name);
	folder = file_folder(name);
	if ((whole = realpath(folder, NULL)) != NULL)
		path = alloc_print("%s/%s", whole, file_base(name));
	free(whole);
	free(folder);
	return path;
}

/* Returns 0, or -1 with a failure reported. */
static int
check_line(const char *script)
{
	enum line_fault fault;
	struct words line;

	if (access(script, R_OK) == -1)
		return report_fail(REPORT_USAGE, "cannot read %s: %s", script,
		    strerror(errno));
	if (words_read_line(&line, script, &fault) &&
	    strcmp(file_base(line.word[0]), PRELOAD_NAME) == 0)
		return access(script, X_OK) == 0
		    ? 0
		    : report_fail(
			  REPORT_USAGE, "cannot execute %s: chmod +x", script);
	return report_fail(REPORT_USAGE,
	    "--preload: the first line of %s does not name " PRELOAD_NAME
	    ": write that in place of cgi2wsgi there, and the options stay",
	    script);
}

/* The script's own line has its options; --env stands for the server. */
static int
check_options(const struct options *options)
{
	int i, letter;

	for (i = 0; i < options->count; i++) {
		letter = options->given[i].letter;
		if (options->given[i].typed && letter != OPTION_PRELOAD &&
		    letter != OPTION_WEB_USER && letter != OPTION_ENV)
			return report_fail(REPORT_USAGE,
			    "--preload does what the script's first line says: "
			    "write %s there",
			    options_name(letter));
	}
	return 0;
}

/* What --env sets comes first, and is not set again. */
static void
set_environment(const struct settings *settings, const char *script)
{
	const char *const variables[][2] = {
		{ "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "REMOTE_ADDR", "127.0.0.1" },
		{ "REQUEST_METHOD", "GET" },
		{ "SCRIPT_FILENAME", script },
		{ "SERVER_NAME", "localhost" },
		{ "SERVER_PORT", "80" },
		{ "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "SCRIPT_NAME", "" },
		{ PRELOAD_MAKE, "save" },
	};
	size_t i;

	user_set_environment(settings);
	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		setenv(variables[i][0], variables[i][1], 0);
}

static _Noreturn void
start_script(
    const struct invocation *invocation, const char *script, int output)
{
	char *argv[] = { (char *)(uintptr_t)script, NULL },
	     *folder = file_folder(script);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	set_environment(&invocation->options.settings, script);
	if (chdir(folder) == 0 && null != -1 &&
	    dup2(null, STDIN_FILENO) != -1 && dup2(output, STDOUT_FILENO) != -1)
		execv(script, argv);
	dprintf(STDERR_FILENO, "cgi2wsgi: cannot execute %s: %s\n", script,
	    strerror(errno));
	_exit(EXIT_FAILURE);
}

/* What the script wrote, memory to be freed, or NULL; and its exit status. */
static char *
ask_script(const struct invocation *invocation, const char *script, int *status)
{
	struct buffer text = { 0 };
	char block[4096];
	int ends[2];
	ssize_t got;
	pid_t child;

	*status = -1;
	if (pipe2(ends, O_CLOEXEC) == -1)
		return NULL;
	if ((child = fork()) == 0)
		start_script(invocation, script, ends[1]);
	close(ends[1]);
	while ((got = read(ends[0], block, sizeof(block))) > 0)
		buffer_add(&text, block, (size_t)got);
	close(ends[0]);
	if (child == -1 || waitpid(child, status, 0) == -1)
		*status = -1;
	return buffer_take(&text, NULL);
}

/* Text of the application's own is shown so that it does no harm. */
static void
print_escaped(const char *text)
{
	struct buffer escaped = { 0 };
	char *shown;

	escape_add(&escaped, text, "", false);
	if ((shown = buffer_take(&escaped, NULL)) != NULL)
		fputs(shown, stdout);
	free(shown);
}

static void
print_variables(const char *text)
{
	const char *line = text;
	char *name;
	int count = 0;

	for (; line != NULL; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, "variable ", 9) != 0)
			continue;
		name = preload_find_fact(line, "variable");
		fputs(count++ == 0 ? "it read   " : ", ", stdout);
		print_escaped(name != NULL ? name : "?");
		free(name);
	}
	if (count > 0)
		putchar('\n');
}

static int
print_image(const char *text, const char *image)
{
	printf("image     ");
	print_escaped(image);
	printf(
	    "\nsize      %.1f MB\n", preload_find_number(text, "size") / 1e6);
	printf("start     %.1f ms; by importing it, %.1f ms\n",
	    preload_find_number(text, "start") / 1e6,
	    preload_find_number(text, "import") / 1e6);
	printf("made of   %.0f files and folders, %.0f libraries\n",
	    preload_find_number(text, "files"),
	    preload_find_number(text, "libraries"));
	print_variables(text);
	puts(
	    "A server that sets other variables than --env does here, PATH or\n"
	    "LANG for example, makes another one with its first request.");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : CLIENT_WRITE_ERROR;
}

static int
print_result(const char *script, const char *text, int status)
{
	char *image = preload_find_fact(text, "image"),
	     *refused = preload_find_fact(text, "refused");
	int result = EXIT_FAILURE;

	if (image != NULL && status == 0)
		result = print_image(text, image);
	else if (refused != NULL && status == 0) {
		fprintf(
		    stderr, "cgi2wsgi: no image of %s: %s\n", script, refused);
		fputs("Each request imports the application then. Have it "
		      "open, start or make this when it is called; or write "
		      "cgi2wsgi in place of " PRELOAD_NAME " again.\n",
		    stderr);
	} else
		fprintf(stderr, "cgi2wsgi: no image of %s: %s\n", script,
		    text != NULL && *text == '\0' && status == 0
			? "its files are being changed"
			: "it cannot be imported, or this system cannot save "
			  "processes; see " PRELOAD_NAME "(1)");
	free(refused);
	free(image);
	return result;
}

/* Whether the script can be started as a server does, by the right user. */
static bool
can_start(const struct invocation *invocation, const char *script)
{
	struct user user;

	if (check_options(&invocation->options) == -1 ||
	    user_find(&user, invocation->options.web_user) == -1 ||
	    user_become(&user) == -1)
		return false;
	if (!user.ours)
		report_fail(REPORT_USAGE, "--web-user: only root can act as %s",
		    user.name);
	return user.ours && check_line(script) == 0;
}

int
terminal_preload_run(const struct invocation *invocation)
{
	const struct timespec while_files_age = { .tv_nsec = 50000000 };
	char *script = name_script(invocation->script), *text = NULL;
	int result = CLIENT_USAGE, status = -1, i;

	if (script == NULL)
		report_fail(REPORT_NO_FILE, "cannot find %s: %s",
		    invocation->script, strerror(errno));
	else if (can_start(invocation, script)) {
		for (i = 0; i < TIMES; i++) {
			free(text);
			text = ask_script(invocation, script, &status);
			if (text == NULL || *text != '\0' || status != 0)
				break;
			nanosleep(&while_files_age, NULL);
		}
		result = print_result(script, text, status);
	}
	free(text);
	free(script);
	return result;
}

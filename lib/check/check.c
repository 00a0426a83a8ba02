/*
 * This floor says what would break a script under a server, before a server
 * finds it: first the file and its #! line, then the import, then answers to
 * requests. It changes nothing, and runs nothing as root. Each child process
 * that it starts has its findings collected here.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/user.h"
#include "check/check.h"
#include "check/finding.h"
#include "check/hashbang.h"
#include "check/permissions.h"
#include "check/preload.h"
#include "cgi/process.h"
#include "check/answers.h"
#include "check/import.h"
#include "cgi/buffer.h"
#include "cgi/report.h"
#include "cgi/secret.h"

#define USAGE_ERROR 2

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
absolute(const char *name)
{
	char *folder, *path = NULL;

	if (*name == '/')
		return strdup(name);
	if ((folder = getcwd(NULL, 0)) != NULL &&
	    asprintf(&path, "%s/%s", folder, name) == -1)
		path = NULL;
	free(folder);
	return path;
}

/*
 * What the program itself would refuse, unless that was found already. Its
 * message may end in a command, which becomes the advice: a name in quotes
 * cannot look like the beginning of one.
 */
static void
report_refusal(void)
{
	const char *failure = report_failure(),
		   *command = strstr(failure, ": chmod o-w '/");

	if (report_failed_with(REPORT_UNSAFE_FILE)) {
		if (!finding_has("shared-") && command != NULL)
			finding_add("line-folder", "%.*s\ntype%s",
			    (int)(command - failure), failure, command);
		else if (!finding_has("shared-"))
			finding_add("line-folder",
			    "%s\nname a folder that only you may write",
			    failure);
	} else if (report_failed_with(REPORT_FILE_KIND))
		finding_add("file-type",
		    "%s\nname a file of Python source in UTF-8", failure);
	else if (report_failed_with(REPORT_USAGE))
		finding_add("line-option",
		    "%s\ncorrect the first line; cgi2wsgi --help lists the "
		    "options",
		    failure);
}

/* A value as repr() or JSON have it in quotes; NULL without memory. */
static char *
escape_value(const char *value, char quote)
{
	struct buffer escaped = { 0 };
	const char *c;

	for (c = value; *c != '\0'; c++) {
		if (*c == '\\' || *c == quote)
			buffer_add_byte(&escaped, '\\');
		buffer_add_byte(&escaped, *c);
	}
	return buffer_take(&escaped, NULL);
}

/*
 * Findings are shown around: without what --env and --env-file have set. The
 * texts stay, since secret_add() borrows them.
 */
static void
add_secrets(const struct settings *settings)
{
	const struct setting *setting = settings->list;
	const char *quote;
	char *escaped;

	for (; setting < settings->list + settings->count; setting++) {
		secret_add(setting->name, setting->value);
		for (quote = "'\""; *quote != '\0'; quote++) {
			escaped = escape_value(setting->value, *quote);
			if (escaped == NULL ||
			    strcmp(escaped, setting->value) == 0 ||
			    secret_add(setting->name, escaped) == -1)
				free(escaped);
		}
	}
}

/* What the application does at its import and in a request. */
static void
check_application(const struct invocation *invocation, const char *program)
{
	const struct subject subject = {
		.invocation = invocation, .user = &account, .program = program
	};

	/* The files that it makes would have a wrong owner. */
	if (account.uid == 0 || !account.ours)
		return;
	add_secrets(&invocation->options.settings);
	if (!import_check(&subject) || invocation->options.check_files)
		return;
	preload_check(&subject);
	answers_check(&subject);
}

static void
check_script(
    struct invocation *invocation, const char *script, const char *program)
{
	bool good;

	if (access(script, R_OK) == -1)
		return;
	good = invocation_read_script(invocation, script, program) == 0;
	if (!good)
		report_refusal();
	hashbang_check(&account, script, program);
	if (good) {
		permissions_check_options(&account, invocation, script);
		check_application(invocation, program);
	}
}

/* For ./app.cgi --check the kernel was given the script's name, not ours. */
static char *
find_program(void)
{
	char *program = realpath("/proc/self/exe", NULL);

	return program != NULL ? program : realpath(process_execfn(""), NULL);
}

int
check_run(struct invocation *invocation)
{
	char *program = find_program(), *script = absolute(invocation->script),
	     *file = NULL;
	int result = USAGE_ERROR;

	if (program == NULL || script == NULL)
		report_fail(REPORT_SYSTEM,
		    "cannot find the program or the folder: %s",
		    strerror(errno));
	else if (file = realpath(script, NULL),
	    user_take(&account, invocation->options.web_user) == 0) {
		finding_begin(invocation->options.check_json);
		report_user();
		permissions_check_limits();
		if (permissions_check_file(
			&account, script, file ? file : script))
			check_script(invocation, script, program);
		result = finding_end() ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	free(file);
	free(script);
	free(program);
	return result;
}

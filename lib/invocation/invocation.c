/*
 * Words come from the #! line, from CGI2WSGI_ARGS or from a command line,
 * never from the words behind the script: those are the client's query.
 */

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "invocation/invocation.h"
#include "invocation/options.h"
#include "cgi/report.h"

#define PROGRAM "cgi2wsgi"

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int
check_not_shared(const char *path, const char *what)
{
	const char *word;
	struct stat st;

	if (stat(path, &st) == -1 || !(st.st_mode & S_IWOTH) ||
	    !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		return 0;
	word = words_quote(path);
	return report_fail(REPORT_UNSAFE_FILE,
	    "everyone may write %s%s, so anyone could run code here: "
	    "chmod o-w %s",
	    what, word, word);
}

/*
 * What everyone may write, anyone may have written (H5): the file, the
 * folder of the name and of the file, and where compiled code is read from.
 */
static int
check_safe(const char *name, const struct invocation *invocation)
{
	char *named = folder_of(name), *cache;
	int safe = -1;

	if (asprintf(&cache, "%s/__pycache__", invocation->folder) == -1)
		cache = NULL;
	if (named == NULL || cache == NULL)
		report_no_memory();
	else if (check_not_shared(invocation->file, "") == 0 &&
	    check_not_shared(named, "the folder ") == 0 &&
	    check_not_shared(invocation->folder, "the folder ") == 0 &&
	    check_not_shared(cache, "the folder ") == 0)
		safe = 0;
	free(cache);
	free(named);
	return safe;
}

char *
invocation_path(const struct invocation *invocation, const char *name)
{
	char *path;

	if (*name == '/')
		return strdup(name);
	if (asprintf(&path, "%s/%s", invocation->folder, name) == -1)
		return NULL;
	return path;
}

/* The folders that options name hold code, too. */
static int
check_folders(const struct invocation *invocation)
{
	char *path;
	int i, result = 0;

	for (i = 0; result == 0 && i <= invocation->paths.count; i++) {
		const char *name = i < invocation->paths.count
		    ? invocation->paths.word[i]
		    : invocation->venv;

		if (name == NULL)
			break;
		if ((path = invocation_path(invocation, name)) == NULL)
			return report_no_memory();
		result = check_not_shared(path, "the folder ");
		free(path);
	}
	return result;
}

static int
unreadable(const char *name)
{
	return report_fail(REPORT_NO_FILE, "cannot read %s as user %ld: %s",
	    name, (long)geteuid(), strerror(errno));
}

static int
use_file(struct invocation *invocation, const char *name)
{
	invocation->file = realpath(name, NULL);
	if (invocation->file == NULL || access(invocation->file, R_OK) == -1)
		return unreadable(name);
	if (!is_file(invocation->file))
		return report_fail(
		    REPORT_NO_FILE, "%s is not a regular file", name);
	if ((invocation->folder = folder_of(invocation->file)) == NULL)
		return report_no_memory();
	return check_safe(name, invocation);
}

/* Words of a #! line: options, and :callable at most. */
static int
use_line(struct invocation *invocation, const struct words *words,
    const char *script)
{
	int other = options_read(invocation, words, script);
	char *callable;

	if (other != -1 &&
	    (invocation->want == WANT_CHECK || invocation->web_user != NULL))
		return report_fail(REPORT_USAGE,
		    "%s: --check and --web-user are for the command line, not "
		    "for a script",
		    script);
	if (other == -1 || other == words->count)
		return other == -1 ? -1 : 0;
	callable = words->word[other];
	if (callable[0] != ':' || callable[1] == '\0' ||
	    other + 1 < words->count)
		return report_fail(REPORT_USAGE,
		    "%s: '%s' is neither an option nor the one :callable",
		    script, words->word[words->count - 1]);
	invocation->callable = callable + 1;
	return 0;
}

/* Where the kernel put the name of what it was given into argv, or 0. */
static int
find_word(const char *script, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], script) == 0)
			return i;
	return 0;
}

static int
use_url(struct invocation *invocation, const struct words *words, int at)
{
	invocation->url = at < words->count ? words->word[at] : "/";
	return at + 1 < words->count
	    ? report_fail(REPORT_USAGE,
		  "one application and one URL, not also '%s'",
		  words->word[at + 1])
	    : 0;
}

/* H4: [options] [URL] behind a script's name */
static int
use_words(struct invocation *invocation, int argc, char **argv)
{
	const struct words words = { argv, argc };
	int other = options_read(invocation, &words, NULL);

	return other == -1 ? -1 : use_url(invocation, &words, other);
}

/* H2: the kernel was given a script, whose first line brought it here. */
static int
by_kernel(struct invocation *invocation, const struct words *line, int argc,
    char **argv, const char *script)
{
	int at = find_word(script, argc, argv);

	invocation->way = WAY_LINE;
	if (use_line(invocation, line, script) == -1)
		return -1;
	/* Without a server, a person wrote what stands behind the script. */
	if (!invocation->by_server && at > 0 &&
	    use_words(invocation, argc - at, argv + at) == -1)
		return -1;
	return invocation->want == WANT_APPLICATION
	    ? use_file(invocation, script)
	    : 0;
}

/*
 * A script that this program was not started by, but for. If its own #! line
 * leads here (#!/usr/local/bin/cgi2wsgi words, or through env -S), its words
 * count. Returns how many they are, with the program's name, or -1 with a
 * failure reported.
 */
static int
read_own_words(const char *script, struct words *own)
{
	const char *name;

	if (words_read_line(own, script) == -1)
		return -1;
	for (; own->count > 0; own->word++, own->count--) {
		name = strrchr(own->word[0], '/');
		if (strcmp(name ? name + 1 : own->word[0], PROGRAM) == 0)
			break;
	}
	return own->count;
}

static int
use_script(
    struct invocation *invocation, const char *script, const struct words *own)
{
	if (own->count > 0 && use_line(invocation, own, script) == -1)
		return -1;
	return use_file(invocation, script);
}

/*
 * H3: the server ran us as the interpreter of SCRIPT_FILENAME, which no
 * client can set, unlike every word behind it. Returns 1 if not.
 */
static int
by_interpreter(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *program)
{
	const char *script = request_value(request, "SCRIPT_FILENAME");
	struct words own;
	int at;

	if (argc < 2 || script == NULL || !is_file(script) ||
	    same_file(script, program))
		return 1;
	if ((at = read_own_words(script, &own)) == -1)
		return -1;
	if (at == 0 || same_file(argv[1], script))
		at = 1;
	if (at >= argc || !same_file(argv[at], script))
		return 1;
	invocation->way = WAY_SCRIPT;
	return use_script(invocation, script, &own);
}

/* The part of a path that is a file: what follows it is path information. */
static char *
file_part(const char *path)
{
	char *file = strdup(path), *slash;

	while (file != NULL && !is_file(file)) {
		slash = strrchr(file, '/');
		if (slash == NULL || slash == file) {
			free(file);
			return NULL;
		}
		*slash = '\0';
	}
	return file;
}

static bool
is_action(const struct request *request, const char *program)
{
	const char *status = request_value(request, "REDIRECT_STATUS");
	const char *script = request_value(request, "SCRIPT_FILENAME");

	return request_value(request, "REDIRECT_HANDLER") != NULL &&
	    request_value(request, "REDIRECT_URL") != NULL &&
	    request_value(request, "PATH_TRANSLATED") != NULL &&
	    status != NULL && strcmp(status, "200") == 0 && script != NULL &&
	    same_file(script, program);
}

/* H3: Apache's Action, where only Apache sets these. Returns 1 if not. */
static int
by_action(struct invocation *invocation, const struct request *request,
    const char *program)
{
	const char *path, *end = NULL;
	struct words own;
	char *script;
	int result;

	if (!is_action(request, program))
		return 1;
	invocation->way = WAY_ACTION;
	path = request_value(request, "PATH_TRANSLATED");
	if ((script = file_part(path)) != NULL)
		end = strrchr(script, '.');
	if (end == NULL || strcmp(end, ".wsgi") != 0)
		result = report_fail(REPORT_NO_APPLICATION,
		    "Action: %s is not a file that ends in .wsgi", path);
	else {
		invocation->action_tail = path + strlen(script);
		result = read_own_words(script, &own) == -1
		    ? -1
		    : use_script(invocation, script, &own);
	}
	free(script);
	return result;
}

/*
 * A word that names no file but was meant to. mysite.wsgi may be a module, as
 * Django has it.
 */
static bool
looks_like_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (strchr(name, '/') != NULL)
		return true;
	return dot != NULL &&
	    (strcmp(dot, ".py") == 0 || strcmp(dot, ".cgi") == 0);
}

/*
 * file, file:callable, module or module:callable. A path may have colons:
 * what exists as a whole is a file. Returns 1 if there is only :callable.
 */
static int
use_name(struct invocation *invocation, char *name)
{
	char *colon = is_file(name) ? NULL : strrchr(name, ':');

	if (colon != NULL && colon[1] == '\0')
		return report_fail(REPORT_USAGE,
		    "'%s': a callable is missing behind ':'", name);
	if (colon != NULL) {
		*colon = '\0';
		invocation->callable = colon + 1;
	}
	if (*name == '\0')
		return 1;
	if (is_file(name) || looks_like_file(name))
		return use_file(invocation, name);
	invocation->module = name;
	invocation->folder = realpath(".", NULL);
	return invocation->folder != NULL ? 0 : report_no_memory();
}

/* H3: what the deployer wrote. Returns 1 if that names no application. */
static int
by_deployer(struct invocation *invocation)
{
	const char *where = "CGI2WSGI_ARGS", *text = getenv(where);
	struct words words = { 0 };
	int other;

	if (text == NULL)
		return 1;
	invocation->way = WAY_ARGS;
	if (words_append(&words, strdup(PROGRAM)) == -1 ||
	    words_split(&words, text, where) == -1)
		return -1;
	if ((other = options_read(invocation, &words, where)) == -1)
		return -1;
	if (words.count - other > 1)
		return report_fail(REPORT_USAGE,
		    "%s: one application, not also '%s'", where,
		    words.word[other + 1]);
	return other == words.count ? 1
				    : use_name(invocation, words.word[other]);
}

static int
by_server(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *program)
{
	int found = by_deployer(invocation);

	if (found == 1)
		found = by_action(invocation, request, program);
	if (found == 1)
		found = by_interpreter(
		    invocation, request, argc, argv, program);
	if (found == 1)
		found = report_fail(REPORT_NO_APPLICATION,
		    "nothing names an application: %s was started neither by a "
		    "#! line nor with CGI2WSGI_ARGS, nor as the interpreter of "
		    "SCRIPT_FILENAME, nor as the handler of an Apache Action "
		    "for .wsgi files",
		    program);
	return found;
}

/* --check SCRIPT: nothing of it may fail here. */
static int
take_script(struct invocation *invocation, const struct words *words, int other)
{
	if (words->count - other != 1)
		return report_fail(REPORT_USAGE,
		    "--check needs one script; see cgi2wsgi --help");
	if (invocation->wishes.count > 0)
		return report_fail(REPORT_USAGE,
		    "--check makes no request of your own; --lint makes three");
	invocation->script = words->word[other];
	return 0;
}

/* H4: [options] APP [URL] */
static int
by_person(struct invocation *invocation, int argc, char **argv)
{
	const struct words words = { argv, argc };
	int other = options_read(invocation, &words, NULL);

	invocation->way = WAY_PERSON;
	if (other == -1 || invocation->want != WANT_APPLICATION)
		return other == -1 ? -1
		    : invocation->want == WANT_CHECK
		    ? take_script(invocation, &words, other)
		    : 0;
	if (invocation->web_user != NULL)
		return report_fail(
		    REPORT_USAGE, "--web-user goes with --check");
	if (other == argc)
		return report_fail(REPORT_USAGE,
		    "an application is missing; see cgi2wsgi --help");
	if (use_url(invocation, &words, other + 1) == -1)
		return -1;
	if (use_name(invocation, argv[other]) == 1)
		return report_fail(REPORT_USAGE,
		    "a file or module is missing before the callable");
	return report_failure() != NULL ? -1 : 0;
}

/*
 * AT_EXECFN tells nothing below qemu-user or gVisor, and is missing on other
 * systems than Linux. There argv tells, as a kernel makes it of a #! line: the
 * program, all options in one word, the script. Under a server that has to be
 * SCRIPT_FILENAME, so that words of a query cannot look like it (H1).
 */
static bool
is_by_line(const struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *program)
{
	const char *script = request_value(request, "SCRIPT_FILENAME");

	return argc > 2 && same_file(argv[0], program) &&
	    words_are_of_line(argv[2], argv[0], argv[1]) &&
	    (!invocation->by_server ||
		(script != NULL && same_file(argv[2], script)));
}

static int
find(struct invocation *invocation, const struct request *request, int argc,
    char **argv, const char *execfn)
{
	struct words line;
	int is_script;

	if (is_by_line(invocation, request, argc, argv, execfn))
		execfn = argv[2];
	if ((is_script = words_read_line(&line, execfn)) == -1)
		return -1;
	if (is_script == 1)
		return by_kernel(invocation, &line, argc, argv, execfn);
	if (find_word(execfn, argc, argv) > 0 && access(execfn, R_OK) == -1)
		return unreadable(execfn);
	if (invocation->by_server)
		return by_server(invocation, request, argc, argv, execfn);
	return by_person(invocation, argc, argv);
}

int
invocation_read(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *execfn)
{
	*invocation = (struct invocation){
		.url = "/", .max_body = -1, .graceful_timeout = 30
	};
	invocation->by_server = request_is_cgi(request);
	if (find(invocation, request, argc, argv, execfn) == -1)
		return -1;
	return invocation->want == WANT_APPLICATION ? check_folders(invocation)
						    : 0;
}

int
invocation_read_script(
    struct invocation *invocation, const char *script, const char *program)
{
	struct words own;

	invocation->want = WANT_APPLICATION;
	invocation->by_server = true;
	invocation->web_user = NULL;
	invocation->lint = invocation->json = false;
	if (words_read_line(&own, script) == -1)
		return -1;
	/* The kernel asks for no name, others do. */
	if ((own.count == 0 || !same_file(own.word[0], program)) &&
	    read_own_words(script, &own) == -1)
		return -1;
	return use_script(invocation, script, &own) == 0
	    ? check_folders(invocation)
	    : -1;
}

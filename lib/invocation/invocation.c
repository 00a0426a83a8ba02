/*
 * This floor says what runs and with which options (conformance H), from argv,
 * the environment and the name that the kernel was given. It knows no Python,
 * reads nothing of what the request asks for, and starts nothing.
 *
 * Words come from the #! line, from CGI2WSGI_ARGS or from a command line,
 * never from the words behind the script: those are the client's query.
 */

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/alloc.h"
#include "cgi/report.h"
#include "invocation/file.h"
#include "invocation/invocation.h"
#include "invocation/trust.h"

#define PROGRAM "cgi2wsgi"

const char *
invocation_unused_venv(const struct invocation *invocation)
{
	static const char *const names[] = { ".venv", "venv" };
	const char *found = NULL;
	char *file;
	size_t i;

	if (invocation->options.venv != NULL || invocation->file == NULL)
		return NULL;
	for (i = 0; found == NULL && i < sizeof(names) / sizeof(*names); i++) {
		file = alloc_print(
		    "%s/%s/pyvenv.cfg", invocation->folder, names[i]);
		if (access(file, F_OK) == 0)
			found = names[i];
		free(file);
	}
	return found;
}

int
invocation_change_folder(const struct invocation *invocation)
{
	const char *name = invocation->options.chdir;
	char *folder;
	int result;

	if (name == NULL && !invocation->by_server)
		return 0;
	folder = name != NULL ? file_path(invocation->folder, name)
			      : alloc_text(invocation->folder);
	result = chdir(folder);
	if (result == -1)
		report_fail(REPORT_SYSTEM, "cannot change to the folder %s: %s",
		    folder, strerror(errno));
	free(folder);
	return result;
}

/* Checks what options name (H5), and reads the files of --env-file. */
static int
complete_options(struct invocation *invocation)
{
	struct settings *settings = &invocation->options.settings, all = { 0 };
	const struct setting *next;
	struct stat st;
	uid_t owner = geteuid();
	char *path;
	int i,
	    result = trust_check_options(
		&invocation->options, invocation->folder);

	if (invocation->file != NULL && stat(invocation->file, &st) == 0)
		owner = st.st_uid;
	for (i = 0; result != -1 && i < settings->count; i++) {
		next = &settings->list[i];
		if (next->name != NULL)
			settings_append_pair(&all, next->name, next->value);
		else {
			path = file_path(invocation->folder, next->value);
			result = settings_read_file(&all, path, owner);
			free(path);
		}
	}
	free(settings->list);
	*settings = all;
	return result;
}

static int
refuse_unreadable(const char *name)
{
	return report_fail(REPORT_NO_FILE, "cannot read %s as user %ld: %s%s",
	    name, (long)geteuid(), strerror(errno),
	    *name == '~' || strchr(name, '$') != NULL
		? " (nothing is expanded here: write the whole name)"
		: "");
}

static int
use_file(struct invocation *invocation, const char *name)
{
	invocation->file = realpath(name, NULL);
	if (invocation->file == NULL || access(invocation->file, R_OK) == -1)
		return refuse_unreadable(name);
	if (!file_is_regular(invocation->file))
		return report_fail(
		    REPORT_NO_FILE, "%s is not a regular file", name);
	invocation->folder = file_folder(invocation->file);
	return trust_check_file(invocation->file, invocation->folder, name);
}

/* Options of a script or a server, which want an application and no more. */
static int
read_options(
    struct invocation *invocation, const struct words *words, const char *where)
{
	const struct options *options = &invocation->options;
	int other = options_read(&invocation->options, words, where);

	if (other != -1 &&
	    (options->want != WANT_APPLICATION || options->web_user != NULL))
		return report_fail(REPORT_USAGE,
		    "%s: --help, --version, --check and --preload are for a "
		    "terminal",
		    where);
	return other;
}

/*
 * Whether a word that names no file was meant to. mysite.wsgi may be a module,
 * as Django has it.
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
 * A word of a first line that is no option. Who knows other gateways writes a
 * module or a file there.
 */
static int
refuse_word(const char *script, const char *word)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
	size_t module = strspn(word, letters);
	const char *callable = word[module] == ':' ? word + module + 1
						   : "application";

	if (looks_like_file(word))
		return report_fail(REPORT_USAGE,
		    "%s: '%s' cannot be named here: the application is this "
		    "script itself. Write the first line into that file, and "
		    "let the server start it",
		    script, word);
	if (module > 0 && *callable != '\0' &&
	    callable[strspn(callable, letters)] == '\0' &&
	    (word[module] == ':' || word[module] == '\0'))
		return report_fail(REPORT_USAGE,
		    "%s: '%s' cannot be named here: the application is this "
		    "script itself. Write in its second line: from %.*s import "
		    "%s%s%s%s",
		    script, word, (int)module, word, callable,
		    strcmp(callable, "application") == 0 ? ""
							 : " as application",
		    strpbrk(word, ".:") == NULL
			? "; or, if this script has that name, in the first: :"
			: "",
		    strpbrk(word, ".:") == NULL ? word : "");
	return report_fail(REPORT_USAGE,
	    "%s: '%s' is neither an option nor the one :callable", script,
	    word);
}

/* Words of a #! line: options, and :callable at most. */
static int
use_line(struct invocation *invocation, const struct words *words,
    const char *script)
{
	int other = read_options(invocation, words, script);
	const char *callable;

	if (other == -1 || other == words->count)
		return other == -1 ? -1 : 0;
	callable = words->word[other];
	if (callable[0] != ':' || callable[1] == '\0')
		return refuse_word(script, callable);
	if (other + 1 < words->count)
		return refuse_word(script, words->word[other + 1]);
	invocation->callable = callable + 1;
	return 0;
}

/* The index at which the kernel put the script's name into argv, or 0. */
static int
find_word(const char *script, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], script) == 0)
			return i;
	return 0;
}

/* What a command line says besides options and application: the URL at most. */
static int
use_rest(struct invocation *invocation, int at)
{
	const struct options *options = &invocation->options;
	const struct words *typed = &invocation->typed;
	int i, letter;

	if (options->want == WANT_APPLICATION && options->web_user != NULL)
		return report_fail(
		    REPORT_USAGE, "--web-user goes with --check or --preload");
	for (i = 0; options->want == WANT_CHECK && i < options->count; i++) {
		letter = options->given[i].letter;
		if (options_is_about_request(letter) && letter != 'H')
			return report_fail(REPORT_USAGE,
			    "--check asks with GET, HEAD and POST: of the "
			    "options about a request it takes -H, not %s",
			    options_name(letter));
	}
	if (at < typed->count && options->want == WANT_PRELOAD)
		return report_fail(REPORT_USAGE,
		    "--preload takes one script, not also '%s': "
		    "--preload-request in the first line names a URL",
		    typed->word[at]);
	if (at < typed->count)
		invocation->url = typed->word[at];
	return at + 1 < typed->count
	    ? report_fail(REPORT_USAGE,
		  "one application and one URL, not also '%s'",
		  typed->word[at + 1])
	    : 0;
}

/* H2: the kernel was given a script, whose first line brought it here. */
static int
find_by_line(struct invocation *invocation, const struct words *line, int argc,
    char **argv, const char *script)
{
	int at = find_word(script, argc, argv), other;

	invocation->way = WAY_LINE;
	if (use_line(invocation, line, script) == -1)
		return -1;
	/* H4: without a server, a person wrote [options] [URL] behind it. */
	if (!invocation->by_server && at > 0) {
		invocation->typed = (struct words){ argv + at, argc - at };
		other = options_read(
		    &invocation->options, &invocation->typed, NULL);
		if (other == -1 || use_rest(invocation, other) == -1)
			return -1;
	}
	if (invocation->options.want == WANT_APPLICATION)
		return use_file(invocation, script);
	invocation->script = script;
	return 0;
}

/* Whether the first line names this program, under one of its names. */
static bool
is_program(const char *word, const char *program)
{
	const char *base = file_base(word);

	return strcmp(base, PROGRAM) == 0 ||
	    strcmp(base, PROGRAM "-preload") == 0 ||
	    file_is_same(word, program);
}

/* What an editor wrote into a line that is meant for this program. */
static int
check_fault(const char *script, enum line_fault fault)
{
	switch (fault) {
	case LINE_QUOTE:
		return report_fail(
		    REPORT_USAGE, "%s: a quote is not closed", script);
	case LINE_RETURN:
		return report_fail(REPORT_LINE_END,
		    "the #! line of %s ends in a carriage return: save the "
		    "file with Unix line ends",
		    script);
	case LINE_MARK:
		return report_fail(REPORT_LINE_END,
		    "a byte order mark, three invisible bytes, stands before "
		    "the #! line of %s: save the file as UTF-8 without it",
		    script);
	default: return 0;
	}
}

/*
 * For a script whose #! line the kernel did not follow. If it leads here all
 * the same (#!/usr/local/bin/cgi2wsgi words, or through env -S), its words
 * count. Returns how many they are, with the program's name, or -1 with a
 * failure reported.
 */
static int
read_own_words(const char *script, struct words *own, const char *program)
{
	enum line_fault fault;

	words_read_line(own, script, &fault);
	for (; own->count > 0; own->word++, own->count--)
		if (is_program(own->word[0], program))
			break;
	if (own->count > 0 && check_fault(script, fault) == -1)
		return -1;
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
 * H3: the server ran us as the interpreter of SCRIPT_FILENAME. No client can
 * set that, unlike the words behind it; env -S puts those of the #! line before
 * it. Returns 1 if not.
 */
static int
find_by_interpreter(struct invocation *invocation,
    const struct request *request, int argc, char **argv, const char *program)
{
	const char *script = request_value(request, "SCRIPT_FILENAME");
	struct words own;
	int at;

	if (argc < 2 || script == NULL || !file_is_regular(script) ||
	    file_is_same(script, program))
		return 1;
	if ((at = read_own_words(script, &own, program)) == -1)
		return -1;
	if (at == 0 || file_is_same(argv[1], script))
		at = 1;
	if (at >= argc || !file_is_same(argv[at], script))
		return 1;
	invocation->way = WAY_SCRIPT;
	return use_script(invocation, script, &own);
}

/* The part of a path that is a file: what follows it is path information. */
static char *
file_part(const char *path)
{
	char *file = alloc_text(path), *slash;

	while (!file_is_regular(file)) {
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
	    file_is_same(script, program);
}

/* H3: Apache's Action, where only Apache sets these. Returns 1 if not. */
static int
find_by_action(struct invocation *invocation, const struct request *request,
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
		result = read_own_words(script, &own, program) == -1
		    ? -1
		    : use_script(invocation, script, &own);
	}
	free(script);
	return result;
}

/*
 * file, file:callable, module or module:callable. A path may have colons:
 * what exists as a whole is a file. Returns 1 if there is only :callable.
 */
static int
use_name(struct invocation *invocation, const char *name)
{
	const char *colon = file_is_regular(name) ? NULL : strrchr(name, ':');

	if (colon != NULL && colon[1] == '\0')
		return report_fail(REPORT_USAGE,
		    "'%s': a callable is missing behind ':'", name);
	if (colon != NULL) {
		invocation->callable = colon + 1;
		name = alloc_part(name, (size_t)(colon - name));
	}
	if (*name == '\0')
		return 1;
	if (file_is_regular(name) || looks_like_file(name))
		return use_file(invocation, name);
	invocation->module = name;
	invocation->folder = realpath(".", NULL);
	return invocation->folder != NULL ? 0 : report_no_memory();
}

/* H3: what the deployer wrote. Returns 1 if that names no application. */
static int
find_by_arguments(struct invocation *invocation)
{
	const char *where = "CGI2WSGI_ARGS", *text = getenv(where);
	struct words words = { 0 };
	int other;

	if (text == NULL)
		return 1;
	invocation->way = WAY_ARGS;
	words_append(&words, alloc_text(PROGRAM));
	if (words_split(&words, text, where) == -1)
		return -1;
	if ((other = read_options(invocation, &words, where)) == -1)
		return -1;
	if (words.count - other > 1)
		return report_fail(REPORT_USAGE,
		    "%s: one application, not also '%s'", where,
		    words.word[other + 1]);
	return other == words.count ? 1
				    : use_name(invocation, words.word[other]);
}

static int
find_by_server(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *program)
{
	int found = find_by_arguments(invocation);

	if (found == 1)
		found = find_by_action(invocation, request, program);
	if (found == 1)
		found = find_by_interpreter(
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

/*
 * H4: the script's own first line counts in a terminal, too, if it leads here.
 * The command line is read again after it, and so wins.
 */
static int
use_line_and_typed(
    struct invocation *invocation, const struct words *own, const char *script)
{
	const char *typed = invocation->callable;

	options_reset(&invocation->options);
	if (own->count > 0 && use_line(invocation, own, script) == -1)
		return -1;
	if (typed != NULL)
		invocation->callable = typed;
	return options_read(&invocation->options, &invocation->typed, NULL);
}

/* H4: [options] APP [URL] */
static int
find_by_person(
    struct invocation *invocation, int argc, char **argv, const char *program)
{
	struct options *options = &invocation->options;
	const char *callable = NULL;
	struct words own;
	int other, found;

	invocation->way = WAY_PERSON;
	invocation->typed = (struct words){ argv, argc };
	other = options_read(options, &invocation->typed, NULL);
	if (other == -1 || options->want == WANT_HELP ||
	    options->want == WANT_VERSION)
		return other == -1 ? -1 : 0;
	/* env -S puts the :callable of a first line before the script. */
	if (other + 1 < argc && argv[other][0] == ':')
		callable = argv[other++] + 1;
	if (other == argc)
		return report_fail(REPORT_USAGE, "%s; see cgi2wsgi --help",
		    options->want == WANT_APPLICATION
			? "an application is missing"
			: "--check and --preload need a script");
	if (use_rest(invocation, other + 1) == -1)
		return -1;
	/* What is wrong with the script is for --check to find. */
	if (options->want != WANT_APPLICATION) {
		invocation->script = argv[other];
		return 0;
	}
	if ((found = use_name(invocation, argv[other])) == 1)
		return report_fail(REPORT_USAGE,
		    "a file or module is missing before the callable");
	if (invocation->callable == NULL)
		invocation->callable = callable;
	if (found == -1 || invocation->file == NULL)
		return found;
	return read_own_words(invocation->file, &own, program) == -1
	    ? -1
	    : use_line_and_typed(invocation, &own, invocation->file);
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

	return argc > 2 && file_is_same(argv[0], program) &&
	    words_are_of_line(argv[2], argv[0], argv[1]) &&
	    (!invocation->by_server ||
		(script != NULL && file_is_same(argv[2], script)));
}

static int
find_by_execfn(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *execfn)
{
	enum line_fault fault;
	struct words line;
	bool is_script;

	if (is_by_line(invocation, request, argc, argv, execfn))
		execfn = argv[2];
	is_script = words_read_line(&line, execfn, &fault);
	if (check_fault(execfn, fault) == -1)
		return -1;
	if (is_script)
		return find_by_line(invocation, &line, argc, argv, execfn);
	if (find_word(execfn, argc, argv) > 0 && access(execfn, R_OK) == -1)
		return refuse_unreadable(execfn);
	if (invocation->by_server)
		return find_by_server(invocation, request, argc, argv, execfn);
	return find_by_person(invocation, argc, argv, execfn);
}

int
invocation_read(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *execfn)
{
	*invocation = (struct invocation){ .url = "/" };
	options_reset(&invocation->options);
	invocation->by_server = request_find_sign(request) != NULL;
	if (find_by_execfn(invocation, request, argc, argv, execfn) == -1)
		return -1;
	return invocation->options.want == WANT_APPLICATION
	    ? complete_options(invocation)
	    : 0;
}

int
invocation_read_script(
    struct invocation *invocation, const char *script, const char *program)
{
	struct words own;

	invocation->by_server = true;
	if (read_own_words(script, &own, program) == -1 ||
	    use_line_and_typed(invocation, &own, script) == -1)
		return -1;
	invocation->options.want = WANT_APPLICATION;
	return use_file(invocation, script) == 0 ? complete_options(invocation)
						 : -1;
}

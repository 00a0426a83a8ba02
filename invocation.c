/*
 * Words come from the #! line, from CGI2WSGI_ARGS or from a command line,
 * never from the words behind the script: those are the client's query.
 */

#include <sys/stat.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "header.h"
#include "invocation.h"
#include "report.h"

#define PROGRAM	"cgi2wsgi"

const char invocation_help[] =
"usage: cgi2wsgi [options] APP [URL]\n"
"       #!/usr/local/bin/cgi2wsgi [options] [:callable]\n"
"\n"
"Runs the WSGI application APP once: as the #! line of a script in cgi-bin,\n"
"as the program that CGI2WSGI_ARGS configures, or here with a GET of URL.\n"
"APP is file.py, file.wsgi:callable, module or module:factory().\n"
"\n"
"      --venv DIR              use this virtual environment\n"
"      --path DIR              look for modules there, too (repeatable)\n"
"      --chdir DIR             change to this folder first\n"
"      --env NAME=VALUE        set a variable (repeatable)\n"
"      --script-name PREFIX    the application's root is this URL path;\n"
"                              off: leave SCRIPT_NAME as the server sets it\n"
"      --log FILE              append the log to FILE\n"
"      --max-body BYTES        refuse larger requests (413); K, M, G\n"
"      --timeout SECONDS       end the application then (504)\n"
"      --graceful-timeout SECONDS\n"
"                              time for close(), threads and atexit (30)\n"
"      --nph                   write a whole HTTP response\n"
"      --debug                 show tracebacks to the client\n"
"  -V, --version               print the versions\n"
"  -h, --help                  print this\n";

static const struct option options[] = {
	{ "venv", required_argument, NULL, 'v' },
	{ "path", required_argument, NULL, 'p' },
	{ "chdir", required_argument, NULL, 'c' },
	{ "env", required_argument, NULL, 'e' },
	{ "script-name", required_argument, NULL, 's' },
	{ "log", required_argument, NULL, 'l' },
	{ "max-body", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 't' },
	{ "graceful-timeout", required_argument, NULL, 'g' },
	{ "nph", no_argument, NULL, 'n' },
	{ "debug", no_argument, NULL, 'd' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Words with the program's name in front, as argv has it. */
struct words {
	char	**word;
	int	  count;
};

static int
no_memory(void)
{
	return report_fail(REPORT_SYSTEM, "out of memory");
}

static int
append(char ***list, int count, char *word)
{
	char **grown;

	if (word == NULL)
		return no_memory();
	grown = realloc(*list, (size_t)(count + 2) * sizeof(*grown));
	if (grown == NULL)
		return no_memory();
	grown[count] = word;
	grown[count + 1] = NULL;
	*list = grown;
	return 0;
}

/* What options point to stays until the process ends, and reachable. */
static char *
keep(char *memory)
{
	static char **kept;
	static int count;

	if (append(&kept, count, memory) == -1)
		return NULL;
	count++;
	return memory;
}

/*
 * Copies one word as a shell reads it, with quotes and backslashes and
 * without any expansion. Returns what follows, or NULL: a quote is open.
 */
static const char *
read_word(const char *text, char *word)
{
	char quote = '\0';

	for (; *text != '\0'; text++) {
		if (quote == '\0' && strchr(" \t\n", *text))
			break;
		if (*text == quote)
			quote = '\0';
		else if (quote == '\0' && (*text == '\'' || *text == '"'))
			quote = *text;
		else if (*text == '\\' && text[1] != '\0' &&
		    (quote == '\0' || (quote == '"' &&
		    (text[1] == '"' || text[1] == '\\'))))
			*word++ = *++text;
		else
			*word++ = *text;
	}
	*word = '\0';
	return quote == '\0' ? text : NULL;
}

static int
split(struct words *words, const char *text, const char *where)
{
	char *word;

	for (text += strspn(text, " \t\n"); *text != '\0';
	    text += strspn(text, " \t\n")) {
		word = keep(malloc(strlen(text) + 1));
		if (append(&words->word, words->count, word) == -1)
			return -1;
		words->count++;
		if ((text = read_word(text, word)) == NULL)
			return report_fail(REPORT_USAGE,
			    "%s: a quote is not closed", where);
	}
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/*
 * Reads the first line of a file, without its end. Returns 1, 0 if it does
 * not begin with #!, or -1 with errno or a failure reported.
 */
static int
read_first_line(const char *file, char **line)
{
	FILE *from = fopen(file, "re");
	size_t room = 0;
	ssize_t length = -1;

	*line = NULL;
	if (from == NULL)
		return -1;
	if (getc(from) == '#' && getc(from) == '!')
		length = getline(line, &room, from);
	fclose(from);
	if (length <= 0)
		return 0;
	if ((*line)[length - 1] == '\n')
		(*line)[--length] = '\0';
	if (length > 0 && (*line)[length - 1] == '\r')
		return report_fail(REPORT_LINE_END, "the #! line of %s ends "
		    "in a carriage return: save it with Unix line ends", file);
	return 1;
}

static int
read_number(unsigned *number, int64_t least, const char *text,
    const char *where, const char *option)
{
	int64_t wide;

	if (header_read_length(text, strlen(text), &wide) == -1 ||
	    wide < least || wide > INT_MAX / 1000)
		return report_fail(REPORT_USAGE,
		    "%s: %s needs a number of seconds from %d on, not '%s'",
		    where, option, (int)least, text);
	*number = (unsigned)wide;
	return 0;
}

static int
read_size(int64_t *size, const char *text, const char *where)
{
	static const char suffixes[] = "KMG";
	size_t length = strlen(text);
	const char *suffix = NULL;
	int shift = 0;

	if (length > 1 && (suffix = strchr(suffixes, text[length - 1])))
		shift = 10 * (int)(suffix - suffixes + 1);
	if (header_read_length(text, length - (suffix != NULL), size) == -1 ||
	    *size > INT64_MAX >> shift)
		return report_fail(REPORT_USAGE, "%s: --max-body needs a "
		    "number of bytes, as in 500K, 20M or 1G, not '%s'",
		    where, text);
	*size <<= shift;
	return 0;
}

static int
list_length(const char *const *list)
{
	int count = 0;

	while (list != NULL && list[count] != NULL)
		count++;
	return count;
}

static int
add_setting(struct invocation *invocation, char *setting, const char *where)
{
	const char *equals = strchr(setting, '=');

	if (equals == NULL || equals == setting)
		return report_fail(REPORT_USAGE,
		    "%s: --env needs NAME=VALUE, not '%s'", where, setting);
	return append((char ***)(void *)&invocation->settings,
	    list_length(invocation->settings), setting);
}

static int
check_prefix(const char *prefix, const char *where)
{
	if (*prefix != '/' && strcmp(prefix, "off") != 0)
		return report_fail(REPORT_USAGE, "%s: --script-name needs a "
		    "URL path that begins with '/', or off, not '%s'",
		    where, prefix);
	return 0;
}

static int
set_option(struct invocation *invocation, int letter, char *value,
    const char *where)
{
	switch (letter) {
	case 'v':
		invocation->venv = value;
		return 0;
	case 'p':
		return append((char ***)(void *)&invocation->paths,
		    list_length(invocation->paths), value);
	case 'c':
		invocation->chdir = value;
		return 0;
	case 'e':
		return add_setting(invocation, value, where);
	case 's':
		invocation->script_name = value;
		return check_prefix(value, where);
	case 'l':
		invocation->log = value;
		return 0;
	case 'm':
		return read_size(&invocation->max_body, value, where);
	case 't':
		return read_number(&invocation->timeout, 0, value, where,
		    "--timeout");
	case 'g':
		return read_number(&invocation->graceful_timeout, 1, value,
		    where, "--graceful-timeout");
	case 'n':
		invocation->nph = true;
		return 0;
	case 'd':
		invocation->debug = true;
		return 0;
	default:
		invocation->want = letter == 'V' ? WANT_VERSION : WANT_HELP;
		return 0;
	}
}

/* Reads the options; the other words move to the end, from optind on. */
static int
read_options(struct invocation *invocation, const struct words *words,
    const char *where)
{
	int letter;

	opterr = 0;
	optind = 0;
	while ((letter = getopt_long(words->count, words->word, ":Vh", options,
	    NULL)) != -1)
		if (letter == '?')
			return report_fail(REPORT_USAGE,
			    "%s: %s is no option; see cgi2wsgi --help",
			    where, words->word[optind - 1]);
		else if (letter == ':')
			return report_fail(REPORT_USAGE,
			    "%s: %s needs a value", where,
			    words->word[optind - 1]);
		else if (set_option(invocation, letter, optarg, where) == -1)
			return -1;
	if (invocation->by_server && invocation->want != WANT_APPLICATION)
		return report_fail(REPORT_USAGE,
		    "%s: --help and --version are for a terminal", where);
	return 0;
}

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
	return slash == path ? strdup("/") :
	    strndup(path, (size_t)(slash - path));
}

static int
check_not_shared(const char *path, const char *what)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mode & S_IWOTH)
		return report_fail(REPORT_UNSAFE_FILE, "everyone may write "
		    "%s%s, so anyone could run code here: chmod o-w '%s'",
		    what, path, path);
	return 0;
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
		no_memory();
	else if (check_not_shared(invocation->file, "") == 0 &&
	    check_not_shared(named, "the folder ") == 0 &&
	    check_not_shared(invocation->folder, "the folder ") == 0 &&
	    check_not_shared(cache, "the folder ") == 0)
		safe = 0;
	free(cache);
	free(named);
	return safe;
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
		return report_fail(REPORT_NO_FILE,
		    "%s is not a regular file", name);
	if ((invocation->folder = folder_of(invocation->file)) == NULL)
		return no_memory();
	return check_safe(name, invocation);
}

/* Words of a #! line: options, and :callable at most. */
static int
use_line_words(struct invocation *invocation, const struct words *words,
    const char *where)
{
	int i;

	if (read_options(invocation, words, where) == -1)
		return -1;
	for (i = optind; i < words->count; i++)
		if (words->word[i][0] != ':' || words->word[i][1] == '\0' ||
		    i > optind)
			return report_fail(REPORT_USAGE, "%s: '%s' is neither "
			    "an option nor the one :callable", where, words->word[i]);
		else
			invocation->callable = words->word[i] + 1;
	return 0;
}

static char *
describe_line(const char *file)
{
	char *where;

	return asprintf(&where, "the #! line of %s", file) == -1 ? NULL :
	    where;
}

static int
use_own_line(struct invocation *invocation, const char *file,
    struct words *words)
{
	char *where = describe_line(file);
	int result;

	result = where == NULL ? no_memory() :
	    use_line_words(invocation, words, where);
	free(where);
	return result;
}

/* Whether the kernel put the name of what it was given into argv. */
static bool
is_word(const char *script, int argc, char **argv)
{
	while (--argc > 0)
		if (strcmp(argv[argc], script) == 0)
			return true;
	return false;
}

/* The word behind the script, where a person and not a client wrote it. */
static const char *
word_behind(const char *script, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], script) == 0)
			return argv[i + 1];
	return "/";
}

/* H2: the kernel was given a script, whose first line brought it here. */
static int
by_kernel(struct invocation *invocation, const char *script, const char *line)
{
	struct words words = { 0 };
	int result;

	result = split(&words, line, script) == -1 ||
	    use_own_line(invocation, script, &words) == -1 ? -1 :
	    use_file(invocation, script);
	free(words.word);
	return result;
}

/*
 * The words from this program's name on in a script's own first line, if it is
 * there: #!/usr/local/bin/cgi2wsgi words, or through env -S. The caller frees
 * own->word.
 */
static int
read_own_words(const char *script, struct words *own)
{
	struct words words = { 0 };
	char *line;
	int i = 0, result;

	*own = words;
	if ((result = read_first_line(script, &line)) == 1)
		result = split(&words, line, script);
	free(line);
	while (i < words.count &&
	    strcmp(base_name(words.word[i]), PROGRAM) != 0)
		i++;
	for (; result == 0 && i < words.count; i++)
		if (append(&own->word, own->count++, words.word[i]) == -1)
			result = -1;
	free(words.word);
	return result;
}

/* A script that this program was not started by, but for. */
static int
use_script(struct invocation *invocation, const char *script,
    struct words *own)
{
	int result = own->count == 0 ? 0 :
	    use_own_line(invocation, script, own);

	return result == -1 ? -1 : use_file(invocation, script);
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
	int at, result = 1;

	if (argc < 2 || script == NULL || !is_file(script) ||
	    same_file(script, program))
		return 1;
	if (read_own_words(script, &own) == -1)
		result = report_failure() ? -1 : 1;
	else {
		at = own.count > 0 && !same_file(argv[1], script) ?
		    own.count : 1;
		if (at < argc && same_file(argv[at], script))
			result = use_script(invocation, script, &own);
	}
	free(own.word);
	return result;
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
	const char *status = request_value(request, "REDIRECT_STATUS"),
	    *script = request_value(request, "SCRIPT_FILENAME");

	return request_value(request, "REDIRECT_HANDLER") != NULL &&
	    request_value(request, "REDIRECT_URL") != NULL &&
	    status != NULL && strcmp(status, "200") == 0 &&
	    script != NULL && same_file(script, program) &&
	    request_value(request, "PATH_TRANSLATED") != NULL;
}

/* H3: Apache's Action, where only Apache sets these. Returns 1 if not. */
static int
by_action(struct invocation *invocation, const struct request *request,
    const char *program)
{
	const char *path, *end;
	struct words own;
	char *script;
	int result;

	if (!is_action(request, program))
		return 1;
	path = request_value(request, "PATH_TRANSLATED");
	script = file_part(path);
	if (script != NULL && keep(script) == NULL)
		return -1;
	end = script != NULL ? strrchr(script, '.') : NULL;
	if (end == NULL || strcmp(end, ".wsgi") != 0)
		return report_fail(REPORT_NO_APPLICATION, "Action: %s is not "
		    "a file that ends in .wsgi", path);
	invocation->action_tail = path + strlen(script);
	result = read_own_words(script, &own);
	if (report_failure() == NULL)
		result = use_script(invocation, script, &own);
	free(own.word);
	return result;
}

/* mysite.wsgi is a module of Django's, unless there is such a file. */
static bool
looks_like_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return is_file(name) || strchr(name, '/') != NULL ||
	    (dot != NULL && (strcmp(dot, ".py") == 0 ||
	    strcmp(dot, ".cgi") == 0));
}

/*
 * file, file:callable, module or module:callable. A path may have colons:
 * what exists as a whole is a file.
 */
static int
use_name(struct invocation *invocation, const char *name)
{
	const char *colon = strrchr(name, ':');
	char *first = keep(colon == NULL || is_file(name) ? strdup(name) :
	    strndup(name, (size_t)(colon - name)));

	if (first == NULL)
		return -1;
	if (colon != NULL && !is_file(name))
		invocation->callable = colon + 1;
	if (*first == '\0')
		return 1;
	if (looks_like_file(first))
		return use_file(invocation, first);
	invocation->module = first;
	invocation->folder = realpath(".", NULL);
	return invocation->folder != NULL ? 0 : no_memory();
}

static int
use_deployers_words(struct invocation *invocation, const struct words *words,
    const char *where)
{
	if (read_options(invocation, words, where) == -1)
		return -1;
	if (optind == words->count)
		return 1;
	if (words->count - optind > 1)
		return report_fail(REPORT_USAGE,
		    "%s: one application, not also '%s'", where,
		    words->word[optind + 1]);
	return use_name(invocation, words->word[optind]);
}

/* H3: what the deployer wrote. Returns 1 if that names no application. */
static int
by_deployer(struct invocation *invocation)
{
	const char *where = "CGI2WSGI_ARGS", *text = getenv(where);
	struct words words = { 0 };
	int result;

	if (text == NULL)
		return 1;
	result = append(&words.word, words.count++,
	    keep(strdup(PROGRAM))) == -1 ||
	    split(&words, text, where) == -1 ? -1 :
	    use_deployers_words(invocation, &words, where);
	free(words.word);
	return result;
}

static int
by_server(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *program)
{
	int found = by_deployer(invocation);

	if (found == 1)
		found = by_action(invocation, request, program);
	if (found == 1)
		found = by_interpreter(invocation, request, argc, argv,
		    program);
	return found != 1 ? found : report_fail(REPORT_NO_APPLICATION,
	    "nothing names an application: %s was started neither by a #! "
	    "line nor with CGI2WSGI_ARGS, nor as the interpreter of "
	    "SCRIPT_FILENAME, nor as the handler of an Apache Action "
	    "for .wsgi files", program);
}

/* H4: [options] APP [URL] */
static int
by_person(struct invocation *invocation, int argc, char **argv)
{
	const struct words words = { argv, argc };

	if (read_options(invocation, &words, PROGRAM) == -1)
		return -1;
	if (invocation->want != WANT_APPLICATION)
		return 0;
	if (optind == argc || argc - optind > 2)
		return report_fail(REPORT_USAGE, optind == argc ?
		    "an application is missing; see cgi2wsgi --help" :
		    "too many words; see cgi2wsgi --help");
	invocation->url = optind + 1 < argc ? argv[optind + 1] : "/";
	if (use_name(invocation, argv[optind]) == 1)
		return report_fail(REPORT_USAGE,
		    "'%s' names no application", argv[optind]);
	return report_failure() ? -1 : 0;
}

char *
invocation_path(const struct invocation *invocation, const char *name)
{
	char *path;

	if (*name == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", invocation->folder, name) == -1 ?
	    NULL : path;
}

int
invocation_read(struct invocation *invocation, const struct request *request,
    int argc, char **argv, const char *execfn)
{
	char *line;
	int is_script;

	*invocation = (struct invocation){
	    .max_body = -1, .graceful_timeout = 30 };
	invocation->by_server = request_is_cgi(request);
	is_script = read_first_line(execfn, &line);
	if (is_script == -1 && report_failure() == NULL &&
	    is_word(execfn, argc, argv))
		unreadable(execfn);
	if (is_script == 1) {
		invocation->url = word_behind(execfn, argc, argv);
		is_script = by_kernel(invocation, execfn, line);
		free(line);
		return is_script;
	}
	free(line);
	if (report_failure() != NULL)
		return -1;
	return invocation->by_server ?
	    by_server(invocation, request, argc, argv, execfn) :
	    by_person(invocation, argc, argv);
}

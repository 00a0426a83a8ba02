/*
 * H1: whatever a request says, the same application runs with the same
 * options. The input is lines: how the program is started (0 to 4, see
 * below), CGI2WSGI_ARGS, the script's first line behind "#!/", and then the
 * client's part: words of a query that begin with '?', and variables.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "fuzzer.h"

#include "../../unit/fake_report.h"
#include "invocation/invocation.h"
#include "cgi/report.h"

#define MANY 64

enum way { BY_SCRIPT, AS_PROGRAM, AS_INTERPRETER, BY_ENV, BY_ACTION, WAYS };

/* What the client has a say in; any other name is a header's. */
static const char *const client_names[] = { "PATH_INFO", "QUERY_STRING",
	"REQUEST_URI", "PATH_TRANSLATED", "CONTENT_TYPE", "CONTENT_LENGTH",
	"REMOTE_USER", "REQUEST_METHOD", "SERVER_NAME", "SCRIPT_URL" };

/* What the deployer and the server decide. */
static struct {
	enum way way;
	char *arguments, *line;
} fixed;

static char *folder, *program, *script, *other, *action;
static int home; /* where a corpus is named from */

/* Argument list or environment of one start. */
struct list {
	char *item[MANY + 1];
	int count;
};

int LLVMFuzzerInitialize(int *, char ***);

static char *
format(const char *first, const char *second)
{
	char *text;

	ensure(asprintf(&text, "%s%s", first, second) != -1, "memory");
	return text;
}

static void
add(struct list *list, char *item)
{
	if (list->count == MANY)
		free(item);
	else
		list->item[list->count++] = item;
}

static void
empty(struct list *list)
{
	while (list->count > 0)
		free(list->item[--list->count]);
}

static char *
put(const char *name, const char *text)
{
	char *path = format(folder, name);
	int file = open(path, O_WRONLY | O_CREAT, 0755);

	/* Cut behind, since some file systems write O_TRUNC out at once. */
	ensure(file != -1 &&
		write(file, text, strlen(text)) == (ssize_t)strlen(text) &&
		ftruncate(file, (off_t)strlen(text)) == 0 && close(file) == 0,
	    path);
	return path;
}

static void
remove_files(void)
{
	char *const files[] = { program, script, other, action };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	rmdir(folder);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *parent = getenv("TMPDIR");
	char *name = format(
	    parent != NULL ? parent : "/tmp", "/cgi2wsgi-XXXXXX");

	(void)argc;
	(void)argv;
	ensure(mkdtemp(name) != NULL && chmod(name, 0755) == 0 &&
		(folder = realpath(name, NULL)) != NULL &&
		(home = open(".", O_RDONLY | O_DIRECTORY)) != -1,
	    "mkdtemp");
	free(name);
	program = put("/cgi2wsgi", "\177ELF");
	script = put("/app.cgi", "");
	action = put("/app.wsgi", "");
	other = put("/other.wsgi", "#!/cgi2wsgi --debug :other\n");
	return atexit(remove_files);
}

static int
is_client_name(const char *variable)
{
	size_t i, length;

	for (i = 0; i < sizeof(client_names) / sizeof(*client_names); i++) {
		length = strlen(client_names[i]);
		if (strncmp(variable, client_names[i], length) == 0 &&
		    variable[length] == '=')
			return 1;
	}
	return 0;
}

/* As the server would: no header can have another name than HTTP_. */
static void
add_variable(struct list *environment, const char *line)
{
	static const char translated[] = "PATH_TRANSLATED=";
	char *file;

	if (!is_client_name(line))
		add(environment, format("HTTP_", line));
	else if (fixed.way != BY_ACTION ||
	    strncmp(line, translated, strlen(translated)) != 0)
		add(environment, format("", line));
	else {
		/* Action maps the script's URL; path information follows. */
		file = format(translated, action);
		free(environment->item[0]);
		environment->item[0] = format(
		    file, line + strlen(translated) - 1);
		environment->item[0][strlen(file)] = '/';
		free(file);
	}
}

/* What the server says of each request; PATH_TRANSLATED comes first. */
static void
add_server(struct list *environment)
{
	if (fixed.way == BY_ACTION) {
		add(environment, format("PATH_TRANSLATED=", action));
		add(environment, format("REDIRECT_HANDLER=", "wsgi-script"));
		add(environment, format("REDIRECT_STATUS=", "200"));
		add(environment, format("REDIRECT_URL=", "/app.wsgi"));
	}
	add(environment, format("GATEWAY_INTERFACE=", "CGI/1.1"));
	add(environment,
	    format("SCRIPT_FILENAME=",
		fixed.way == AS_INTERPRETER || fixed.way == BY_ENV ||
			fixed.way == BY_SCRIPT
		    ? script
		    : program));
}

/* What env -S puts before the script: the words behind our name. */
static void
add_env_words(struct list *argv)
{
	char *copy = format("/", fixed.line), *rest = copy, *word, *slash;
	int behind = 0;

	while ((word = strsep(&rest, " \t")) != NULL)
		if (*word != '\0') {
			if (behind)
				add(argv, format("", word));
			slash = strrchr(word, '/');
			behind |= strcmp(slash != NULL ? slash + 1 : word,
				      "cgi2wsgi") == 0;
		}
	free(copy);
}

static void
add_words(struct list *argv)
{
	add(argv, format("", program));
	if (fixed.way == BY_SCRIPT && *fixed.line != '\0')
		add(argv, format("", fixed.line));
	if (fixed.way == BY_ENV)
		add_env_words(argv);
	if (fixed.way == BY_SCRIPT || fixed.way == AS_INTERPRETER ||
	    fixed.way == BY_ENV)
		add(argv, format("", script));
}

static int
start(struct invocation *got, struct list *argv, struct list *environment)
{
	struct request request;
	struct list taken = *environment;
	int result;

	fake_report_reset();
	ensure(request_open(&request, taken.item) == 0, "memory");
	result = invocation_read(got, &request, argv->count, argv->item,
	    fixed.way == BY_SCRIPT ? script : program);
	free(request.variables);
	return result;
}

static int
same(const char *one, const char *two)
{
	return one == NULL || two == NULL ? one == two : strcmp(one, two) == 0;
}

static int
same_words(const struct words *one, const struct words *two)
{
	int i;

	if (one->count != two->count)
		return 0;
	for (i = 0; i < one->count; i++)
		if (!same(one->word[i], two->word[i]))
			return 0;
	return 1;
}

static int
same_given(const struct options *one, const struct options *two)
{
	int i;

	if (one->count != two->count)
		return 0;
	for (i = 0; i < one->count; i++)
		if (one->given[i].letter != two->given[i].letter ||
		    one->given[i].typed != two->given[i].typed ||
		    !same(one->given[i].value, two->given[i].value))
			return 0;
	return 1;
}

static int
same_settings(const struct settings *one, const struct settings *two)
{
	int i;

	if (one->count != two->count)
		return 0;
	for (i = 0; i < one->count; i++)
		if (!same(one->list[i].name, two->list[i].name) ||
		    !same(one->list[i].value, two->list[i].value))
			return 0;
	return 1;
}

/* Every field; the numbers and flags at once. */
static void
compare_options(const struct options *one, const struct options *two)
{
	ensure(same_given(one, two), "the options");
	ensure(one->want == two->want, "want");
	ensure(same(one->venv, two->venv), "--venv");
	ensure(same(one->chdir, two->chdir), "--chdir");
	ensure(same(one->script_name, two->script_name), "--script-name");
	ensure(same(one->log, two->log), "--log");
	ensure(same(one->cache, two->cache), "--cache");
	ensure(same(one->web_user, two->web_user), "--web-user");
	ensure(same_words(&one->paths, &two->paths), "--path");
	ensure(same_settings(&one->settings, &two->settings), "--env");
	ensure(one->max_body == two->max_body, "--max-body");
	ensure(one->timeout == two->timeout, "--timeout");
	ensure(one->graceful_timeout == two->graceful_timeout,
	    "--graceful-timeout");
	ensure(one->explain == two->explain, "--explain");
	ensure(one->page == two->page, "--explain=html");
	ensure(one->timing == two->timing, "--timing");
	ensure(one->nph == two->nph, "--nph");
	ensure(one->debug == two->debug, "--debug");
	ensure(one->all_help == two->all_help, "--help=all");
	ensure(one->check_files == two->check_files, "--check=files");
	ensure(one->check_json == two->check_json, "--check=json");
}

static void
compare(const struct invocation *one, const struct invocation *two)
{
	ensure(one->by_server && two->by_server, "by_server");
	ensure(one->way == two->way, "the way");
	ensure(same(one->file, two->file), "file");
	ensure(same(one->folder, two->folder), "folder");
	ensure(same(one->module, two->module), "module");
	ensure(same(one->callable, two->callable), "callable");
	ensure(same(one->url, two->url), "url");
	ensure(same(one->script, two->script), "script");
	ensure(same_words(&one->typed, &two->typed), "typed");
	compare_options(&one->options, &two->options);
}

/* What is known of the application without asking the program. */
static void
check(const struct invocation *got)
{
	if (fixed.way == BY_SCRIPT)
		ensure(same(got->file, script), "the script");
	else if (*fixed.arguments == '\0')
		ensure(
		    same(got->file, fixed.way == BY_ACTION ? action : script),
		    "SCRIPT_FILENAME or the action's file");
	ensure(got->callable == NULL || strstr(fixed.line, got->callable) ||
		strpbrk(fixed.line, "'\"\\") ||
		strstr(fixed.arguments, got->callable) ||
		strpbrk(fixed.arguments, "'\"\\"),
	    "where :callable is from");
}

static void
release(struct invocation *got)
{
	free(got->file);
	free(got->folder);
	free(got->options.paths.word);
	free(got->options.settings.list);
	free(got->options.given);
}

static void
configure(const uint8_t **data, size_t *size)
{
	static char *written[2]; /* what the files have */
	char *way = take_line(data, size), *text;
	bool by_action;

	fixed.way = (enum way)((unsigned char)(*way - '0') % WAYS);
	free(way);
	fixed.arguments = take_line(data, size);
	fixed.line = take_line(data, size);
	/* env splits quoted words in its own way. */
	if (fixed.way == BY_ENV && strpbrk(fixed.line, "'\"\\") != NULL)
		fixed.way = AS_INTERPRETER;
	if (*fixed.arguments == '\0')
		unsetenv("CGI2WSGI_ARGS");
	else
		setenv("CGI2WSGI_ARGS", fixed.arguments, 1);
	text = format("#!/", fixed.line);
	by_action = fixed.way == BY_ACTION;
	if (written[by_action] == NULL || strcmp(text, written[by_action]) != 0)
		free(put(by_action ? "/app.wsgi" : "/app.cgi", text));
	free(written[by_action]);
	written[by_action] = text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list argv = { .count = 0 }, environment = { .count = 0 };
	struct invocation quiet, asked;
	int quiet_result, quiet_code, result;
	char *line;

	ensure(chdir(folder) == 0, "chdir");
	configure(&data, &size);
	add_words(&argv);
	add_server(&environment);
	quiet_result = start(&quiet, &argv, &environment);
	quiet_code = fake_report_code();
	while (size > 0) {
		line = take_line(&data, &size);
		if (*line == '?')
			add(&argv, format("", line + 1));
		else
			add_variable(&environment, line);
		free(line);
	}
	result = start(&asked, &argv, &environment);
	ensure(result == quiet_result, "the result");
	ensure(fake_report_code() == quiet_code, "the failure");
	if (result == 0) {
		compare(&quiet, &asked);
		check(&asked);
	}
	release(&quiet);
	release(&asked);
	empty(&argv);
	empty(&environment);
	free(fixed.arguments);
	free(fixed.line);
	ensure(fchdir(home) == 0, "fchdir");
	return 0;
}

/* Who decides what runs: words in, application and options out. */

#include <sys/stat.h>

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "assertions.h"
#include "fake_report.h"
#include "invocation/file.h"
#include "invocation/invocation.h"
#include "cgi/report.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define LIST(...) \
	(char *[]) \
	{ \
		__VA_ARGS__, NULL \
	}
/* Starts it with these words behind the program's name. */
#define START(execfn, ...) start((execfn), LIST(program, __VA_ARGS__))
#define GATEWAY "GATEWAY_INTERFACE=CGI/1.1"

/* The folder of a test, and what always is there. */
static char *folder, *program, *script;
/* What the last start gave. */
static struct request request;
static struct invocation got;

/* Absolute name of a file in the folder; it stays. */
static char *
in_folder(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static char *
put(const char *name, const char *text)
{
	char *path = in_folder(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* The script, with this first line. */
static void
put_line(const char *line)
{
	char *text;

	assert_true(asprintf(&text, "%s\napplication = None\n", line) > 0);
	put("app.cgi", text);
	free(text);
}

/* Variables of the request that the next start finds. */
static void
ask(char **environment)
{
	free(request.variables);
	assert_int_equal(request_open(&request, environment), 0);
}

/* What it was told stays, as a process's own arguments would. */
static int
start(const char *execfn, char **argv)
{
	int argc;

	for (argc = 0; argv[argc] != NULL; argc++)
		assert_non_null(argv[argc] = strdup(argv[argc]));
	fake_report_reset();
	return invocation_read(&got, &request, argc, argv, execfn);
}

/* By the kernel, which puts the first line's words into one. */
static int
start_script(const char *line)
{
	char *text;

	assert_true(asprintf(&text, "#!/usr/bin/cgi2wsgi %s", line) > 0);
	put_line(text);
	free(text);
	return START(script, script);
}

static int
start_arguments(const char *arguments)
{
	int result;

	assert_int_equal(setenv("CGI2WSGI_ARGS", arguments, 1), 0);
	result = start(program, LIST(program));
	assert_int_equal(unsetenv("CGI2WSGI_ARGS"), 0);
	return result;
}

static void
assert_failed(int result, enum report_code code)
{
	assert_int_equal(result, -1);
	assert_int_equal(fake_report_code(), code);
	assert_true(strlen(report_failure()) > 0);
}

static void
assert_application(int result, const char *file, const char *callable)
{
	assert_same(report_failure(), NULL);
	assert_int_equal(result, 0);
	assert_same(got.file, file);
	assert_same(got.callable, callable);
	assert_null(got.module);
}

static void
test_script(void **state)
{
	/* H2: the file with the #! line, and the defaults. */
	(void)state;
	assert_application(start_script(""), script, NULL);
	assert_same(got.folder, folder);
	assert_true(got.by_server);
	assert_int_equal(got.options.want, WANT_APPLICATION);
	assert_null(got.options.venv);
	assert_null(got.options.chdir);
	assert_null(got.options.script_name);
	assert_null(got.options.log);
	assert_int_equal(got.options.paths.count, 0);
	assert_int_equal(got.options.settings.count, 0);
	assert_null(got.action_tail);
	assert_true(got.options.max_body == -1);
	assert_int_equal(got.options.timeout, 300);
	assert_int_equal(got.options.graceful_timeout, 30);
	assert_false(got.options.nph);
	assert_false(got.options.debug);
}

static void
test_script_options(void **state)
{
	/* H2: every option, with its value behind it or behind '='. */
	(void)state;
	assert_application(
	    start_script(
		"--venv v --path a --chdir=c "
		"--path=b --env N=V --env M= --script-name=/x --log l "
		"--max-body 7 --timeout=8 --graceful-timeout 9 --nph --debug"),
	    script, NULL);
	assert_same(got.options.venv, "v");
	assert_same(got.options.chdir, "c");
	assert_same(got.options.paths.word[0], "a");
	assert_same(got.options.paths.word[1], "b");
	assert_int_equal(got.options.paths.count, 2);
	assert_same(got.options.settings.list[0].name, "N");
	assert_same(got.options.settings.list[0].value, "V");
	assert_same(got.options.settings.list[1].name, "M");
	assert_same(got.options.settings.list[1].value, "");
	assert_int_equal(got.options.settings.count, 2);
	assert_same(got.options.script_name, "/x");
	assert_same(got.options.log, "l");
	assert_true(got.options.max_body == 7);
	assert_int_equal(got.options.timeout, 8);
	assert_int_equal(got.options.graceful_timeout, 9);
	assert_true(got.options.nph);
	assert_true(got.options.debug);
}

static void
test_script_callable(void **state)
{
	/* H2: one :callable, before, between or behind the options. */
	static const char *const lines[] = { ":make()", ":make() --debug",
		"--debug :make()", "--venv v :make() --debug", "':make()'",
		":\"make()\"", "-- :make()" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++)
		assert_application(start_script(lines[i]), script, "make()");
	assert_application(start_script(":a.b.c"), script, "a.b.c");
	assert_application(start_script("::"), script, ":");
}

static void
test_script_wrong_words(void **state)
{
	/* H2: a word that is neither; a file least of all. */
	static const char *const lines[] = { ":", ":a :b", "other.py",
		"/etc/passwd", "a:b", "--nonsense", "--no-debug", "-x",
		"--debug=1", "--venv", "--env", "--env X", "--env =X",
		"--timeout", "- :a", "-- --debug", "--help", "--version", "-h",
		"-V", "''" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++)
		assert_failed(start_script(lines[i]), REPORT_USAGE);
}

static void
test_words(void **state)
{
	/* H2: split as a shell does, with nothing expanded. */
	static const struct {
		const char *line, *value;
	} cases[] = {
		{ "--venv 'a b'", "a b" },
		{ "--venv \"a b\"", "a b" },
		{ "--venv a\\ b", "a b" },
		{ "--venv 'a'\"b\"c", "abc" },
		{ "--venv '\"'", "\"" },
		{ "--venv \"'\"", "'" },
		{ "--venv \\'", "'" },
		{ "--venv \\\"", "\"" },
		{ "--venv \\\\", "\\" },
		{ "--venv 'a\\b'", "a\\b" },
		{ "--venv 'a\\'", "a\\" },
		{ "--venv \"a\\\"b\"", "a\"b" },
		{ "--venv \"a\\\\b\"", "a\\b" },
		{ "--venv \"a\\nb\"", "a\\nb" },
		{ "--venv a\\", "a\\" },
		{ "--venv ''", "" },
		{ "--venv=", "" },
		{ "--venv \"\"", "" },
		{ "\t --venv\t\ta \t", "a" },
		{ "'--venv' a", "a" },
		{ "--venv *", "*" },
		{ "--venv `id`", "`id`" },
		{ "--venv a#b", "a#b" },
		{ "--venv caf\xe9\xff", "caf\xe9\xff" },
		{ "--venv a\rb", "a\rb" },
		{ "--venv one --venv two", "two" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_application(start_script(cases[i].line), script, NULL);
		assert_same(got.options.venv, cases[i].value);
		assert_failed(
		    start_arguments(cases[i].line), REPORT_NO_APPLICATION);
		assert_same(got.options.venv, cases[i].value);
	}
}

static void
test_not_expanded(void **state)
{
	/* H2, case 24: a name that only a shell would expand is refused. */
	static const char *const names[] = { "~", "~/x", "~me/x", "$HOME",
		"'$(id)'", "a/$X", "${HOME}/x" };
	static const char *const options[] = { "--venv", "--path", "--chdir",
		"--log", "--env-file", "--cache" };
	char *line;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		for (j = 0; j < COUNT(options); j++) {
			assert_true(
			    asprintf(&line, "%s %s", options[j], names[i]) > 0);
			assert_failed(start_script(line), REPORT_USAGE);
			assert_non_null(strstr(
			    report_failure(), "nothing is expanded here"));
			assert_non_null(strstr(report_failure(), options[j]));
			free(line);
		}
	assert_application(start_script("--env A=$HOME"), script, NULL);
	assert_same(got.options.settings.list[0].value, "$HOME");
	put("$X", "");
	assert_application(start_script("--path '$X'"), script, NULL);
}

static void
test_other_gateways(void **state)
{
	/* H2, case 25: what to write in place of a module or a file. */
	static const struct {
		const char *line, *advice;
	} cases[] = {
		{ "shop.wsgi", "from shop.wsgi import application" },
		{ "shop", "from shop import application" },
		{ "shop.wsgi:app", "from shop.wsgi import app as application" },
		{ "app.py", "Write the first line into that file" },
		{ "--debug ../x/app.py", "Write the first line into" },
		{ ":a shop:app", "from shop import app as application" },
		{ "shop:make()", "neither an option nor the one :callable" },
		{ ":a :b", "':b' is neither an option" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_failed(start_script(cases[i].line), REPORT_USAGE);
		assert_non_null(strstr(report_failure(), cases[i].advice));
	}
}

static void
test_nearest(void **state)
{
	/* H2, I7: an unknown option, and the one that was meant. */
	static const struct {
		const char *line, *told;
	} cases[] = {
		{ "--timout 3",
		    "--timout is no option; did you mean "
		    "--timeout?" },
		{ "--timout=3", ": --timout is no option; did you mean" },
		{ "--evn A=b", "did you mean --env?" },
		{ "--DEBUG", "did you mean --debug?" },
		{ "--GRACEFUL-TIMEOUT 3", "mean --graceful-timeout?" },
		{ "-venv x", ": -venv is no option; did you mean --venv?" },
		{ "--logfile x", "did you mean --log?" },
		{ "--ti 3", "--ti may be --timeout or --timing" },
		{ "--wrong=secret", ": --wrong is no option; see cgi2wsgi" },
		{ "--hedaer x", ": --hedaer is no option; see cgi2wsgi" },
		{ "-z", ": -z is no option; see cgi2wsgi" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_failed(start_script(cases[i].line), REPORT_USAGE);
		assert_non_null(strstr(report_failure(), cases[i].told));
		assert_null(strstr(report_failure(), "secret"));
	}
	ask(LIST("PATH=/bin"));
	assert_failed(START(program, "--hedaer", "A: b"), REPORT_USAGE);
	assert_non_null(strstr(report_failure(), "did you mean --header?"));
}

static void
test_open_quotes(void **state)
{
	/* H2, H3: a quote that is not closed. */
	static const char *const lines[] = { "'", "\"", "--venv 'a",
		"--venv a'", "--venv \"a\\\"", "--venv 'a\\''",
		"--venv \"a'b" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
		assert_failed(start_script(lines[i]), REPORT_USAGE);
		assert_failed(start_arguments(lines[i]), REPORT_USAGE);
	}
}

static void
test_line_end(void **state)
{
	/* H2: a carriage return is explained; a missing line end is none. */
	(void)state;
	put("app.cgi", "#!/usr/bin/cgi2wsgi --debug\r\nx = 1\r\n");
	assert_failed(START(script, script), REPORT_LINE_END);
	assert_non_null(strstr(report_failure(), script));
	put("app.cgi", "#!\r\n");
	assert_failed(START(script, script), REPORT_LINE_END);
	put("app.cgi", "#!/usr/bin/cgi2wsgi :a\r");
	assert_failed(START(script, script), REPORT_LINE_END);
	put("app.cgi", "#!/usr/bin/cgi2wsgi :a");
	assert_application(START(script, script), script, "a");
	put("app.cgi", "#!/usr/bin/cgi2wsgi :a\n#! --debug\r\n");
	assert_application(START(script, script), script, "a");
	assert_false(got.options.debug);
	put("app.cgi", "#! \t /usr/bin/cgi2wsgi\t:a \t\n");
	assert_application(START(script, script), script, "a");
}

static void
test_long_line(void **state)
{
	/* H2, I5: the kernel cuts the line at 255 bytes, we do not. */
	enum { SIZE = 100000 };
	char *line = malloc(SIZE + 1);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', SIZE);
	memcpy(line, "--venv ", 7);
	line[SIZE] = '\0';
	assert_application(start_script(line), script, NULL);
	assert_int_equal(strlen(got.options.venv), SIZE - 7);
	free(line);
}

static void
test_hostile_words(void **state)
{
	/* H1, H2: the client's words behind the script are nothing. */
	char *const hostile[] = { "--debug", "--venv=evil", "-V", "--help",
		":evil", "/etc/passwd", "--", "", "-", "\xff\xfe", "--env=A=B",
		"--script-name=off", "evil.py:app", program, script };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(hostile); i++) {
		put_line("#!/usr/bin/cgi2wsgi --path p :good");
		assert_application(START(script, "--path p :good", script,
				       hostile[i], hostile[i]),
		    script, "good");
		assert_application(
		    start(
			script, LIST("", "--path p :good", script, hostile[i])),
		    script, "good");
		assert_false(got.options.debug);
		assert_null(got.options.venv);
		assert_int_equal(got.options.settings.count, 0);
		assert_null(got.options.script_name);
		assert_same(got.options.paths.word[0], "p");
		assert_int_equal(got.options.paths.count, 1);
	}
}

static void
test_hostile_program(void **state)
{
	/* H1, H3: the program as a CGI script; all of argv is the client's. */
	char *const hostile[] = { script, in_folder("app.py"), "--version",
		"--help", "app.py:app", "--debug", "" };
	size_t i;

	(void)state;
	ask(LIST(GATEWAY, "QUERY_STRING=app.py", "PATH_INFO=/app.cgi",
	    "HTTP_CGI2WSGI_ARGS=app.py", "REDIRECT_STATUS=200"));
	for (i = 0; i < COUNT(hostile); i++)
		assert_failed(
		    START(program, hostile[i]), REPORT_NO_APPLICATION);
	assert_failed(start(program, LIST(program)), REPORT_NO_APPLICATION);
}

static void
test_arguments(void **state)
{
	/* H1, H3: CGI2WSGI_ARGS, whatever argv says. */
	char *file = in_folder("app.py"), *arguments;

	(void)state;
	assert_true(
	    asprintf(&arguments, "--debug %s:make() --venv v", file) > 0);
	assert_application(start_arguments(arguments), file, "make()");
	assert_true(got.options.debug);
	assert_same(got.options.venv, "v");
	assert_int_equal(setenv("CGI2WSGI_ARGS", arguments, 1), 0);
	assert_application(
	    START(program, "--nph", ":evil", script), file, "make()");
	assert_false(got.options.nph);
	assert_int_equal(unsetenv("CGI2WSGI_ARGS"), 0);
	free(arguments);
}

static void
test_arguments_names(void **state)
{
	/* H3: file, file:callable, module, module:callable. */
	char *odd = put("a:b.py", "");

	(void)state;
	assert_application(
	    start_arguments(in_folder("app.py")), in_folder("app.py"), NULL);
	assert_application(start_arguments(odd), odd, NULL);
	assert_int_equal(start_arguments("pkg.mod"), 0);
	assert_same(got.module, "pkg.mod");
	assert_null(got.file);
	assert_null(got.callable);
	assert_non_null(got.folder);
	assert_int_equal(start_arguments("pkg.mod:make()"), 0);
	assert_same(got.module, "pkg.mod");
	assert_same(got.callable, "make()");
	/* Django's mysite.wsgi is a module where it is no file. */
	assert_int_equal(start_arguments("mysite.wsgi"), 0);
	assert_same(got.module, "mysite.wsgi");
	assert_null(got.file);
}

static void
test_arguments_wrong(void **state)
{
	/* H3: no such file, too many names, --help; or no name at all. */
	(void)state;
	assert_failed(start_arguments("/nowhere/app.py"), REPORT_NO_FILE);
	assert_failed(start_arguments("nothing.py"), REPORT_NO_FILE);
	assert_failed(start_arguments("nothing.cgi:app"), REPORT_NO_FILE);
	assert_failed(start_arguments("nowhere/app"), REPORT_NO_FILE);
	assert_failed(start_arguments(folder), REPORT_NO_FILE);
	assert_failed(start_arguments("one two"), REPORT_USAGE);
	assert_failed(start_arguments("--help"), REPORT_USAGE);
	assert_failed(start_arguments("-V app"), REPORT_USAGE);
	assert_failed(start_arguments(""), REPORT_NO_APPLICATION);
	assert_failed(start_arguments(" \t\n"), REPORT_NO_APPLICATION);
	assert_failed(start_arguments("--debug"), REPORT_NO_APPLICATION);
	assert_failed(start_arguments(":make"), REPORT_NO_APPLICATION);
}

static void
test_arguments_not_for_scripts(void **state)
{
	/* H2: a #! line names all by itself. */
	(void)state;
	put_line("#!/usr/bin/cgi2wsgi :good");
	assert_int_equal(setenv("CGI2WSGI_ARGS", "--debug app.py:evil", 1), 0);
	assert_application(START(script, script), script, "good");
	assert_false(got.options.debug);
	assert_int_equal(unsetenv("CGI2WSGI_ARGS"), 0);
}

/* The request of a server that names the script. */
static void
ask_for(const char *path)
{
	static char variable[4096];

	assert_true((size_t)snprintf(variable, sizeof(variable),
			"SCRIPT_FILENAME=%s", path) < sizeof(variable));
	ask(LIST(GATEWAY, variable, "QUERY_STRING=x"));
}

static void
test_interpreter(void **state)
{
	/* H3: argv[1] is SCRIPT_FILENAME; its own line has the options. */
	char *file = in_folder("app.py");

	(void)state;
	ask_for(file);
	assert_application(START(program, file), file, NULL);
	assert_application(
	    START(program, file, "--debug", ":evil"), file, NULL);
	assert_false(got.options.debug);
	put_line("#!/opt/cgi2wsgi --path p :good");
	ask_for(script);
	assert_application(START(program, script, "--debug"), script, "good");
	assert_same(got.options.paths.word[0], "p");
	put_line("#!/usr/bin/python3 -s");
	assert_application(START(program, script), script, NULL);
}

static void
test_interpreter_relative(void **state)
{
	/* H3: busybox and civetweb give a name relative to the folder. */
	char *before = getcwd(NULL, 0);

	(void)state;
	put_line("#!/opt/cgi2wsgi :good");
	assert_int_equal(chdir(folder), 0);
	ask_for(script);
	assert_application(START(program, "app.cgi"), script, "good");
	assert_application(START(program, "./app.cgi"), script, "good");
	assert_failed(START(program, "app.py"), REPORT_NO_APPLICATION);
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void
test_interpreter_link(void **state)
{
	/* H3: the same file by another name; its folder is the real one. */
	char *linked = in_folder("link.cgi");

	(void)state;
	put_line("#!/opt/cgi2wsgi :good");
	assert_int_equal(symlink("app.cgi", linked), 0);
	ask_for(linked);
	assert_application(START(program, script), script, "good");
	assert_application(START(program, linked), script, "good");
}

static void
test_interpreter_refused(void **state)
{
	/* H1, H3: not the same file, no file, or this program. */
	(void)state;
	put_line("#!/opt/cgi2wsgi");
	ask_for(script);
	assert_failed(
	    START(program, in_folder("app.py")), REPORT_NO_APPLICATION);
	assert_failed(START(program, "--debug", script), REPORT_NO_APPLICATION);
	assert_failed(start(program, LIST(program)), REPORT_NO_APPLICATION);
	ask_for(program);
	assert_failed(START(program, program), REPORT_NO_APPLICATION);
	assert_failed(START(program, script), REPORT_NO_APPLICATION);
	ask_for(folder);
	assert_failed(START(program, folder), REPORT_NO_APPLICATION);
	ask_for("/nowhere/app.cgi");
	assert_failed(
	    START(program, "/nowhere/app.cgi"), REPORT_NO_APPLICATION);
	ask(LIST(GATEWAY));
	assert_failed(START(program, script), REPORT_NO_APPLICATION);
}

static void
test_env(void **state)
{
	/* H3: env -S puts the line's words before the script. */
	(void)state;
	put_line("#!/usr/bin/env -S cgi2wsgi --debug :good");
	ask_for(script);
	assert_application(
	    START(program, "--debug", ":good", script, "--nph", ":evil"),
	    script, "good");
	assert_true(got.options.debug);
	assert_false(got.options.nph);
	assert_failed(START(program, "--nph", script), REPORT_NO_APPLICATION);
	assert_failed(START(program, "--debug", ":good", in_folder("app.py")),
	    REPORT_NO_APPLICATION);
	put_line("#!/usr/bin/env cgi2wsgi");
	assert_application(START(program, script, "--nph"), script, NULL);
	assert_false(got.options.nph);
}

/* Apache's Action; NULL leaves a variable out. */
static void
ask_action(const char *handler, const char *status, const char *filename,
    const char *translated)
{
	static char lines[4][4096];
	const char *const formats[] = { "REDIRECT_HANDLER=%s",
		"REDIRECT_STATUS=%s", "SCRIPT_FILENAME=%s",
		"PATH_TRANSLATED=%s" };
	const char *const values[] = { handler, status, filename, translated };
	size_t i;

	for (i = 0; i < COUNT(values); i++)
		if (values[i] == NULL)
			strcpy(lines[i], "NOTHING=");
		else
			snprintf(
			    lines[i], sizeof(lines[i]), formats[i], values[i]);
	ask(LIST(GATEWAY, "REDIRECT_URL=/act/app.wsgi/a", lines[0], lines[1],
	    lines[2], lines[3]));
}

static void
test_action(void **state)
{
	/* H3: PATH_TRANSLATED's file part, which ends in .wsgi. */
	char *file = put("app.wsgi", "#!/opt/cgi2wsgi --debug :good\n");

	(void)state;
	ask_action("wsgi-script", "200", program, in_folder("app.wsgi/a/b"));
	assert_application(START(program, "--nph", ":evil"), file, "good");
	assert_same(got.action_tail, "/a/b");
	assert_true(got.options.debug);
	assert_false(got.options.nph);
	ask_action("wsgi-script", "200", program, file);
	assert_application(start(program, LIST(program)), file, "good");
	assert_same(got.action_tail, "");
	put("app.wsgi", "application = None\n");
	ask_action(
	    "wsgi-script", "200", program, in_folder("app.wsgi/../app.py"));
	assert_application(start(program, LIST(program)), file, NULL);
	assert_same(got.action_tail, "/../app.py");
	unlink(file);
}

static void
test_action_refused(void **state)
{
	/* H1, H3: without Apache's own words, or with another file. */
	char *file = put("app.wsgi", "");
	const struct {
		const char *handler, *status, *filename, *translated;
	} cases[] = {
		{ NULL, "200", program, file },
		{ "wsgi-script", NULL, program, file },
		{ "wsgi-script", "404", program, file },
		{ "wsgi-script", "2000", program, file },
		{ "wsgi-script", "200", NULL, file },
		{ "wsgi-script", "200", in_folder("app.py"), file },
		{ "wsgi-script", "200", program, NULL },
		{ "wsgi-script", "200", program, in_folder("app.py") },
		{ "wsgi-script", "200", program, in_folder("app.py/x.wsgi") },
		{ "wsgi-script", "200", program, in_folder("no.wsgi") },
		{ "wsgi-script", "200", program, folder },
		{ "wsgi-script", "200", program, "/" },
		{ "wsgi-script", "200", program, "" },
		{ "wsgi-script", "200", program, "x.wsgi" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		ask_action(cases[i].handler, cases[i].status, cases[i].filename,
		    cases[i].translated);
		assert_failed(
		    start(program, LIST(program)), REPORT_NO_APPLICATION);
	}
	unlink(file);
}

static void
test_action_options(void **state)
{
	/* H3: CGI2WSGI_ARGS may have options for every Action. */
	char *file = put("app.wsgi", "#!/opt/cgi2wsgi --path own\n");

	(void)state;
	ask_action("wsgi-script", "200", program, file);
	assert_application(start_arguments("--debug --path all"), file, NULL);
	assert_true(got.options.debug);
	assert_same(got.options.paths.word[0], "all");
	assert_same(got.options.paths.word[1], "own");
	unlink(file);
}

static void
test_person(void **state)
{
	/* H4: [options] APP [URL] */
	char *file = in_folder("app.py"), *named = in_folder("app.py:make()");

	(void)state;
	ask(LIST("PATH=/bin"));
	assert_application(START(program, file), file, NULL);
	assert_false(got.by_server);
	assert_same(got.url, "/");
	assert_application(
	    START(program, named, "/a?b", "--debug"), file, "make()");
	assert_same(got.url, "/a?b");
	assert_true(got.options.debug);
	assert_int_equal(START(program, "-V"), 0);
	assert_int_equal(got.options.want, WANT_VERSION);
	assert_int_equal(START(program, "--help"), 0);
	assert_int_equal(got.options.want, WANT_HELP);
}

static void
test_person_wrong(void **state)
{
	/* H4: no application, too many words, no such option. */
	char *file = in_folder("app.py");

	(void)state;
	ask(LIST("PATH=/bin"));
	assert_failed(start(program, LIST(program)), REPORT_USAGE);
	assert_failed(START(program, "--debug"), REPORT_USAGE);
	assert_failed(START(program, file, "/", "/"), REPORT_USAGE);
	assert_failed(START(program, "--nonsense", file), REPORT_USAGE);
	assert_failed(START(program, ":make"), REPORT_USAGE);
	assert_failed(START(program, ""), REPORT_USAGE);
	assert_null(strstr(report_failure(), "(null)"));
	assert_failed(START(program, "nothing.py"), REPORT_NO_FILE);
}

static void
test_person_script(void **state)
{
	/* H2, H4: a script run by hand; there the word behind is a URL. */
	(void)state;
	ask(LIST("PATH=/bin"));
	put_line("#!/usr/bin/cgi2wsgi :good");
	assert_application(
	    START(script, ":good", script, "/a?b"), script, "good");
	assert_same(got.url, "/a?b");
	assert_false(got.by_server);
	assert_application(START(script, ":good", script), script, "good");
	assert_same(got.url, "/");
}

static void
test_person_request(void **state)
{
	/* H4: what to request, wherever it stands, in its order. */
	static const struct given_option expected[] = { { 'X', "PUT", true },
		{ 'i', NULL, true }, { 'd', "a=b", true },
		{ OPTION_DATA_BINARY, "--env", true },
		{ OPTION_DEBUG, NULL, true }, { 'i', NULL, true },
		{ 'I', NULL, true }, { 'H', "A: b", true } };
	char *file = in_folder("app.py");
	size_t i;

	(void)state;
	ask(LIST("PATH=/bin"));
	assert_application(
	    START(program, "-XPUT", "-id", "a=b", file, "--data-binary",
		"--env", "/a?b", "--debug", "-iI", "--header=A: b"),
	    file, NULL);
	assert_same(got.url, "/a?b");
	assert_true(got.options.debug);
	assert_int_equal(got.options.count, COUNT(expected));
	for (i = 0; i < COUNT(expected); i++) {
		assert_int_equal(
		    got.options.given[i].letter, expected[i].letter);
		assert_same(got.options.given[i].value, expected[i].value);
	}
	put_line("#!/usr/bin/cgi2wsgi --debug");
	assert_application(
	    START(script, "--debug", script, "-d", script, "/x"), script, NULL);
	assert_same(got.url, "/x");
	assert_false(got.options.given[0].typed);
	assert_same(options_last(&got.options, 'd')->value, script);
}

static void
test_request_of_others(void **state)
{
	/* H1, H2, H3: nobody but a person may say what to request. */
	char *file = put("app.wsgi", "#!/opt/cgi2wsgi -i\n");

	(void)state;
	assert_failed(start_script("-d x"), REPORT_USAGE);
	assert_non_null(strstr(report_failure(), "-d is for a request"));
	assert_failed(start_script("--data-binary=x"), REPORT_USAGE);
	assert_non_null(strstr(report_failure(), "--data-binary is for a"));
	assert_failed(start_arguments("-i app.py"), REPORT_USAGE);
	ask_action("wsgi-script", "200", program, file);
	assert_failed(start(program, LIST(program)), REPORT_USAGE);
	unlink(file);
}

static void
test_unreadable(void **state)
{
	/* H2: the kernel's script has gone meanwhile. */
	char *gone = in_folder("gone.cgi");

	(void)state;
	assert_failed(START(gone, gone), REPORT_NO_FILE);
	assert_non_null(strstr(report_failure(), gone));
}

static void
test_unsafe(void **state)
{
	/* H5: what everyone may write: file, folder, __pycache__. */
	char *cache = in_folder("__pycache__"), *other = in_folder("other"),
	     *linked = in_folder("other/link.cgi");

	(void)state;
	put_line("#!/usr/bin/cgi2wsgi");
	assert_int_equal(chmod(script, 0757), 0);
	assert_failed(START(script, script), REPORT_UNSAFE_FILE);
	assert_int_equal(chmod(script, 0775), 0);
	assert_application(START(script, script), script, NULL);
	assert_int_equal(chmod(folder, 01777), 0);
	assert_failed(START(script, script), REPORT_UNSAFE_FILE);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(mkdir(cache, 0755), 0);
	assert_application(START(script, script), script, NULL);
	assert_int_equal(chmod(cache, 0777), 0);
	assert_failed(START(script, script), REPORT_UNSAFE_FILE);
	assert_int_equal(rmdir(cache), 0);
	assert_int_equal(mkdir(other, 0755), 0);
	assert_int_equal(symlink("../app.cgi", linked), 0);
	assert_application(START(linked, linked), script, NULL);
	assert_same(got.folder, folder);
	assert_int_equal(chmod(other, 0777), 0);
	assert_failed(START(linked, linked), REPORT_UNSAFE_FILE);
}

static void
test_sizes(void **state)
{
	/* C12: bytes, or K, M, G of 1024 each. */
	static const struct {
		const char *line;
		int64_t size;
	} cases[] = {
		{ "--max-body 0", 0 },
		{ "--max-body 1", 1 },
		{ "--max-body 007", 7 },
		{ "--max-body 500K", 512000 },
		{ "--max-body 20M", 20 << 20 },
		{ "--max-body=3G", INT64_C(3) << 30 },
		{ "--max-body 0G", 0 },
		{ "--max-body 9223372036854775807", INT64_MAX },
		{ "--max-body 9007199254740991K", INT64_MAX - 1023 },
		{ "--max-body 8796093022207M", INT64_MAX - 1048575 },
		{ "--max-body 8589934591G", INT64_MAX - 1073741823 },
		{ "--max-body 1 --max-body 2", 2 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_application(start_script(cases[i].line), script, NULL);
		assert_true(got.options.max_body == cases[i].size);
	}
}

static void
test_wrong_sizes(void **state)
{
	/* C12: everything else. */
	static const char *const lines[] = { "--max-body ''", "--max-body K",
		"--max-body -1", "--max-body +1", "--max-body 1k",
		"--max-body 1KB", "--max-body 1KK", "--max-body '1 K'",
		"--max-body 1T", "--max-body 0x10", "--max-body 1.5M",
		"--max-body x", "--max-body 9223372036854775808",
		"--max-body 9007199254740992K", "--max-body 8796093022208M",
		"--max-body 8589934592G", "--max-body 99999999999999999999G" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++)
		assert_failed(start_script(lines[i]), REPORT_USAGE);
}

static void
test_seconds(void **state)
{
	/* I6: whole seconds, as many as a clock can count. */
	static const char *const wrong[] = { "''", "-1", "+1", "1.5", "1s", "x",
		"'1 '", "2147484", "4294967297", "18446744073709551617",
		"99999999999999999999" };
	char *line;
	size_t i;

	(void)state;
	assert_application(
	    start_script("--timeout 0 --graceful-timeout 1"), script, NULL);
	assert_int_equal(got.options.timeout, 0);
	assert_int_equal(got.options.graceful_timeout, 1);
	assert_failed(start_script("--graceful-timeout 0"), REPORT_USAGE);
	assert_application(start_script("--timeout 060 "
					"--graceful-timeout 86400"),
	    script, NULL);
	assert_int_equal(got.options.timeout, 60);
	assert_int_equal(got.options.graceful_timeout, 86400);
	for (i = 0; i < COUNT(wrong); i++) {
		assert_true(asprintf(&line, "--timeout %s", wrong[i]) > 0);
		assert_failed(start_script(line), REPORT_USAGE);
		free(line);
		assert_true(
		    asprintf(&line, "--graceful-timeout %s", wrong[i]) > 0);
		assert_failed(start_script(line), REPORT_USAGE);
		free(line);
	}
}

static void
test_script_name(void **state)
{
	/* B16: a URL path, or off. */
	static const char *const right[] = { "/", "/x", "/x/y/", "off",
		"/off" };
	static const char *const wrong[] = { "''", "x", "x/", "of", "offf",
		"OFF", "http://h/x" };
	char *line;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(right); i++) {
		assert_true(asprintf(&line, "--script-name %s", right[i]) > 0);
		assert_application(start_script(line), script, NULL);
		assert_same(got.options.script_name, right[i]);
		free(line);
	}
	for (i = 0; i < COUNT(wrong); i++) {
		assert_true(asprintf(&line, "--script-name %s", wrong[i]) > 0);
		assert_failed(start_script(line), REPORT_USAGE);
		free(line);
	}
}

static void
test_path(void **state)
{
	/* H2: names in options start from the script's folder. */
	char *path;

	(void)state;
	assert_application(start_script(""), script, NULL);
	path = file_path(got.folder, "log/file");
	assert_same(path, in_folder("log/file"));
	free(path);
	path = file_path(got.folder, "/var/log/file");
	assert_same(path, "/var/log/file");
	free(path);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
make_folder(void **state)
{
	const char *parent = getenv("TMPDIR");
	char *name;

	(void)state;
	assert_true(asprintf(&name, "%s/cgi2wsgi-XXXXXX",
			parent != NULL ? parent : "/tmp") > 0);
	if (mkdtemp(name) == NULL || chmod(name, 0755) == -1)
		return -1;
	folder = realpath(name, NULL);
	free(name);
	program = put("cgi2wsgi", "\177ELF");
	script = put("app.cgi", "");
	put("app.py", "application = None\n");
	ask(LIST(GATEWAY));
	return unsetenv("CGI2WSGI_ARGS");
}

static int
remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define CASE(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_script),
		CASE(test_script_options),
		CASE(test_script_callable),
		CASE(test_script_wrong_words),
		CASE(test_words),
		CASE(test_not_expanded),
		CASE(test_other_gateways),
		CASE(test_nearest),
		CASE(test_open_quotes),
		CASE(test_line_end),
		CASE(test_long_line),
		CASE(test_hostile_words),
		CASE(test_hostile_program),
		CASE(test_arguments),
		CASE(test_arguments_names),
		CASE(test_arguments_wrong),
		CASE(test_arguments_not_for_scripts),
		CASE(test_interpreter),
		CASE(test_interpreter_relative),
		CASE(test_interpreter_link),
		CASE(test_interpreter_refused),
		CASE(test_env),
		CASE(test_action),
		CASE(test_action_refused),
		CASE(test_action_options),
		CASE(test_person),
		CASE(test_person_wrong),
		CASE(test_person_script),
		CASE(test_person_request),
		CASE(test_request_of_others),
		CASE(test_unreadable),
		CASE(test_unsafe),
		CASE(test_sizes),
		CASE(test_wrong_sizes),
		CASE(test_seconds),
		CASE(test_script_name),
		CASE(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

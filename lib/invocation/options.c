/* Options are named as in curl, gunicorn and mod_wsgi if they mean the same. */

#include <config.h>

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/alloc.h"
#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "cgi/header.h"
#include "cgi/report.h"
#include "invocation/options.h"

static const char short_help[] =
    "usage: cgi2wsgi [options] APP [URL]\n"
    "       #!" INSTALLED " [options] [:callable]\n"
    "\n"
    "Runs a WSGI application once: as the first line of a script in cgi-bin,\n"
    "or here, where it prints the reply to a request for URL. APP is file.py,\n"
    "file.wsgi:callable, module or module:factory().\n"
    "\n"
    "  cgi2wsgi app.cgi                      the reply to GET /\n"
    "  cgi2wsgi -i app.cgi '/notes?page=2'   with its head, for another URL\n"
    "  cgi2wsgi -d name=Ada app.cgi /form    a form's data; curl's options\n"
    "  cgi2wsgi --explain app.cgi            what becomes of the request\n"
    "  cgi2wsgi --check app.cgi              what would break under a server\n"
    "\n"
    "All options: cgi2wsgi --help=all; the manual: man cgi2wsgi.\n";

static const char help[] =
    "usage: cgi2wsgi [options] APP [URL]\n"
    "       #!" INSTALLED " [options] [:callable]\n"
    "\n"
    "Runs the WSGI application APP once: as the #! line of a script in\n"
    "cgi-bin, as the program that CGI2WSGI_ARGS configures, or here, where\n"
    "it prints the reply to a request for URL. APP is file.py,\n"
    "file.wsgi:callable, module or module:factory().\n"
    "\n"
    "      --venv DIR              use this virtual environment\n"
    "      --path DIR              look for modules there, too (repeatable)\n"
    "      --chdir DIR             change to this folder first\n"
    "      --env NAME=VALUE        set a variable (repeatable)\n"
    "      --env-file FILE         set those in FILE (repeatable)\n"
    "      --script-name PREFIX    the application's root is this URL path;\n"
    "                              off: leave SCRIPT_NAME as it comes\n"
    "      --log FILE              append the log to FILE\n"
    "      --cache DIR             keep the script's compiled form there;\n"
    "                              none: keep none\n"
    "      --preload               save the process now that requests to the\n"
    "                              script APP will start from\n"
    "      --preload-request URL   make this request before (repeatable)\n"
    "      --max-body BYTES        refuse larger requests (413); K, M, G\n"
    "      --timeout SECONDS       end an application that is silent for so\n"
    "                              long (504); 0: never (300)\n"
    "      --graceful-timeout SECONDS\n"
    "                              time for close(), threads, atexit (30)\n"
    "      --explain               tell in the log what becomes of a request\n"
    "                              =html: as a page\n"
    "      --timing                add a Server-Timing header to the reply\n"
    "      --nph                   write a whole HTTP response\n"
    "      --debug                 show tracebacks to the client\n"
    "      --check                 look for what breaks the script APP under\n"
    "                              a server; =files, =json\n"
    "      --lint                  the same\n"
    "      --web-user NAME         the user that the server runs APP as\n"
    "  -V, --version               print the versions\n"
    "  -h, --help                  print how to use it; =all, the options\n"
    "\n"
    "The request of a command line, in curl's words:\n"
    "  -X, --request METHOD        use this method\n"
    "  -H, --header LINE           send 'Name: value'; 'Name:' leaves out\n"
    "  -d, --data DATA             send a form's data; @FILE, - for stdin\n"
    "      --data-binary DATA      the same with every byte of @FILE\n"
    "      --json DATA             send JSON\n"
    "  -F, --form NAME=VALUE       send a field; NAME=@FILE sends a file\n"
    "  -I, --head                  ask for the head alone\n"
    "  -u, --user USER:PASSWORD    log in\n"
    "  -b, --cookie NAME=VALUE     send a cookie\n"
    "  -A, --user-agent NAME       be this program\n"
    "  -e, --referer URL           come from there\n"
    "  -i, --include               print the reply's head, too\n"
    "  -o, --output FILE           write to FILE\n";

static const struct option options[] = {
	{ "venv", required_argument, NULL, OPTION_VENV },
	{ "path", required_argument, NULL, OPTION_PATH },
	{ "chdir", required_argument, NULL, OPTION_CHDIR },
	{ "env", required_argument, NULL, OPTION_ENV },
	{ "env-file", required_argument, NULL, OPTION_ENV_FILE },
	{ "script-name", required_argument, NULL, OPTION_SCRIPT_NAME },
	{ "log", required_argument, NULL, OPTION_LOG },
	{ "cache", required_argument, NULL, OPTION_CACHE },
	{ "preload", no_argument, NULL, OPTION_PRELOAD },
	{ "preload-request", required_argument, NULL, OPTION_PRELOAD_REQUEST },
	{ "max-body", required_argument, NULL, OPTION_MAX_BODY },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "graceful-timeout", required_argument, NULL,
	    OPTION_GRACEFUL_TIMEOUT },
	{ "explain", optional_argument, NULL, OPTION_EXPLAIN },
	{ "timing", no_argument, NULL, OPTION_TIMING },
	{ "nph", no_argument, NULL, OPTION_NPH },
	{ "debug", no_argument, NULL, OPTION_DEBUG },
	{ "check", optional_argument, NULL, OPTION_CHECK },
	{ "lint", optional_argument, NULL, OPTION_LINT },
	{ "web-user", required_argument, NULL, OPTION_WEB_USER },
	{ "version", no_argument, NULL, 'V' },
	{ "help", optional_argument, NULL, 'h' },
	/* about the request of a command line */
	{ "request", required_argument, NULL, 'X' },
	{ "header", required_argument, NULL, 'H' },
	{ "data", required_argument, NULL, 'd' },
	{ "data-binary", required_argument, NULL, OPTION_DATA_BINARY },
	{ "json", required_argument, NULL, OPTION_JSON },
	{ "form", required_argument, NULL, 'F' },
	{ "head", no_argument, NULL, 'I' },
	{ "user", required_argument, NULL, 'u' },
	{ "cookie", required_argument, NULL, 'b' },
	{ "user-agent", required_argument, NULL, 'A' },
	{ "referer", required_argument, NULL, 'e' },
	{ "include", no_argument, NULL, 'i' },
	{ "output", required_argument, NULL, 'o' },
	{ NULL, 0, NULL, 0 },
};
#define LONGEST 32 /* bytes of a word that may have been meant */
static const char letters[] = ":VhX:H:d:F:Iu:b:A:e:io:";

const char *
options_help(bool all)
{
	return all ? help : short_help;
}

static const struct option *
find_option(int letter)
{
	const struct option *option = options;

	while (option->name != NULL && option->val != letter)
		option++;
	return option->name != NULL ? option : NULL;
}

const char *
options_name(int letter)
{
	static char name[24];
	const struct option *option = find_option(letter);

	if (letter > 0 && letter <= CHAR_MAX)
		snprintf(name, sizeof(name), "-%c", letter);
	else
		snprintf(
		    name, sizeof(name), "--%s", option ? option->name : "");
	return name;
}

const struct given_option *
options_last(const struct options *from, int letter)
{
	int i;

	for (i = from->count; i-- > 0;)
		if (from->given[i].letter == letter)
			return &from->given[i];
	return NULL;
}

void
options_reset(struct options *to)
{
	free(to->given);
	free(to->settings.list);
	*to = (struct options){
		.max_body = -1, .timeout = 300, .graceful_timeout = 30
	};
}

static int
read_seconds(unsigned *seconds, const char *value, int64_t least)
{
	int64_t wide;

	if (header_read_length(value, strlen(value), &wide) == -1 ||
	    wide < least || wide > INT_MAX / 1000)
		return -1;
	*seconds = (unsigned)wide;
	return 0;
}

static int
read_size(int64_t *size, const char *value)
{
	static const char suffixes[] = "KMG";
	size_t length = strlen(value);
	const char *suffix = NULL;
	int shift = 0;

	if (length > 1 && (suffix = strchr(suffixes, value[length - 1])))
		shift = 10 * (int)(suffix - suffixes + 1);
	if (header_read_length(value, length - (suffix != NULL), size) == -1 ||
	    *size > INT64_MAX >> shift)
		return -1;
	*size <<= shift;
	return 0;
}

/* --check, --check=files, --check=json or --check=files,json */
static bool
read_check(struct options *to, const char *value)
{
	size_t length;

	to->want = WANT_CHECK;
	while (value != NULL) {
		length = strcspn(value, ",");
		if (length == 5 && strncmp(value, "files", length) == 0)
			to->check_files = true;
		else if (length == 4 && strncmp(value, "json", length) == 0)
			to->check_json = true;
		else
			return false;
		value = value[length] == ',' ? value + length + 1 : NULL;
	}
	return true;
}

/* Obeys one whose value has a form. Returns NULL, or the form, in words. */
static const char *
read_value(struct options *to, int letter, const char *value)
{
	switch (letter) {
	case 'h':
		to->want = WANT_HELP;
		to->all_help = value != NULL;
		return value == NULL || strcmp(value, "all") == 0
		    ? NULL
		    : "--help or --help=all";
	case OPTION_EXPLAIN:
		to->explain = true;
		to->page = value != NULL;
		return value == NULL || strcmp(value, "html") == 0
		    ? NULL
		    : "--explain or --explain=html";
	case OPTION_CHECK:
	case OPTION_LINT:
		return read_check(to, value)
		    ? NULL
		    : "--check, --check=files or --check=json";
	case OPTION_ENV:
		return settings_append(&to->settings, value)
		    ? NULL
		    : "--env needs NAME=VALUE";
	case OPTION_ENV_FILE:
		settings_append_pair(&to->settings, NULL, value);
		return NULL;
	case OPTION_SCRIPT_NAME:
		to->script_name = value;
		return *value == '/' || strcmp(value, "off") == 0
		    ? NULL
		    : "--script-name needs a URL path that begins with '/', or "
		      "off";
	case OPTION_PRELOAD_REQUEST:
		return *value == '/'
		    ? NULL
		    : "--preload-request needs a URL path that begins with '/'";
	case OPTION_MAX_BODY:
		return read_size(&to->max_body, value) == 0
		    ? NULL
		    : "--max-body needs a number of bytes, as in 500K or 1G";
	case OPTION_TIMEOUT:
		return read_seconds(&to->timeout, value, 0) == 0
		    ? NULL
		    : "--timeout needs a number of seconds";
	case OPTION_GRACEFUL_TIMEOUT:
		return read_seconds(&to->graceful_timeout, value, 1) == 0
		    ? NULL
		    : "--graceful-timeout needs a number of seconds from 1 on";
	default: return NULL;
	}
}

/* Obeys an option. Returns NULL, or the form of its value, in words. */
static const char *
obey_option(struct options *to, int letter, char *value)
{
	switch (letter) {
	case OPTION_VENV: to->venv = value; return NULL;
	case OPTION_PATH: words_append(&to->paths, value); return NULL;
	case OPTION_CHDIR: to->chdir = value; return NULL;
	case OPTION_LOG: to->log = value; return NULL;
	case OPTION_CACHE: to->cache = value; return NULL;
	case OPTION_TIMING: to->timing = true; return NULL;
	case OPTION_NPH: to->nph = true; return NULL;
	case OPTION_DEBUG: to->debug = true; return NULL;
	case OPTION_WEB_USER: to->web_user = value; return NULL;
	case OPTION_PRELOAD: to->want = WANT_PRELOAD; return NULL;
	case 'V': to->want = WANT_VERSION; return NULL;
	}
	return read_value(to, letter, value);
}

bool
options_is_about_request(int letter)
{
	return letter < OPTION_VENV && letter != 'V' && letter != 'h';
}

/* Says what is wrong with an option; always returns -1. */
static int
report_option(const char *where, const char *name, const char *what)
{
	return report_fail(REPORT_USAGE, "%s%s%s%s", where ? where : "",
	    where ? ": " : "", name, what);
}

/*
 * How many letters have to be added, dropped, changed or swapped to make one
 * word of the other (Damerau and Levenshtein), capitals aside. Neither is
 * longer than LONGEST.
 */
static size_t
count_edits(const char *one, size_t length, const char *other)
{
	/* [i][j]: of the first i letters of the one and j of the other. */
	size_t edits[LONGEST + 1][LONGEST + 1], width = strlen(other), i, j,
						best;

	for (i = 0; i <= length; i++)
		for (j = 0; j <= width; j++) {
			best = i + j;
			if (i > 0 && j > 0)
				best = edits[i - 1][j - 1] +
				    (ascii_lower(one[i - 1]) != other[j - 1]);
			if (i > 0 && edits[i - 1][j] + 1 < best)
				best = edits[i - 1][j] + 1;
			if (j > 0 && edits[i][j - 1] + 1 < best)
				best = edits[i][j - 1] + 1;
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1] &&
			    edits[i - 2][j - 2] + 1 < best)
				best = edits[i - 2][j - 2] + 1;
			edits[i][j] = best;
		}
	return edits[length][width];
}

/* The option that was meant, or NULL: none is near enough. */
static const struct option *
find_nearest(const char *word, size_t length, bool typed)
{
	const struct option *option, *nearest = NULL;
	size_t least = length / 3 + 1, far;

	if (length > LONGEST)
		return NULL;
	for (option = options; option->name != NULL; option++) {
		if (options_is_about_request(option->val) && !typed)
			continue;
		far = count_edits(word, length, option->name);
		/* --logfile, --pythonpath */
		if (far >= least &&
		    memmem(word, length, option->name, strlen(option->name)) !=
			NULL)
			far = length / 3;
		if (far < least) {
			least = far;
			nearest = option;
		}
	}
	return nearest;
}

/* Those that a word is the beginning of, if there are several. */
static char *
list_longer(const char *word, size_t length)
{
	struct buffer list = { 0 };
	const struct option *option;
	int count = 0;

	for (option = options; option->name != NULL; option++)
		if (strncmp(option->name, word, length) == 0)
			buffer_print(&list, "%s--%s", count++ ? " or " : "",
			    option->name);
	if (count < 2) {
		free(list.bytes);
		return NULL;
	}
	return buffer_take(&list, NULL);
}

/*
 * word is as it was given: of -iz only z is unknown, but -venv was meant to be
 * one option. What follows '=' may be a secret, and is not repeated.
 */
static int
refuse_unknown(const char *word, const char *where)
{
	size_t dashes = strspn(word, "-"), length = strcspn(word, "=") - dashes;
	const char *name = word + dashes;
	const struct option *meant = find_nearest(name, length, where == NULL);
	char *several = dashes > 1 ? list_longer(name, length) : NULL;
	char *shown = dashes > 1 || meant != NULL || optopt < 0
	    ? alloc_part(word, dashes + length)
	    : alloc_text(options_name(optopt));
	char *what = several != NULL ? alloc_print(" may be %s", several)
	    : meant != NULL
	    ? alloc_print(" is no option; did you mean --%s?", meant->name)
	    : alloc_text(" is no option; see cgi2wsgi --help=all");

	report_option(where, shown, what);
	free(what);
	free(shown);
	free(several);
	return -1;
}

static int
refuse_option(int letter, const struct words *words, const char *where)
{
	const char *word = words->word[optind - 1];

	if (letter == ':' && where != NULL && options_is_about_request(optopt))
		return report_option(where, options_name(optopt),
		    " is for a request from a command line");
	if (letter == ':')
		return report_option(
		    where, options_name(optopt), " needs a value");
	if (find_option(optopt) != NULL)
		return report_option(
		    where, options_name(optopt), " takes no value");
	/* A word with more letters to come is not behind optind yet. */
	if (optopt != 0 && (*word != '-' || strchr(word, optopt) == NULL))
		word = words->word[optind];
	return refuse_unknown(word, where);
}

int
options_read(struct options *to, const struct words *words, const char *where)
{
	const char *wanted;
	int letter;

	opterr = 0;
	optind = 0; /* glibc and musl: begin anew */
	while (letter = getopt_long(
		   words->count, words->word, letters, options, NULL),
	    letter != -1) {
		if (letter == ':' || letter == '?')
			return refuse_option(letter, words, where);
		if (options_is_about_request(letter) && where != NULL)
			return report_option(where, options_name(letter),
			    " is for a request from a command line");
		wanted = obey_option(to, letter, optarg);
		/* Without a name it may be a secret: it is not repeated. */
		if (wanted != NULL && letter == OPTION_ENV)
			return report_option(where, wanted, "");
		if (wanted != NULL)
			return report_fail(REPORT_USAGE, "%s%s%s, not '%s'",
			    where ? where : "", where ? ": " : "", wanted,
			    optarg);
		to->given = alloc_items(
		    to->given, (size_t)to->count + 1, sizeof(*to->given));
		to->given[to->count++] = (struct given_option){ letter, optarg,
			where == NULL };
	}
	return optind;
}

/* Words of curl, gunicorn and mod_wsgi, where they mean the same. */

#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "cgi/header.h"
#include "invocation/options.h"
#include "cgi/report.h"

static const char help[] =
    "usage: cgi2wsgi [options] APP [URL]\n"
    "       #!/usr/local/bin/cgi2wsgi [options] [:callable]\n"
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
    "      --script-name PREFIX    the application's root is this URL path;\n"
    "                              off: leave SCRIPT_NAME as it comes\n"
    "      --log FILE              append the log to FILE\n"
    "      --max-body BYTES        refuse larger requests (413); K, M, G\n"
    "      --timeout SECONDS       end the application then (504)\n"
    "      --graceful-timeout SECONDS\n"
    "                              time for close(), threads, atexit (30)\n"
    "      --explain               tell in the log what becomes of a request\n"
    "      --timing                add a Server-Timing header to the reply\n"
    "      --nph                   write a whole HTTP response\n"
    "      --debug                 show tracebacks to the client\n"
    "      --check                 look for what breaks the script APP under\n"
    "                              a server\n"
    "      --lint                  the same, with three requests to it\n"
    "      --json                  what --check finds as JSON\n"
    "      --web-user NAME         the user that the server runs APP as\n"
    "  -V, --version               print the versions\n"
    "  -h, --help                  print this\n"
    "\n"
    "The request of a command line, in curl's words:\n"
    "  -X, --request METHOD        use this method\n"
    "  -H, --header LINE           send 'Name: value'; 'Name:' leaves out\n"
    "  -d, --data DATA             send a form's data; @FILE, - for stdin\n"
    "      --data-binary DATA      the same with every byte of @FILE\n"
    "      --data-raw DATA         the same without @FILE\n"
    "      --data-urlencode DATA   the same, encoded; NAME=DATA, NAME@FILE\n"
    "      --json DATA             send JSON\n"
    "  -F, --form NAME=VALUE       send a field; NAME=@FILE sends a file\n"
    "      --form-string NAME=VALUE\n"
    "                              the same without @FILE\n"
    "  -T, --upload-file FILE      send a file with PUT\n"
    "  -G, --get                   put the data into the URL\n"
    "  -I, --head                  ask for the head alone\n"
    "  -u, --user USER:PASSWORD    log in\n"
    "  -b, --cookie NAME=VALUE     send a cookie\n"
    "  -A, --user-agent NAME       be this program\n"
    "  -e, --referer URL           come from there\n"
    "  -i, --include               print the reply's head, too\n"
    "  -o, --output FILE           write to FILE\n"
    "  -f, --fail                  exit with 22 if the status is an error\n"
    "  -s, --silent                say nothing of it\n"
    "  -S, --show-error            do, with -s\n";

#define LONG 0x100 /* has no letter */

/* The first is for --check only, so that its name is free otherwise. */
static const struct option options[] = {
	{ "json", no_argument, NULL, LONG | 'J' },
	{ "venv", required_argument, NULL, LONG | 'v' },
	{ "path", required_argument, NULL, LONG | 'p' },
	{ "chdir", required_argument, NULL, LONG | 'c' },
	{ "env", required_argument, NULL, LONG | 'e' },
	{ "script-name", required_argument, NULL, LONG | 's' },
	{ "log", required_argument, NULL, LONG | 'l' },
	{ "max-body", required_argument, NULL, LONG | 'm' },
	{ "timeout", required_argument, NULL, LONG | 't' },
	{ "graceful-timeout", required_argument, NULL, LONG | 'g' },
	{ "explain", no_argument, NULL, LONG | 'x' },
	{ "timing", no_argument, NULL, LONG | 'i' },
	{ "nph", no_argument, NULL, LONG | 'n' },
	{ "debug", no_argument, NULL, LONG | 'd' },
	{ "check", no_argument, NULL, LONG | 'C' },
	{ "lint", no_argument, NULL, LONG | 'L' },
	{ "web-user", required_argument, NULL, LONG | 'U' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	/* about the request of a command line */
	{ "request", required_argument, NULL, 'X' },
	{ "header", required_argument, NULL, 'H' },
	{ "data", required_argument, NULL, 'd' },
	{ "data-ascii", required_argument, NULL, 'd' },
	{ "data-binary", required_argument, NULL, WISH_DATA_BINARY },
	{ "data-raw", required_argument, NULL, WISH_DATA_RAW },
	{ "data-urlencode", required_argument, NULL, WISH_DATA_URLENCODE },
	{ "json", required_argument, NULL, WISH_JSON },
	{ "form", required_argument, NULL, 'F' },
	{ "form-string", required_argument, NULL, WISH_FORM_STRING },
	{ "upload-file", required_argument, NULL, 'T' },
	{ "get", no_argument, NULL, 'G' },
	{ "head", no_argument, NULL, 'I' },
	{ "user", required_argument, NULL, 'u' },
	{ "cookie", required_argument, NULL, 'b' },
	{ "user-agent", required_argument, NULL, 'A' },
	{ "referer", required_argument, NULL, 'e' },
	{ "include", no_argument, NULL, 'i' },
	{ "output", required_argument, NULL, 'o' },
	{ "fail", no_argument, NULL, 'f' },
	{ "silent", no_argument, NULL, 's' },
	{ "show-error", no_argument, NULL, 'S' },
	{ NULL, 0, NULL, 0 },
};

const char *
options_help(void)
{
	return help;
}

/* A value that is no good; always returns -1. */
static int
refuse(const char *where, const char *wanted, const char *value)
{
	return report_fail(REPORT_USAGE, "%s%s%s, not '%s'", where ? where : "",
	    where ? ": " : "", wanted, value);
}

static int
read_seconds(unsigned *seconds, const char *value)
{
	int64_t wide;

	if (header_read_length(value, strlen(value), &wide) == -1 ||
	    wide > INT_MAX / 1000)
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

/* Takes over an option's value. Returns NULL, or what it should be. */
static const char *
set_value(struct invocation *invocation, int letter, char *value)
{
	switch (letter) {
	case 'v': invocation->venv = value; return NULL;
	case 'p': words_append(&invocation->paths, value); return NULL;
	case 'c': invocation->chdir = value; return NULL;
	case 'e':
		words_append(&invocation->settings, value);
		return strchr(value, '=') > value ? NULL
						  : "--env needs NAME=VALUE";
	case 's':
		invocation->script_name = value;
		return *value == '/' || strcmp(value, "off") == 0
		    ? NULL
		    : "--script-name needs a URL path that begins with '/', or "
		      "off";
	case 'l': invocation->log = value; return NULL;
	case 'U': invocation->web_user = value; return NULL;
	case 'm':
		return read_size(&invocation->max_body, value) == 0
		    ? NULL
		    : "--max-body needs a number of bytes, as in 500K or 1G";
	case 't':
		return read_seconds(&invocation->timeout, value) == 0
		    ? NULL
		    : "--timeout needs a number of seconds";
	default:
		return read_seconds(&invocation->graceful_timeout, value) ==
			    0 &&
			invocation->graceful_timeout > 0
		    ? NULL
		    : "--graceful-timeout needs a number of seconds from 1 on";
	}
}

static void
set_flag(struct invocation *invocation, int letter)
{
	switch (letter) {
	case 'x': invocation->explain = true; break;
	case 'i': invocation->timing = true; break;
	case 'n': invocation->nph = true; break;
	case 'd': invocation->debug = true; break;
	case 'C': invocation->want = WANT_CHECK; break;
	case 'L':
		invocation->want = WANT_CHECK;
		invocation->lint = true;
		break;
	case 'J': invocation->json = true; break;
	case 'V': invocation->want = WANT_VERSION; break;
	default: invocation->want = WANT_HELP;
	}
}

static const struct option *
find_option(int letter)
{
	const struct option *option = options;

	while (option->name != NULL && option->val != letter)
		option++;
	return option->name != NULL ? option : NULL;
}

static bool
is_wish(int letter)
{
	return !(letter & LONG) && letter != 'V' && letter != 'h';
}

/* Says what is wrong with an option, by its name; always returns -1. */
static int
complain(const char *where, int letter, const char *word, const char *what)
{
	const struct option *known = find_option(letter);
	char name[] = "-x";

	name[1] = (char)letter;
	if (letter > 0 && letter < LONG)
		word = name; /* one of several in a word, perhaps */
	else if (known != NULL)
		word = known->name;
	return report_fail(REPORT_USAGE, "%s%s%s%s %s", where ? where : "",
	    where ? ": " : "", known && word != name ? "--" : "", word, what);
}

static int
read_option(struct invocation *invocation, int letter, const char *word,
    const char *where)
{
	const char *wanted = NULL;

	if (letter == ':')
		return complain(where, optopt, word, "needs a value");
	if (letter == '?')
		return complain(where, optopt, word,
		    find_option(optopt) != NULL
			? "takes no value"
			: "is no option; see cgi2wsgi --help");
	if (is_wish(letter) && where != NULL)
		return complain(where, letter, word,
		    "is for a request from a command line");
	if (is_wish(letter))
		return wishes_append(&invocation->wishes, letter, optarg);
	if (optarg == NULL)
		set_flag(invocation, letter & ~LONG);
	else
		wanted = set_value(invocation, letter & ~LONG, optarg);
	if (wanted != NULL)
		return refuse(where, wanted, optarg);
	return report_failure() != NULL ? -1 : 0;
}

static const char letters[] = ":VhX:H:d:F:T:GIu:b:A:e:io:fsS";

static bool
is_check(const struct words *words)
{
	int i;

	for (i = 1; i < words->count; i++)
		if (strcmp(words->word[i], "--check") == 0 ||
		    strcmp(words->word[i], "--lint") == 0)
			return true;
	return false;
}

int
options_read(
    struct invocation *invocation, const struct words *words, const char *where)
{
	const struct option *known = is_check(words) ? options : options + 1;
	int letter, i;

	opterr = 0;
	optind = 0; /* glibc and musl: begin anew */
	while (letter = getopt_long(
		   words->count, words->word, letters, known, NULL),
	    letter != -1)
		if (read_option(invocation, letter, words->word[optind - 1],
			where) == -1)
			return -1;
	for (i = 1; i < optind; i++)
		if (words_append(&invocation->options, words->word[i]) == -1)
			return -1;
	if (invocation->by_server &&
	    (invocation->want != WANT_APPLICATION ||
		invocation->web_user != NULL))
		return report_fail(REPORT_USAGE,
		    "%s: --help, --version and --check are for a terminal",
		    where);
	return optind;
}

/* Words of curl, gunicorn and mod_wsgi, where they mean the same. */

#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "header.h"
#include "options.h"
#include "report.h"

static const char help[] =
    "usage: cgi2wsgi [options] APP [URL]\n"
    "       #!/usr/local/bin/cgi2wsgi [options] [:callable]\n"
    "\n"
    "Runs the WSGI application APP once: as the #! line of a script in\n"
    "cgi-bin, as the program that CGI2WSGI_ARGS configures, or here with a\n"
    "GET of URL. APP is file.py, file.wsgi:callable, module or\n"
    "module:factory().\n"
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

const char *
options_help(void)
{
	return help;
}

/* A value that is no good; always returns -1. */
static int
refuse(const char *where, const char *wanted, const char *value)
{
	return report_fail(
	    REPORT_USAGE, "%s: %s, not '%s'", where, wanted, value);
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
	case 'n': invocation->nph = true; break;
	case 'd': invocation->debug = true; break;
	case 'V': invocation->want = WANT_VERSION; break;
	default: invocation->want = WANT_HELP;
	}
}

static int
read_option(struct invocation *invocation, int letter, const char *word,
    const char *where)
{
	const char *wanted = NULL;

	if (letter == '?' || letter == ':')
		return report_fail(REPORT_USAGE,
		    letter == '?' ? "%s: %s is no option; see cgi2wsgi --help"
				  : "%s: %s needs a value",
		    where, word);
	if (optarg == NULL)
		set_flag(invocation, letter);
	else
		wanted = set_value(invocation, letter, optarg);
	if (wanted != NULL)
		return refuse(where, wanted, optarg);
	return report_failure() != NULL ? -1 : 0;
}

int
options_read(
    struct invocation *invocation, const struct words *words, const char *where)
{
	int letter;

	opterr = 0;
	optind = 0; /* glibc and musl: begin anew */
	while (letter = getopt_long(
		   words->count, words->word, ":Vh", options, NULL),
	    letter != -1)
		if (read_option(invocation, letter, words->word[optind - 1],
			where) == -1)
			return -1;
	if (invocation->by_server && invocation->want != WANT_APPLICATION)
		return report_fail(REPORT_USAGE,
		    "%s: --help and --version are for a terminal", where);
	return optind;
}

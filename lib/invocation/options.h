/* The options: the same in a #! line, CGI2WSGI_ARGS and a command line. */
#ifndef INVOCATION_OPTIONS_H
#define INVOCATION_OPTIONS_H

#include <stdint.h>

#include "invocation/settings.h"
#include "invocation/words.h"

/* Those without a letter; the first two are about a request. */
/* clang-format off */
enum {
	OPTION_DATA_BINARY = 0x100, OPTION_JSON, OPTION_VENV, OPTION_PATH,
	OPTION_CHDIR, OPTION_ENV, OPTION_ENV_FILE, OPTION_SCRIPT_NAME,
	OPTION_LOG, OPTION_CACHE, OPTION_PRELOAD, OPTION_PRELOAD_REQUEST,
	OPTION_MAX_BODY, OPTION_TIMEOUT, OPTION_GRACEFUL_TIMEOUT,
	OPTION_EXPLAIN, OPTION_TIMING, OPTION_NPH, OPTION_DEBUG, OPTION_CHECK,
	OPTION_LINT, OPTION_WEB_USER,
};
/* clang-format on */

/* One option as it was given. */
struct given_option {
	int letter; /* or one of the above */
	const char *value; /* NULL: none */
	bool typed; /* on a command line */
};

struct options {
	struct given_option *given; /* in their order; stays for good */
	int count;
	/* clang-format off */
	enum { WANT_APPLICATION, WANT_HELP, WANT_VERSION, WANT_CHECK,
	    WANT_PRELOAD } want;
	/* clang-format on */
	const char *venv, *chdir, *script_name, *log, *cache, *web_user;
	struct words paths;
	struct settings settings;
	int64_t max_body; /* -1: any */
	unsigned timeout, graceful_timeout; /* seconds */
	bool explain, page, timing, nph, debug, all_help;
	bool check_files, check_json; /* --check=files, --check=json */
};

/* Forgets what was given, and sets the defaults. */
void options_reset(struct options *);

/*
 * Reads the options among the words, and moves the other words behind them.
 * where is for messages; NULL is a command line, which can also say what to
 * request. Returns the index of the first other word, or -1 with a failure
 * reported.
 */
int options_read(
    struct options *, const struct words *words, const char *where);

/* Whether it says what to request, or what to print of the reply. */
bool options_is_about_request(int letter);

/* The last one with this letter, or NULL. */
const struct given_option *options_last(const struct options *, int letter);

/* An option's name as it is written, with its dashes. */
const char *options_name(int letter);

/* The text of --help, or of --help=all. */
const char *options_help(bool all);

#endif

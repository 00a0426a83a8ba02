/*
 * Who started the program, and hence which application runs with which
 * options. No part of a request can choose either.
 */
#ifndef INVOCATION_INVOCATION_H
#define INVOCATION_INVOCATION_H

#include <stdbool.h>

#include "cgi/request.h"
#include "invocation/options.h"
#include "invocation/words.h"

struct invocation {
	bool by_server; /* false: from a terminal */
	/* who named the application, in the manual's order */
	enum { WAY_LINE, WAY_ARGS, WAY_ACTION, WAY_SCRIPT, WAY_PERSON } way;
	char *file; /* absolute, or NULL: a module */
	char *folder; /* that relative names start from */
	const char *module;
	const char *callable; /* NULL: application, then app */
	/* as Apache's Action handler: PATH_TRANSLATED behind the file */
	const char *action_tail;
	struct options options;
	/* from a terminal */
	struct words typed; /* the command line */
	const char *url;
	const char *script; /* of --check, --preload, as it was given */
};

/*
 * Finds the application (conformance H2 to H5). execfn is the name that the
 * kernel was given to execute. Strings stay borrowed from the request and argv,
 * or last as long as the process. Returns 0, or -1 with a failure reported.
 */
int invocation_read(struct invocation *, const struct request *, int argc,
    char **argv, const char *execfn);

/*
 * For --check and --preload: turns it into what a server's start of the script
 * would be, with the script's own options and then those of the command line.
 * program is our own name. Returns 0, or -1 with a failure reported.
 */
int invocation_read_script(
    struct invocation *, const char *script, const char *program);

/*
 * The name of a virtual environment that lies beside the script, while no
 * option names one; or NULL.
 */
const char *invocation_unused_venv(const struct invocation *);

/*
 * Changes to the folder of --chdir or, for a server, of the script (RFC 3875
 * 7.2). Returns 0, or -1 with a failure reported.
 */
int invocation_change_folder(const struct invocation *);

#endif

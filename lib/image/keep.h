/* The ordinary program's part: it leaves an image behind, and is woken. */
#ifndef IMAGE_KEEP_H
#define IMAGE_KEEP_H

#include <stdbool.h>

#include "invocation/invocation.h"

/*
 * Reads and removes what cgi2wsgi-preload said, before anything else reads the
 * environment: the name that the kernel was given to execute, and whether this
 * process can be saved.
 */
void keep_begin(int argc, char **argv);

/* Whether this process may be saved: cgi2wsgi-preload has begun it so. */
bool keep_is_wanted(void);

/* Python runs, no application was imported: its eyes on os.environ. */
void keep_watch(void);

/* Where both programs look for the user's own folder, or NULL: the other one
 * knows no home but the server's. */
const char *keep_home(void);

/* What a saved process does, in cgi2wsgi.c. */
struct keep_hooks {
	void (*wake)(void); /* starts again; does not return */
	/*
	 * Answers a request, whose reply nobody reads. Returns 0, or -1 with a
	 * failure reported.
	 */
	int (*answer)(void);
};

/*
 * At the border: leaves an image behind, unless something forbids it, which
 * goes to the log. For cgi2wsgi --preload it tells, and does not return.
 */
void keep_image(const struct invocation *, const struct keep_hooks *);

/*
 * In a process that was woken, once its request is open: environment, signals
 * and Python as after a fork. Ends it if it is only a probe. Returns 0, or -1
 * with a failure reported.
 */
int keep_resume(void);

/* Whether this process only tries an image. */
bool keep_is_probe(void);

/* Whether this process is from an image, and keep_resume() was not called: then
 * nothing of Python has to end. */
bool keep_is_asleep(void);

#endif

/* The ordinary program's part: it leaves an image behind, and is woken. */
#ifndef IMAGE_KEEP_H
#define IMAGE_KEEP_H

#include <stdbool.h>

#include "image/image.h"
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

/* The application is there, and nothing was frozen yet: what it depends on. */
void keep_note(const struct invocation *);

/*
 * At the border: leaves an image behind, unless something forbids it, which
 * goes to the log. A process that starts from it calls wake(), which does not
 * return.
 */
void keep_image(void (*wake)(void));

/*
 * In a process that was woken, once its request is open: environment, signals
 * and Python as after a fork. Ends it if it is only a probe. Returns 0, or -1
 * with a failure reported.
 */
int keep_resume(void);

#endif

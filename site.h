/* What Python's site module does when python3 starts. */
#ifndef SITE_H
#define SITE_H

#include <stdbool.h>

/*
 * Whether a start without the site module can have its result: no virtual
 * environment, nothing in PYTHONPATH, no .pth file. HOME has to be set.
 */
bool site_is_plain(bool venv);

/*
 * After a start without it: completes sys.path and the builtins, runs
 * sitecustomize and usercustomize. If that is plain, site is not imported for
 * it; whoever imports it later gets the module as ever. Returns 0, or -1 with
 * an exception set.
 */
int site_complete(bool plain);

#endif

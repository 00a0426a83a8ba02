/* What Python's site module does when python3 starts. */
#ifndef PYTHON_SITE_H
#define PYTHON_SITE_H

#include <stdbool.h>

/*
 * After a start without it: completes sys.path and the builtins, runs .pth
 * files, sitecustomize and usercustomize. Where that is little, site is not
 * imported for it; whoever imports it later gets the module as ever. HOME has
 * to be set. Returns 0, or -1 with an exception set.
 */
int site_complete(bool venv);

#endif

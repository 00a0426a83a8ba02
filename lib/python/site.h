/* What Python's site module does when python3 starts. */
#ifndef PYTHON_SITE_H
#define PYTHON_SITE_H

#include <stdbool.h>

/*
 * After a start without it: completes sys.path and the builtins, runs .pth
 * files, sitecustomize and usercustomize. In the common case site itself is not
 * imported for that; whoever imports it later gets the usual module. venv:
 * there is one. HOME has to be set. Returns 0, or -1 with an exception set.
 */
int site_complete(bool venv);

#endif

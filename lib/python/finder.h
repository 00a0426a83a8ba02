/* A quick look for modules that may well be missing. */
#ifndef PYTHON_FINDER_H
#define PYTHON_FINDER_H

/*
 * At its start Python looks for modules that are mostly missing: usercustomize,
 * and what sitecustomize and .pth files try. importlib would list every folder
 * of sys.path to answer. Until finder_restore() its PathFinder first looks for
 * the few files that such a module could be; what it finds and raises stays the
 * same. Returns 0, or -1 with an exception set.
 */
int finder_replace(void);

/* Makes PathFinder what it was, unless others changed it; returns as above. */
int finder_restore(void);

#endif

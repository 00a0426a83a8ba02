/* A quick look for modules that may well be missing. */
#ifndef PYTHON_FINDER_H
#define PYTHON_FINDER_H

/*
 * sitecustomize asks for what is seldom installed, .pth files for next to
 * nothing, and is there usercustomize? importlib would list every folder of
 * sys.path to answer. Until finder_restore() its PathFinder first looks for the
 * few files that such a module could be; what it finds and raises stays the
 * same. Returns 0, or -1 with an exception set.
 */
int finder_replace(void);

/* PathFinder as it was, unless others have changed it. Same values. */
int finder_restore(void);

#endif

/*
 * Whether the files and folders of an invocation may be used: nobody but their
 * owners and groups may change them (H5), and the application's is Python
 * source.
 */
#ifndef INVOCATION_TRUST_H
#define INVOCATION_TRUST_H

#include "invocation/options.h"

/*
 * Checks the application's file, its folder, the __pycache__ there, and the
 * folder of the name that was given. Returns 0, or -1 with a failure reported.
 */
int trust_check_file(const char *file, const char *folder, const char *name);

/*
 * Checks the files and folders that options name relative to a folder. Returns
 * 0, or -1 with a failure reported.
 */
int trust_check_options(const struct options *, const char *folder);

#endif

/*
 * Whether the files and folders of an invocation may be used: nobody but their
 * owners and groups may change them (H5), and the application's is Python
 * source.
 */
#ifndef INVOCATION_TRUST_H
#define INVOCATION_TRUST_H

#include "invocation/invocation.h"

/*
 * The application's file, whose name was this one, its folder, and the
 * __pycache__ there. Returns 0, or -1 with a failure reported.
 */
int trust_check_file(const struct invocation *, const char *name);

/*
 * The files and folders that options name. Returns 0, or -1 with a failure
 * reported.
 */
int trust_check_options(const struct invocation *);

#endif

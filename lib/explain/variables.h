/* Where each key of environ came from, and what became of each variable. */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include "python/cpython.h"

#include "cgi/request.h"
#include "invocation/words.h"

/* Keeps the variables as the server gave them, to compare with later. */
void provenance_keep(const struct request *);

/*
 * Writes with the pen how the kept variables became environ; settings are
 * those of --env.
 */
void provenance_tell(PyObject *env, const struct words *settings);

#endif

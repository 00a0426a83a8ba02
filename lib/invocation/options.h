/* The options, the same on every way that leads here. */
#ifndef INVOCATION_OPTIONS_H
#define INVOCATION_OPTIONS_H

#include "invocation/invocation.h"
#include "invocation/words.h"

/*
 * Reads the options among the words. where is for messages; NULL is a command
 * line, which can also say what to request. Returns the index of the first of
 * the other words, which follow the options then, or -1 with a failure
 * reported.
 */
int options_read(
    struct invocation *, const struct words *words, const char *where);

/* The text of --help. */
const char *options_help(void);

#endif

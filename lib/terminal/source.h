/* What @FILE or - stands for in an option's value. */
#ifndef TERMINAL_SOURCE_H
#define TERMINAL_SOURCE_H

#include <stdio.h>

/*
 * Appends a file, "-" being standard input, without the bytes in dropped.
 * Returns 0, or -1 with a failure reported.
 */
int source_copy(FILE *to, const char *name, const char *dropped, size_t count);

#endif
